"""Progress of a command on stderr: a bar for each stage on a terminal, else lines."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, TaskID

HELD_S = 1.0
"""Delay of the first lines: errors in the input mostly show sooner, and are then the only line."""
EVERY_S = 30.0
"""Interval between the lines of a running stage."""
LOOK_S = 1.0
"""Interval between checks whether a line is due."""


class Stages(Protocol):
    """Receives the progress of a command's work, which consists of consecutive stages."""

    def at(self, name: str, done: int = 0, total: int = 0) -> None:
        """The stage ``name`` is at ``done`` of ``total`` (0 if unknown). Ends the stages before it."""

    def advance(self, by: int) -> None:
        """Advance the stage by ``by``."""

    def say(self, text: str) -> None:
        """Describe the state of the stage, in words."""


@contextlib.contextmanager
def stages(*amount: ProgressColumn) -> Iterator[Stages]:
    """Show the stages of the work in the block; the last stage ends with it, unless by an exception.

    ``amount``: the columns of a bar that show its amount; by default a plain count.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True, highlight=False)
    if not console.is_terminal or console.is_dumb_terminal:
        with _looked_after(Lines()) as lines:
            yield lines
        return
    columns = (TextColumn("{task.description}"), BarColumn(), *(amount or [MofNCompleteColumn()]), TimeElapsedColumn())
    # Results go where they were meant to, and not to stderr, though they are printed while a bar is there.
    with Progress(*columns, console=console, transient=True, redirect_stdout=sys.stdout.isatty()) as progress:
        yield _Bars(progress)


class _Bars:
    """A bar for each stage; bars of finished stages stay, and are full."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._name: str | None = None
        self._task: TaskID | None = None

    def at(self, name: str, done: int = 0, total: int = 0) -> None:
        if name != self._name or self._task is None:
            self._fill()
            self._name, self._task = name, self._progress.add_task(name, total=None)
        self._progress.update(self._task, completed=done, total=total or None)

    def advance(self, by: int) -> None:
        if self._task is not None:
            self._progress.advance(self._task, by)

    def say(self, text: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, description=f"{self._name}: {text}")

    def _fill(self) -> None:
        if self._task is not None:
            whole = self._progress.tasks[self._task].total or 1
            self._progress.update(self._task, completed=whole, total=whole)


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

    def at(self, name: str, done: int = 0, total: int = 0) -> None:
        with self._lock:
            if name != self._name:
                self._end()
                self._name, self._begun = name, self._clock()
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
                share = f"{self._done / self._total:.0%}, " if self._total else ""
                self._write(f"{self._name}: {share}{self._seconds():.0f} s")

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
