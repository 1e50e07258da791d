# amaranth: UnusedElaboratable=no
"""Spike encoders against the formulas of the norm: every pixel value, every length of time, frame after frame."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from hwsnn.rtl.encoders import LatencyEncoder, PoissonEncoder, UniformEncoder
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

Frame = list[list[list[int]]]
"""Pixels by row, column and channel."""

FRAMES = 2

# channels, pixel bits, timesteps, height, width
SHAPES = [
    (2, 1, 1, 2, 3),
    (1, 1, 4, 1, 2),
    (3, 2, 3, 2, 3),
    (1, 8, 1, 4, 5),
    (2, 8, 2, 3, 4),
    (1, 4, 8, 4, 4),
    (1, 5, 31, 4, 8),
    (1, 7, 128, 2, 3),
    (2, 8, 256, 1, 4),
    (1, 3, 256, 2, 4),
    (4, 6, 5, 1, 1),
]
# Every pixel value, at numbers of steps that divide nothing.
SWEEPS = [(1, 8, 3, 16, 16), (1, 8, 10, 16, 16), (1, 6, 65, 8, 8)]
# With the last one channel 1's own seed would be 0: it takes 1.
SEEDS = [1, 0x7FFFFFFF, 0x9E3779B1 % 2**31]


def _frames(channels: int, bits: int, height: int, width: int, sweep: bool) -> list[Frame]:
    generator = random.Random(f"{channels} {bits} {height} {width}")

    def pixel(y: int, x: int) -> int:
        return y * width + x if sweep else generator.choice([0, (1 << bits) - 1, generator.getrandbits(bits)])

    return [
        [[[pixel(y, x) for _ in range(channels)] for x in range(width)] for y in range(height)] for _ in range(FRAMES)
    ]


def _case(
    name: str, encoder: Any, frames: list[Frame], steps: int, spike: Callable[[int, int, int, int, int], int]
) -> StreamCase:
    """``spike(p, c, y, x, t)`` says what a pixel gives."""
    inputs, outputs = [], []
    for frame in frames:
        for y, row in enumerate(frame):
            for x, pixel in enumerate(row):
                inputs.append(sum(p << (c * encoder.pixel_bits) for c, p in enumerate(pixel)))
                for t in range(steps):
                    outputs.append(sum(spike(p, c, y, x, t) << c for c, p in enumerate(pixel)))
    return StreamCase(name, encoder, inputs, outputs)


def _uniform(bits: int, p: int, t: int) -> int:
    largest = (1 << bits) - 1
    return int((t + 1) * p // largest > t * p // largest)


def _latency(bits: int, steps: int, p: int, t: int) -> int:
    """Rounded from the real quotient, ties upwards."""
    exact = (1 - Fraction(p, (1 << bits) - 1)) * (steps - 1)
    floor = exact.numerator // exact.denominator
    return int(p > 0 and t == floor + (exact - floor >= Fraction(1, 2)))


def _random_bits(seed: int, channel: int, count: int) -> list[int]:
    """b(0) to b(count - 1) of a channel."""
    own = (seed ^ ((channel * 0x9E3779B1) % 2**31)) or 1
    bits = {-31 + i: (own >> (30 - i)) & 1 for i in range(31)}
    for k in range(count):
        bits[k] = bits[k - 31] ^ bits[k - 28]
    return [bits[k] for k in range(count)]


def _cases() -> list[StreamCase]:
    cases = []
    for index, (channels, bits, steps, height, width) in enumerate(SHAPES + SWEEPS):
        frames = _frames(channels, bits, height, width, sweep=index >= len(SHAPES))
        name = f"{channels}-{bits}-{steps}-{height}-{width}"

        def uniform(p: int, c: int, y: int, x: int, t: int, bits: int = bits) -> int:
            return _uniform(bits, p, t)

        def latency(p: int, c: int, y: int, x: int, t: int, bits: int = bits, steps: int = steps) -> int:
            return _latency(bits, steps, p, t)

        cases.append(_case(f"uniform-{name}", UniformEncoder(channels, bits, steps), frames, steps, uniform))
        cases.append(_case(f"latency-{name}", LatencyEncoder(channels, bits, steps), frames, steps, latency))
    for index, (channels, bits, steps, height, width) in enumerate(SHAPES):
        frames = _frames(channels, bits, height, width, sweep=False)
        seed = SEEDS[index % len(SEEDS)]
        sequences = [_random_bits(seed, c, bits * height * width * steps) for c in range(channels)]

        def poisson(
            p: int,
            c: int,
            y: int,
            x: int,
            t: int,
            bits: int = bits,
            steps: int = steps,
            width: int = width,
            sequences: list[list[int]] = sequences,
        ) -> int:
            k = bits * ((y * width + x) * steps + t)
            r = sum(sequences[c][k + i] << (bits - 1 - i) for i in range(bits))
            return int(r < p)

        encoder = PoissonEncoder(channels, bits, steps, height, width, seed)
        name = f"poisson-{channels}-{bits}-{steps}-{height}-{width}-{seed}"
        cases.append(_case(name, encoder, frames, steps, poisson))
    return cases


CASES = _cases()


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=7)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_encoder(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, encoder = results[case.name], case.component
    assert result.error is None
    first = result.output_clocks[0]
    assert result.output_clocks == list(range(first, first + len(case.outputs)))
    last_steps = result.output_clocks[encoder.timesteps - 1 :: encoder.timesteps]
    assert last_steps == [clock + encoder.latency for clock in result.input_clocks]


@pytest.mark.parametrize(
    ("encoder", "arguments", "error", "message"),
    [
        *(
            case
            for encoder in (UniformEncoder, LatencyEncoder)
            for case in (
                (encoder, (0, 8, 4), ValueError, "channels must be an integer of at least 1, not 0"),
                (encoder, (1, 0, 4), ValueError, "pixel bits must be an integer from 1 to 8, not 0"),
                (encoder, (1, 9, 4), ValueError, "pixel bits must be an integer from 1 to 8, not 9"),
                (encoder, (1, 8, 0), ValueError, "timesteps must be an integer from 1 to 256, not 0"),
                (encoder, (1, 8, 257), ValueError, "timesteps must be an integer from 1 to 256, not 257"),
                (encoder, (1, 8, 4.0), TypeError, "timesteps must be an integer from 1 to 256, not 4.0"),
            )
        ),
        (PoissonEncoder, (0, 8, 4, 1, 1, 1), ValueError, "channels must be an integer of at least 1, not 0"),
        (PoissonEncoder, (1, 8, 4, 0, 1, 1), ValueError, "height must be an integer of at least 1, not 0"),
        (PoissonEncoder, (1, 8, 4, 1, 0, 1), ValueError, "width must be an integer of at least 1, not 0"),
        (PoissonEncoder, (1, 8, 4, 1, 1, 0), ValueError, "seed must be an integer from 1 to 2147483647, not 0"),
        (PoissonEncoder, (1, 8, 4, 1, 1, 2**31), ValueError, "seed must be an integer from 1 to 2147483647, not .*"),
        (PoissonEncoder, (1, 8, 4, 1, 1, None), TypeError, "seed must be an integer from 1 to 2147483647, not None"),
    ],
)
def test_init_wrong(encoder: Any, arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        encoder(*arguments)
