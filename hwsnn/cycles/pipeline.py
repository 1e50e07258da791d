"""A pipeline of components: the clocks of its beats."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from itertools import chain
from math import inf
from operator import gt, lt
from typing import TypeAlias

from .components import CreditFifo, Remembers
from .connected import Connected, DeadlockError, Depths
from .ends import Encoder, Scores
from .sections import Queue, Section

Clocks: TypeAlias = tuple[float, ...]
State: TypeAlias = tuple[Clocks, Clocks]
"""The state of a queue, and of the components behind it."""
LONG = 3
"""Frames behind the first, one after the other, by each of which a graph is later: it is taken not to catch up."""


@dataclass(frozen=True)
class Steady:
    """The steady state of an endless sequence of frames.

    ``clocks``: per frame. ``latency``: clocks from the first frame's first pixel to its result. ``peaks``: the smallest
    depth at which each queue is never full.
    """

    clocks: Fraction
    latency: int
    peaks: Mapping[Queue, int]


@dataclass
class _Section:
    """Components from a queue, None at the very beginning, to the next."""

    queue: CreditFifo | None = None
    components: list[Remembers] = field(default_factory=list)

    @property
    def starved(self) -> bool:
        """Whether a beat left the queue later because it came later."""
        return self.queue is not None and self.queue.starved

    @property
    def blocked(self) -> bool:
        """Whether a beat waited for a place in the queue."""
        return self.queue is not None and self.queue.blocked

    @property
    def stalled(self) -> bool:
        """Whether some clock was not a maximum of earlier clocks plus constants."""
        return any(component.stalled for component in self.components if isinstance(component, Encoder | Scores))

    def forget(self) -> None:
        """Clear all these flags."""
        if self.queue:
            self.queue.starved = self.queue.blocked = False
        for component in self.components:
            if isinstance(component, Encoder | Scores):
                component.stalled = False

    def state(self, now: float) -> State:
        clocks = chain.from_iterable(component.state(now) for component in self.components)
        return self.queue.state(now) if self.queue else (), tuple(clocks)


class Pipeline:
    """Sections that process frames, each offered at least ``interval`` clocks after the last."""

    def __init__(self, sections: Sequence[Section], depths: Depths, interval: int = 0) -> None:
        self._connected = Connected(sections, depths, interval)
        self._sections = [_Section()]
        for component in chain.from_iterable(self._connected.parts):
            if isinstance(component, CreditFifo):
                self._sections.append(_Section(component))
            else:
                self._sections[-1].components.append(component)

    def result_clocks(self) -> Iterator[int]:
        """The clocks from the first pixel to each frame's result. Raises ``DeadlockError`` if there is none."""
        connected = self._connected
        try:
            while True:
                connected.frame()
                yield int(connected.end.last - connected.sources[0].begun)
        finally:
            connected.close()

    def steady(self) -> Steady:
        """Run until the state of the components equals that of some frames ago: from then on everything repeats."""
        seen: dict[bytes, tuple[int, int]] = {}  # by digest: deep queues have large states
        latency = 0
        for frame, end in enumerate(self.result_clocks()):
            latency = latency or end
            before, then = seen.setdefault(_digest(self._state(end)), (frame, end))
            if before < frame:
                return Steady(Fraction(end - then, frame - before), latency, self._peaks())
        raise AssertionError("frames never end")

    def keeps(self, clocks: int, latency: int) -> Mapping[Queue, int] | None:
        """As ``Machine.keeps``, with ``interval`` equal to ``clocks``.

        Runs as ``steady`` does, but stops at a proof that the frames fall behind: long before all queues are full.
        """
        try:
            return self._keeps(clocks, latency)
        except DeadlockError:
            return None

    def _keeps(self, clocks: int, latency: int) -> Mapping[Queue, int] | None:
        seen: dict[bytes, tuple[int, int]] = {}
        anchor, late = list[State](), deque[Clocks](maxlen=LONG)
        for frame, end in enumerate(self.result_clocks()):
            if frame == 0 and end != latency:
                return None
            before, then = seen.setdefault(_digest(self._state(end)), (frame, end))
            if before < frame:
                return self._peaks() if end - then == (frame - before) * clocks else None
            state = self._state(frame * clocks)
            if self._connected.is_chain and anchor and self._fell_behind(anchor, state):
                return None
            if frame & (frame - 1) == 0:  # ever longer spans: not every frame has to fall behind
                anchor = state
                for section in self._sections:
                    section.forget()
            if frame and not self._connected.is_chain:
                late.append(self._latest(frame * clocks))
                if len(late) == LONG and _ever_later(late):
                    return None
        raise AssertionError("frames never end")

    def _fell_behind(self, before: Sequence[State], after: Sequence[State]) -> bool:
        """Whether independent sections fell behind, between two states, with all of their clocks.

        Independent: no beat left the queue before them later because it came later, and none waited for a place in the
        queue behind them. Then each of their clocks was a maximum of their own earlier clocks plus constants; as all
        have grown, all will grow by as much again and again, and the other sections can only make them later.
        """
        late = False
        for number, section in enumerate(self._sections):
            (queue, clocks), (queue_then, clocks_then) = after[number], before[number]
            starts = not section.starved and _later(queue[-1:], queue_then[-1:])
            late = (late and _later(queue, queue_then)) or starts
            late = late and _later(clocks, clocks_then) and not section.stalled
            if late and not (number + 1 < len(self._sections) and self._sections[number + 1].blocked):
                return True
        return False

    def _latest(self, now: float) -> Clocks:
        """The latest clock that each component keeps: a branch may fall behind for long before the results do."""
        return tuple(max(each.state(now), default=-inf) for each in chain.from_iterable(self._connected.parts))

    def _state(self, now: float) -> list[State]:
        """The state of each section."""
        return [section.state(now) for section in self._sections]

    def _peaks(self) -> dict[Queue, int]:
        return {queue: component.peak for queue, component in self._connected.queues.items()}


def _later(clocks: Clocks, then: Clocks) -> bool:
    """Whether every clock is later than then."""
    return len(clocks) == len(then) and all(map(gt, clocks, then))


def _ever_later(frames: Iterable[Clocks]) -> bool:
    """Whether some clock is later and later."""
    return any(all(map(lt, clocks, clocks[1:])) for clocks in zip(*frames, strict=True))


def _digest(state: Sequence[State]) -> bytes:
    clocks = array("d")
    for section in chain.from_iterable(state):
        clocks.extend(section)
        clocks.append(inf)  # where they end
    return blake2b(clocks.tobytes(), digest_size=16).digest()
