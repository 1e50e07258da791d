"""A counter of any length with a restart."""

from __future__ import annotations

from amaranth.hdl import Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from hwsnn.rtl.checks import check_integer


class RestartCounter(wiring.Component):
    """Counts the words or pixels of a frame.

    Unlike a ``ModuloCounter`` it may have up to 24 bits under the clock rule, since nothing follows its adder.

    Parameters
    ----------
    length : int
        Steps of a whole frame, at least 1.

    Ports
    -----
    step : Signal(1), in
        Increment at the next clock edge.
    restart : Signal(1), in
        With ``step``: go to 0 instead.
    count : Signal(range(length)), out
        A register, 0 after reset. Undefined after more than ``length`` steps without a restart.
    last : Signal(1), out
        Whether ``count`` is ``length - 1``; a register of its own.
    """

    def __init__(self, length: int) -> None:
        check_integer("length", length, 1)
        self._length = length
        super().__init__(
            {
                "step": In(1),
                "restart": In(1),
                "count": Out(ceil_log2(length)),
                "last": Out(1, init=int(length == 1)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.step):
            m.d.sync += [
                # From all ones the adder wraps to 0: a multiplexer behind it would be one more LUT.
                self.count.eq((self.count | self.restart.replicate(len(self.count))) + 1),
                self.last.eq(Mux(self.restart, self._length == 1, self.count == self._length - 2)),
            ]
        return m
