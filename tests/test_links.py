"""Relative links in README, docs, and other pages: their files and sections exist. `make docs` needs them too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.code_blocks import markdown
from tests.support.pages import PAGES, ROOT

LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"^(```|~~~).*?^\1|^ {4}[^\n]*$|`[^`\n]*`", re.MULTILINE | re.DOTALL)
"""Blocks and spans of code, in which nothing is a link."""


def anchors(page: Path) -> set[str]:
    """The ids of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?) *$", markdown(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken(page: Path) -> list[str]:
    """The relative links of ``page`` whose file or section does not exist."""
    found = []
    for link in LINK.findall(CODE.sub("", markdown(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, section = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (section and section not in anchors(target)):
            found.append(link)
    return found


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, of `code`\n[1](page.md) [2](#a-title-of-code) [3](https://example.org/none) `[4](none.md)`\n\n"
        "    [5](none.md)\n\n[6](none.md) [7](page.md#none) ![8](none.png)\n"
    )
    assert broken(page) == ["none.md", "page.md#none", "none.png"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert broken(page) == []


def test_every_page_of_docs_is_reached_from_the_readme() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in LINK.findall((ROOT / "README.md").read_text())}
    assert {page.name for page in (ROOT / "docs").glob("*.md") if page.resolve() not in linked} == set()
