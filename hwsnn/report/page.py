"""The page: sections of text, tables and plots as plain data, and the HTML that they become.

Text comes from models, folders and files that may be anybody's: the template escapes all of it. Only ``Markup``, which
``hwsnn.report.svg`` alone makes, goes into the page as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

SHORT, LONG = 24, 40
"""Characters up to which a cell has one line, and from which on its words may break anywhere."""

Cell: TypeAlias = str | int | float | None
"""Numbers are set to the right, None is an empty cell."""


@dataclass(frozen=True)
class Table:
    """``rows`` of as many cells as there are ``headings``; ``foot``: rows below a line, such as totals."""

    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    foot: tuple[tuple[Cell, ...], ...] = ()

    def __post_init__(self) -> None:
        for row in (*self.rows, *self.foot):
            if len(row) != len(self.headings):
                raise ValueError(f"a row of {self.headings} must have {len(self.headings)} cells, not {len(row)}")

    def column(self, number: int) -> Cell:
        """A number if column ``number`` has one, which its heading stands above; else None."""
        return next((row[number] for row in self.rows if isinstance(row[number], int | float)), None)


@dataclass(frozen=True)
class Plot:
    """A drawing with its title, a caption that says how to read it, and the table behind it."""

    title: str
    svg: Markup
    caption: str
    table: Table

    kind: ClassVar[str] = "plot"


@dataclass(frozen=True)
class Data:
    """A table that is shown as it is, under a title; in one of two columns if it is ``narrow``."""

    title: str
    table: Table
    caption: str = ""
    narrow: bool = False

    kind: ClassVar[str] = "data"


@dataclass(frozen=True)
class Facts:
    """Short figures side by side: name, value, and what it is of."""

    facts: tuple[tuple[str, str, str], ...]

    kind: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Picture:
    """An image of a few pixels as a ``data:`` address, in how many columns and rows, and the lines below it."""

    address: str
    columns: int
    rows: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side, under a title."""

    title: str
    pictures: tuple[Picture, ...]
    caption: str = ""

    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Code:
    """Lines that are typed, or read from a file."""

    title: str
    lines: tuple[str, ...]

    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Text:
    """A paragraph. ``warning``: what the reader must not miss."""

    text: str
    warning: bool = False

    kind: ClassVar[str] = "text"


Block: TypeAlias = Plot | Data | Facts | Gallery | Code | Text


@dataclass(frozen=True)
class Section:
    """A part of the page. ``key``: its address within the page, of a-z and '-'."""

    key: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """The whole page: what is above the sections, and those in their order."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    foot: str


def shown(cell: Cell) -> str:
    """A cell as text: numbers with separators, and no more digits than can be read."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case int():
            return f"{cell:,}"
        case _:
            return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.4g}"


def kind(cell: Cell) -> Markup:
    """The attribute of a cell that says how its text may break."""
    if isinstance(cell, int | float):
        return Markup(' class="number"')
    if cell is None:
        return Markup()
    length = len(cell)
    return Markup(' class="long"') if length > LONG else Markup(' class="short"') if length <= SHORT else Markup()


def extent(sizes: Iterable[int]) -> str:
    """(channels, height, width) and the like as text, such as 1x28x28."""
    return "x".join(map(str, sizes))


def render(page: Page) -> str:
    """The HTML of ``page``: one file that needs no other. The same page gives the same text."""
    environment = Environment(
        loader=PackageLoader("hwsnn.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"shown": shown, "kind": kind}
    return environment.get_template("page.html").render(page=page)
