"""What crosses from one clock to the other.

Amaranth has parts for this, but its ``AsyncFIFO`` breaks the clock rule (paths 4 long where 2 are allowed: it compares,
counts and reads its memory in one clock), and its ``FFSynchronizer`` marks its registers for Vivado only where an
Amaranth platform builds the design, and not in plain Verilog.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, DomainRenamer, Module, Signal, Value, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from ..checks import check_integer

STAGES = 2
"""Registers in a row that a signal of another clock needs to settle."""


def synchronized(m: Module, value: Value, domain: str, name: str, init: int = 0) -> Value:
    """``value``, a register of another clock of which one bit changes at a time, ``STAGES`` clocks later in ``domain``.

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
    """Whether parts of two values differ, each a LUT of six inputs: any of them that does means the values do."""
    return [left[first : first + 3] != right[first : first + 3] for first in range(0, len(left), 3)]


class GrayCount(wiring.Component):
    """Counts modulo 2^``bits``, in binary and in Gray code, of which a step changes one bit.

    Parameters
    ----------
    name : what its signals' names start with.
    bits : of the count, at least 1.

    Members
    -------
    ``step`` : in; count on at the coming clock edge.
    ``count``, ``gray`` : out; the count, in binary and as Gray code; registers.
    ``following`` : out; the count that comes next, as Gray code; a register.

    Raises
    ------
    TypeError, ValueError : ``bits`` is not an integer of at least 1.
    """

    def __init__(self, name: str, bits: int) -> None:
        check_integer("bits", bits, 1)
        super().__init__({"step": In(1), "count": Out(bits), "gray": Out(bits), "following": Out(bits, init=1)})
        for signal in (self.step, self.count, self.gray, self.following):
            signal.name = f"{name}_{signal.name}"

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
    """A queue between two clocks. Its ``ready`` is a register, and so is its ``valid``.

    Both ends count in Gray code, and see the other end's count a few clocks late: at worst they find the queue fuller
    or emptier than it is. A reset has to hold both ends until each has seen the other's count at 0.

    Parameters
    ----------
    shape : the payload's shape.
    depth : beats it holds, a power of two of at least 4. 16 are enough for a beat a clock, whatever the clocks.
    write, read : the clock domains of ``i`` and ``o``.

    Members
    -------
    ``i`` : stream of ``shape``, in the domain ``write``.
    ``o`` : stream of ``shape``, in the domain ``read``.

    Latency: 1 clock of ``write``, then up to 5 of ``read``.

    Raises
    ------
    TypeError, ValueError : ``depth`` is not an integer of at least 4, or no power of two.
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
        write, read = beats.write_port(domain=self._write), beats.read_port(domain=self._read)
        written, taken = GrayCount("written", bits), GrayCount("taken", bits)
        m.submodules.written = DomainRenamer(self._write)(written)
        m.submodules.taken = DomainRenamer(self._read)(taken)

        # Beats that were written, less those that were taken: the depth where the two highest bits of the Gray codes
        # alone differ. There is room in the next clock if there is, and would be with one more.
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

        # There are some in the next clock if there are, and would be with one less, should one be fetched now.
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
    """Shows a value of one clock in another, as it was a few clocks before, all its bits of one moment.

    The value is held still while it crosses; a bit that changes to and fro says whose turn it is.

    Parameters
    ----------
    width : bits of the value, at least 1.
    write, read : the clock domains of ``i`` and ``o``.

    Members
    -------
    ``i`` : in, ``width``, in the domain ``write``.
    ``o`` : out, ``width``, in the domain ``read``; 0 after reset.

    Latency: a value waits until the one before has crossed; that takes up to 4 clocks of each domain.

    Raises
    ------
    TypeError, ValueError : ``width`` is not an integer of at least 1.
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
