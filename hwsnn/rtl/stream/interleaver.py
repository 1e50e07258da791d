"""Blocks of beats in another order."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from .counter import ModuloCounter


class BlockInterleaver(wiring.Component):
    """A block interleaver: takes blocks of beats row by row, and gives them column by column.

    A memory has room for two blocks: one is written while the other is read.

    Parameters
    ----------
    bits : int
        Bits of a beat.
    rows : int
        Rows of a block.
    columns : int
        Columns of a block.

    Ports
    -----
    i : stream in of ``unsigned(bits)``
        Beats, order (block, row, column).
    o : stream out of ``unsigned(bits)``
        Beats, order (block, column, row).

    Timing
    ------
    Latency: ``latency`` cycles from the last beat of a block to its first. One beat per cycle.
    """

    def __init__(self, bits: int, rows: int, columns: int) -> None:
        check_integer("bits", bits, 1)
        check_integer("rows", rows, 1)
        check_integer("columns", columns, 1)
        self._rows, self._columns, self.latency = rows, columns, 2
        super().__init__({"i": In(stream.Signature(unsigned(bits))), "o": Out(stream.Signature(unsigned(bits)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words, bits = self._rows * self._columns, len(self.i.payload)
        m.submodules.written = written = ModuloCounter(words)
        m.submodules.column = column = ModuloCounter(self._columns)
        m.submodules.row = row = ModuloCounter(self._rows)
        # Halves of the memory, by the lowest bit of the address; a half is full until all of it was read.
        writes, reads = Signal(name="half_written"), Signal(name="half_read")
        full = Signal(2)
        m.submodules.words = held = memory.Memory(shape=unsigned(bits), depth=2 * words, init=[])
        write, read = held.write_port(), held.read_port(domain="comb")
        place = Signal(range(words))
        takes, gives = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~full.bit_select(writes, 1)),
            takes.eq(self.i.valid & self.i.ready),
            gives.eq((~self.o.valid | self.o.ready) & full.bit_select(reads, 1)),
            written.step.eq(takes),
            row.step.eq(gives),
            column.step.eq(gives & row.last),
            write.addr.eq(Cat(writes, written.count)),
            write.data.eq(self.i.payload),
            write.en.eq(takes),
            read.addr.eq(Cat(reads, place)),
        ]
        with m.If(takes & written.last):
            m.d.sync += [writes.eq(~writes), full.bit_select(writes, 1).eq(1)]
        with m.If(gives & row.last & column.last):
            m.d.sync += [reads.eq(~reads), full.bit_select(reads, 1).eq(0)]
        # Down a column, then to the top of the next one.
        top = Mux(column.last, 0, column.count + 1)
        with m.If(gives):
            m.d.sync += place.eq(Mux(row.last, top, place + self._columns))
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += [self.o.valid.eq(gives), self.o.payload.eq(read.data)]
        return m
