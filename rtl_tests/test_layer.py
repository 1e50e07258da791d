# amaranth: UnusedElaboratable=no
"""When a layer must join the beats it gets; what layers refuse. Whole networks test the layers themselves."""

from __future__ import annotations

from itertools import product

import pytest

from hwsnn.folding.folding import LayerFold
from hwsnn.rtl.layer import WeightedLayer, joins_steps
from hwsnn.spec import MaxPool
from tests.support.random_networks import random_network


def _passes(steps: list[int], t_par: int, timesteps: int) -> list[list[int]]:
    """The steps of each pass; those that are missing or too many are left out."""
    return [[t for t in steps[first : first + t_par] if t < timesteps] for first in range(0, len(steps), t_par)]


def test_beats_need_not_be_joined_where_they_make_the_same_passes() -> None:
    kept = 0
    for timesteps in range(1, 17):
        for steps, t_par in product(range(1, timesteps + 1), repeat=2):
            if joins_steps(timesteps, steps, t_par):
                continue
            beats = [list(range(first, first + steps)) for first in range(0, timesteps, steps)]
            one_by_one = [one_pass for beat in beats for one_pass in _passes(beat, t_par, timesteps)]
            assert one_by_one == _passes(list(range(timesteps)), t_par, timesteps)
            kept += 1
    assert kept > 16


@pytest.mark.parametrize(
    ("timesteps", "steps", "t_par", "joins"),
    [
        (8, 1, 1, False),
        (8, 8, 3, True),
        (8, 4, 2, False),
        (7, 2, 2, False),
        (8, 1, 2, True),
        (8, 2, 4, True),
        (6, 4, 2, True),
        (8, 4, 3, True),
    ],
)
def test_joins_steps(timesteps: int, steps: int, t_par: int, joins: bool) -> None:
    assert joins_steps(timesteps, steps, t_par) is joins


def test_a_pool_has_no_weights() -> None:
    network = next(n for n in map(random_network, range(20)) if any(isinstance(x, MaxPool) for x in n.layers))
    pool = next(index for index, layer in enumerate(network.layers) if isinstance(layer, MaxPool))
    with pytest.raises(ValueError, match=r"^layer 'pool\d' must have weights, not be a pool$"):
        WeightedLayer(network, pool, LayerFold(1, 1), 1, 4, 4)
