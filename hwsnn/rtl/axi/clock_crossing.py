"""Clock-domain crossings.

Amaranth has components for this, but its ``AsyncFIFO`` breaks the clock rule (paths of 4 levels where 2 are allowed: it
compares, counts and reads its memory in one cycle), and its ``FFSynchronizer`` marks its registers for Vivado only
where an Amaranth platform builds the design, not in plain Verilog.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, DomainRenamer, Module, Signal, Value, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..checks import check_integer

STAGES = 2
"""Synchronizer stages: registers in series that a signal of another clock passes through."""


def synchronized(m: Module, value: Value, domain: str, name: str, init: int = 0) -> Value:
    """``value``, a register of another clock of which one bit changes at a time, ``STAGES`` cycles later in ``domain``.

    The registers are called ``NAME_settling_1`` and so on, and are not reset.
    """
    for stage in range(1, STAGES + 1):
        register = Signal(
            len(value),
            name=f"{name}_settling_{stage}",
            init=init,
            reset_less=True,
            attrs={"ASYNC_REG": "TRUE"},
        )
        m.d[domain] += register.eq(value)
        value = register
    return value


def _differ(left: Value, right: Value) -> list[Value]:
    """Whether parts of two values differ, each a six-input LUT: the values differ where any part does."""
    return [left[first : first + 3] != right[first : first + 3] for first in range(0, len(left), 3)]


class GrayCount(wiring.Component):
    """Counts modulo 2^``bits``, in binary and in Gray code, of which one bit changes per step.

    Parameters
    ----------
    bits : int
        Width of the count, at least 1.

    Ports
    -----
    step : Signal(1), in
        Increment at the next clock edge.
    count, gray : Signal(bits), out
        The count, in binary and in Gray code; registers.
    following : Signal(bits), out
        The next count, in Gray code; a register.
    """

    def __init__(self, bits: int) -> None:
        check_integer("bits", bits, 1)
        self.bits = bits
        super().__init__({"step": In(1), "count": Out(bits), "gray": Out(bits), "following": Out(bits, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        after_next = Signal.like(self.count)
        m.d.comb += after_next.eq(self.count + 2)
        with m.If(self.step):
            m.d.sync += [
                self.count.eq(self.count + 1),
                self.gray.eq(self.following),
                self.following.eq(after_next ^ (after_next >> 1)),
            ]
        return m


class StreamCrossing(wiring.Component):
    """A queue between two clock domains. Its ``ready`` and its ``valid`` are registers.

    Both ends count in Gray code, and see the other end's count a few cycles late: at worst they find the queue fuller
    or emptier than it is. A reset must hold both ends until each has seen the other's count at 0.

    Parameters
    ----------
    shape : ShapeLike
        The payload's shape.
    depth : int
        Beats it holds, a power of two, at least 4. 16 sustain one beat per cycle at any ratio of the clocks.
    write, read : str
        The clock domains of ``i`` and ``o``.

    Ports
    -----
    i : stream in of ``shape``
        In the domain ``write``.
    o : stream out of ``shape``
        In the domain ``read``.

    Timing
    ------
    Latency: 1 cycle of ``write``, then up to 5 of ``read``.
    """

    def __init__(self, shape: Any, depth: int = 16, *, write: str, read: str) -> None:
        check_integer("depth", depth, 4)
        if depth & (depth - 1):
            raise ValueError(f"depth must be a power of two, not {depth!r}")
        self._depth, self._write, self._read = depth, write, read
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        payload, bits = Value.cast(self.i.payload), exact_log2(self._depth) + 1
        m.submodules.beats = beats = memory.Memory(shape=unsigned(len(payload)), depth=self._depth, init=[])
        write = beats.write_port(domain=self._write)
        read = beats.read_port(domain=self._read)
        written, taken = GrayCount(bits), GrayCount(bits)
        m.submodules.written = DomainRenamer(self._write)(written)
        m.submodules.taken = DomainRenamer(self._read)(taken)

        # The queue is full where the Gray codes of the two counts differ in the two highest bits and in no other. There
        # is room in the next cycle if there is room now, and would be after one more beat.
        full = synchronized(m, taken.gray, self._write, "taken") ^ (0b11 << (bits - 2))
        m.d[self._write] += self.i.ready.eq(
            Cat(_differ(written.gray, full)).any() & Cat(_differ(written.following, full)).any()
        )
        m.d.comb += [
            written.step.eq(self.i.valid & self.i.ready),
            write.addr.eq(written.count[:-1]),
            write.data.eq(payload),
            write.en.eq(written.step),
        ]

        # There are beats in the next cycle if there are now and, where one is fetched now, would be without that one.
        some = Signal()
        end = synchronized(m, written.gray, self._read, "written")
        m.d[self._read] += some.eq(
            Cat(_differ(taken.gray, end)).any() & Cat(~some, *_differ(taken.following, end)).any()
        )
        m.d.comb += [
            taken.step.eq(some & (~self.o.valid | self.o.ready)),
            read.addr.eq(taken.count[:-1]),
            read.en.eq(taken.step),
            Value.cast(self.o.payload).eq(read.data),
        ]
        with m.If(taken.step):
            m.d[self._read] += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d[self._read] += self.o.valid.eq(0)
        return m


class ValueCrossing(wiring.Component):
    """Shows a value of one clock domain in another as it was a few cycles before, all bits from the same moment.

    The value is held while it crosses. A bit that toggles says that a new value is ready, and toggles back in reply.

    Parameters
    ----------
    width : int
        Bits of the value, at least 1.
    write, read : str
        The clock domains of ``i`` and ``o``.

    Ports
    -----
    i : Signal(width), in
        In the domain ``write``.
    o : Signal(width), out
        In the domain ``read``; 0 after reset.

    Timing
    ------
    A value waits until the one before has crossed, which takes up to 4 cycles of each domain.
    """

    def __init__(self, width: int, *, write: str, read: str) -> None:
        check_integer("width", width, 1)
        self._write, self._read = write, read
        super().__init__({"i": In(width), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = Signal.like(self.i, reset_less=True)
        given = Signal()
        taken = Signal()
        given_seen = synchronized(m, given, self._read, "given")
        taken_seen = synchronized(m, taken, self._write, "taken")
        with m.If(given == taken_seen):
            m.d[self._write] += [held.eq(self.i), given.eq(~given)]
        with m.If(given_seen != taken):
            m.d[self._read] += [self.o.eq(held), taken.eq(given_seen)]
        return m
