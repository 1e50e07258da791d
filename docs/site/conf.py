"""Sphinx builds the pages as they are in the checkout: ``make docs``. Everything works without a network, from disk.

The source folder is the whole checkout, so that links between README, docs, models and examples are the same on the
site as on GitHub. The pages hold no directives of Sphinx but those of ``docs/api``: which page is below which stands
in ``contents.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
sys.path.insert(0, str(CHECKOUT))

from sphinx.application import Sphinx  # noqa: E402

import hwsnn  # noqa: E402
from docs.site import contents, docstrings  # noqa: E402

project = "hwsnn"
author = "The hwsnn developers"
project_copyright = "the hwsnn developers, BSD-2-Clause"
version = release = hwsnn.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = contents.PAGES
exclude_patterns = contents.NOT_PAGES
nitpicky = True
nitpick_ignore_regex = docstrings.ELSEWHERE

# Notebooks are shown with the outputs that they are committed with: `make notebooks` makes these, and checks them.
nb_execution_mode = "off"
myst_heading_anchors = 6

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_class_signature = "mixed"
maximum_signature_line_length = 100
napoleon_google_docstring = False
napoleon_custom_sections = docstrings.SECTIONS
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"hwsnn {release}"
html_static_path = ["static"]
html_css_files = ["hwsnn.css"]
html_extra_path = ["extra"]
html_copy_source = False
html_show_sphinx = False
# Summaries of what is found are read from the pages, which a browser refuses to pages opened from disk.
html_show_search_summary = False


def setup(app: Sphinx) -> None:
    app.connect("source-read", contents.add_contents)
    app.connect("autodoc-process-signature", docstrings.own_signature)
    # Before and behind napoleon, whose place is 500.
    app.connect("autodoc-process-docstring", docstrings.hold, priority=100)
    app.connect("autodoc-process-docstring", docstrings.divide, priority=900)
