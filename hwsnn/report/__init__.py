"""One page that shows a model, its hardware and its results: gathering in ``subject`` and ``measured``, a file for each
section in ``sections``, drawing in ``svg``, and the page itself in ``page`` and ``page.html``."""
