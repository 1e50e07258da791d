"""Who works when: the clocks of frames in a pipeline, part by part, and the levels of its queues.

These are the clocks of the exact cycle model: of every pass and every beat, not of a sample. A part that neither works
nor waits for room waits for its input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from math import floor

import numpy as np
import numpy.typing as npt

from hwsnn.folding.column_pairs import as_built
from hwsnn.folding.folding import Folding
from hwsnn.spec import Network

from .components import NEVER, Pass
from .connected import Depths
from .graph import Passes
from .machine import Machine, depths_of
from .sections import Queue, Section
from .watched import Moves, Watched

Clocks = npt.NDArray[np.int64]
Spans = npt.NDArray[np.int64]
"""(n, 2): begins, and the clocks after their ends, in order and apart from each other."""
PIXELS = "pixels"


@dataclass(frozen=True, eq=False)
class Work:
    """A part, one frame after the other: ``pixels``, ``encoder``, a layer or ``readout``.

    ``working``, ``blocked``: of each frame, when the part works, and when it could but waits for room behind it. Layers
    with weights work during their passes; all else for each beat, a clock.
    """

    owner: str
    working: tuple[Spans, ...]
    blocked: tuple[Spans, ...]


@dataclass(frozen=True, eq=False)
class Level:
    """A queue. ``entered``, ``left``: of each of its beats, in order; a place is free the clock after it was left."""

    queue: Queue
    depth: int
    entered: Clocks
    left: Clocks

    def most(self, edges: Clocks) -> Clocks:
        """The highest level from each of ``edges`` up to, without, the next: (len(edges) - 1,)."""
        clocks, levels = self.steps()
        at = np.searchsorted(clocks, edges, side="right") - 1
        begin = np.where(at < 0, 0, levels[np.maximum(at, 0)])
        ends = np.searchsorted(clocks, edges[1:], side="left")
        inside = [levels[low + 1 : high].max(initial=0) for low, high in zip(at, ends, strict=False)]
        return np.maximum(begin[:-1], np.array(inside, np.int64))

    def steps(self) -> tuple[Clocks, Clocks]:
        """The clocks at which the level changes, and the level from each of them on."""
        clocks = np.concatenate([self.entered, self.left + 1])
        changes = np.concatenate([np.ones_like(self.entered), -np.ones_like(self.left)])
        found, places = np.unique(clocks, return_inverse=True)
        return found, np.cumsum(np.bincount(places, changes).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Timeline:
    """Frames that follow each other from an empty pipeline on, each offered ``interval`` clocks after the one before.

    Clock 0 is that of the very first pixel. ``begins``: of each frame, the clock of its first pixel; ``results``: that
    of its result. ``parts``: in the order of the data. ``levels``: of the queues, likewise.
    """

    interval: int
    begins: tuple[int, ...]
    results: tuple[int, ...]
    parts: tuple[Work, ...]
    levels: tuple[Level, ...]


def timeline(network: Network, folding: Folding, frames: int) -> Timeline:
    """The time line of ``frames`` frames, offered at the interval of the slowest part of ``simulate``.

    Raises ``DeadlockError`` if a queue is too short for any.
    """
    machine = Machine(as_built(network, folding), folding.layers)
    interval = max(1, floor(max(machine.busy().values())))
    return Recorder(machine.sections, depths_of(folding), interval).run(frames)


class Recorder:
    """Runs sections, and sorts what moved by part and frame."""

    def __init__(self, sections: Sequence[Section], depths: Depths, interval: int) -> None:
        self._sections, self._depths, self._interval = sections, depths, interval
        self._watched = Watched(sections, depths, interval)

    def run(self, frames: int) -> Timeline:
        """The time line of the first ``frames`` frames."""
        watched, results = self._watched, list[int]()
        try:
            for _ in range(frames):
                watched.frame()
                results.append(int(watched.end.last))
        finally:
            watched.close()
        pixels = watched.pixels
        start = int(pixels.moved[0])
        per_frame = len(pixels.moved) // frames
        parts = [Work(PIXELS, *_of_beats(pixels, frames, start))]
        parts += [
            Work(owner, *(tuple(spans) for spans in zip(*found, strict=True)))
            for owner, found in self._parts(frames, start)
        ]
        levels = [
            Level(
                queue,
                int(self._depths[queue]),
                _clocks(moves.entering.moved, start),
                _clocks(moves.leaving.moved, start),
            )
            for queue, moves in watched.queue_moves().items()
        ]
        return Timeline(
            self._interval,
            tuple(int(clock) - start for clock in pixels.moved[::per_frame]),
            tuple(result - start for result in results),
            tuple(parts),
            tuple(levels),
        )

    def _parts(self, frames: int, start: int) -> Iterator[tuple[str, list[tuple[Spans, Spans]]]]:
        """Of each part, when it works in each frame, and when it waits for room."""
        seen = set[str]()
        for number, section in enumerate(self._sections):
            parts = section.branches[0].parts
            for part in parts:
                if part.owner in ("encoder", "readout") and part.owner not in seen:
                    seen.add(part.owner)
                    moves = self._watched.of(number, part)
                    beats = moves.leaving if part.owner == "encoder" else moves.entering
                    yield part.owner, list(zip(*_of_beats(beats, frames, start), strict=True))
            queue = section.queue
            if queue is None or queue.queue is None or queue.queue[1] != "results":
                continue
            made = self._watched.of(number, queue).entering
            if section.passes is not None:
                ports = [self._watched.of(number, branch.parts[-1]).leaving for branch in section.branches]
                worked = _of_joint_passes(section.passes, ports, made, frames)
            elif parts and parts[-1].schedule:
                taken = self._watched.of(number, parts[-1]).entering
                worked = _of_passes(parts[-1].schedule, taken, made, frames)
            else:
                worked = _by_frame(
                    [(clock, 1.0) for clock in self._watched.of(number, parts[0]).entering.moved], frames
                )
            waits = _waits(made, frames)
            yield (
                queue.owner,
                [(_spans(work, start), _spans(wait, start)) for work, wait in zip(worked, waits, strict=True)],
            )


def _of_beats(beats: Moves, frames: int, start: int) -> tuple[tuple[Spans, ...], tuple[Spans, ...]]:
    """Of each frame, a clock for every beat, and the clocks that beats waited."""
    worked = _by_frame([(clock, 1.0) for clock in beats.moved], frames)
    waits = _waits(beats, frames)
    return tuple(_spans(each, start) for each in worked), tuple(_spans(each, start) for each in waits)


def _waits(beats: Moves, frames: int) -> list[list[tuple[float, float]]]:
    """Of each frame, from when and how long beats waited for room."""
    pairs = zip(beats.offered, beats.moved, strict=True)
    found = [
        (max(offered, before), moved) for (offered, moved), before in zip(pairs, [NEVER, *beats.moved], strict=False)
    ]
    return _by_frame([(begin, moved - begin) for begin, moved in found], frames)


def _of_passes(schedule: Sequence[Pass], taken: Moves, made: Moves, frames: int) -> list[list[tuple[float, float]]]:
    """When the passes of an engine begin, and how long each takes; by frame."""
    windows, results = iter(taken.moved), iter(made.moved)
    rounds = len(taken.moved) // sum(takes for takes, _, _ in schedule)
    found, free = list[tuple[float, float]](), NEVER
    for takes, makes, clocks in chain.from_iterable(repeat(schedule, rounds)):
        accepted = next(windows) if takes else free
        begin = next(results) if makes else accepted
        found.append((begin, clocks))
        free = begin + clocks
    return _by_frame(found, frames)


def _of_joint_passes(
    passes: Passes, ports: Sequence[Moves], made: Moves, frames: int
) -> list[list[tuple[float, float]]]:
    """As ``_of_passes``, of a join: the passes of a port alone, and those of all ports."""
    windows = [iter(port.moved) for port in ports]
    results = iter(made.moved)
    found, free = list[tuple[float, float]](), NEVER
    for _ in range(len(made.moved) // sum(makes for _, makes, _ in passes.joint)):
        for window, alone in zip(windows, passes.alone, strict=True):
            found += [(next(window), clocks) for clocks in alone if clocks is not None]
        for takes, makes, clocks in passes.joint:
            accepted = [next(windows[port]) for port in takes]
            begin = next(results) if makes else accepted[0] if accepted else free
            found.append((begin, clocks))
            free = begin + clocks
    return _by_frame(found, frames)


def _by_frame(events: list[tuple[float, float]], frames: int) -> list[list[tuple[float, float]]]:
    """Equally many for each frame: every frame has the same beats."""
    each = len(events) // frames
    return [events[number * each : (number + 1) * each] for number in range(frames)]


def _spans(events: Iterable[tuple[float, float]], start: int) -> Spans:
    """Begins and lengths as spans; those that touch or overlap are one."""
    merged = list[list[int]]()
    for begin, length in sorted(events):
        first = int(begin) - start
        if length <= 0:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], first + int(length))
        else:
            merged.append([first, first + int(length)])
    return np.array(merged, np.int64).reshape(-1, 2)


def _clocks(clocks: Sequence[float], start: int) -> Clocks:
    return np.array(clocks, np.int64) - start


def covered(spans: Spans) -> int:
    """Clocks within them."""
    return int((spans[:, 1] - spans[:, 0]).sum())
