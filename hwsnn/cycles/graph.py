"""When beats move between a fork and a join: components that take beats although earlier ones cannot leave yet.

As in ``components``, ``push`` offers a beat and returns the clock at which it moves. Here it may have to wait, by a
``Gate``, until others have come so far that this clock is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from .components import NEVER, BlockInterleaver, Holder, Push
from .hub import Gate, Hub


class Buffer:
    """A queue as ``CreditFifo``, or with ``delay`` 0 and two places as ``SkidBuffer``, whose beats leave by themselves.

    ``peak``: the smallest depth with which no beat of the frames so far would have waited for a place.
    """

    def __init__(self, hub: Hub, push: Push, depth: float, delay: int) -> None:
        self._hub, self._push, self._depth, self._delay = hub, push, depth, delay
        self._places, self._beats = Gate(hub), Gate(hub)
        # Of this frame's beats, and before them of those of earlier frames that may still have a place.
        self._entered, self._leaves = list[float](), list[float]()
        self.peak = 0
        hub.wake(hub.start(self._run))

    @property
    def full(self) -> bool:
        """Whether a beat waits for a place that no beat is known to leave."""
        return self._places.closed

    def free(self) -> float:
        """The clock from which there is a place for the next beat."""
        before = len(self._entered) - self._depth  # the beat whose place it is
        if before < 0:
            return NEVER
        leaves = self._leaves
        while len(leaves) <= before:
            self._places.wait()
        return leaves[int(before)] + 1.0

    def enter(self, clock: float) -> None:
        """The next beat enters, not before ``free``."""
        self._entered.append(clock)
        self._beats.open()

    def push(self, valid: float) -> float:
        """Takes the next beat as soon as there is a place."""
        free = self.free()
        if free > valid:
            valid = free
        self._entered.append(valid)
        self._beats.open()
        return valid

    def _run(self) -> None:
        entered, leaves, push, delay = self._entered, self._leaves, self._push, self._delay
        leave = NEVER
        while True:
            while len(leaves) == len(entered):
                self._beats.wait()
            fetch = entered[len(leaves)] + delay
            leave = push((fetch if fetch > leave else leave) + 1.0)
            leaves.append(leave)
            self._places.open()

    def settle(self) -> None:
        """Ends a frame, all of whose beats have left: counts the places that they took."""
        entered, leaves = self._entered, self._leaves
        free = np.searchsorted(leaves, entered)  # beats that left before each entered
        self.peak = max(self.peak, int((np.arange(1, len(entered) + 1) - free).max()))
        del entered[: free[-1]], leaves[: free[-1]]

    def state(self, now: float) -> tuple[float, ...]:
        """The clocks that are kept between frames."""
        return tuple(leave - now for leave in self._leaves)


class Ahead:
    """A component whose producer goes on while the component holds a beat that cannot leave yet."""

    def __init__(self, hub: Hub, component: Holder) -> None:
        self._component = component
        self._holds = False
        self._empty, self._held = Gate(hub), Gate(hub)
        hub.wake(hub.start(self._run))

    def push(self, valid: float) -> float:
        """Takes the next beat when the one before has left."""
        while self._holds:
            self._empty.wait()
        accept = self._component.accept(valid)
        if self._component.holds:
            self._holds = True
            self._held.open()
        return accept

    def _run(self) -> None:
        while True:
            while not self._holds:
                self._held.wait()
            self._component.forward()
            self._holds = False
            self._empty.open()

    def state(self, now: float) -> tuple[float, ...]:
        """The clocks that are kept between frames."""
        return self._component.state(now)


class Blocks:
    """An interleaver whose blocks leave by themselves, while it takes the next one."""

    def __init__(self, hub: Hub, interleaver: BlockInterleaver) -> None:
        self._interleaver = interleaver
        self._halves, self._blocks = Gate(hub), Gate(hub)
        hub.wake(hub.start(self._run))

    def push(self, valid: float) -> float:
        """Takes the next beat as soon as there is a place."""
        while not self._interleaver.free:
            self._halves.wait()
        accept = self._interleaver.accept(valid)
        if self._interleaver.holds:
            self._blocks.open()
        return accept

    def _run(self) -> None:
        while True:
            while not self._interleaver.holds:
                self._blocks.wait()
            self._interleaver.forward()
            self._halves.open()

    def state(self, now: float) -> tuple[float, ...]:
        """The clocks that are kept between frames."""
        return self._interleaver.state(now)


class Fork:
    """Puts each beat into several queues at the first clock at which all have a place."""

    def __init__(self, queues: Sequence[Buffer]) -> None:
        self._queues = queues

    @property
    def full(self) -> int | None:
        """The number of the queue whose place a beat waits for, if one does."""
        return next((number for number, queue in enumerate(self._queues) if queue.full), None)

    def push(self, valid: float) -> float:
        """Takes the next beat."""
        for queue in self._queues:
            free = queue.free()
            if free > valid:
                valid = free
        for queue in self._queues:
            queue.enter(valid)
        return valid


@dataclass(frozen=True)
class Passes:
    """A frame of a join.

    ``joint``: the passes that begin together: which ports take a window, whether it makes a beat, and the minimum of
    clocks to the next. ``alone``: of each port, in its order, the windows: None for one of a joint pass, else the
    clocks of its passes, which begin without the other ports. ``names``: of the ports.
    """

    joint: Sequence[tuple[Sequence[int], bool, int]]
    alone: Sequence[Sequence[int | None]]
    names: Sequence[str]


class Port:
    """A port of a join. ``free``: from when its next pass may begin, None while joint passes have not all begun."""

    def __init__(self, hub: Hub, windows: Iterable[int | None]) -> None:
        self._windows = cycle(windows)
        self._taken = Gate(hub)
        self._accept: float | None = None
        self.offers = Gate(hub)
        self.offered: float | None = None
        self.free: float | None = NEVER

    def push(self, valid: float) -> float:
        """Takes the next window when its first pass begins."""
        clocks = next(self._windows)
        if clocks is not None:
            while self.free is None:
                self._taken.wait()
            accept = max(valid, self.free)
            self.free = accept + clocks
            return accept
        self.offered = valid
        self.offers.open()
        while self._accept is None:
            self._taken.wait()
        accept, self._accept = self._accept, None
        return accept

    def take(self, clock: float) -> None:
        """The window that is offered moves at ``clock``."""
        self.offered, self._accept = None, clock
        self._taken.open()

    def release(self, clock: float) -> None:
        """All joint passes have begun: the next may begin from ``clock`` on."""
        self.free = clock
        self._taken.open()


class Join:
    """Passes that begin when all ports have their windows and the queue behind has a place for the beat."""

    def __init__(self, hub: Hub, push: Push, passes: Passes) -> None:
        self._push, self._passes = push, passes
        self.ports = [Port(hub, windows) for windows in passes.alone]
        hub.wake(hub.start(self._run))

    @property
    def missing(self) -> int | None:
        """The number of a port whose window does not come although another port's is there; None if there is none."""
        offers = [port.offered is not None for port in self.ports]
        return next((number for number, port in enumerate(self.ports) if port.offers.closed and any(offers)), None)

    def _run(self) -> None:
        ports, push = self.ports, self._push
        joint = [([ports[number] for number in takes], makes, clocks) for takes, makes, clocks in self._passes.joint]
        free = NEVER
        while True:
            for number, (takes, makes, clocks) in enumerate(joint):
                begin = free
                for port in takes:
                    while port.offered is None:
                        port.offers.wait()
                    if port.offered > begin:
                        begin = port.offered
                if not number:
                    for port in ports:
                        assert port.free is not None  # the port's passes before these have begun
                        begin, port.free = max(begin, port.free), None
                if makes:
                    begin = push(begin)
                for port in takes:
                    port.take(begin)
                free = begin + clocks
            for port in ports:
                port.release(free)

    def state(self, now: float) -> tuple[float, ...]:
        """The clocks that are kept between frames."""
        return tuple(NEVER if port.free is None else port.free - now for port in self.ports)
