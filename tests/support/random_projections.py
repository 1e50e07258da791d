"""Random weights, gains and biases for populations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwsnn.spec import MAX_WEIGHT_BITS, Conv, Dense, largest_weight
from hwsnn.spec.integers import IntArray, signed_width
from tests.support.dice import Dice

NARROW_CURRENT = 24
"""Bits of a current that fraction bits may fill."""


def random_weights(dice: Dice, shape: tuple[int, ...], wish: int | None = None) -> tuple[IntArray, int]:
    """Weights, and their bits."""
    bits = MAX_WEIGHT_BITS if dice.happens(0.4) else dice.integer(1, MAX_WEIGHT_BITS - 1)
    bits = bits if wish is None else wish
    largest = largest_weight(bits)
    if bits == 1:
        return dice.random.choice([-1, 1], shape), bits
    return dice.random.integers(-largest, largest, shape, endpoint=True), bits


def random_gain(dice: Dice, channels: int, wish: bool | None = None) -> IntArray | None:
    """Gains, or none."""
    if not dice.happens(0.25, wish):
        return None
    return dice.random.integers(1, 9 if dice.happens(0.8) else 300, channels, endpoint=True)


def random_units(
    dice: Dice, projections: Sequence[Conv | Dense], largest_inputs: Sequence[int], wish: bool | None = None
) -> tuple[int, IntArray]:
    """Fraction bits, and biases beside which the sums of the projections count."""
    by_channel = [projection.gained.reshape(projection.out_channels, -1) for projection in projections]
    flat = np.concatenate(
        [weights * largest for weights, largest in zip(by_channel, largest_inputs, strict=True)], axis=1
    )
    reach = int(np.abs(flat).sum(axis=1).max())
    fraction_bits = 0
    if dice.happens(0.25, wish):
        fraction_bits = min(dice.integer(1, 8), max(1, NARROW_CURRENT - signed_width(-reach, reach)))
    spread = np.sqrt(0.25 * np.square(flat).sum(axis=1)) + 1
    bias = (spread * (1 << fraction_bits)) * dice.random.uniform(-0.5, 0.7, flat.shape[0])
    return fraction_bits, np.rint(bias).astype(np.int64)
