"""Takes the pairs of a window apart into their columns."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer, check_pair


class ColumnTaps(wiring.Component):
    """Makes the taps of a window, pairs of columns, a tap for each column: wires alone.

    Parameters
    ----------
    kernel : (int, int)
        (height, width) of the window, in pairs.
    columns : int
        Columns of a row of the window that count, at most two per pair.
    steps : int
        Time steps of a tap.
    column_bits : int
        Bits of a column at a step: those of all its channels.

    Ports
    -----
    i : stream in of ``unsigned(kh * kw * steps * 2 * column_bits)``
        Windows; each step of a tap has the left column, then the right one.
    o : stream out of ``unsigned(kh * columns * steps * column_bits)``
        The bits of the columns that count: tap ``i * columns + j``, at every step, is row i, column j of the window.

    Timing
    ------
    Latency: none.
    """

    def __init__(self, kernel: tuple[int, int], columns: int, steps: int, column_bits: int) -> None:
        check_pair("kernel", kernel, 1)
        check_integer("columns", columns, 1, 2 * kernel[1])
        check_integer("steps", steps, 1)
        check_integer("column bits", column_bits, 1)
        self._kernel, self._columns, self._steps, self._bits = kernel, columns, steps, column_bits
        self.here = {"kh": kernel[0], "kw": kernel[1], "columns": columns, "steps": steps, "column_bits": column_bits}
        self.latency = 0
        taken, given = kernel[0] * kernel[1] * 2, kernel[0] * columns
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(taken * steps * column_bits))),
                "o": Out(stream.Signature(unsigned(given * steps * column_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows, pairs = self._kernel
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
            self.o.payload.eq(
                Cat(
                    self.i.payload.word_select((pair * self._steps + step) * 2 + column % 2, self._bits)
                    for row in range(rows)
                    for column in range(self._columns)
                    for pair in [row * pairs + column // 2]
                    for step in range(self._steps)
                )
            ),
        ]
        return m
