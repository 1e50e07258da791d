"""Sections as components that push beats to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import inf
from typing import TypeAlias

from .components import BlockInterleaver, Component, CreditFifo, Holder, Push, Remembers, SkidBuffer
from .ends import Sink, Source
from .graph import Ahead, Blocks, Buffer, Fork, Join
from .hub import Hub
from .sections import Part, Queue, Section

Depths: TypeAlias = Mapping[Queue, float]
"""The depths of the queues; those not named are endless."""


class DeadlockError(ValueError):
    """A queue before a join is too short. The text names both."""


class Connected:
    """The components of ``sections``, with queues of ``depths``; frames come at least ``interval`` clocks apart.

    ``parts``: of each section, its components in the order of the data. ``queues``: those with names.
    """

    def __init__(self, sections: Sequence[Section], depths: Depths, interval: int) -> None:
        self._all, self._depths, self._interval = sections, depths, interval
        self.end = Sink()
        self.parts: list[list[Remembers]] = [[] for _ in sections]
        self.queues: dict[Queue, CreditFifo | Buffer] = {}
        self.sources = list[Source]()
        self._edges = [
            (branch.source, number)
            for number, section in enumerate(sections)
            for branch in section.branches
            if branch.source is not None
        ]
        self._forks, self._joins = dict[int, Fork](), dict[int, Join]()
        consumers = [[to for source, to in self._edges if source == number] for number in range(len(sections))]
        graph = any(section.passes for section in sections) or any(len(fed) > 1 for fed in consumers)
        self._hub = Hub() if graph else None
        self._entries = dict[tuple[int | None, int], Push]()
        for number in reversed(range(len(sections))):
            self._add(number, consumers[number])
        self._buffers = [part for part in chain.from_iterable(self.parts) if isinstance(part, Buffer)]
        self._unfinished = 0
        self._runs = [] if self._hub is None else [self._hub.start(self._frames(source)) for source in self.sources]

    def frame(self) -> None:
        """Offers a frame, and runs until all its beats are at the end. Raises ``DeadlockError`` if they never are."""
        if self._hub is None:
            self.sources[0].frame()
            return
        self.end.beats, self._unfinished = 0, len(self.sources)
        for run in self._runs:
            self._hub.wake(run)
        self._hub.run()
        if self._unfinished or self.end.beats < self._all[-1].leave:
            raise DeadlockError(self._stuck())
        for buffer in self._buffers:
            buffer.settle()

    def close(self) -> None:
        """Let go of everything; no frame can follow."""
        if self._hub is not None:
            self._hub.close()

    @property
    def is_chain(self) -> bool:
        """Whether no beat is ever in two places."""
        return self._hub is None

    def _frames(self, source: Source) -> Callable[[], None]:
        hub = self._hub
        assert hub is not None

        def run() -> None:
            while True:
                source.frame()
                self._unfinished -= 1
                hub.wait()

        return run

    def _add(self, number: int, consumers: Sequence[int]) -> None:
        section, made = self._all[number], self.parts[number]
        push = self._output(number, consumers)
        if section.queue is not None:
            parallel = any(source < number < to for source, to in self._edges)
            push = self._make(number, section.queue, push, ahead=parallel)
        pushes = [push]
        if section.passes is not None:
            assert self._hub is not None
            self._joins[number] = join = Join(self._hub, push, section.passes)
            made.insert(0, join)
            pushes = [port.push for port in join.ports]
        ahead = sum(source < number <= to for source, to in self._edges) > 1
        for branch, push in zip(section.branches, pushes, strict=True):
            for part in reversed(branch.parts):
                push = self._make(number, part, push, ahead=ahead)
            if branch.source is None:
                self.sources.append(Source(push, branch.beats, self._interval))
                made.insert(0, self.sources[-1])
            else:
                self._entries[branch.source, number] = push

    def _output(self, number: int, consumers: Sequence[int]) -> Push:
        if not consumers:
            return self.end.push
        if len(consumers) == 1:
            return self._entries[number, consumers[0]]
        queues = [self.parts[consumer][0] for consumer in consumers]
        self._forks[number] = fork = Fork([queue for queue in queues if isinstance(queue, Buffer)])
        return fork.push

    def _make(self, number: int, part: Part, push: Push, *, ahead: bool) -> Push:
        """A component; ``ahead``: where beats have another way, too, so that it must go on while others wait."""
        depth = self._depths.get(part.queue, inf) if part.queue else inf
        component: Component = part.make(push, depth)
        if ahead and self._hub is not None:
            if isinstance(component, CreditFifo):
                component = Buffer(self._hub, push, depth, component.delay)
            elif isinstance(component, SkidBuffer):
                component = Buffer(self._hub, push, 2, 0)
            elif isinstance(component, BlockInterleaver):
                component = Blocks(self._hub, component)
            elif isinstance(component, Holder):
                component = Ahead(self._hub, component)
        if part.queue and isinstance(component, CreditFifo | Buffer):
            self.queues[part.queue] = component
        self.parts[number].insert(0, component)
        return component.push

    def _stuck(self) -> str:
        """Which queue is full while a port of a join waits."""
        source = max(number for number, fork in self._forks.items() if fork.full is not None)
        edge = [to for place, to in self._edges if place == source][self._forks[source].full or 0]
        queue = self._all[edge].queue
        assert queue is not None
        assert queue.queue is not None
        waits = next(
            passes.names[join.missing]
            for number, join in sorted(self._joins.items())
            if number > edge and join.missing is not None and (passes := self._all[number].passes)
        )
        name = queue.queue[0]
        return (
            f"the queue of layer {name!r} must be deeper than {self._depths[queue.queue]}: it is full while {waits!r} "
            "waits"
        )
