"""Encoders: from pixels to the first layer's input at each step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import IntArray

from ..spec import Network
from .steps import Bytes, Steps

LFSR_LENGTH, LFSR_TAP = 31, 28
SEED_SPREAD = 0x9E3779B1


def encoder(network: Network) -> Callable[[Bytes], Steps]:
    """The encoder of ``network``: pixels (N, H, W, C), or (N, T, H, W, C) that change with time, to their ``Steps``."""
    kind = network.encoder.kind
    match kind:
        case "direct":
            return lambda pixels: pixels[np.newaxis]
        case "steps":
            return lambda pixels: pixels.swapaxes(0, 1)
        case "uniform":
            return _looked_up(_uniform_table(network))
        case "latency":
            return _looked_up(_latency_table(network))
        case "poisson":
            numbers = _random_numbers(network)[:, np.newaxis]
            return lambda pixels: (numbers < pixels).astype(np.uint8)
        case _:
            return assert_never(kind)


def _looked_up(table: Bytes) -> Callable[[Bytes], Steps]:
    return lambda pixels: table[:, pixels]


def _uniform_table(network: Network) -> Bytes:
    """Spikes (T, M + 1) of every pixel value."""
    t, p, largest = *_steps_and_pixels(network), network.largest_pixel
    spikes: Bytes = ((t + 1) * p // largest > t * p // largest).astype(np.uint8)
    return spikes


def _latency_table(network: Network) -> Bytes:
    """Spikes (T, M + 1) of every pixel value."""
    t, p, largest = *_steps_and_pixels(network), network.largest_pixel
    when = (2 * (largest - p) * (network.timesteps - 1) + largest) // (2 * largest)
    spikes: Bytes = ((p > 0) & (t == when)).astype(np.uint8)
    return spikes


def _steps_and_pixels(network: Network) -> tuple[IntArray, IntArray]:
    """Every step as a column and every pixel value as a row."""
    return np.arange(network.timesteps)[:, np.newaxis], np.arange(network.largest_pixel + 1)


def _random_numbers(network: Network) -> Bytes:
    """The numbers r (T, H, W, C) that ``poisson`` compares with the pixels of every frame."""
    channels, height, width = network.input_shape
    bits = network.pixel_bits
    count = height * width * network.timesteps
    seeds = [(network.encoder.seed ^ (c * SEED_SPREAD % (1 << LFSR_LENGTH))) or 1 for c in range(channels)]
    drawn = _lfsr_bits(seeds, bits * count).reshape(channels, count, bits)
    numbers = np.zeros((channels, count), np.uint8)
    for place in range(bits):
        numbers <<= 1
        numbers |= drawn[:, :, place]
    return np.ascontiguousarray(numbers.reshape(channels, height, width, network.timesteps).transpose(3, 1, 2, 0))


def _lfsr_bits(seeds: list[int], count: int) -> Bytes:
    """The first ``count`` bits b(0), b(1), ... of the register started from each seed: (seeds, count).

    Squaring x^31 + x^28 + 1 doubles its exponents, so b(k) = b(k - 31s) xor b(k - 28s) for every power of two s: each
    round can fill 28s bits at once.
    """
    bits = np.empty((len(seeds), LFSR_LENGTH + count), np.uint8)
    bits[:, :LFSR_LENGTH] = [[seed >> (LFSR_LENGTH - 1 - i) & 1 for i in range(LFSR_LENGTH)] for seed in seeds]
    filled, spread = LFSR_LENGTH, 1
    while filled < bits.shape[1]:
        while 2 * spread * LFSR_LENGTH <= filled:
            spread *= 2
        far, near = filled - LFSR_LENGTH * spread, filled - LFSR_TAP * spread
        block = min(LFSR_TAP * spread, bits.shape[1] - filled)
        np.bitwise_xor(bits[:, far : far + block], bits[:, near : near + block], out=bits[:, filled : filled + block])
        filled += block
    return bits[:, LFSR_LENGTH:]
