"""Tables of results that fit the terminal: as wide as they like in a pipe, else slimmer, then wrapped, then lists."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from .wrapping import wrapped

MOST_LINES = 3
"""Lines of a cell at most; a table that would need more is shown as a list."""
BOXED, SLIM, FRAME = 3, 2, 4
"""Columns between the contents of two cells, with lines between them and without, and at both ends with lines."""


class FittingTable:
    """Rows of texts and numbers, in that order of columns. Words, numbers and names stay whole, and nothing is cut off.

    A table that does not fit loses its lines first; then its texts wrap between words; a terminal that is too narrow
    for that gets a list of each row's fields, without the empty ones. Headings may have line breaks.
    """

    def __init__(self, texts: Sequence[str], numbers: Sequence[str] = (), title: str = "", header: bool = True) -> None:
        self._headings = (*texts, *numbers)
        self._texts, self._title, self._header = len(texts), title, header
        self._rows: list[tuple[str, ...]] = []
        self._sections: set[int] = set()

    def add_row(self, *cells: str) -> None:
        """Add a row. Cells that lack at its end are empty."""
        self._rows.append((*cells, *[""] * (len(self._headings) - len(cells))))

    def add_section(self) -> None:
        """Draw a line before the next row."""
        self._sections.add(len(self._rows))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        columns = [self._column(index) for index in range(len(self._headings))]
        wanted = [max(map(_line_width, column)) for column in columns]
        least = [max(map(_word_width, column)) for column in columns]
        gaps = len(columns) - 1
        if sum(wanted) + BOXED * gaps + FRAME <= options.max_width:
            yield self._table(wanted, boxed=True)
            return
        widths = _shrunk(wanted, least, options.max_width - SLIM * gaps)
        if widths is None or self._most_lines(console, widths) > MOST_LINES:
            yield self._list(options.max_width)
        else:
            yield self._table(widths, boxed=False)

    def _column(self, index: int) -> list[str]:
        """The heading and the cells of a column."""
        return [*([self._headings[index]] if self._header else []), *(row[index] for row in self._rows)]

    def _most_lines(self, console: Console, widths: Sequence[int]) -> int:
        cells = ((cell, width) for row in self._rows for cell, width in zip(row, widths, strict=True))
        return max((len(Text(cell).wrap(console, width)) for cell, width in cells if cell), default=1)

    def _table(self, widths: Sequence[int], *, boxed: bool) -> Table:
        table = Table(
            title=Text(self._title) if self._title else None,
            title_justify="left",
            box=box.HEAVY_HEAD if boxed else box.SIMPLE_HEAD,
            pad_edge=boxed,
            padding=(0, 1) if boxed else (0, 1, 0, 0),
            show_edge=boxed,
            show_header=self._header,
        )
        for index, (heading, width) in enumerate(zip(self._headings, widths, strict=True)):
            table.add_column(
                Text(heading), justify="left" if index < self._texts else "right", width=width, overflow="fold"
            )
        for index, row in enumerate(self._rows):
            table.add_row(*map(Text, row), end_section=index + 1 in self._sections)
        return table

    def _list(self, width: int) -> Text:
        """Each row as a line with its first cell, and indented below it the others with their headings."""
        lines = [self._title] if self._title else []
        names = [" ".join(heading.split()) for heading in self._headings]
        longest = max(map(cell_len, names[1:]), default=0)
        for row in self._rows:
            lines += wrapped(row[0] or "-", width).splitlines()
            for name, cell in zip(names[1:], row[1:], strict=True):
                if cell:
                    lines += wrapped(f"  {name.ljust(longest)}  {cell}", width, longest + 4).splitlines()
        return Text("\n".join(lines), no_wrap=True, overflow="ignore")


def _line_width(text: str) -> int:
    return max(map(cell_len, text.split("\n")))


def _word_width(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def _shrunk(wanted: Sequence[int], least: Sequence[int], room: int) -> list[int] | None:
    """Widths of columns that are ``room`` in all, the widest shrunk first, down to its ``least``; None if none are."""
    widths = list(wanted)
    while sum(widths) > room:
        shrinkable = [index for index, width in enumerate(widths) if width > least[index]]
        if not shrinkable:
            return None
        widths[max(shrinkable, key=widths.__getitem__)] -= 1
    return widths
