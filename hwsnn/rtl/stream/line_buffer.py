"""A delay line with taps one period apart: the line buffers and the shift register of a window."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from .counter import ModuloCounter

_SHIFTED_PERIOD = 2
"""Up to this period, flip-flops cost less than a memory and the register behind it."""


class LineBuffer(wiring.Component):
    """Outputs with every beat also the beats 1 to ``length`` periods before it.

    With the period of an image's row it is a set of line buffers; with that of a pixel, a shift register. A long period
    is kept in a memory of ``period`` words of ``length`` beats, each read and written back shifted once per period; a
    period of up to two beats is a shift register. Beats before the first one after power-up read as zeros; a reset does
    not clear earlier beats.

    Parameters
    ----------
    payload_bits : int
        Bits of a beat.
    period : int
        Beats from one tap to the next.
    length : int
        Taps besides the beat itself. With 0 the component is wires alone.

    Ports
    -----
    wanted : Signal(1), in
        Whether to output the beat on ``i``. If not, it is stored without waiting for the output.
    i : stream in of ``unsigned(payload_bits)``
        Beats.
    o : stream out of ``unsigned((length + 1) * payload_bits)``
        A beat with the earlier ones, the oldest in the low bits.

    Timing
    ------
    Latency: 1 cycle, none for length 0. One beat per cycle.
    """

    def __init__(self, payload_bits: int, period: int, length: int) -> None:
        check_integer("payload bits", payload_bits, 1)
        check_integer("period", period, 1)
        check_integer("length", length, 0)
        self._payload_bits, self._period, self._length = payload_bits, period, length
        self.latency = int(length > 0)
        super().__init__(
            {
                "wanted": In(1, init=1),
                "i": In(stream.Signature(unsigned(payload_bits))),
                "o": Out(stream.Signature(unsigned((length + 1) * payload_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._length == 0:
            m.d.comb += [
                self.o.payload.eq(self.i.payload),
                self.o.valid.eq(self.i.valid & self.wanted),
                self.i.ready.eq(self.o.ready | ~self.wanted),
            ]
            return m
        accept = Signal()
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            accept.eq(self.i.valid & self.i.ready),
        ]
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid & self.wanted)
        if self._period <= _SHIFTED_PERIOD:
            self._elaborate_shift_register(m, accept)
        else:
            self._elaborate_memory(m, accept)
        return m

    def _elaborate_shift_register(self, m: Module, accept: Signal) -> None:
        bits = self._payload_bits
        # A signal a beat: all beats of a wide window in one would be more than the 65,535 bits of Amaranth's signals.
        count = self._length * self._period + 1
        beats = [Signal(bits, name=f"beat_{number}", reset_less=True) for number in range(count)]
        with m.If(accept):
            m.d.sync += [beat.eq(newer) for beat, newer in zip(beats, [*beats[1:], self.i.payload], strict=True)]
        m.d.comb += self.o.payload.eq(Cat(beats[:: self._period]))

    def _elaborate_memory(self, m: Module, accept: Signal) -> None:
        m.submodules.past = past = memory.Memory(
            shape=unsigned(self._length * self._payload_bits),
            depth=self._period,
            init=[],
            attrs={"no_rw_check": 1},  # no word is read in the cycle that writes it: avoid Yosys's logic for that
        )
        read = past.read_port()
        write = past.write_port()
        m.submodules.phase = phase = ModuloCounter(self._period)
        now = Signal.like(self.i.payload, reset_less=True)
        written = Signal.like(phase.count, reset_less=True)
        read_before = Signal()
        m.d.sync += read_before.eq(accept)
        with m.If(accept):
            m.d.sync += [now.eq(self.i.payload), written.eq(phase.count)]
        m.d.comb += [
            phase.step.eq(accept),
            read.addr.eq(phase.count),
            read.en.eq(accept),
            self.o.payload.eq(Cat(read.data, now)),
            write.addr.eq(written),
            write.data.eq(self.o.payload[self._payload_bits :]),
            write.en.eq(read_before),
        ]
