"""A pipeline of components at work, in clocks alone."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from itertools import chain
from math import inf
from operator import gt
from typing import TypeAlias

from .components import Component, CreditFifo, Encoder, Sink, Source, SpikeCount
from .parts import Part, Queue

Depths: TypeAlias = Mapping[Queue, float]
"""How deep the queues are; those not named have no end."""
Clocks: TypeAlias = tuple[float, ...]
State: TypeAlias = tuple[Clocks, Clocks]
"""Of a queue, and of the components behind it."""


@dataclass(frozen=True)
class Steady:
    """Frames that follow each other for ever.

    ``clocks``: a frame's. ``latency``: clocks from the first frame's first pixel to its result. ``peaks``: how deep a
    queue must be so as never to be full.
    """

    clocks: Fraction
    latency: int
    peaks: Mapping[Queue, int]


@dataclass
class _Section:
    """Components from a queue, None at the very beginning, to the next."""

    queue: CreditFifo | None = None
    components: list[Source | Component] = field(default_factory=list)

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
        """Whether a clock was no maximum of earlier clocks plus constants."""
        return any(component.stalled for component in self.components if isinstance(component, Encoder | SpikeCount))

    def forget(self) -> None:
        """Forgets all these."""
        if self.queue:
            self.queue.starved = self.queue.blocked = False
        for component in self.components:
            if isinstance(component, Encoder | SpikeCount):
                component.stalled = False

    def state(self, now: float) -> State:
        clocks = chain.from_iterable(component.state(now) for component in self.components)
        return self.queue.state(now) if self.queue else (), tuple(clocks)


class Pipeline:
    """Parts at work on frames of ``beats`` beats, each offered at least ``interval`` clocks after the last."""

    def __init__(self, beats: int, parts: Sequence[Part], depths: Depths, interval: int = 0) -> None:
        self._end = Sink()
        components: list[Component] = []
        push = self._end.push
        for part in reversed(parts):
            components.append(part.make(push, depths.get(part.queue, inf) if part.queue else inf))
            push = components[-1].push
        self._source = Source(push, beats, interval)
        self._sections = [_Section(components=[self._source])]
        self._queues: dict[Queue, CreditFifo] = {}
        for part, component in zip(parts, reversed(components), strict=True):
            if isinstance(component, CreditFifo):
                self._sections.append(_Section(component))
                if part.queue:
                    self._queues[part.queue] = component
            else:
                self._sections[-1].components.append(component)

    def result_clocks(self) -> Iterator[int]:
        """The clocks from the first pixel to each frame's result."""
        while True:
            self._source.frame()
            yield int(self._end.last - self._source.begun)

    def steady(self) -> Steady:
        """Runs until all that the components remember is as it was some frames ago: from then on everything repeats."""
        seen: dict[bytes, tuple[int, int]] = {}  # by digest: deep queues remember much
        latency = 0
        for frame, end in enumerate(self.result_clocks()):
            latency = latency or end
            before, then = seen.setdefault(_digest(self._state(end)), (frame, end))
            if before < frame:
                return Steady(Fraction(end - then, frame - before), latency, self._peaks())
        raise AssertionError("frames never end")

    def keeps(self, clocks: int, latency: int) -> Mapping[Queue, int] | None:
        """As ``Machine.keeps``, where ``interval`` is these clocks.

        Runs as ``steady`` does, but no further than to the proof that the frames fall behind: that comes long before
        all queues are full.
        """
        seen: dict[bytes, tuple[int, int]] = {}
        anchor: list[State] = []
        for frame, end in enumerate(self.result_clocks()):
            if frame == 0 and end != latency:
                return None
            before, then = seen.setdefault(_digest(self._state(end)), (frame, end))
            if before < frame:
                return self._peaks() if end - then == (frame - before) * clocks else None
            state = self._state(frame * clocks)
            if anchor and self._fell_behind(anchor, state):
                return None
            if frame & (frame - 1) == 0:  # ever longer spans, as not every frame need fall behind
                anchor = state
                for section in self._sections:
                    section.forget()
        raise AssertionError("frames never end")

    def _fell_behind(self, before: Sequence[State], after: Sequence[State]) -> bool:
        """Whether sections that worked by themselves between two states fell behind with all of their clocks.

        By themselves: no beat left the queue before them later because it came later, and none waited for a place in
        the queue behind them. Then each of their clocks was a maximum of their own earlier clocks plus constants, and
        as all have grown, all will grow by as much again and again: whatever the others do can only make them later.
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

    def _state(self, now: float) -> list[State]:
        """What each section remembers."""
        return [section.state(now) for section in self._sections]

    def _peaks(self) -> dict[Queue, int]:
        return {queue: component.peak for queue, component in self._queues.items()}


def _later(clocks: Clocks, then: Clocks) -> bool:
    """Whether every clock is later than it was then."""
    return len(clocks) == len(then) and all(map(gt, clocks, then))


def _digest(state: Sequence[State]) -> bytes:
    clocks = array("d")
    for section in chain.from_iterable(state):
        clocks.extend(section)
        clocks.append(inf)  # where they end
    return blake2b(clocks.tobytes(), digest_size=16).digest()
