"""A modulo counter with a registered flag for its last value."""

from __future__ import annotations

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer


class ModuloCounter(wiring.Component):
    """Counts steps modulo ``period``: the beats of a pixel, the pixels of a row, the rows of a frame.

    Counters nest: the outer one steps where the inner one steps and is at its last value.

    Parameters
    ----------
    period : int
        Steps until the count is 0 again, at least 1.

    Ports
    -----
    step : Signal(1), in
        Increment at the next clock edge.
    count : Signal(range(period)), out
        A register, 0 after reset.
    last : Signal(1), out
        Whether ``count`` is ``period - 1``; a register of its own, so that no comparison follows it.
    """

    def __init__(self, period: int) -> None:
        check_integer("period", period, 1)
        self.period = period
        super().__init__({"step": In(1), "count": Out(range(period)), "last": Out(1, init=int(period == 1))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self.period == 1:
            m.d.comb += self.last.eq(1)
            return m
        with m.If(self.step):
            m.d.sync += [
                self.count.eq(Mux(self.last, 0, self.count + 1)),
                self.last.eq(self.count == self.period - 2),
            ]
        return m
