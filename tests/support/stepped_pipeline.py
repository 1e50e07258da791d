"""Pipelines of forks, queues and joins, simulated clock by clock: what the cycle model computes, read another way.

Every part has registers, and wires to its neighbours: whether a beat is valid, and whether it is taken. There are no
clock numbers here, and nothing waits for what is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle


class Part:
    """``valid`` and ``ready`` are wires, the state changes in ``clock``. ``to``: the part that takes the output."""

    to: Part
    come: Callable[[], bool]
    """Whether the part before offers a beat."""

    def valid(self) -> bool:
        """Whether a beat is offered."""
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether a beat that is offered to it moves."""
        raise NotImplementedError

    def clock(self) -> None:
        """A clock edge: compute the next state."""

    def settle(self) -> None:
        """After the edge: take it over."""


class Source(Part):
    """Always has a beat. ``waited``: clocks before the very first moved."""

    def __init__(self) -> None:
        self.waited = 0
        self._begun = False

    def valid(self) -> bool:
        return True

    def clock(self) -> None:
        self._begun = self._begun or self.to.ready()
        self.waited += not self._begun


class Sink(Part):
    """Takes every beat. ``clocks``: when."""

    def __init__(self) -> None:
        self.clocks = list[int]()
        self.now = 0

    def ready(self) -> bool:
        return True

    def clock(self) -> None:
        if self.come():
            self.clocks.append(self.now)
        self.now += 1


class Queue(Part):
    """A pipeline of ``delay`` clocks, a memory and an output register, with places for ``depth`` beats in all."""

    def __init__(self, depth: int, delay: int) -> None:
        self._delay, self._credit, self._depth = delay, depth, depth
        self._ages = list[int]()
        self._full = False
        self.peak = 0

    def valid(self) -> bool:
        return self._full

    def ready(self) -> bool:
        return self._credit > 0

    def clock(self) -> None:
        leaves = self._full and self.to.ready()
        enters = self.come() and self.ready()
        fetches = bool(self._ages) and self._ages[0] >= self._delay and (leaves or not self._full)
        self._next = leaves, enters, fetches

    def settle(self) -> None:
        leaves, enters, fetches = self._next
        if fetches:
            self._ages.pop(0)
        self._full = fetches or (self._full and not leaves)
        self._ages = [age + 1 for age in self._ages] + [1] * enters
        if enters:
            self.peak = max(self.peak, self._depth - self._credit + 1)
        self._credit += leaves - enters


class Skid(Part):
    """Two registers."""

    def __init__(self) -> None:
        self._beats = 0

    def valid(self) -> bool:
        return self._beats > 0

    def ready(self) -> bool:
        return self._beats < 2

    def clock(self) -> None:
        self._change = (self.come() and self.ready()) - (self.valid() and self.to.ready())

    def settle(self) -> None:
        self._beats += self._change


class Register(Part):
    """A register that keeps some beats of a frame, and drops the others."""

    def __init__(self, wanted: Sequence[bool]) -> None:
        self._wanted = cycle(wanted)
        self._keeps = next(self._wanted)
        self._full = False

    def valid(self) -> bool:
        return self._full

    def ready(self) -> bool:
        return not self._full or self.to.ready()

    def clock(self) -> None:
        self._moves = self.come() and self.ready()
        self._leaves = self.ready()

    def settle(self) -> None:
        if self._leaves:
            self._full = self._moves and self._keeps
        if self._moves:
            self._keeps = next(self._wanted)


class Padding(Part):
    """A register for a frame's beats (true) and zeros (false); a zero that is the first waits for a beat."""

    def __init__(self, inside: Sequence[bool]) -> None:
        self._frame = [(there, at == 0) for at, there in enumerate(inside)]
        self._at = 0
        self._full = False

    def valid(self) -> bool:
        return self._full

    def ready(self) -> bool:
        return self._frame[self._at][0] and (not self._full or self.to.ready())

    def clock(self) -> None:
        inside, waits = self._frame[self._at]
        self._open = not self._full or self.to.ready()
        self._fills = self._open and (self.come() or not (inside or waits))

    def settle(self) -> None:
        if self._open:
            self._full = self._fills
        if self._fills:
            self._at = (self._at + 1) % len(self._frame)


class Engine(Part):
    """Passes (takes a window, makes a beat, clocks) over and over."""

    def __init__(self, passes: Sequence[tuple[bool, bool, int]]) -> None:
        self._passes = cycle(passes)
        self._pass = next(self._passes)
        self._left = 0

    def _begins(self) -> bool:
        takes, makes, _ = self._pass
        return self._left == 0 and (self.come() or not takes) and (self.to.ready() or not makes)

    def valid(self) -> bool:
        return self._begins() and self._pass[1]

    def ready(self) -> bool:
        return self._pass[0] and self._begins()

    def clock(self) -> None:
        self._begun = self._begins()

    def settle(self) -> None:
        self._left = max(self._left - 1, 0)
        if self._begun:
            self._left = self._pass[2] - 1
            self._pass = next(self._passes)


class Port(Part):
    """A port of a join."""

    def __init__(self, join: Join, number: int, windows: Sequence[int | None]) -> None:
        self._join, self._number = join, number
        self._windows = cycle(windows)
        self.alone = next(self._windows)
        self.left = 0
        self.joint = 0
        """Joint passes that must begin before the port's own may."""

    def _begins(self) -> bool:
        return self.alone is not None and self.left == 0 and self.joint == 0 and self.come()

    def ready(self) -> bool:
        if self.alone is not None:
            return self._begins()
        return self._number in self._join.takes and self._join.begins()

    def clock(self) -> None:
        self._moves = self.come() and self.ready()

    def settle(self) -> None:
        self.left = max(self.left - 1, 0)
        if self._moves:
            if self.alone is not None:
                self.left = self.alone - 1
            self.alone = next(self._windows)


class Join(Part):
    """Passes that begin when all ports have what they take; ``settle`` after the ports."""

    def __init__(
        self, passes: Sequence[tuple[Sequence[int], bool, int]], windows: Sequence[Sequence[int | None]]
    ) -> None:
        self._passes, self._at = passes, 0
        self.ports = [Port(self, number, each) for number, each in enumerate(windows)]

    @property
    def takes(self) -> Sequence[int]:
        """The ports that take a window with the next pass."""
        return self._passes[self._at][0]

    def begins(self) -> bool:
        """Whether the next pass begins."""
        takes, makes, _ = self._passes[self._at]
        there = all(self.ports[port].come() and self.ports[port].alone is None for port in takes)
        return there and all(port.left == 0 for port in self.ports) and (self.to.ready() or not makes)

    def valid(self) -> bool:
        return self.begins() and self._passes[self._at][1]

    def clock(self) -> None:
        self._begun = self.begins()

    def settle(self) -> None:
        if self._begun:
            clocks = self._passes[self._at][2]
            self._at = (self._at + 1) % len(self._passes)
            for port in self.ports:
                port.left = clocks - 1
                port.joint = self._at and len(self._passes) - self._at


class Fork(Part):
    """A beat moves when all queues take it; each sees it only then."""

    def __init__(self, queues: Sequence[Part]) -> None:
        self._queues = queues
        for queue in queues:
            queue.come = lambda: self.come() and self.ready()

    def ready(self) -> bool:
        return all(queue.ready() for queue in self._queues)


def connect(before: Part, after: Part) -> Part:
    """Let ``after`` take what ``before`` offers."""
    before.to, after.come = after, before.valid
    return after


def run(parts: Sequence[Part], sink: Sink, beats: int, frames: int, patience: int = 400) -> Iterator[int]:
    """The clock of the last beat of each frame of ``beats`` beats at the sink, until nothing comes any more."""
    quiet, done = 0, 0
    while done < frames and quiet < patience:
        for part in parts:
            part.clock()
        for part in parts:
            part.settle()
        quiet += 1
        while done < frames and len(sink.clocks) >= (done + 1) * beats:
            yield sink.clocks[(done + 1) * beats - 1]
            done, quiet = done + 1, 0
