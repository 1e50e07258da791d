"""When beats move: each component of the pipeline as the recurrence of its clocks.

Data never changes timing, so a component is what it makes of the clocks at which its beats come and go. Here it is a
generator: it yields the clock from which its next beat is valid, and is sent the clock at which that beat moves on; the
same way it asks the component before it. What a component does with beat n depends on no later beat, so asking from the
end of the chain decides every clock, one beat after the other, without ever stepping through clocks.

A clock is a float, and no other local variable is one, so that ``state`` can tell them: whole and far below 2^53, hence
exact. A clock that never was is minus infinity.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from math import inf
from typing import TypeAlias

Stream: TypeAlias = Generator[float, float, None]
"""Yields the clock from which a beat is valid, is sent the clock at which it moves."""
Runs: TypeAlias = Sequence[tuple[bool, int]]
"""A frame's beats as runs of alike ones: whether they are of one kind, and how many."""
Pass: TypeAlias = tuple[bool, bool, int]
"""A pass: whether it takes a window, whether it makes a beat, and clocks, at least, to the next pass."""

NEVER = -inf


def offered(beats: int, interval: int, begun: list[float]) -> Stream:
    """Beats that are always there, but a frame's first one only ``interval`` clocks after the last frame's was.

    The clocks at which frames' first beats move are added to ``begun``.
    """
    valid = moved = NEVER
    while True:
        valid = max(moved + 1.0, valid + interval, 0.0)
        moved = yield valid
        begun.append(moved)
        for _ in range(beats - 1):
            moved = yield moved + 1.0


def encoder(i: Stream, steps: int) -> Stream:
    """The two registers of an encoder, which move on together: ``steps`` beats a pixel, which moves with the last."""
    onwards = left = NEVER  # when the beat before went from the first register to the second, and when it left that
    valid = next(i)
    while True:
        for step in range(steps):
            accept = onwards if valid <= onwards else max(valid, left)
            if step == steps - 1:
                valid = i.send(accept)
            onwards = max(accept + 1.0, left)
            left = yield onwards + 1.0


def collect(i: Stream, parts: int) -> Stream:
    """A register that joins ``parts`` beats; while the whole waits, no part is taken."""
    left = NEVER
    valid = next(i)
    while True:
        accept = valid
        for _ in range(parts):
            accept = valid if valid > left else left
            valid = i.send(accept)
        left = yield accept + 1.0


def padding(i: Stream, frame: Runs) -> Stream:
    """A register for a frame's beats (true) and the zeros around them (false), once the first beat is offered."""
    left = NEVER
    valid = next(i)
    while True:
        left = max(valid, left)
        for inside, count in frame:
            for _ in range(count):
                if inside:
                    accept = valid if valid > left else left
                    valid = i.send(accept)
                    left = yield accept + 1.0
                else:
                    left = yield left + 1.0


def skid(i: Stream) -> Stream:
    """A queue of two registers, whose places are free a clock after they were left."""
    older = newer = NEVER
    valid = next(i)
    while True:
        accept = older + 1.0 if older + 1.0 > valid else valid
        valid = i.send(accept)
        older, newer = newer, (yield (accept if accept > newer else newer) + 1.0)


def history(i: Stream, frame: Runs) -> Stream:
    """A register that beats enter (true) or not (false): those are only remembered."""
    left = NEVER
    valid = next(i)
    while True:
        for wanted, count in frame:
            for _ in range(count):
                accept = valid if valid > left else left
                valid = i.send(accept)
                if wanted:
                    left = yield accept + 1.0


def select(i: Stream, frame: Runs) -> Stream:
    """Wires along which beats pass (true) or are dropped (false)."""
    valid = next(i)
    while True:
        for wanted, count in frame:
            for _ in range(count):
                if wanted:
                    moved = yield valid
                    valid = i.send(moved)
                else:
                    valid = i.send(valid)


def passes(i: Stream, depth: float, *, schedule: Sequence[Pass], delay: int) -> Stream:
    """A pipeline that nothing stops, from windows to the queue of ``depth`` places behind it.

    A pass begins with its window once the one before is through. If it makes a beat, a place must be free for it, which
    it is a clock after it was left; the beat can be fetched from the queue ``delay`` clocks later.

    ``peak`` becomes the depth from which on no pass would have waited for a place.
    """
    leaves = deque[float]()
    peak = 0
    free = left = NEVER
    valid = next(i)
    while True:
        for takes, makes, clocks in schedule:
            begin = valid if takes and valid > free else free
            if makes:
                while len(leaves) >= depth:
                    begin = max(begin, leaves.popleft() + 1.0)
                while leaves and leaves[0] < begin:
                    leaves.popleft()
                if len(leaves) >= peak:
                    peak = len(leaves) + 1
            if takes:
                valid = i.send(begin)
            free = begin + clocks
            if makes:
                fetch = begin + delay
                left = yield (fetch if fetch > left else left) + 1.0
                leaves.append(left)


def count(i: Stream, beats: int) -> Stream:
    """Two registers that move on together; the second is full with a frame's sum, of ``beats`` beats, alone."""
    onwards = NEVER  # when the beat before went from the first register to the second
    full = left = NEVER  # since when the second has been full, and when it was left
    valid = next(i)
    while True:
        for _ in range(beats):
            accept = max(valid, onwards)
            accept = left if full <= accept < left else accept
            valid = i.send(accept)
            onwards = left if full <= accept + 1.0 < left else accept + 1.0
        full = onwards + 1.0
        left = yield full


def frames(last: Stream, beats: int) -> Iterator[float]:
    """The clocks at which the frames' last beats move, where they are taken at once; ``beats`` a frame."""
    valid = next(last)
    while True:
        for _ in range(beats - 1):
            valid = last.send(valid)
        yield valid
        valid = last.send(valid)


def state(streams: Iterable[Stream], now: float) -> tuple[float, ...]:
    """Every clock that the components remember, from ``now``: all that their future depends on, at a frame's end."""
    clocks = list[float]()
    for stream in streams:
        for value in inspect.getgeneratorlocals(stream).values():
            if isinstance(value, float):
                clocks.append(value - now)
            elif isinstance(value, deque):
                clocks.extend(clock - now for clock in value)
                clocks.append(inf)  # where one queue ends
    return tuple(clocks)
