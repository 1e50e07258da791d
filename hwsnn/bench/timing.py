"""Images/s of a function, and what else ran on this process's cores meanwhile. Ends in time on a busy machine too."""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time

import numpy as np

from ..progress import CountProgress
from ..spec.integers import Images

REPEATS = 5
SECONDS_A_REPEAT = 0.5
LARGEST_RUN = 20_000
"""Maximum images per repeat."""
MOST_GROWTH = 16
"""Maximum ratio of the images of a run and of the one before, which says how long they take."""
MOST_SECONDS = 40.0
"""No run begins later than this after the first of its figure: a figure takes less than a minute."""
SECONDS_A_BATCH_SIZE = 0.2
LONGEST_BATCH = 1.0
"""Seconds from which on a larger batch is not tried."""


@dataclass(frozen=True)
class Timing:
    """Images/s, and how many of the cores were in use meanwhile: processor time over wall time.

    ``cores_used``: by this process. ``cores_used_by_others``: of the cores that this process may use, by all others and
    by other virtual machines; None where the system does not say.
    """

    fps: float
    cores_used: float
    cores_used_by_others: float | None


@dataclass(frozen=True)
class Usage:
    """Seconds so far: on the clock, of this process's threads, and of everything on the cores that it may use."""

    wall: float
    own: float
    everything: float | None

    def since(self, before: Usage, fps: float) -> Timing:
        """What was used since ``before``, at ``fps``."""
        wall, own = self.wall - before.wall, self.own - before.own
        others = None
        if self.everything is not None and before.everything is not None:
            others = max(0.0, self.everything - before.everything - own) / wall
        return Timing(fps, own / wall, others)


def deadline() -> float:
    """When the last run of a figure begins that is measured from now on."""
    return perf_counter() + MOST_SECONDS


def timed(run: Callable[[Images], object], images: Images, progress: CountProgress, until: float) -> Timing:
    """The median of ``REPEATS`` runs, of fewer where the next would begin after ``until``, and of one at least.

    The images are repeated until a run lasts about ``SECONDS_A_REPEAT``: the CPU is fastest with many at once. The runs
    that find out how many, from one image on, also warm up.
    """
    some = images[:1]
    while True:
        seconds = seconds_of(lambda: run(some))  # noqa: B023
        if seconds >= SECONDS_A_REPEAT / 2 or len(some) >= LARGEST_RUN or perf_counter() > until:
            break
        growth = min(max(SECONDS_A_REPEAT / max(seconds, 1e-6), 2), MOST_GROWTH)
        some = repeated(images, min(int(len(some) * growth), LARGEST_RUN))
    rates: list[float] = []
    before = usage()
    while len(rates) < REPEATS and not (rates and perf_counter() > until):
        rates.append(len(some) / seconds_of(lambda: run(some)))
        progress(len(rates), REPEATS)
    return usage().since(before, statistics.median(rates))


def best_batch(run: Callable[[Images, int], object], images: Images, smallest: int, largest: int, until: float) -> int:
    """The fastest batch size for ``run``: ``smallest`` times a power of two, up to ``largest``.

    Ends after two in a row that are slower than the best so far, and half-way to ``until``: the rest is the figure's.
    """
    half_way = (perf_counter() + until) / 2
    best, best_rate, batch, slower, seconds = smallest, 0.0, smallest, 0, 0.0
    while batch <= largest and slower < 2 and seconds < LONGEST_BATCH and perf_counter() < half_way:
        some = repeated(images, batch)
        run(some, batch)  # a first run at a new size also plans
        rate, spent = 0.0, 0.0
        while spent < SECONDS_A_BATCH_SIZE:
            seconds = seconds_of(lambda: run(some, batch))  # noqa: B023
            rate, spent = max(rate, batch / seconds), spent + seconds
        best, best_rate, slower = (batch, rate, 0) if rate > best_rate else (best, best_rate, slower + 1)
        batch *= 2
    return best


def repeated(images: Images, count: int) -> Images:
    """``count`` images, cycling through ``images``."""
    return images[np.arange(count) % len(images)]


def seconds_of(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def usage(stat: Path = Path("/proc/stat")) -> Usage:
    """What was used until now. ``stat``: Linux's counters of every core."""
    everything = None
    if stat.is_file():
        fields = [line.split() for line in stat.read_text().splitlines()]
        counters = {values[0]: [int(value) for value in values[1:9]] for values in fields if values[0][:3] == "cpu"}
        ticks = 0
        for core in os.sched_getaffinity(0):
            # Guests' time is a part of the user's. Time stolen by other virtual machines was not ours.
            user, nice, system, _idle, _waiting, hard, soft, stolen = counters[f"cpu{core}"]
            ticks += user + nice + system + hard + soft + stolen
        everything = ticks / os.sysconf("SC_CLK_TCK")
    return Usage(perf_counter(), process_time(), everything)
