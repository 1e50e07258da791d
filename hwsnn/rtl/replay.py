"""Keeps beats and gives them several times: the inputs of a fully connected layer, the currents of a pixel."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from .checks import check_integer
from .counter import Counter


class Replay(wiring.Component):
    """Takes blocks of ``positions * steps`` beats and gives, step by step, all positions ``times`` times over.

    A fully connected layer takes a frame (its positions are pixels) and gives each step's pixels once for each output
    group. A layer of pixels takes a position's currents (its positions are output groups, in one step) and gives them
    once for each time step. One block comes in while another goes out.

    Parameters
    ----------
    shape : the payload's shape, which both ends keep.
    positions, steps : the block's beats, in the order (position, step).
    times : how often each step's positions are given.

    Members
    -------
    ``i`` : stream of ``shape``, in the order (position, step).
    ``o`` : stream of ``shape``, in the order (step, time, position).

    Latency: 2 clocks from a block's last beat in to its first beat out. One beat a clock, across blocks too.

    Raises
    ------
    TypeError, ValueError : a count is not an integer of at least 1.
    """

    def __init__(self, shape: Any, positions: int, steps: int, times: int) -> None:
        check_integer("positions", positions, 1)
        check_integer("steps", steps, 1)
        check_integer("times", times, 1)
        self._shape, self._positions, self._steps, self._times = shape, positions, steps, times
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    @property
    def latency(self) -> int:
        """Clocks from a block's last beat in to its first beat out."""
        return 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._positions * self._steps
        width = Shape.cast(self._shape).width
        m.submodules.blocks = blocks = memory.Memory(
            shape=unsigned(width),
            depth=2 * block,
            init=[],
            attrs={"no_rw_check": 1},  # a block is read only when it is whole: never a word in the clock that writes it
        )
        write, read = blocks.write_port(), blocks.read_port()
        m.submodules.taken = taken = Counter(2 * block)
        m.submodules.beats = beat = Counter(block)
        m.submodules.positions = position = Counter(self._positions)
        m.submodules.times = time = Counter(self._times)
        m.submodules.steps = step = Counter(self._steps)
        m.submodules.halves = half = Counter(2)

        accept, fetch, filled, emptied = Signal(), Signal(), Signal(), Signal()
        whole = Signal(range(3))
        m.d.comb += [
            self.i.ready.eq(whole != 2),
            accept.eq(self.i.valid & self.i.ready),
            taken.step.eq(accept),
            beat.step.eq(accept),
            filled.eq(accept & beat.last),
            write.addr.eq(taken.count),
            write.data.eq(Value.cast(self.i.payload)),
            write.en.eq(accept),
        ]
        advance = Signal()
        m.d.comb += [
            advance.eq(~self.o.valid | self.o.ready),
            fetch.eq(advance & (whole != 0)),
            position.step.eq(fetch),
            time.step.eq(fetch & position.last),
            step.step.eq(time.step & time.last),
            emptied.eq(step.step & step.last),
            half.step.eq(emptied),
            read.en.eq(fetch),
            Value.cast(self.o.payload).eq(read.data),
        ]
        with m.If(advance):
            m.d.sync += self.o.valid.eq(whole != 0)
        with m.If(filled & ~emptied):
            m.d.sync += whole.eq(whole + 1)
        with m.Elif(emptied & ~filled):
            m.d.sync += whole.eq(whole - 1)

        # The address goes from position to position; at the last one, back to the first of this step or of the next.
        address, first, following = (Signal(range(2 * block), name=name) for name in ("address", "first", "following"))
        m.d.comb += [
            read.addr.eq(address),
            following.eq(Mux(step.last, Mux(half.last, 0, block), first + 1)),
        ]
        with m.If(fetch):
            with m.If(~position.last):
                m.d.sync += address.eq(address + self._steps)
            with m.Elif(~time.last):
                m.d.sync += address.eq(first)
            with m.Else():
                m.d.sync += [address.eq(following), first.eq(following)]
        return m
