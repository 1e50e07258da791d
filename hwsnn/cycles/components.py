"""When beats move: each component of the pipeline as a recurrence of clock numbers.

Timing does not depend on data, so a component is described by the clocks at which its beats enter and leave.
``push(valid)`` offers the next beat, valid from that clock on, and returns the clock at which the component takes it.
Before it returns, it pushes all beats that result. No beat depends on a later one, so the beats are computed one after
the other, without stepping through clocks. A beat is offered at least one clock after the one before moved.

``state(now)`` is all clocks, relative to ``now``, on which a component's future depends between two frames. The place
within a frame is not part of it: between frames it is always the beginning.

A clock is a float, whole and far below 2^53, hence exact. Minus infinity stands for never.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from math import inf
from typing import Protocol, TypeAlias

Push: TypeAlias = Callable[[float], float]
"""Offers a beat from a clock on, and returns the clock at which it moves."""
Pass: TypeAlias = tuple[bool, bool, int]
"""A pass: whether it takes a window, whether it makes a beat, and the minimum of clocks to the next pass."""

NEVER = -inf


class Remembers(Protocol):
    """Whatever keeps clocks between frames."""

    def state(self, now: float) -> tuple[float, ...]:
        """The clocks that are kept between frames."""


class Component(Remembers, Protocol):
    """A component into which beats can be pushed."""

    def push(self, valid: float) -> float:
        """Takes the next beat, which is valid from ``valid`` on; returns the clock at which it moves."""


class Holder(ABC):
    """A component that takes a beat before it has pushed what results from it.

    ``holds``: whether there is something to push, after a beat was taken.
    """

    __slots__ = ("holds",)

    def __init__(self) -> None:
        self.holds = False

    @abstractmethod
    def accept(self, valid: float) -> float:
        """Takes the next beat, once nothing is held, and returns the clock at which it moves."""

    @abstractmethod
    def forward(self) -> None:
        """Pushes what is held."""

    @abstractmethod
    def state(self, now: float) -> tuple[float, ...]:
        """The clocks that are kept between frames."""

    def push(self, valid: float) -> float:
        """Takes the next beat, and pushes what results from it."""
        accept = self.accept(valid)
        if self.holds:
            self.forward()
        return accept


class Packer(Holder):
    """A register that joins ``parts`` beats; while the whole waits, no part is taken."""

    __slots__ = ("_accepted", "_complete", "_left", "_push")

    def __init__(self, push: Push, parts: int) -> None:
        super().__init__()
        self._push = push
        self._complete = cycle([False] * (parts - 1) + [True])
        self._accepted = self._left = NEVER

    def accept(self, valid: float) -> float:
        left = self._left
        self._accepted = accept = valid if valid > left else left
        self.holds = next(self._complete)
        return accept

    def forward(self) -> None:
        self._left = self._push(self._accepted + 1.0)

    def state(self, now: float) -> tuple[float, ...]:
        return (self._left - now,)


class Padding(Holder):
    """A register for a frame's beats (true) and the zeros around them (false), once the first beat is offered."""

    __slots__ = ("_accepted", "_after", "_left", "_push", "_zeros")

    def __init__(self, push: Push, frame: Sequence[bool]) -> None:
        super().__init__()
        self._push = push
        self._zeros = cycle(_around(frame))
        self._after = 0
        self._accepted = self._left = NEVER
        self.holds = True

    def accept(self, valid: float) -> float:
        left = self._left
        before, self._after = next(self._zeros)
        accept = valid if valid > left else left
        for _ in range(before):
            accept = self._push(accept + 1.0)
        self._accepted = accept
        return accept

    def forward(self) -> None:
        push = self._push
        left = push(self._accepted + 1.0)
        for _ in range(self._after):
            left = push(left + 1.0)
        self._left = left

    def state(self, now: float) -> tuple[float, ...]:
        return (self._left - now,)


class SkidBuffer:
    """A queue of two registers, whose places are free one clock after they were left."""

    __slots__ = ("_newer", "_older", "_push")

    def __init__(self, push: Push) -> None:
        self._push = push
        self._older = self._newer = NEVER  # when the last two beats left

    def push(self, valid: float) -> float:
        accept, newer = self._older + 1.0, self._newer
        if valid > accept:
            accept = valid
        self._older = newer
        self._newer = self._push((accept if accept > newer else newer) + 1.0)
        return accept

    def state(self, now: float) -> tuple[float, ...]:
        return self._older - now, self._newer - now


class LineBuffer(Holder):
    """A register that a frame's beats enter (true) or not (false): those are only stored."""

    __slots__ = ("_accepted", "_left", "_push", "_wanted")

    def __init__(self, push: Push, frame: Sequence[bool]) -> None:
        super().__init__()
        self._push = push
        self._wanted = cycle(frame)
        self._accepted = self._left = NEVER

    def accept(self, valid: float) -> float:
        left = self._left
        self._accepted = accept = valid if valid > left else left
        self.holds = next(self._wanted)
        return accept

    def forward(self) -> None:
        self._left = self._push(self._accepted + 1.0)

    def push(self, valid: float) -> float:  # in one, as it is called most
        left = self._left
        accept = valid if valid > left else left
        if next(self._wanted):
            self._left = self._push(accept + 1.0)
        return accept

    def state(self, now: float) -> tuple[float, ...]:
        return (self._left - now,)


class Wires:
    """A line buffer of length one: wires on which a frame's beats pass (true) or are dropped (false)."""

    __slots__ = ("_push", "_wanted")

    def __init__(self, push: Push, frame: Sequence[bool]) -> None:
        self._push = push
        self._wanted = cycle(frame)

    def push(self, valid: float) -> float:
        return self._push(valid) if next(self._wanted) else valid

    def state(self, now: float) -> tuple[float, ...]:
        return ()


class PassSplitter:
    """Wires on which a beat moves ``passes`` times; it is taken with the last."""

    __slots__ = ("_passes", "_push")

    def __init__(self, push: Push, passes: int) -> None:
        self._push, self._passes = push, passes

    def push(self, valid: float) -> float:
        for _ in range(self._passes - 1):
            valid = self._push(valid) + 1.0
        return self._push(valid)

    def state(self, now: float) -> tuple[float, ...]:
        return ()


class BlockInterleaver(Holder):
    """Two halves of a memory: one takes a block of ``words`` beats, while that before leaves the other."""

    __slots__ = ("_left", "_push", "_taken", "_words", "_written", "free")

    def __init__(self, push: Push, words: int) -> None:
        super().__init__()
        self._push, self._words, self._written = push, words, 0
        self.free = deque([NEVER, NEVER])  # from when the half that is written, and the other, can be written to
        self._taken = deque[float]()  # the last beats of blocks that have not left
        self._left = NEVER

    def accept(self, valid: float) -> float:
        free = self.free[0]
        accept = valid if valid > free else free
        self._written = (self._written + 1) % self._words
        if not self._written:
            self.free.popleft()
            self._taken.append(accept)
        self.holds = bool(self._taken)
        return accept

    def forward(self) -> None:
        loaded = self._taken.popleft()
        for _ in range(self._words):
            loaded = max(loaded + 1.0, self._left)  # into the register behind the memory
            self._left = self._push(loaded + 1.0)
        self.free.append(loaded + 1.0)
        self.holds = bool(self._taken)

    def state(self, now: float) -> tuple[float, ...]:
        return tuple(clock - now for clock in (*self.free, self._left))


class CreditFifo:
    """A pipeline of ``delay`` clocks that never stops, and the queue of ``depth`` places behind it.

    A beat enters the pipeline when there is a place for it; a place is free one clock after it was left.

    ``peak``: the smallest depth with which no beat would have waited for a place. ``blocked``: whether one has waited.
    ``starved``: whether a beat left later because it came later.
    """

    __slots__ = ("_depth", "_leaves", "_push", "blocked", "delay", "peak", "starved")

    def __init__(self, push: Push, depth: float, delay: int) -> None:
        self._push, self._depth, self.delay = push, depth, delay
        self._leaves = deque[float]()  # of the last beat, and of those whose places were not yet free when it came
        self.peak = 0
        self.blocked = self.starved = False

    def push(self, valid: float) -> float:
        leaves = self._leaves
        if len(leaves) >= self._depth:
            free = leaves.popleft() + 1.0
            if free > valid:
                valid = free
                self.blocked = True
        while leaves and leaves[0] < valid:
            leaves.popleft()
        if len(leaves) >= self.peak:
            self.peak = len(leaves) + 1
        fetch = valid + self.delay
        if leaves and leaves[-1] >= fetch:
            fetch = leaves[-1]
        else:
            self.starved = True
        leaves.append(self._push(fetch + 1.0))
        return valid

    def state(self, now: float) -> tuple[float, ...]:
        return tuple(leave - now for leave in self._leaves)


class Engine(Holder):
    """Slices of windows: a pass begins with its window, or, with the same window, when the pass before is done.

    If it makes a beat, it begins only when the queue behind the engine takes that.
    """

    __slots__ = ("_free", "_further", "_push", "_windows")

    def __init__(self, push: Push, schedule: Iterable[Pass]) -> None:
        super().__init__()
        self._push = push
        self._windows = cycle(list(_by_window(schedule)))
        self._further: Sequence[tuple[bool, int]] = ()
        self._free = NEVER

    def accept(self, valid: float) -> float:
        free = self._free
        makes, clocks, self._further = next(self._windows)
        accept = valid if valid > free else free
        if makes:
            accept = self._push(accept)
        self._free = accept + clocks
        self.holds = bool(self._further)
        return accept

    def forward(self) -> None:
        push, free = self._push, self._free
        for makes, clocks in self._further:
            free = (push(free) if makes else free) + clocks
        self._free = free

    def push(self, valid: float) -> float:  # in one, as it is called most
        push, free = self._push, self._free
        makes, clocks, further = next(self._windows)
        accept = valid if valid > free else free
        if makes:
            accept = push(accept)
        free = accept + clocks
        for makes, clocks in further:
            free = (push(free) if makes else free) + clocks
        self._free = free
        return accept

    def state(self, now: float) -> tuple[float, ...]:
        return (self._free - now,)


def _around(frame: Sequence[bool]) -> list[tuple[int, int]]:
    """For each true one, the false ones before it, where it is the first, and after it."""
    places = [place for place, inside in enumerate(frame) if inside]
    ends = [*places[1:], len(frame)]
    after = [end - place - 1 for place, end in zip(places, ends, strict=True)]
    return [(places[0] if not number else 0, zeros) for number, zeros in enumerate(after)]


def _by_window(schedule: Iterable[Pass]) -> Iterator[tuple[bool, int, list[tuple[bool, int]]]]:
    """The passes of each window: the first, and those that follow."""
    further = list[tuple[bool, int]]()
    first: tuple[bool, int] | None = None
    for takes, makes, clocks in schedule:
        if not takes:
            further.append((makes, clocks))
            continue
        if first:
            yield *first, further
        first, further = (makes, clocks), []
    if first:
        yield *first, further
