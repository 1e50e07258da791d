"""How the components of a network are connected: sections from queue to queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from .components import Component, Pass, Push
from .graph import Passes

Queue: TypeAlias = tuple[str, Literal["results", "columns", "edges"]]
"""A layer's name and the queue behind it, or a port's name and its queue of columns, or its own behind a fork."""


@dataclass(frozen=True)
class Part:
    """A component.

    ``owner``: ``encoder``, a layer's name or ``readout``. ``make``: makes it, from the ``push`` of the component
    behind it and, for a queue, its depth. ``beats``: per frame, behind it. ``queue``: its name, if it is a queue.
    ``schedule``: of an engine, its passes of an output pixel, or of a pass that takes a turn.
    """

    owner: str
    make: Callable[[Push, float], Component]
    beats: int
    queue: Queue | None = None
    schedule: Sequence[Pass] = ()


@dataclass(frozen=True)
class Branch:
    """Parts one after the other, which ``beats`` beats per frame enter.

    ``source``: the section that feeds them, None for frames that are there at once.
    """

    source: int | None
    beats: int
    parts: tuple[Part, ...] = ()

    @property
    def leave(self) -> int:
        """Beats per frame behind the last part."""
        return self.parts[-1].beats if self.parts else self.beats


@dataclass(frozen=True)
class Section:
    """One branch, or several and the ``passes`` of their join; and the queue at the end, if there is one.

    Where a section feeds several others, each of them is a queue alone.
    """

    branches: tuple[Branch, ...]
    queue: Part | None = None
    passes: Passes | None = None

    @property
    def owner(self) -> str | None:
        """Of the last part, None if there is none: pixels that feed several layers."""
        parts = [*self.branches[0].parts, *([self.queue] if self.queue else [])]
        return parts[-1].owner if parts else None

    @property
    def leave(self) -> int:
        """Beats per frame at the end."""
        return self.queue.beats if self.queue else self.branches[0].leave

    def alone(self) -> Section:
        """The section with frames that are always there."""
        return replace(self, branches=tuple(replace(branch, source=None) for branch in self.branches))


class Sections:
    """Sections, each behind those that feed it."""

    def __init__(self) -> None:
        self.all = list[Section]()

    def extend(self, branch: Branch, parts: Iterable[Part]) -> Branch:
        """The end of a branch with further ``parts``, of which each queue ends a section."""
        for part in parts:
            branch = self.close((branch,), part) if part.queue else replace(branch, parts=(*branch.parts, part))
        return branch

    def close(self, branches: Sequence[Branch], queue: Part | None = None, passes: Passes | None = None) -> Branch:
        """A section, and the beginning of a branch behind it."""
        self.all.append(Section(tuple(branches), queue, passes))
        return Branch(len(self.all) - 1, self.all[-1].leave)
