"""Components that go on at different times: each in a greenlet of its own, which waits until others have come as far.

In a chain, each beat can be pushed to its end at once. Between a fork and a join it cannot: a join needs beats that are
pushed later. The order in which greenlets go on changes nothing: each waits for a certain beat or a certain place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from greenlet import getcurrent, greenlet


class Hub:
    """Runs greenlets until all wait. The first time, each runs when it is woken."""

    def __init__(self) -> None:
        self._main = getcurrent()
        self._ready = deque[greenlet]()
        self._all = list[greenlet]()

    def start(self, run: Callable[[], None]) -> greenlet:
        """A greenlet, which waits."""
        self._all.append(greenlet(run, self._main))
        return self._all[-1]

    def wait(self) -> None:
        """Let others go on, until this greenlet is woken; who wakes it may have done something else."""
        (self._ready.popleft() if self._ready else self._main).switch()

    def wake(self, other: greenlet) -> None:
        """Let a greenlet that waits go on, when others wait."""
        self._ready.append(other)

    def run(self) -> None:
        """Returns when all wait."""
        while self._ready:
            self._ready.popleft().switch()

    def close(self) -> None:
        """End all greenlets: they refer to each other, and the memory of those that wait would never be freed."""
        for each in self._all:
            each.throw()
        self._all.clear()
        self._ready.clear()


class Gate:
    """Where one greenlet waits for others."""

    __slots__ = ("_hub", "_waits")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._waits: greenlet | None = None

    @property
    def closed(self) -> bool:
        """Whether a greenlet waits here."""
        return self._waits is not None

    def wait(self) -> None:
        """Wait here until it is opened."""
        self._waits = getcurrent()
        self._hub.wait()

    def open(self) -> None:
        """Let the greenlet that waits here go on, if there is one."""
        if self._waits is not None:
            self._hub.wake(self._waits)
            self._waits = None
