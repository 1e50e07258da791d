"""Read-only memories for the numbers of a network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from amaranth.hdl import Cat, Module, Shape, Signal, signed, unsigned
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec.integers import Int64Array, signed_width, unsigned_width


def shape_of(low: int, high: int) -> Shape:
    """The narrowest shape that holds every integer from ``low`` to ``high``: unsigned where none is negative."""
    return unsigned(unsigned_width(high)) if low >= 0 else signed(signed_width(low, high))


def packed(rows: Int64Array, bits: int) -> list[int]:
    """Each of the rows as one number: its entries side by side, of ``bits`` bits each, the first lowest."""
    return [sum((int(value) & ((1 << bits) - 1)) << (at * bits) for at, value in enumerate(row)) for row in rows]


class Rom(wiring.Component):
    """A table of constants: several columns of integers, read one row at a time.

    Parameters
    ----------
    columns : Mapping of str to array
        Arrays (rows, 2^n) by name, at least one, all of one shape; each column is as wide as its numbers need.
    block : bool
        Whether the table is placed in block memory rather than in logic.
    holds : str
        What the numbers are, for people who read the Verilog: one or more lines.

    Attributes
    ----------
    fields : dict of str to list of int
        Of its memory's words, by its name: the widths of the numbers in them, the lowest bits first.
    remark : str
        What the numbers are, and how to find one in the memory.

    Ports
    -----
    row : Signal(range(rows)), in
        The row.
    inputs : Signal(n), in
        Which number of the row.
    a column's name : Signal(shape), out
        Its number, unsigned where the column has none below 0. The first column is in the lowest bits of a word.

    Timing
    ------
    Latency: ``latency`` cycles: a register for the address, one for the numbers, and one more in block memory, which is
    slow to read. One row per cycle, without stalls. A table of one number is a constant.

    Raises
    ------
    ValueError
        No columns, or columns of different shapes.
    """

    def __init__(self, columns: Mapping[str, Int64Array], *, block: bool = False, holds: str = "Constants.") -> None:
        shapes = {column.shape for column in columns.values()}
        if len(shapes) != 1:
            raise ValueError(f"columns must have one shape, not {sorted(shapes)}")
        (shape,) = shapes
        if len(shape) != 2 or not shape[0] or shape[1] != 1 << max(shape[1] - 1, 0).bit_length():
            raise ValueError(f"columns must have the shape (rows, a power of two), not {shape}")
        self._rows, self._row_size = shape
        self._columns, self._block = dict(columns), block
        self.latency = 3 if block else 2
        outputs = {name: Out(shape_of(int(column.min()), int(column.max()))) for name, column in columns.items()}
        super().__init__({"row": In(range(self._rows)), "inputs": In(range(self._row_size))} | outputs)
        self.here = {"rows": self._rows, "n": (self._row_size - 1).bit_length()}
        self.fields = {"contents": [len(getattr(self, name)) for name in columns]}
        row, inputs = self._rows > 1, self._row_size > 1
        address = f"row * {self._row_size} + inputs" if row and inputs else "row" if row else "inputs"
        self.remark = holds + (f"\nA word: contents[{address}]." if row or inputs else "")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        outputs = [getattr(self, name) for name in self._columns]
        columns = [column.reshape(-1) for column in self._columns.values()]
        if self._rows * self._row_size == 1:
            m.d.comb += [output.eq(int(column[0])) for output, column in zip(outputs, columns, strict=True)]
            return m
        words = np.zeros(self._rows * self._row_size, object)
        width = 0
        for output, column in zip(outputs, columns, strict=True):
            words += (column & ((1 << len(output)) - 1)).astype(object) << width
            width += len(output)
        m.submodules.contents = contents = memory.Memory(
            shape=unsigned(width),
            depth=len(words),
            init=(),
            attrs={"rom_style": "block"} if self._block else {"syn_romstyle": "logic"},
        )
        # Amaranth would check each word by itself, and take longer for that than for the rest of a table.
        contents.data.init._raw[:] = map(int, words)
        port = contents.read_port()
        port.data.name = "word"
        address = Signal(range(len(words)), reset_less=True)
        m.d.sync += address.eq(Cat(self.inputs, self.row))
        m.d.comb += port.addr.eq(address)
        numbers = port.data
        if self._block:
            numbers = Signal(width, reset_less=True)
            m.d.sync += numbers.eq(port.data)
        m.d.comb += Cat(outputs).eq(numbers)
        return m
