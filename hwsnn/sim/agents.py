"""The parts of every cocotb bench here: a driver, a monitor and an in-order checker for valid-ready streams.

All of them work at the clock edge: after ``await RisingEdge(clk)`` the signals still have their values before the edge,
so a beat moves exactly where ``valid`` and ``ready`` both read 1.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cocotb.handle import HierarchyObject
from cocotb.triggers import RisingEdge


@dataclass
class Stalls:
    """Random pauses: one begins with ``probability``, and lasts 1 to ``longest`` cycles."""

    random: random.Random
    probability: float = 0.0
    longest: int = 8
    _left: int = 0

    def pause(self) -> bool:
        """Whether to pause in the next cycle."""
        if self._left:
            self._left -= 1
            return True
        if self.probability and self.random.random() < self.probability:
            self._left = self.random.randrange(self.longest)
            return True
        return False


class StreamPort:
    """The three signals of a stream ``name`` of a design unit, such as ``o__valid``."""

    def __init__(self, unit: HierarchyObject, name: str) -> None:
        self.valid: Any = getattr(unit, f"{name}__valid")
        self.ready: Any = getattr(unit, f"{name}__ready")
        self.payload: Any = getattr(unit, f"{name}__payload")

    def moves(self) -> bool:
        """Whether a beat moves at this clock edge."""
        return bool(self.valid.value) and bool(self.ready.value)

    def beat(self) -> int:
        """The payload's bits as an unsigned integer."""
        return _unsigned(self.payload.value)


def _unsigned(value: Any) -> int:
    return int(value) if not hasattr(value, "to_unsigned") else int(value.to_unsigned())


@dataclass
class Driver:
    """Feeds beats into a stream; ``clocks`` records the cycle in which each moved."""

    port: StreamPort
    beats: Iterable[int]
    stalls: Stalls
    clocks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left: Iterator[int] = iter(self.beats)
        self._offering = False
        self.done = False
        self.port.valid.value = 0

    def edge(self, clock: int) -> bool:
        """Act at a clock edge: record a beat that moved, then offer the next. Returns whether a beat moved."""
        moved = self._offering and bool(self.port.ready.value)
        if moved:
            self.clocks.append(clock)
            self._offering = False
        if not self._offering and not self.done and not self.stalls.pause():
            beat = next(self._left, None)
            if beat is None:
                self.done = True
            else:
                self.port.payload.value = beat
                self._offering = True
        if moved or self._offering:
            self.port.valid.value = int(self._offering)
        return moved


@dataclass
class Checker:
    """Compares the beats of one stream with the expected ones, in order."""

    name: str
    expected: Iterator[int]
    count: int
    seen: int = 0
    error: str | None = None

    @property
    def done(self) -> bool:
        """Whether every expected beat has been seen."""
        return self.seen >= self.count

    def take(self, beat: int) -> None:
        """Compare one more beat; the first difference becomes ``error``."""
        wanted = next(self.expected, None)
        if self.error is None:
            if wanted is None:
                self.error = f"{self.name}: beat {self.seen} is one more than the {self.count} expected"
            elif beat != wanted:
                self.error = f"{self.name}: beat {self.seen} is {beat:#x}, expected {wanted:#x}"
        self.seen += 1


@dataclass
class Monitor:
    """Takes beats from a stream, with pauses, and checks the stream's rules.

    ``clocks`` records when each beat moved, ``last`` is the last one that did.
    """

    port: StreamPort
    checker: Checker
    stalls: Stalls
    clocks: list[int] = field(default_factory=list)
    last: int = 0

    def __post_init__(self) -> None:
        self.port.ready.value = 0
        self._taking = False
        self._held: int | None = None

    def edge(self, clock: int) -> bool:
        """Act at a clock edge: check and record a beat that moved, then decide about ``ready`` in the next cycle."""
        valid = bool(self.port.valid.value)
        moved = False
        if valid:
            beat = self.port.beat()
            if self._held is not None and beat != self._held:
                self._broken(f"payload changed from {self._held:#x} to {beat:#x} while stalled")
            self._held = beat
            if self._taking:
                self.checker.take(beat)
                self.clocks.append(clock)
                self.last = beat
                self._held = None
                moved = True
        elif self._held is not None:
            self._broken("valid fell before the beat had moved")
            self._held = None
        taking = not self.stalls.pause()
        if taking != self._taking:
            self.port.ready.value = int(taking)
            self._taking = taking
        return moved

    def _broken(self, what: str) -> None:
        if self.checker.error is None:
            self.checker.error = f"{self.checker.name}: beat {self.checker.seen}: {what}"


async def reset(dut: Any, clocks: int = 3) -> None:
    """Hold the synchronous reset for some cycles."""
    dut.rst.value = 1
    for _ in range(clocks):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
