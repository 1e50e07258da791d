"""When beats move at the ends of a pipeline: components as in ``components``, of which a network has one each."""

from __future__ import annotations

from itertools import cycle

from .components import NEVER, Push


class Source:
    """Frames of ``beats`` beats, one per clock; a frame's first at least ``interval`` clocks after the last frame's.

    ``begun``: the clock at which the very first beat moved.
    """

    __slots__ = ("_beats", "_interval", "_moved", "_push", "_valid", "begun")

    def __init__(self, push: Push, beats: int, interval: int) -> None:
        self._push, self._beats, self._interval = push, beats, interval
        self._valid = self._moved = self.begun = NEVER

    def frame(self) -> None:
        """Pushes a frame."""
        push = self._push
        self._valid = max(self._moved + 1.0, self._valid + self._interval, 0.0)
        moved = push(self._valid)
        if self.begun == NEVER:
            self.begun = moved
        for _ in range(self._beats - 1):
            moved = push(moved + 1.0)
        self._moved = moved

    def state(self, now: float) -> tuple[float, ...]:
        return self._valid - now, self._moved - now


class Encoder:
    """The two registers of an encoder, which advance together: ``steps`` beats per pixel, which moves with the last.

    ``stalled``: whether a pixel had to wait because the second register was full, although the first was empty.
    """

    __slots__ = ("_left", "_onwards", "_push", "_steps", "stalled")

    def __init__(self, push: Push, steps: int) -> None:
        self._push, self._steps = push, steps
        self._onwards = NEVER  # when the beat before went from the first register to the second
        self._left = NEVER  # when it left that
        self.stalled = False

    def push(self, valid: float) -> float:
        accept, left = self._onwards, self._left
        if valid > accept:
            accept = valid
            if left > valid:
                accept = left
                self.stalled = True
        onwards = max(accept + 1.0, left)
        left = self._push(onwards + 1.0)
        for _ in range(self._steps - 1):
            accept = onwards
            onwards = max(accept + 1.0, left)
            left = self._push(onwards + 1.0)
        self._onwards, self._left = onwards, left
        return accept

    def state(self, now: float) -> tuple[float, ...]:
        return self._onwards - now, self._left - now


class Scores:
    """``latency`` registers that advance together; the last is full only with a frame's scores, of ``beats`` beats.

    A beat comes at least ``interval`` advances after the one before. ``stalled``: whether scores have waited.
    """

    __slots__ = ("_advances", "_complete", "_interval", "_latency", "_push", "stalled")

    def __init__(self, push: Push, beats: int, latency: int, interval: int) -> None:
        self._push, self._latency, self._interval = push, latency, interval
        self._complete = cycle([False] * (beats - 1) + [True])
        # The clocks of the next advances, from the first that takes a beat; from the last clock on, all are advances.
        self._advances = (NEVER,) * (latency - interval + 1)
        self.stalled = False

    def push(self, valid: float) -> float:
        advances = [self._next(valid)]
        while len(advances) < self._latency:
            advances.append(self._next(advances[-1] + 1.0))
        full = left = advances[-1] + 1.0
        if next(self._complete):
            left = self._push(full)
        self._advances = (*advances[self._interval :], left)
        if left - advances[0] > self._latency:
            self.stalled = True
        return advances[0]

    def _next(self, clock: float) -> float:
        """The first advance from ``clock`` on."""
        return next((advance for advance in self._advances[:-1] if clock <= advance), max(clock, self._advances[-1]))

    def state(self, now: float) -> tuple[float, ...]:
        # No scores wait between the advances that are left out: scores are at least ``interval`` advances apart.
        kept = self._advances[: -self._interval] + self._advances[-1:]
        return tuple(advance - now for advance in kept)


class Sink:
    """Takes every beat immediately. ``last``: the clock of the last. ``beats``: their number."""

    __slots__ = ("beats", "last")

    def __init__(self) -> None:
        self.last = NEVER
        self.beats = 0

    def push(self, valid: float) -> float:
        self.last = valid
        self.beats += 1
        return valid
