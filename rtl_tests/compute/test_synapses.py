# amaranth: UnusedElaboratable=no
"""Synaptic sums against plain integers: every place of the tables, gates, and sums over several positions."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pytest

from hwsnn.folding.distributed_arithmetic import MAX_LOGIC_ROWS, bits_per_table, in_block_memory
from hwsnn.folding.folding import Sums
from hwsnn.folding.synaptic_sums import SynapticSums
from hwsnn.rtl.compute.synapses import Synapses
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

BEATS = 240


@dataclass
class Layer:
    """The numbers of a folded layer and its slices; ``run`` is the sum of docs/numerics.md in plain integers."""

    groups: int
    folds: int
    lanes: int
    entries: int
    positions: int = 1
    passes: int = 1
    sums: Sums = "lut5"
    largest: int = 1
    weight_bits: int = 8
    bias_bits: int = 9
    density: float = 1.0
    extreme: bool = False
    fraction_bits: int = 0
    windows: int = 1
    """Of a pool, with one position."""
    early_passes: int | None = None
    """Of each position before the last; None for all."""
    seed: int = 1
    weights: list[list[list[list[list[int]]]]] = field(init=False)
    bias: list[list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(f"{self.name} {self.seed}")
        largest, offset = (1 << (self.weight_bits - 1)) - 1, (1 << (self.bias_bits - 1)) - 1

        def weight(sign: int) -> int:
            if self.random.random() >= self.density:
                return 0
            return sign * largest if self.extreme else self.random.randint(-largest, largest)

        self.weights = [
            [
                [
                    [[weight(1 - 2 * (lane % 2)) for _ in range(self.entries)] for lane in range(self.lanes)]
                    for _ in range(self.folds)
                ]
                for _ in range(self.groups)
            ]
            for _ in range(self.positions)
        ]
        self.bias = [[self.random.randint(-offset, offset) for _ in range(self.lanes)] for _ in range(self.groups)]

    @property
    def name(self) -> str:
        shape = f"{self.positions}x{self.groups}x{self.folds}x{self.lanes}x{self.entries}-{self.passes}-{self.sums}"
        numbers = f"{self.largest}-{self.weight_bits}-{self.density}-{self.fraction_bits}"
        shape += "" if self.early_passes is None else f"-early{self.early_passes}"
        return f"{shape}-{self.windows}-{numbers}{'-extreme' * self.extreme}"

    @property
    def input_bits(self) -> int:
        return self.largest.bit_length()

    @property
    def rows(self) -> int:
        return self.positions * self.groups * self.folds

    @property
    def a_frame(self) -> int:
        """Slices until the sums begin anew."""
        early = self.passes if self.early_passes is None else self.early_passes
        return self.groups * self.folds * ((self.positions - 1) * early + self.passes) * self.windows

    @property
    def current_bits(self) -> int:
        """Narrowest width for the least and the largest current that any inputs can make."""
        largest = self.largest << self.fraction_bits
        ends = [0]
        for g, lane in product(range(self.groups), range(self.lanes)):
            flat = [w for position in self.weights for fold in position[g] for w in fold[lane]]
            ends.append(self.bias[g][lane] + largest * sum(w for w in flat if w < 0))
            ends.append(self.bias[g][lane] + largest * sum(w for w in flat if w > 0))
        return next(n for n in range(1, 64) if -(1 << (n - 1)) <= min(ends) and max(ends) < 1 << (n - 1))

    def slices(self) -> list[list[int]]:
        """Random ones; in every fourth frame, and in the one after, all inputs are equal: 0, and the largest."""
        top, made = self.largest, []
        for index in range(max(3, BEATS // self.a_frame) * self.a_frame):
            constant = {0: 0, 1: top}.get(index // self.a_frame % 4)
            made.append([self.random.randint(0, top) if constant is None else constant for _ in range(self.entries)])
        return made

    def run(self, slices: list[list[int]]) -> list[list[int]]:
        """The currents of each frame's slices, which come in the order (p, pass, g, k), in the order (pass, g)."""
        beats = []
        for frame in range(0, len(slices), self.a_frame):
            given = iter(slices[frame:])
            currents = [[list(row) for row in self.bias] for _ in range(self.passes * self.windows)]
            for position, weights in enumerate(self.weights):
                once = self.early_passes == 1 and position < self.positions - 1
                passes = 1 if once else self.passes
                for window, g, k in product(range(passes * self.windows), range(self.groups), range(self.folds)):
                    inputs = next(given)
                    for lane, row in enumerate(weights[g][k]):
                        total = sum(w * x for w, x in zip(row, inputs, strict=True))
                        for sums in currents if once else currents[window : window + 1]:
                            sums[g][lane] += total << self.fraction_bits
            for first in range(0, len(currents), self.windows):
                of_pass = np.array(currents[first : first + self.windows])
                beats += of_pass.max(axis=0).tolist()
        return beats

    def last_slices(self) -> list[int]:
        """For each beat of a frame, which slice is the last that adds to it."""
        a_window = self.groups * self.folds
        if self.windows > 1:
            starts = range((self.windows - 1) * a_window, self.a_frame, self.windows * a_window)
        else:
            starts = range(self.a_frame - self.passes * a_window, self.a_frame, a_window)
        return [start + last for start in starts for last in range(self.folds - 1, a_window, self.folds)]

    def component(self) -> Synapses:
        return Synapses(self.numbers, self.current_bits, self.passes, self.early_passes)

    @property
    def numbers(self) -> SynapticSums:
        bias = np.array(self.bias)
        return SynapticSums(np.array(self.weights), bias, self.largest, self.sums, 1, self.fraction_bits, self.windows)


def _case(layer: Layer, name: str | None = None, component: Synapses | None = None) -> StreamCase:
    slices = layer.slices()
    inputs = [packed(entries, layer.input_bits) for entries in slices]
    outputs = [packed(currents, layer.current_bits) for currents in layer.run(slices)]
    return StreamCase(name or layer.name, component or layer.component(), inputs, outputs)


LAYERS = [
    Layer(1, 1, 3, 9),
    Layer(1, 1, 1, 1, weight_bits=2),
    Layer(1, 1, 2, 11, weight_bits=4, bias_bits=16),
    Layer(1, 2, 2, 7, weight_bits=3),
    Layer(3, 1, 2, 9, weight_bits=6, bias_bits=14),
    Layer(2, 2, 3, 10, density=0.4),
    Layer(2, 3, 2, 8, weight_bits=5, density=0.1),
    Layer(1, 5, 2, 18, extreme=True, bias_bits=1),
    Layer(4, 4, 2, 5),
    Layer(4, 8, 2, 5),  # 32 rows: the last tables in logic
    Layer(3, 11, 2, 9, weight_bits=7),  # 33 rows: tables in block memory
    Layer(1, 40, 3, 4, extreme=True, bias_bits=12),
    Layer(3, 43, 1, 3),  # 129 rows: gates
    Layer(2, 64, 1, 5),
    Layer(2, 150, 2, 4, density=0.02, bias_bits=18),
    Layer(18, 16, 1, 3),
    Layer(1, 130, 2, 3, weight_bits=4),
    Layer(35, 4, 1, 3),  # gates, and a table of biases in block memory
    # Larger tables, and tables in block memory for few rows.
    Layer(1, 1, 2, 13, sums="lut6"),
    Layer(2, 3, 2, 8, sums="lut6", weight_bits=5),
    Layer(5, 4, 1, 5, sums="lut6"),
    Layer(1, 1, 2, 20, sums="block"),
    Layer(2, 2, 3, 10, sums="block", density=0.4),
    Layer(1, 3, 2, 3, sums="block", largest=255),
    Layer(1, 1, 1, 1, sums="block", density=0.0),
    # Pixels.
    Layer(1, 1, 2, 3, largest=3, weight_bits=5),
    Layer(2, 1, 2, 3, largest=15, weight_bits=8),
    Layer(1, 1, 2, 9, largest=255, weight_bits=8, bias_bits=16),
    Layer(4, 1, 2, 9, largest=255, weight_bits=8, density=0.5),
    Layer(2, 3, 3, 4, largest=31, weight_bits=4, extreme=True),
    Layer(7, 5, 1, 4, largest=7, weight_bits=2),
    Layer(1, 130, 2, 3, largest=255, weight_bits=8),
    Layer(3, 50, 1, 2, largest=15, extreme=True, density=0.6),
    Layer(3, 7, 2, 2, largest=255, weight_bits=3, density=0.3),
    Layer(2, 2, 2, 4, density=0.0, bias_bits=6),
    Layer(1, 3, 2, 4, largest=127, density=0.0, bias_bits=6),
    # Numbers of spikes: not every number of that many bits.
    Layer(2, 1, 2, 5, largest=2),
    Layer(1, 3, 2, 4, largest=5, sums="block"),
    Layer(2, 1, 2, 3, largest=9, positions=3, passes=2, extreme=True),
    Layer(2, 80, 1, 3, largest=5, extreme=True),
    # Fraction bits: below one sum, several output folds, accumulators, a ring, gates.
    Layer(1, 1, 3, 4, fraction_bits=3),
    Layer(1, 1, 2, 4, fraction_bits=2, extreme=True, bias_bits=1),  # a sum that has no sign
    Layer(3, 1, 2, 4, fraction_bits=8, bias_bits=14),
    Layer(3, 2, 2, 4, fraction_bits=1, largest=3),
    Layer(2, 2, 2, 4, positions=3, passes=2, fraction_bits=5, bias_bits=4),
    Layer(35, 4, 1, 3, fraction_bits=4),
    Layer(2, 1, 2, 4, density=0.0, fraction_bits=8, bias_bits=3),
    # Windows of a pool: one output fold, whose ring is one place, two and several; accumulators, gates, fraction bits.
    Layer(1, 1, 2, 6, windows=4),
    Layer(1, 1, 2, 6, windows=2, passes=3),
    Layer(1, 2, 2, 5, windows=3, passes=2),
    Layer(2, 1, 2, 5, windows=4, passes=2),
    Layer(3, 1, 2, 5, windows=3),
    Layer(4, 2, 1, 4, windows=4, passes=2, fraction_bits=3, bias_bits=12),
    Layer(7, 1, 2, 3, windows=9, largest=3),
    Layer(3, 43, 1, 3, windows=2),
    Layer(35, 4, 1, 3, windows=2, extreme=True),
    Layer(1, 1, 2, 3, windows=4, largest=255, passes=3, sums="block"),
    # One position, many passes: they are all alike.
    Layer(2, 2, 2, 5, passes=4),
    # Several positions: a ring of one sum, of two, of three and of many, which come round every clock.
    Layer(1, 1, 2, 6, positions=4),
    Layer(1, 3, 2, 6, positions=4),
    Layer(1, 1, 2, 6, positions=3, passes=2),
    Layer(2, 1, 2, 6, positions=3),
    Layer(2, 2, 1, 4, positions=5, density=0.4),
    Layer(3, 1, 2, 5, positions=2, bias_bits=14),
    Layer(1, 1, 3, 5, positions=2, passes=3, weight_bits=4),
    Layer(2, 3, 2, 3, positions=4, passes=5, extreme=True),
    Layer(4, 1, 2, 4, positions=2, passes=8),
    Layer(2, 1, 2, 6, positions=3, passes=2, sums="lut6"),
    Layer(3, 2, 2, 9, positions=3, passes=2, sums="block"),
    Layer(1, 1, 2, 3, positions=5, sums="block", largest=63),
    Layer(2, 4, 2, 3, positions=9, passes=2),  # 72 rows: block memory whatever was asked for
    Layer(2, 8, 2, 4, positions=9, bias_bits=12),  # 144 rows: gates
    Layer(2, 1, 2, 3, positions=70, passes=3, density=0.5),
    Layer(1, 1, 1, 3, positions=140, largest=15, passes=1),
    Layer(2, 2, 2, 2, positions=4, passes=1, largest=255, extreme=True),
    Layer(2, 1, 2, 4, positions=3, passes=2, density=0.0, bias_bits=6),
    # Earlier positions count once for all passes: a ring of one sum, of two and of many; with all that there is.
    Layer(1, 1, 2, 4, positions=4, passes=3, largest=15, early_passes=1),
    Layer(2, 1, 2, 4, positions=3, passes=2, largest=15, early_passes=1),
    Layer(2, 3, 2, 3, positions=4, passes=5, largest=255, early_passes=1, extreme=True),
    Layer(4, 1, 2, 3, positions=2, passes=2, largest=7, early_passes=1, fraction_bits=3),
    Layer(3, 1, 1, 3, positions=70, passes=3, largest=3, early_passes=1),
    Layer(2, 1, 2, 3, positions=3, passes=2, largest=3, early_passes=2),
    Layer(1, 1, 2, 4, passes=3, largest=15, early_passes=1),
]


def _changed_weight() -> StreamCase:
    right, wrong = (Layer(2, 2, 3, 9, positions=2, passes=2, seed=7) for _ in range(2))
    wrong.weights[1][1][0][2][5] += 1 if wrong.weights[1][1][0][2][5] < 127 else -1
    return _case(right, "changed-weight", wrong.component())


def _changed_bias() -> StreamCase:
    right, wrong = (Layer(2, 2, 3, 9, largest=255, seed=7) for _ in range(2))
    wrong.bias[1][2] ^= 1
    return _case(right, "changed-bias", wrong.component())


CASES = [_case(layer) for layer in LAYERS]
WRONG = [_changed_weight(), _changed_bias()]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases([*CASES, *WRONG], seed=11)


@pytest.mark.parametrize(("layer", "case"), list(zip(LAYERS, CASES, strict=True)), ids=[case.name for case in CASES])
def test_currents(layer: Layer, case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    assert result.error is None
    assert result.output_clocks == [
        result.input_clocks[frame + last] + case.component.latency
        for frame in range(0, len(case.inputs), layer.a_frame)
        for last in layer.last_slices()
    ]
    first = result.input_clocks[0]
    assert result.input_clocks == list(range(first, first + len(case.inputs))), "a slice every clock"


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_a_wrong_number_is_seen(case: StreamCase, results: dict[str, CaseResult]) -> None:
    error = results[case.name].error
    assert error is not None
    assert "expected" in error


def test_every_form_is_tried() -> None:
    forms = {
        (bits_per_table(n.rows, n.sums) > 0, in_block_memory(n.rows, n.sums), n.largest > 1, n.positions > 1)
        for n in LAYERS
    }
    # Tables in logic or in block memory, or gates; spikes or pixels; one position or several.
    assert len(forms) == 3 * 2 * 2


def test_latency() -> None:
    """Address and table; a register more for block memory or the gates; the tree; each accumulator."""
    assert Layer(1, 1, 1, 5, bias_bits=1, extreme=True).component().latency == 2
    assert Layer(1, 1, 1, 9, bias_bits=1, extreme=True).component().latency == 3
    assert Layer(1, 1, 1, 9, bias_bits=1, extreme=True, sums="block").component().latency == 3
    assert Layer(1, 1, 1, 4, bias_bits=1, extreme=True, positions=2).component().latency == 3
    assert Layer(1, 2, 1, 4, bias_bits=1, extreme=True, positions=2).component().latency == 5
    assert Layer(1, 200, 1, 4, bias_bits=1, extreme=True).component().latency == 7


@pytest.mark.parametrize("layer", LAYERS[::4], ids=lambda layer: layer.name)
def test_least_current_bits(layer: Layer) -> None:
    least = layer.current_bits
    assert layer.numbers.currents.width == least
    assert len(Synapses(layer.numbers, least + 3, layer.passes).o.payload) == layer.lanes
    with pytest.raises(ValueError, match=rf"^current_bits must be an integer of at least {least}, not {least - 1}$"):
        Synapses(layer.numbers, least - 1, layer.passes)


@pytest.mark.parametrize(
    ("rows", "sums", "bits"),
    [
        *((rows, "lut5", bits) for rows, bits in ((1, 5), (2, 4), (4, 3), (8, 2), (9, 1), (16, 1), (32, 1))),
        *((rows, "lut6", bits) for rows, bits in ((1, 6), (2, 5), (4, 4), (8, 3), (9, 2), (16, 2), (32, 1))),
        *((rows, "block", bits) for rows, bits in ((1, 9), (2, 8), (17, 4), (32, 4), (128, 2), (129, 0))),
        *((rows, sums, bits) for sums in ("lut5", "lut6") for rows, bits in ((33, 3), (64, 3), (128, 2), (129, 0))),
    ],
)
def test_bits_per_table(rows: int, sums: Sums, bits: int) -> None:
    assert bits_per_table(rows, sums) == bits


@pytest.mark.parametrize(
    ("rows", "sums", "expected"),
    [(1, "lut5", False), (MAX_LOGIC_ROWS, "lut6", False), (33, "lut6", True), (1, "block", True)],
)
def test_in_block_memory(rows: int, sums: Sums, expected: bool) -> None:
    assert in_block_memory(rows, sums) is expected


def test_wrong_widths_and_passes() -> None:
    numbers = Layer(2, 3, 4, 5).numbers
    with pytest.raises(TypeError, match=r"^current_bits must be an integer of at least \d+, not 20\.0$"):
        Synapses(numbers, 20.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^passes must be an integer of at least 1, not 0$"):
        Synapses(numbers, 20, 0)
