# amaranth: UnusedElaboratable=no

from __future__ import annotations

import random
from dataclasses import dataclass, field

import numpy as np
import pytest

from hwsnn.rtl.synapses import MAX_LOGIC_ROWS, Synapses, bits_per_table
from hwsnn.sim.stream_bench import CaseResult, StreamCase, run_cases

BEATS = 240


@dataclass
class Layer:
    """The numbers of a folded layer and its slices; ``run`` is the sum of docs/numerics.md in plain integers."""

    groups: int
    folds: int
    lanes: int
    entries: int
    input_bits: int = 1
    weight_bits: int = 8
    bias_bits: int = 9
    density: float = 1.0
    extreme: bool = False
    seed: int = 1
    weights: list[list[list[list[int]]]] = field(init=False)
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
                [[weight(1 - 2 * (lane % 2)) for _ in range(self.entries)] for lane in range(self.lanes)]
                for _ in range(f)
            ]
            for f in [self.folds] * self.groups
        ]
        self.bias = [[self.random.randint(-offset, offset) for _ in range(self.lanes)] for _ in range(self.groups)]

    @property
    def name(self) -> str:
        shape = f"{self.groups}x{self.folds}x{self.lanes}x{self.entries}"
        return f"{shape}-{self.input_bits}-{self.weight_bits}-{self.density}{'-extreme' * self.extreme}"

    @property
    def current_bits(self) -> int:
        """Narrowest width for the least and the largest current that any inputs can make."""
        largest = (1 << self.input_bits) - 1
        ends = [0]
        for folds, biases in zip(self.weights, self.bias, strict=True):
            for lane, bias in enumerate(biases):
                flat = [w for fold in folds for w in fold[lane]]
                ends.append(bias + largest * sum(w for w in flat if w < 0))
                ends.append(bias + largest * sum(w for w in flat if w > 0))
        return next(n for n in range(1, 64) if -(1 << (n - 1)) <= min(ends) and max(ends) < 1 << (n - 1))

    def slices(self) -> list[list[int]]:
        passes = max(1, BEATS // (self.groups * self.folds))
        top = (1 << self.input_bits) - 1
        made = []
        for index in range(passes * self.groups * self.folds):
            constant = {0: 0, 1: top}.get(index // (self.groups * self.folds) % 4)
            made.append([self.random.randint(0, top) if constant is None else constant for _ in range(self.entries)])
        return made

    def run(self, slices: list[list[int]]) -> list[list[int]]:
        beats, index = [], 0
        while index < len(slices):
            for g in range(self.groups):
                currents = list(self.bias[g])
                for k in range(self.folds):
                    for lane in range(self.lanes):
                        currents[lane] += sum(
                            w * x for w, x in zip(self.weights[g][k][lane], slices[index], strict=True)
                        )
                    index += 1
                beats.append(currents)
        return beats

    def component(self) -> Synapses:
        return Synapses(np.array(self.weights), np.array(self.bias), self.input_bits, self.current_bits)


def _bits(values: list[int], width: int) -> int:
    return sum((value & ((1 << width) - 1)) << (index * width) for index, value in enumerate(values))


def _case(layer: Layer, name: str | None = None, component: Synapses | None = None) -> StreamCase:
    slices = layer.slices()
    inputs = [_bits(entries, layer.input_bits) for entries in slices]
    outputs = [_bits(currents, layer.current_bits) for currents in layer.run(slices)]
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
    Layer(5, 4, 2, 9, weight_bits=7),  # 20 rows: tables in block memory
    Layer(1, 40, 3, 4, extreme=True, bias_bits=12),
    Layer(3, 43, 1, 3),  # 129 rows: gates
    Layer(2, 64, 1, 5),
    Layer(2, 150, 2, 4, density=0.02, bias_bits=18),
    Layer(18, 16, 1, 3),
    Layer(1, 130, 2, 3, weight_bits=4),
    Layer(1, 1, 2, 3, input_bits=2, weight_bits=5),
    Layer(2, 1, 2, 3, input_bits=4, weight_bits=8),
    Layer(1, 1, 2, 9, input_bits=8, weight_bits=8, bias_bits=16),
    Layer(4, 1, 2, 9, input_bits=8, weight_bits=8, density=0.5),
    Layer(2, 3, 3, 4, input_bits=5, weight_bits=4, extreme=True),
    Layer(7, 5, 1, 4, input_bits=3, weight_bits=2),
    Layer(1, 130, 2, 3, input_bits=8, weight_bits=8),
    Layer(3, 50, 1, 2, input_bits=4, extreme=True, density=0.6),
    Layer(3, 7, 2, 2, input_bits=8, weight_bits=3, density=0.3),
    Layer(2, 2, 2, 4, density=0.0, bias_bits=6),
    Layer(1, 3, 2, 4, input_bits=7, density=0.0, bias_bits=6),
]


def _changed_weight() -> StreamCase:
    right, wrong = Layer(2, 2, 3, 9, seed=7), Layer(2, 2, 3, 9, seed=7)
    wrong.weights[1][0][2][5] += 1 if wrong.weights[1][0][2][5] < 127 else -1
    return _case(right, "changed-weight", wrong.component())


def _changed_bias() -> StreamCase:
    right, wrong = Layer(2, 2, 3, 9, input_bits=8, seed=7), Layer(2, 2, 3, 9, input_bits=8, seed=7)
    wrong.bias[1][2] ^= 1
    return _case(right, "changed-bias", wrong.component())


CASES = [_case(layer) for layer in LAYERS]
WRONG = [_changed_weight(), _changed_bias()]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases([*CASES, *WRONG], seed=11)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_currents(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result, component = results[case.name], case.component
    assert result.error is None
    assert result.first_latency == component.folds - 1 + component.latency
    first = result.input_clocks[0]
    assert result.input_clocks == list(range(first, first + len(case.inputs))), "a slice every clock"


@pytest.mark.parametrize("case", WRONG, ids=lambda case: case.name)
def test_a_wrong_number_is_seen(case: StreamCase, results: dict[str, CaseResult]) -> None:
    error = results[case.name].error
    assert error is not None
    assert "expected" in error


def test_every_form_is_tried() -> None:
    forms = {
        (bits_per_table(n.groups * n.folds) > 0, n.groups * n.folds > MAX_LOGIC_ROWS, n.input_bits > 1) for n in LAYERS
    }
    assert len(forms) == 6


@pytest.mark.parametrize(
    ("rows", "bits"),
    [(1, 5), (2, 4), (4, 3), (8, 2), (9, 2), (16, 2), (17, 4), (64, 3), (128, 2), (129, 0), (4096, 0)],
)
def test_bits_per_table(rows: int, bits: int) -> None:
    assert bits_per_table(rows) == bits


WEIGHTS, BIAS = np.ones((2, 3, 4, 5), np.int64), np.zeros((2, 4), np.int64)


@pytest.mark.parametrize(
    ("parameters", "kind", "message"),
    [
        (([[1]], BIAS, 1, 8), TypeError, r"weights must be an integer array, not \[\[1\]\]"),
        ((WEIGHTS * 0.5, BIAS, 1, 8), TypeError, "weights must be an integer array, not array"),
        ((WEIGHTS, None, 1, 8), TypeError, "bias must be an integer array, not None"),
        ((WEIGHTS[0], BIAS, 1, 8), ValueError, r"weights must have the shape \(G, F, lanes, L\), .* not \(3, 4, 5\)"),
        ((WEIGHTS[:0], BIAS, 1, 8), ValueError, r"weights must have the shape .* none of them 0, not \(0, 3, 4, 5\)"),
        ((WEIGHTS, BIAS.T, 1, 8), ValueError, r"bias must have the shape \(2, 4\), not \(4, 2\)"),
        ((WEIGHTS, BIAS, 9, 20), ValueError, "input_bits must be an integer from 1 to 8, not 9"),
        ((WEIGHTS, BIAS, 1, 4), ValueError, "current_bits must be an integer of at least 5, not 4"),
        ((WEIGHTS, BIAS, 1, 5.0), TypeError, r"current_bits must be an integer of at least 5, not 5\.0"),
    ],
)
def test_init_wrong(parameters: tuple[object, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"^{message}"):
        Synapses(*parameters)  # type: ignore[arg-type]
