"""Up/down counter with registered flags for both ends."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer


class LevelCounter(wiring.Component):
    """Counts up and down between 0 and ``limit``, with a registered flag for each end.

    Parameters
    ----------
    limit : int
        The largest count, at least 1.

    Ports
    -----
    up, down : Signal(1), in
        Increment, decrement; both at once change nothing. ``up`` needs ``room`` or ``down``, ``down`` needs ``some``.
    some : Signal(1), out
        Whether the count is above 0; a register.
    room : Signal(1), out
        Whether the count is below ``limit``; a register.

    Timing
    ------
    Latency: 1 cycle.
    """

    def __init__(self, limit: int) -> None:
        check_integer("limit", limit, 1)
        self._limit = limit
        super().__init__({"up": In(1), "down": In(1), "some": Out(1), "room": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        level = Signal(range(self._limit + 1))
        with m.If(self.up & ~self.down):
            m.d.sync += [level.eq(level + 1), self.some.eq(1), self.room.eq(level != self._limit - 1)]
        with m.Elif(self.down & ~self.up):
            m.d.sync += [level.eq(level - 1), self.some.eq(level != 1), self.room.eq(1)]
        return m
