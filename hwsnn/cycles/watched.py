"""A pipeline whose beats are written down: when each came, and when it moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .components import Push
from .connected import Connected, Depths
from .sections import Part, Queue, Section


@dataclass
class Moves:
    """Clocks of beats, in their order. ``offered``: from which each was valid; ``moved``: at which it moved."""

    offered: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)

    def through(self, push: Push) -> Push:
        """``push``, with all that passes written down."""

        def written(valid: float) -> float:
            moved = push(valid)
            self.offered.append(valid)
            self.moved.append(moved)
            return moved

        return written


@dataclass
class PartMoves:
    """The beats that enter a part, and those that leave it."""

    entering: Moves = field(default_factory=Moves)
    leaving: Moves = field(default_factory=Moves)


class Watched(Connected):
    """``parts`` as of ``Connected``, with what moved: ``of(section, part)``; and ``pixels``, which enter first."""

    def __init__(self, sections: Sequence[Section], depths: Depths, interval: int) -> None:
        self._moves: dict[tuple[int, int], PartMoves] = {}
        self._forked: dict[int, Moves] = {}
        super().__init__(sections, depths, interval)

    def of(self, number: int, part: Part) -> PartMoves:
        """The moves of a part of section ``number``."""
        return self._moves.setdefault((number, id(part)), PartMoves())

    @property
    def pixels(self) -> Moves:
        """The beats of the input, as they enter."""
        first = self._all[0]
        return self.of(0, first.branches[0].parts[0]).entering if first.branches[0].parts else self._forked[0]

    def _make(self, number: int, part: Part, push: Push, *, ahead: bool) -> Push:
        moves = self.of(number, part)
        return moves.entering.through(super()._make(number, part, moves.leaving.through(push), ahead=ahead))

    def _output(self, number: int, consumers: Sequence[int]) -> Push:
        push = super()._output(number, consumers)
        if len(consumers) < 2:
            return push
        # A fork puts beats into its queues itself: what enters it enters all of them at the same clock.
        self._forked[number] = moves = Moves()
        for consumer in consumers:
            queue = self._all[consumer].queue
            assert queue is not None
            self.of(consumer, queue).entering = moves
        return moves.through(push)

    def queue_moves(self) -> Mapping[Queue, PartMoves]:
        """Those of each queue with a name."""
        parts = ((number, section.queue) for number, section in enumerate(self._all) if section.queue)
        return {part.queue: self.of(number, part) for number, part in parts if part.queue}
