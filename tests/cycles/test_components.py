"""The components of the cycle model: what one remembers between frames is all that its future depends on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from random import Random
from typing import TypeAlias

import pytest

from hwsnn.cycles.components import Component, CreditFifo, Engine, LineBuffer, Packer, Padding, Push, SkidBuffer, Wires
from hwsnn.cycles.ends import Encoder, Scores, Source

Make: TypeAlias = Callable[[Push], Component | Source]

COMPONENTS: dict[str, tuple[Make, int, int]] = {
    "source": (lambda push: Source(push, 3, 30), 1, 2),
    "encoder": (lambda push: Encoder(push, 2), 2, 2),
    "collect": (lambda push: Packer(push, 3), 3, 1),
    "padding": (lambda push: Padding(push, [False, True, False, False, True, False]), 2, 1),
    "skid": (SkidBuffer, 2, 2),
    "history": (lambda push: LineBuffer(push, [False, True, True]), 3, 1),
    "wires": (lambda push: Wires(push, [False, True, True]), 3, 0),
    "queue": (lambda push: CreditFifo(push, 2, 4), 3, 2),
    "engine": (lambda push: Engine(push, [(True, False, 4), (True, True, 3), (False, True, 5)]), 2, 1),
    "count": (lambda push: Scores(push, 2, 2, 1), 2, 2),
    "scores": (lambda push: Scores(push, 1, 4, 1), 1, 4),
    "largest": (lambda push: Scores(push, 2, 4, 2), 2, 2),
}
"""How each is made, the beats of a frame that come to it, and how many clocks it remembers."""

HISTORIES, FUTURES, SOON = 600, 3, 3


class _Run:
    """A component between beats that come and a consumer that lets them wait, both at random."""

    def __init__(self, make: Make, beats: int) -> None:
        self._component, self._beats = make(self._take), beats
        self._waits: Iterator[int] = iter(())
        self._offered: list[float] = []
        self.moved = 0.0

    def _take(self, valid: float) -> float:
        self._offered.append(valid)
        return valid + next(self._waits)

    def frame(self, random: Random, soonest: float) -> list[float]:
        """A frame from ``soonest`` on: every clock at which a beat moved in or was offered."""
        self._waits = iter(lambda: random.choice((0, 0, 1, 25)), None)
        self._offered = []
        if isinstance(self._component, Source):
            self._component.frame()
            self.moved = self._offered[-1]
            return self._offered
        moves = []
        for _ in range(self._beats):
            self.moved = self._component.push(soonest + random.choice((0, 0, 1, 9)))
            moves.append(self.moved)
            soonest = self.moved + 1
        return moves + self._offered

    def state(self, now: float) -> tuple[float, ...]:
        return self._component.state(now)


def _outcomes(name: str, key: Callable[[tuple[float, ...]], Hashable]) -> dict[Hashable, set[tuple[float, ...]]]:
    """By ``key`` of a component's state after a random history: all that happens in the same further frames.

    Every future has its own keys.
    """
    make, beats, _ = COMPONENTS[name]
    outcomes: dict[Hashable, set[tuple[float, ...]]] = {}
    for history in range(HISTORIES):
        for future in range(FUTURES):
            random, run = Random(history), _Run(make, beats)
            for _ in range(random.randint(2, 4)):
                run.frame(random, run.moved + 1)
            now = run.moved - random.randint(0, 2)
            state = run.state(now)
            random = Random(future)
            clocks = run.frame(random, now + SOON) + run.frame(random, run.moved + 1)
            outcomes.setdefault((future, key(state)), set()).add(tuple(clock - now for clock in clocks))
    return outcomes


@pytest.mark.parametrize("name", COMPONENTS)
def test_components_of_equal_state_and_further_input_do_the_same(name: str) -> None:
    outcomes = _outcomes(name, lambda state: state)
    assert len(outcomes) < HISTORIES * FUTURES / 2, "states must meet"
    assert all(len(clocks) == 1 for clocks in outcomes.values())


@pytest.mark.parametrize(
    ("name", "forgotten"), [(name, place) for name, (_, _, clocks) in COMPONENTS.items() for place in range(clocks)]
)
def test_a_clock_that_state_forgets_is_noticed(name: str, forgotten: int) -> None:
    outcomes = _outcomes(name, lambda state: state[:forgotten] + state[forgotten + 1 :])
    assert any(len(clocks) > 1 for clocks in outcomes.values())
