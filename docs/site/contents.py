"""Which pages the site has, and which page is below which.

The tables of contents stand here and not in the pages, where GitHub would show them as code.
"""

from __future__ import annotations

from pathlib import Path

from sphinx.application import Sphinx

PAGES = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "CODE_OF_CONDUCT.md",
    "docs/**.md",
    "docs/**.ipynb",
    "models/*/card.md",
    "models/*/LICENSE-data.md",
    "examples/**.md",
]
NOT_PAGES = [".*", "**/.*", "docs/_build", "docs/site", "docs/upstream/open-neuromorphic"]

CHECKOUT = Path(__file__).parents[2]


def _names(pattern: str) -> list[str]:
    """Pages of the checkout that ``pattern`` finds, without their endings, in the order of their names."""
    return sorted(path.relative_to(CHECKOUT).with_suffix("").as_posix() for path in CHECKOUT.glob(pattern))


CONTENTS: dict[str, dict[str, list[str]]] = {
    "docs/index": {
        "Getting started": ["README|hwsnn at a glance", "docs/importing", "docs/faq", "docs/comparison"],
        "Tutorials": ["docs/tutorials/README", "examples/README"],
        "Guides": [
            "docs/nir",
            "docs/training",
            "docs/data",
            "docs/encodings",
            "docs/exploring",
            "docs/checking",
            "docs/debugging",
            "docs/report",
            "docs/terminal",
            "docs/boards/README",
            "docs/vivado",
            "docs/host",
        ],
        "Reference": [
            "docs/python",
            "docs/api/README",
            "docs/numerics",
            "docs/streams",
            "docs/verilog",
            "docs/cycles",
            "docs/clock",
            "docs/link",
            "docs/axi",
            "docs/registers",
            "docs/files",
            "docs/glossary",
        ],
        "Background": ["docs/architecture", "docs/performance", "docs/models", "docs/decisions/README"],
        "About": ["CHANGELOG", "CONTRIBUTING", "CODE_OF_CONDUCT", "docs/upstream/README"],
    },
    "docs/boards/README": {"": [name for name in _names("docs/boards/*.md") if not name.endswith("/README")]},
    "docs/decisions/README": {"": [name for name in _names("docs/decisions/*.md") if not name.endswith("/README")]},
    "docs/api/README": {"": [name for name in _names("docs/api/*.md") if not name.endswith("/README")]},
    "docs/tutorials/README": {"": _names("docs/tutorials/*.ipynb")},
    "docs/models": {"": [*_names("models/*/card.md"), *_names("models/*/LICENSE-data.md")]},
    "docs/upstream/README": {"": ["docs/upstream/nir/nir-conversion"]},
    "examples/README": {"": ["examples/bare_metal/README"]},
}
"""By page, the captions of its tables of contents, and the pages there, some with a title of their own."""


def add_contents(app: Sphinx, page: str, text: list[str]) -> None:
    """Add to the source of ``page`` its tables of contents."""
    for caption, pages in CONTENTS.get(page, {}).items():
        options = [":hidden:", *([f":caption: {caption}"] if caption else [])]
        text[0] += "\n\n" + "\n".join(["```{toctree}", *options, "", *map(_entry, pages), "```"])


def _entry(page: str) -> str:
    name, _, title = page.partition("|")
    return f"{title} </{name}>" if title else f"/{name}"
