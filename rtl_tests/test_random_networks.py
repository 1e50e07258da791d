"""Random networks of every neuron, leak, reset and readout: hardware, reference and cycle model agree.

Each has its wish for one combination; encodings, pools, gains, fraction bits and the rest are up to chance.
"""

from __future__ import annotations

import pytest

from rtl_tests.support.agreement import require_agreement
from tests.support.random_networks import random_folding, random_network
from tests.support.wishes import COMBINATIONS

ALWAYS, LONG = 40, 200
"""How many are tried, spread evenly over all combinations."""
FRAMES = 32


def _check(number: int, of: int) -> None:
    network = random_network(number, COMBINATIONS[number * len(COMBINATIONS) // of])
    require_agreement(network, random_folding(network, number), FRAMES, number)


@pytest.mark.parametrize("number", range(ALWAYS))
def test_every_kind_of_neuron(number: int) -> None:
    _check(number, ALWAYS)


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_many_of_every_combination(number: int) -> None:
    _check(number, LONG)
