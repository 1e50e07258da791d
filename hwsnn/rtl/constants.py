"""Read-only memories of the numbers that a network is made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Const, Module, Shape, signed, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.numeric import signed_width, unsigned_width

Int64Array = npt.NDArray[np.int64]


def shape_of(low: int, high: int) -> Shape:
    """The narrowest shape that holds every integer from ``low`` to ``high``: unsigned where none is negative."""
    return unsigned(unsigned_width(high)) if low >= 0 else signed(signed_width(low, high))


class ConstantTable(wiring.Component):
    """A table of constants, several columns of integers, one row at a time.

    Parameters
    ----------
    columns : arrays of the same length, at least one; each column is as wide as its numbers need.
    block : whether the table is to lie in block memory rather than in logic.

    Members
    -------
    ``row`` : in, ``range(rows)``.
    ``column_0``, ``column_1``, ... : out; the numbers of the row, unsigned where a column has none below 0.

    Latency: 1 clock. It never stops. A table of one row is constants alone.

    Raises
    ------
    ValueError : no columns, no rows, or columns of different lengths.
    """

    def __init__(self, columns: Sequence[Int64Array], *, block: bool = False) -> None:
        lengths = {len(column) for column in columns}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError(f"columns must have one length of at least 1, not {sorted(lengths)}")
        self._columns, self._rows, self._block = list(columns), lengths.pop(), block
        shapes = {f"column_{i}": Out(shape_of(int(c.min()), int(c.max()))) for i, c in enumerate(columns)}
        super().__init__({"row": In(range(self._rows))} | shapes)

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self._rows

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outputs = [getattr(self, f"column_{index}") for index in range(len(self._columns))]
        if self._rows == 1:
            for output, column in zip(outputs, self._columns, strict=True):
                m.d.comb += output.eq(Const(int(column[0]), output.shape()))
            return m
        words = np.zeros(self._rows, object)
        width = 0
        for output, column in zip(outputs, self._columns, strict=True):
            words += (column & ((1 << len(output)) - 1)).astype(object) << width
            width += len(output)
        m.submodules.contents = contents = memory.Memory(
            shape=unsigned(width),
            depth=self._rows,
            init=[int(word) for word in words],
            attrs={"rom_style": "block"} if self._block else {"syn_romstyle": "logic"},
        )
        port = contents.read_port()
        m.d.comb += port.addr.eq(self.row)
        at = 0
        for output in outputs:
            m.d.comb += output.eq(port.data[at : at + len(output)])
            at += len(output)
        return m
