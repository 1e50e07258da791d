"""How many of something there are, known from registers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..checks import check_integer


class LevelCounter(wiring.Component):
    """Counts up and down between 0 and ``limit``, with a register beside it for either end.

    Parameters
    ----------
    limit : the most there may be, at least 1.

    Members
    -------
    ``up``, ``down`` : in; one more, one less; both at a time change nothing. ``up`` only where there is ``room`` or
        ``down`` too, ``down`` only where there are ``some``.
    ``some``, ``room`` : out; whether there is at least one, and whether there may be one more; registers.

    Latency: 1 clock.

    Raises
    ------
    TypeError, ValueError : ``limit`` is not an integer of at least 1.
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
