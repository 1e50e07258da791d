"""Progress of a command on stderr: a bar for each stage on a terminal, else lines."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeAlias

from .terminal import console_settings, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

Stage: TypeAlias = Callable[[str], object]
"""Called with the name of a stage that begins."""
StageProgress: TypeAlias = Callable[[str, int, int], object]
"""Called with the name of a stage or file, the amount done, and the total."""
CountProgress: TypeAlias = Callable[[int, int], object]
"""Called with the amount done, and the total."""
Advance: TypeAlias = Callable[[int], object]
"""Called with the amount done since the last call."""

HELD_S = 1.0
"""Delay of the first lines: errors in the input mostly show sooner, and are then the only line."""
EVERY_S = 30.0
"""Interval between the lines of a running stage."""
LOOK_S = 1.0
"""Interval between checks whether a line is due."""

MOST_BAR, LEAST_BAR, BESIDE_BAR = 40, 6, 74
"""Columns of a bar, and those that its name, amount, rate and times take at most, nearly."""
NARROW = 80
"""A terminal of fewer columns shows no bar and no elapsed time: the amount, its rate and the remaining time say it."""


def silent(*amount: object) -> None:
    """Show no progress: the default of every function that reports it."""


class Stages(Protocol):
    """Receives the progress of a command's work, which consists of consecutive stages."""

    def at(self, name: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        """The stage ``name`` is at ``done`` of ``total`` (0 if unknown). Ends the stages before it.

        ``unit``: what is counted, such as images, whose rate is of interest; empty if it is not, as of percents.
        """

    def advance(self, by: int) -> None:
        """Advance the stage by ``by``."""

    def say(self, text: str) -> None:
        """Describe the state of the stage, in words."""


@contextlib.contextmanager
def stages(*amount: ProgressColumn) -> Iterator[Stages]:
    """Show the stages of the work in the block; the last stage ends with it, unless by an exception.

    ``amount``: the columns of a bar that show its amount; by default a plain count, and the rate.
    """
    if not is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        with _looked_after(Lines()) as lines:
            yield lines
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
    from rich.table import Column

    console = Console(stderr=True, **console_settings(sys.stderr))

    def whole() -> Column:
        return Column(no_wrap=True)

    narrow = console.width < NARROW
    columns = (
        TextColumn("{task.description}", table_column=Column()),  # the one that wraps
        *(() if narrow else (BarColumn(max(LEAST_BAR, min(MOST_BAR, console.width - BESIDE_BAR))),)),
        *(amount or (MofNCompleteColumn(table_column=whole()), TextColumn("{task.fields[rate]}"))),
        *(() if narrow else (TimeElapsedColumn(table_column=whole()),)),
        TextColumn("{task.fields[left]}"),
    )
    # Results go where they were meant to, and not to stderr, though they are printed while a bar is there.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as progress:
        yield _Bars(progress)


class Pace:
    """How fast a stage goes on, from the amount and the time since it began."""

    def __init__(self, done: int, now: float, unit: str) -> None:
        self._from, self._since, self._unit = done, now, unit

    def rate(self, done: int, now: float) -> str:
        """As ``412 images/s``, or ``12 s per image`` of slow ones; empty if nobody asked, or it is not known yet."""
        amount, seconds = done - self._from, now - self._since
        if not self._unit or amount <= 0 or seconds <= 0:
            return ""
        if amount < seconds:
            return f"{seconds / amount:,.3g} s per {self._unit.removesuffix('s')}"
        return f"{amount / seconds:,.{1 if amount < 10 * seconds else 0}f} {self._unit}/s"

    def left(self, done: int, total: int, now: float) -> str:
        """The remaining time, if it goes on like this, as ``2 min left``; empty if that is not known."""
        amount = done - self._from
        if amount <= 0 or total <= done:
            return ""
        return f"{duration((total - done) * (now - self._since) / amount)} left"


def duration(seconds: float) -> str:
    """About so long: ``40 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


class _Bars:
    """A bar for each stage; bars of finished stages stay, and are full."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name: str | None = None
        self._task: TaskID | None = None
        self._pace = Pace(0, 0.0, "")

    def at(self, name: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        if name != self._name or self._task is None:
            self._fill()
            self._name, self._task = name, self._progress.add_task(name, total=None, rate="", left="")
            self._pace = Pace(done, time.monotonic(), unit)
        self._progress.update(self._task, completed=done, total=total or None)
        self._tell()

    def advance(self, by: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, by)
            self._tell()

    def _tell(self) -> None:
        """Update the rate and the remaining time."""
        task, now = self._progress.tasks[-1], time.monotonic()
        done, total = int(task.completed), int(task.total or 0)
        self._progress.update(task.id, rate=self._pace.rate(done, now), left=self._pace.left(done, total, now))

    def say(self, text: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, description=f"{self._name}: {text}")

    def _fill(self) -> None:
        if self._task is not None:
            whole = self._progress.tasks[self._task].total or 1
            self._progress.update(self._task, completed=whole, total=whole, left="")


class Lines:
    """Lines for each stage: when it begins, every ``EVERY_S`` while it runs, and when it ends; ``look`` prints them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._held: list[str] | None = []
        self._opened = clock()
        self._name: str | None = None
        self._done = self._total = 0
        self._begun = self._last = 0.0
        self._pace = Pace(0, 0.0, "")

    def at(self, name: str, done: int = 0, total: int = 0, unit: str = "") -> None:
        with self._lock:
            if name != self._name:
                self._end()
                self._name, self._begun = name, self._clock()
                self._pace = Pace(done, self._begun, unit)
                self._write(f"{name} ...")
            self._done, self._total = done, total

    def advance(self, by: int) -> None:
        with self._lock:
            self._done += by

    def say(self, text: str) -> None:
        with self._lock:
            self._write(f"{self._name}: {text}, {self._seconds():.0f} s")

    def look(self) -> None:
        """Print a line if one is due."""
        with self._lock:
            if self._held is not None:
                if self._clock() - self._opened >= HELD_S:
                    self._release()
            elif self._name is not None and self._clock() - self._last >= EVERY_S:
                share, now = f"{self._done / self._total:.0%}" if self._total else "", self._clock()
                rate, left = self._pace.rate(self._done, now), self._pace.left(self._done, self._total, now)
                parts = [part for part in (share, f"{self._seconds():.0f} s", rate, left) if part]
                self._write(f"{self._name}: {', '.join(parts)}")

    def close(self) -> None:
        """End the last stage, successfully."""
        with self._lock:
            self._end()
            self._release()

    def _end(self) -> None:
        if self._name is not None:
            self._write(f"{self._name}: done, {self._seconds():.1f} s")
            self._name = None

    def _seconds(self) -> float:
        return self._clock() - self._begun

    def _write(self, line: str) -> None:
        self._last = self._clock()
        if self._held is not None:
            self._held.append(line)
        elif sys.stderr is not None:
            with contextlib.suppress(OSError):  # whoever does not want to know may close it
                print(line, file=sys.stderr, flush=True)

    def _release(self) -> None:
        held, self._held = self._held, None
        for line in held or ():
            self._write(line)


@contextlib.contextmanager
def _looked_after(lines: Lines, look_s: float = LOOK_S) -> Iterator[Lines]:
    """Call ``lines.look`` at intervals, from a thread: the work may report nothing for long."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(look_s):
            lines.look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield lines
        lines.close()
    finally:
        over.set()
        watcher.join()
