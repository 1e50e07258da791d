"""How far a command is, on stderr: a bar for each stage on a terminal, and lines where nobody can watch one."""

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
"""How long the first lines are held back: what is wrong with the input mostly shows sooner, and is then alone."""
EVERY_S = 30.0
"""How often a stage that goes on says so."""
LOOK_S = 1.0
"""How often somebody looks whether a line is due."""


class Stages(Protocol):
    """What a command tells of its work, which goes through stages one after the other."""

    def at(self, name: str, done: int = 0, total: int = 0) -> None:
        """So much of the stage ``name`` is ``done``; ``total``: 0 where nobody knows. What went before it has ended."""

    def advance(self, by: int) -> None:
        """So much more of the stage is done."""

    def say(self, text: str) -> None:
        """What is to be known of the stage by now, in words."""


@contextlib.contextmanager
def stages(*amount: ProgressColumn) -> Iterator[Stages]:
    """Show the stages of the work in the block; the last ends with it, unless by an exception.

    ``amount``: the columns of a bar that say how far it is; a plain count where there are none.
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
    """A bar for each stage; those of stages that have ended stay, and are full."""

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
    """Lines of a stage: as it begins, every ``EVERY_S`` while it goes on, and as it ends; ``look`` says what is due."""

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
        """To be called now and then."""
        with self._lock:
            if self._held is not None:
                if self._clock() - self._opened >= HELD_S:
                    self._release()
            elif self._name is not None and self._clock() - self._last >= EVERY_S:
                share = f"{self._done / self._total:.0%}, " if self._total else ""
                self._write(f"{self._name}: {share}{self._seconds():.0f} s")

    def close(self) -> None:
        """All has come to its end, and well."""
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
    """Let ``lines`` look every so many seconds, from a thread: work may say nothing for long."""
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
