# amaranth: UnusedElaboratable=no
"""The computing part of a layer by itself: windows and frames of pixels against the oracle, and its clocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hwsnn.folding.folding import LayerFold
from hwsnn.rtl.compute.engine import Engine
from hwsnn.spec import (
    Conv,
    Dense,
    Encoder,
    Integrator,
    Leak,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    Population,
    ShiftLeak,
    Window,
)
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases
from tests.support import oracle

FRAMES = 8
BENCHES = 5
"""Over which the cases are spread: the time that a build takes grows faster than its size."""
NO_LEAK = NoLeak()


@dataclass(frozen=True)
class Setting:
    """A network of one layer, whose window is the whole input, its fold, and the time steps in a beat of windows."""

    kind: type[Conv | Dense]
    shape: tuple[int, int, int]
    classes: int
    timesteps: int
    steps: int
    fold: LayerFold
    leak: Leak = NO_LEAK
    fires: bool = True
    pixel_bits: int = 0
    """0 for spikes."""
    timed: bool = False
    """Whether pixels have a value of their own at every step."""
    fraction_bits: int = 0
    gained: bool = False
    pool: tuple[int, int] = (1, 1)
    """Of the currents of a convolution."""
    stride: tuple[int, int] = (1, 1)

    @property
    def held(self) -> bool:
        return self.pixel_bits > 0 and not self.timed

    @property
    def name(self) -> str:
        fold = f"{self.fold.cin_par}x{self.fold.cout_par}x{self.fold.t_par}-{self.fold.sums}"
        kind = f"{self.kind.__name__.lower()}-{'x'.join(map(str, self.shape))}-{self.classes}"
        leak = type(self.leak).__name__.lower()
        steps = f"{self.timesteps}t{self.steps}-{self.pixel_bits}b{'-timed' * self.timed}"
        currents = f"{self.fraction_bits}f{'-gained' * self.gained}-{'x'.join(map(str, self.pool + self.stride))}"
        return f"{kind}-{steps}-{fold}-{currents}-{leak}{'' if self.fires else '-integrates'}"

    @property
    def kernel(self) -> tuple[int, int]:
        down, right = ((size - 1) * step for size, step in zip(self.pool, self.stride, strict=True))
        return self.shape[1] - down, self.shape[2] - right

    @property
    def network(self) -> Network:
        rng = np.random.default_rng(list(self.name.encode()))
        weights = rng.integers(-7, 8, (self.classes, self.shape[0], *self.kernel))
        gain = rng.integers(1, 6, self.classes) if self.gained else None
        bias = rng.integers(-9, 10, self.classes)
        neuron: Neuron | Integrator = Integrator(self.leak, 10)
        if self.fires:
            largest = (27 if self.gained else 9) << (self.pixel_bits + self.fraction_bits)
            thresholds, subs = (rng.integers(1, largest, self.classes) for _ in range(2))
            neuron = Neuron(thresholds, self.leak, "subtract", 13 + self.fraction_bits, subs)
        one = Conv("last", weights, 4, gain, self.stride) if self.kind is Conv else Dense("last", weights, 4, gain)
        layer = Population("last", (one,), bias, neuron, self.fraction_bits)
        if self.pool != (1, 1):
            layer = replace(layer, pool=Window(self.pool, self.pool))
        encoder = Encoder("steps" if self.timed else "direct" if self.held else "uniform")
        readout = "count" if self.fires else "membrane"
        return Network("one-layer", self.shape, self.pixel_bits or 8, encoder, self.timesteps, (layer,), readout)  # type: ignore[arg-type]

    @property
    def passes(self) -> int:
        return -(-self.timesteps // self.fold.t_par)

    @property
    def positions(self) -> int:
        """Beats of pixels that a fully connected layer sees one after the other."""
        return self.shape[1] * self.shape[2] if self.kind is Dense else 1

    @property
    def windows(self) -> int:
        """Windows of a position."""
        return 1 if self.held else -(-self.timesteps // self.steps)

    def engine(self, queue_depth: int | None = None) -> Engine:
        """With as many places in its queue as full speed needs, or with ``queue_depth``."""
        if queue_depth is None:
            engine = self.engine(1)
            queue_depth = -(-(engine.pass_clocks + engine.pipeline_clocks + 3) // engine.pass_clocks)
        return Engine(self.network, 0, self.fold, [self.steps], queue_depth)

    def beats(self) -> tuple[list[int], list[int]]:
        """Random windows, and the spikes or scores that the oracle makes of them."""
        rng = np.random.default_rng(list(self.name.encode()[::-1]))
        inputs: list[int] = []
        outputs: list[int] = []
        _, height, width = self.shape
        pixels = list(product(range(height), range(width)))
        bits = self.pixel_bits or 1
        for _ in range(FRAMES):
            values = rng.integers(0, 1 << bits, (self.timesteps, *self.shape))
            if self.held:
                values[:] = values[0]  # the same at every step
            padded = np.concatenate([values, np.zeros((self.steps, *self.shape), values.dtype)])
            for position in [pixels] if self.kind is Conv else [[pixel] for pixel in pixels]:
                for first in range(0, self.windows * self.steps, self.steps):
                    entries = [padded[first + t, :, y, x] for y, x in position for t in range(self.steps)]
                    inputs.append(packed(np.concatenate(entries).tolist(), bits))
            planes = [{at: int(step[at]) for at in np.ndindex(*self.shape)} for step in values]
            results = [[step[c, 0, 0] for c in range(self.classes)] for step in self._oracle(planes)]
            if self.fires:
                for first in range(0, self.timesteps, self.fold.t_par):
                    outputs.append(packed([s for step in results[first : first + self.fold.t_par] for s in step], 1))
            else:
                outputs.append(packed(results[-1], 10))
        return inputs, outputs

    def _oracle(self, planes: list[oracle.Plane]) -> list[oracle.Plane]:
        spikes, membranes, _ = oracle.population(self.network.population(0), [planes], [self.shape])
        return spikes if self.fires else membranes

    def begins(self, engine: Engine) -> list[list[int]]:
        """For every position of every frame, when its passes begin at full speed, counted from the first one.

        Of pixels that are held, all positions but the last of a frame have one pass.
        """
        clock, begins = 0, []
        for number in range(FRAMES * self.positions):
            passes = 1 if self.held and (number + 1) % self.positions else self.passes
            begins.append([clock + number * max(engine.pass_clocks, engine.min_interval) for number in range(passes)])
            clock = begins[-1][-1] + engine.pass_clocks
        return begins


SETTINGS = [
    # A window: groups and folds that do and do not divide, a step a pass and several, several windows a position.
    Setting(Conv, (3, 2, 2), 4, 4, 1, LayerFold(3, 4)),
    Setting(Conv, (3, 2, 2), 4, 4, 4, LayerFold(2, 2), ShiftLeak(2)),
    Setting(Conv, (5, 2, 3), 5, 5, 5, LayerFold(2, 2, 2), MultiplyLeak(230, 8)),
    Setting(Conv, (5, 2, 1), 7, 6, 2, LayerFold(3, 3, 2), ShiftLeak(1)),
    Setting(Conv, (4, 1, 2), 3, 8, 4, LayerFold(4, 3, 2)),
    Setting(Conv, (4, 1, 2), 3, 5, 2, LayerFold(4, 2, 2), ShiftLeak(1)),
    Setting(Conv, (4, 1, 2), 3, 5, 5, LayerFold(2, 1, 5), ShiftLeak(1)),
    Setting(Conv, (4, 2, 2), 3, 6, 6, LayerFold(4, 3, 8, "block"), MultiplyLeak(219, 8)),
    Setting(Conv, (5, 1, 1), 2, 3, 3, LayerFold(1, 1, 1, "lut6")),
    # Pixels: one window, given for every pass.
    Setting(Conv, (3, 2, 2), 4, 4, 1, LayerFold(3, 4, 4), ShiftLeak(3), pixel_bits=4),
    Setting(Conv, (3, 2, 2), 5, 5, 1, LayerFold(1, 2, 2), ShiftLeak(3), pixel_bits=3),
    Setting(Conv, (1, 3, 3), 4, 3, 1, LayerFold(1, 4), pixel_bits=4),
    # Values of several bits at every step.
    Setting(Conv, (3, 2, 2), 5, 4, 1, LayerFold(3, 4, 1), ShiftLeak(3), pixel_bits=4, timed=True),
    Setting(Conv, (3, 1, 2), 5, 6, 2, LayerFold(2, 2, 2, "block"), ShiftLeak(3), pixel_bits=3, timed=True),
    Setting(Dense, (3, 2, 2), 4, 4, 4, LayerFold(2, 3, 3), ShiftLeak(2), pixel_bits=8, timed=True),
    # Gains, and fraction bits behind one output fold and several, a ring, and gates.
    Setting(Conv, (3, 2, 2), 4, 4, 4, LayerFold(2, 4, 2), ShiftLeak(2), gained=True),
    Setting(Conv, (3, 2, 2), 4, 4, 1, LayerFold(3, 2, 1), ShiftLeak(2), pixel_bits=2, fraction_bits=3, gained=True),
    Setting(Conv, (2, 2, 2), 4, 4, 1, LayerFold(2, 4, 1), ShiftLeak(2), pixel_bits=2, fraction_bits=2),
    Setting(Dense, (3, 2, 3), 4, 4, 4, LayerFold(2, 3, 2), ShiftLeak(2), fraction_bits=8),
    Setting(Dense, (3, 12, 12), 3, 2, 2, LayerFold(3, 3, 2), ShiftLeak(2), fraction_bits=1, gained=True),
    # Pools of currents: of one output fold and of several, in one pass and in several, of pixels too.
    Setting(Conv, (3, 3, 3), 4, 4, 1, LayerFold(3, 4), ShiftLeak(2), pool=(2, 2)),
    Setting(Conv, (3, 4, 4), 4, 4, 4, LayerFold(2, 2, 2), ShiftLeak(2), pool=(2, 2), stride=(2, 1)),
    Setting(Conv, (5, 3, 2), 5, 5, 5, LayerFold(2, 2, 2), MultiplyLeak(230, 8), pool=(3, 1), fraction_bits=2),
    Setting(Conv, (1, 3, 3), 4, 4, 1, LayerFold(1, 4, 4), ShiftLeak(3), pixel_bits=4, pool=(1, 2)),
    Setting(Conv, (3, 3, 3), 5, 5, 1, LayerFold(1, 2, 2), ShiftLeak(3), pixel_bits=3, pool=(3, 3)),
    Setting(Conv, (2, 3, 3), 3, 4, 2, LayerFold(2, 1, 2, "block"), pixel_bits=2, timed=True, pool=(2, 2)),
    Setting(Conv, (2, 3, 3), 3, 4, 1, LayerFold(2, 3, 2), fires=False, pixel_bits=4, pool=(2, 2)),
    # Fully connected: the pixels of a frame, one after the other.
    Setting(Dense, (3, 2, 3), 4, 4, 1, LayerFold(3, 4), ShiftLeak(2)),
    Setting(Dense, (3, 2, 3), 4, 4, 4, LayerFold(2, 2, 2), ShiftLeak(2)),
    Setting(Dense, (5, 2, 2), 5, 5, 5, LayerFold(2, 3, 3), MultiplyLeak(85, 8)),
    Setting(Dense, (5, 2, 2), 5, 6, 3, LayerFold(5, 5, 3)),
    Setting(Dense, (2, 3, 3), 3, 7, 7, LayerFold(2, 3, 7, "block")),
    Setting(Dense, (4, 1, 1), 3, 4, 4, LayerFold(4, 3, 4)),
    Setting(Dense, (2, 2, 2), 3, 3, 1, LayerFold(1, 2), pixel_bits=4),
    # Neurons that integrate give one beat a position.
    Setting(Dense, (3, 2, 2), 4, 4, 4, LayerFold(2, 2, 2), ShiftLeak(2), fires=False),
    Setting(Dense, (3, 2, 2), 5, 5, 1, LayerFold(3, 5), fires=False),
    Setting(Dense, (3, 2, 2), 5, 5, 5, LayerFold(3, 3, 2), MultiplyLeak(200, 8), fires=False),
    Setting(Conv, (3, 2, 2), 3, 6, 3, LayerFold(3, 2, 3), ShiftLeak(1), fires=False),
    Setting(Conv, (2, 2, 2), 3, 4, 1, LayerFold(2, 3, 2), fires=False, pixel_bits=4),
]
CASES = [StreamCase(setting.name, setting.engine(), *setting.beats()) for setting in SETTINGS]
SHALLOW = [StreamCase(f"{s.name}-shallow", s.engine(1), *s.beats()) for s in SETTINGS[2::4]]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    cases, every = [*CASES, *SHALLOW], dict[str, CaseResult]()
    for first in range(BENCHES):
        every |= run_cases(cases[first::BENCHES], seed=13)
    return every


@pytest.mark.parametrize("case", [*CASES, *SHALLOW], ids=lambda case: case.name)
def test_engine(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize(("setting", "case"), list(zip(SETTINGS, CASES, strict=True)), ids=[s.name for s in SETTINGS])
def test_clocks(setting: Setting, case: StreamCase, results: dict[str, CaseResult]) -> None:
    """Windows go in as their first passes begin, beats come out ``latency`` clocks after theirs did."""
    result, engine = results[case.name], case.component
    begins = setting.begins(engine)
    first, window_passes = result.input_clocks[0], setting.passes // setting.windows
    assert result.input_clocks == [
        first + clock for position in begins for clock in position[::window_passes][: setting.windows]
    ]
    last_positions = begins[setting.positions - 1 :: setting.positions]
    making = [clock for position in last_positions for clock in (position if setting.fires else position[-1:])]
    assert result.output_clocks == [first + clock + engine.latency for clock in making]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_properties(setting: Setting) -> None:
    engine = setting.engine()
    groups, folds = -(-setting.classes // setting.fold.cout_par), -(-setting.shape[0] // setting.fold.cin_par)
    assert (engine.passes, engine.pass_clocks) == (setting.passes, groups * folds * prod(setting.pool))
    assert (engine.min_interval > 0) == (setting.passes > 1)


@pytest.mark.parametrize("setting", SETTINGS[1::4], ids=lambda setting: setting.name)
@pytest.mark.parametrize("queue_depth", [1, 3])
def test_nothing_is_lost_in_a_long_stall(setting: Setting, queue_depth: int) -> None:
    engine = setting.engine(queue_depth)
    inputs, outputs = setting.beats()
    stall = 6 * engine.passes * setting.positions * max(engine.pass_clocks, engine.min_interval) + engine.latency
    seen: list[int] = []
    waiting = 0

    async def bench(ctx: Any) -> None:
        nonlocal waiting
        left = list(inputs)
        for clock in range(20 * stall):
            ctx.set(engine.i.valid, bool(left))
            ctx.set(engine.i.payload, left[0] if left else 0)
            ctx.set(engine.o.ready, clock >= stall)
            if clock == stall:
                waiting = len(left)
            if clock >= stall and ctx.get(engine.o.valid):
                seen.append(ctx.get(engine.o.payload))
            if left and ctx.get(engine.i.ready):
                left.pop(0)
            if len(seen) == len(outputs):
                break
            await ctx.tick()

    simulator = Simulator(engine)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert waiting > 0, "the stall must have reached the input"
    assert seen == outputs


def test_outputs_differ() -> None:
    for case in CASES:
        assert len(set(case.outputs)) > 1, case.name


def test_init_wrong() -> None:
    pool = MaxPool("pool", (1, 1), (1, 1), "or")
    network = replace(SETTINGS[0].network, layers=(pool, *SETTINGS[0].network.layers))
    with pytest.raises(ValueError, match=r"^layer 'pool' must have weights, not be a pool"):
        Engine(network, 0, LayerFold(1, 1), [1], 4)
    with pytest.raises(ValueError, match=r"^steps must be an integer of at least 1, not 0$"):
        Engine(network, 1, LayerFold(1, 1), [0], 4)
