"""The power that a board draws before, while and after it runs frames, by its own monitors."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.interface.power import Supply

from . import hwmon
from .hwmon import Monitor, MonitorError

SAMPLES = 20
"""Readings of each monitor before the frames, while they run and after them, at least."""
SETTLING = 2
"""Intervals until the first reading: a monitor gives the mean of the interval before, which may have begun earlier."""
PATIENCE_S = 120.0
"""The readings may take so long in each of the three, in seconds."""

RESOLUTION_W = 1e-6
"""What Linux gives power in, and finer than any monitor."""

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """The mean of ``samples`` readings in watts, and their standard deviation."""

    mean_w: float
    spread_w: float
    samples: int

    @classmethod
    def of(cls, watts: Samples) -> Level:
        """Of readings (N,)."""
        return cls(float(watts.mean()), float(watts.std()), len(watts))


@dataclass(frozen=True)
class SupplyPower:
    """The power of ``supply``: before the frames, after them, and while they ran; ``idle``: of before and after."""

    supply: Supply
    before: Level
    running: Level
    after: Level
    idle: Level

    @property
    def above_idle_w(self) -> float | None:
        """How much more it is while frames run; None if that is not more than the spread of the idle readings."""
        more = self.running.mean_w - self.idle.mean_w
        return more if more > self.idle.spread_w + RESOLUTION_W else None


@dataclass(frozen=True)
class PowerRun:
    """What the monitors read while ``frames`` ran in ``seconds``.

    ``interval_s``: between two readings. ``missing``: why other supplies could not be read, a line each.
    """

    frames: int
    seconds: float
    interval_s: float
    supplies: tuple[SupplyPower, ...]
    missing: tuple[str, ...]

    def microjoules(self, watts: float) -> float:
        """The energy of a frame at that power."""
        return watts * self.seconds / self.frames * 1e6


def readable(supply: Supply) -> list[Monitor]:
    """A monitor for each rail of ``supply``. Raises ``MonitorError`` unless there is exactly one."""
    there = hwmon.monitors()
    found = []
    for rail in supply.rails:
        named = [monitor for name in rail.monitors for monitor in there if monitor.name == name]
        if not named:
            known = ", ".join(sorted({monitor.name for monitor in there})) or "none"
            raise MonitorError(
                f"{supply.feeds}: {hwmon.ROOT} has no {' or '.join(rail.monitors)} for {rail.name} "
                f"(monitors there: {known})"
            )
        if len(named) > 1:
            raise MonitorError(
                f"{supply.feeds}: {hwmon.ROOT} has {len(named)} monitors called {named[0].name}; "
                f"which of them is {rail.name}'s is not known"
            )
        found += named
    return found


def measure(supplies: Sequence[Supply], run: Callable[[], int]) -> PowerRun:
    """Read the monitors of ``supplies`` while nothing runs, while ``run`` does, again and again, and once more after.

    ``supplies``: at least one. ``run`` runs some frames, and returns how many. Raises ``MonitorError`` if no supply has
    all its monitors, or one fails meanwhile, and what ``run`` raises.
    """
    read: dict[Supply, list[Monitor]] = {}
    missing = []
    for supply in supplies:
        try:
            read[supply] = readable(supply)
        except MonitorError as error:
            missing.append(str(error))
    if not read:
        raise MonitorError("; ".join(missing))
    every = list(dict.fromkeys(monitor for some in read.values() for monitor in some))
    interval_s = max(monitor.interval_s for monitor in every)
    frames = 0

    def run_counted() -> None:
        nonlocal frames
        frames += run()

    def pause() -> None:
        time.sleep(interval_s)

    before = _sampled(every, interval_s, pause)
    start = time.perf_counter()
    running = _sampled(every, interval_s, run_counted)
    seconds = time.perf_counter() - start
    after = _sampled(every, interval_s, pause)
    found = []
    for supply, some in read.items():
        columns = [every.index(monitor) for monitor in some]
        parts = [samples[:, columns].sum(axis=1) for samples in (before, running, after)]
        idle = Level.of(np.concatenate([parts[0], parts[2]]))
        found.append(SupplyPower(supply, Level.of(parts[0]), Level.of(parts[1]), Level.of(parts[2]), idle))
    return PowerRun(frames, seconds, interval_s, tuple(found), tuple(missing))


def _sampled(every: Sequence[Monitor], interval_s: float, work: Callable[[], None]) -> Samples:
    """Readings (N, monitors) in watts, taken by a thread while ``work`` is done, and it is until there are ``SAMPLES``.

    The work is done once before: the first reading is of it too.
    """
    readings: list[list[float]] = []
    failed: list[MonitorError] = []
    over = threading.Event()

    def watch() -> None:
        over.wait(SETTLING * interval_s)
        while not over.is_set():
            try:
                readings.append([monitor.watts() for monitor in every])
            except MonitorError as error:
                failed.append(error)
                return
            over.wait(interval_s)

    watcher = threading.Thread(target=watch, daemon=True)
    deadline = time.monotonic() + PATIENCE_S
    work()
    watcher.start()
    try:
        while len(readings) < SAMPLES and not failed and time.monotonic() < deadline:
            work()
    finally:
        over.set()
        watcher.join()
    if failed:
        raise failed[0]
    if len(readings) < SAMPLES:
        raise MonitorError(f"{hwmon.ROOT}: {len(readings)} readings in {PATIENCE_S:g} s, and {SAMPLES} are needed")
    return np.array(readings)
