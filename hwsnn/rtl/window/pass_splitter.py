"""Windows, once for each pass."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer
from ..stream.counter import ModuloCounter


class PassSplitter(wiring.Component):
    """Gives each window once for each of its passes, with the time steps of that pass.

    Parameters
    ----------
    taps : int
        Taps of a window.
    steps : int
        Time steps of a window; 1 for windows that are held.
    bits : int
        Bits of a tap at one step.
    t_par : int
        Time steps of a pass, at most ``steps``; where it does not divide them, the missing steps are 0.
    repeats : int
        How often a window that is held is given; 1 for others.

    Attributes
    ----------
    passes : int
        Passes of a window.

    Ports
    -----
    i : stream in of ``unsigned(taps * steps * bits)``
        Windows, entry tap * steps + t.
    o : stream out of ``unsigned(taps * t_par * bits)``
        Their passes, entry tap * t_par + t.

    Timing
    ------
    Latency: 0 cycles. One pass per cycle; a window is taken with its last pass.
    """

    def __init__(self, taps: int, steps: int, bits: int, t_par: int, repeats: int = 1) -> None:
        check_integer("taps", taps, 1)
        check_integer("steps", steps, 1)
        check_integer("bits", bits, 1)
        check_integer("t_par", t_par, 1, steps)
        check_integer("repeats", repeats, 1)
        self._taps, self._steps, self._bits, self._t_par = taps, steps, bits, t_par
        if repeats > 1 and t_par < steps:
            raise ValueError(f"repeats must be 1 where a window has several passes, not {repeats!r}")
        self.passes = -(-steps // t_par) * repeats
        super().__init__(
            {
                "i": In(stream.Signature(unsigned(taps * steps * bits))),
                "o": Out(stream.Signature(unsigned(taps * t_par * bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.passes = one_pass = ModuloCounter(self.passes)
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready & one_pass.last),
            one_pass.step.eq(self.i.valid & self.o.ready),
        ]
        if self._t_par == self._steps:
            m.d.comb += self.o.payload.eq(self.i.payload)
            return m
        with m.Switch(one_pass.count):
            for number, first in enumerate(range(0, self._steps, self._t_par)):
                with m.Case(number):
                    m.d.comb += self.o.payload.eq(self._part(first))
        return m

    def _part(self, first: int) -> Value:
        """The steps from ``first`` on."""

        def entry(tap: int, step: int) -> Value:
            if step >= self._steps:
                return Const(0, self._bits)
            return self.i.payload[(tap * self._steps + step) * self._bits :][: self._bits]

        return Cat(entry(tap, first + step) for tap in range(self._taps) for step in range(self._t_par))
