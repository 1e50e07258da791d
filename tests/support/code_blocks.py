"""The code in Markdown pages and notebooks' text: blocks with their language, and what stands in backquotes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

PROGRAMS = {
    "cd",
    "cp",
    "dask",
    "git",
    "hwsnn",
    "make",
    "pip",
    "pytest",
    "python",
    "python3",
    "scp",
    "sed",
    "sudo",
    "vivado",
}
"""What lines of a shell begin with; a path to a program counts as its name."""


@dataclass(frozen=True)
class Block:
    """A block of code on a page. ``language``: python, shell, json, verilog, or text for all else."""

    page: str
    line: int
    language: str
    text: str

    @property
    def first(self) -> str:
        """The page and the first line of the block, by which tests name it."""
        return f"{self.page}: {self.text.splitlines()[0].strip()}"


def language_of(text: str, info: str = "") -> str:
    """The language of a block, by the word behind its fence or, without one, by how it begins."""
    if info:
        return {"sh": "shell"}.get(info.strip(), info.strip())
    word = text.split()[0] if text.split() else ""
    if word.rpartition("/")[2] in PROGRAMS:
        return "shell"
    if word in {"import", "from", "with"} or re.match(r"hwsnn\.\w+\(", text):
        return "python"
    return "json" if text.lstrip().startswith('{"') else "text"


def markdown(page: Path) -> str:
    """The text of a page; of a notebook that of its cells of text."""
    if page.suffix != ".ipynb":
        return page.read_text()
    cells = json.loads(page.read_text())["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def blocks(page: Path, root: Path) -> list[Block]:
    """The blocks of code of a page, but for those that Sphinx reads as directives."""
    name = page.relative_to(root).as_posix()
    found = [token for token in MarkdownIt("commonmark").parse(markdown(page)) if token.type in ("fence", "code_block")]
    return [
        Block(name, token.map[0] + 1 if token.map else 0, language_of(token.content, token.info), token.content)
        for token in found
        if not token.info.startswith("{")
    ]


def spans(page: Path) -> list[str]:
    """What stands in backquotes within the sentences and tables of a page, each on one line."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown(page))
    children = [child for token in tokens for child in token.children or []]
    return [" ".join(child.content.split()) for child in children if child.type == "code_inline"]
