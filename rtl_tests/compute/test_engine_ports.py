# amaranth: UnusedElaboratable=no
"""Several projections in an engine, recurrent ones too: windows against the oracle, and the cycles of every beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod

import numpy as np
import pytest

from hwsnn.folding.fold_shape import fold_shapes
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.pipeline_depths import engine_depths
from hwsnn.rtl.compute.engine import Engine
from hwsnn.rtl.ports import input_streams
from hwsnn.spec import (
    INPUT,
    Conv,
    Dense,
    Encoder,
    EncoderKind,
    Network,
    Neuron,
    Population,
    Readout,
    Shape,
    ShiftLeak,
)
from rtl_tests.support.bits import packed
from rtl_tests.support.several_streams import Moved, run_streams
from tests.support import oracle
from tests.support.layers import conv_layer, dense_layer

FRAMES = 4
LEAK = ShiftLeak(2)


@dataclass(frozen=True)
class In:
    """A projection over all of an input, of ``shape``, whose beats have ``steps`` steps.

    ``spikes``: the largest number of the input; 0 for pixels that are held.
    """

    shape: Shape
    steps: int
    kind: type[Conv | Dense] = Conv
    groups: int = 1
    spikes: int = 1

    @property
    def positions(self) -> int:
        return prod(self.shape[1:]) if self.kind is Dense else 1


@dataclass(frozen=True)
class Setting:
    """A population of projections without delay, and maybe one of its own spikes, in ``own`` groups; 0 for dense."""

    name: str
    inputs: Sequence[In]
    fold: LayerFold
    channels: int = 4
    timesteps: int = 4
    own: int | None = None
    spikes: int = 1
    readout: Readout | None = None
    """Of a population that is the last layer."""
    fraction_bits: int = 0
    own_first: bool = False
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(8))

    def __str__(self) -> str:
        return self.name

    def _projection(self, number: int, of: In, source: str) -> Conv | Dense:
        weight = self.rng.integers(-7, 8, (self.channels, of.shape[0] // of.groups, *of.shape[1:]))
        gain = self.rng.integers(1, 4, self.channels) if number % 2 else None
        if of.kind is Conv:
            return Conv("own", weight, 4, gain, groups=of.groups, source=source)
        return Dense("own", weight, 4, gain, source=source)

    def network(self) -> Network:
        """Each input is a layer that sees a part of the pixels, or the pixels."""
        held = any(not of.spikes for of in self.inputs)
        rows, columns = (max(of.shape[axis] for of in self.inputs) for axis in (1, 2))
        channels = next((of.shape[0] for of in self.inputs if not of.spikes), 2)
        layers, projections = list[Population](), list[Conv | Dense]()
        for number, of in enumerate(self.inputs):
            name = f"in{number}"
            projections.append(self._projection(number, of, name if of.spikes else INPUT))
            if of.spikes:
                kernel = rows - of.shape[1] + 1, columns - of.shape[2] + 1
                weight = np.ones((of.shape[0], channels, *kernel), int)
                layer = conv_layer(name, weight, np.zeros(of.shape[0], int), 4, _neuron(of.shape[0], of.spikes, 30))
                first = layer.projection
                assert isinstance(first, Conv)
                sees_pixels = Conv(name, first.weight, 4, source=INPUT)
                layers.append(Population(name, (sees_pixels,), layer.bias, layer.neuron))
        if self.own is not None:
            weight = self.rng.integers(-3, 4, (self.channels, self.channels // max(self.own, 1), 1, 1))
            back = (
                Conv("own", weight, 4, groups=self.own, source="own", delay=1)
                if self.own
                else Dense("own", weight, 4, source="own", delay=1)
            )
            projections.insert(0 if self.own_first else len(projections), back)
        bias = self.rng.integers(-9, 10, self.channels)
        neuron = _neuron(self.channels, self.spikes, 6 << self.fraction_bits, self.rng)
        layers.append(Population("own", tuple(projections), bias, neuron, self.fraction_bits))
        if self.readout is None:
            last = self.rng.integers(1, 3, (2, self.channels, 1, 1))
            layers.append(dense_layer("last", last, np.zeros(2, int), 4, _neuron(2, 1, 5)))
        encoding: EncoderKind = "direct" if held else "uniform"
        readout = self.readout or "count"
        return Network("ports", (channels, rows, columns), 3, Encoder(encoding), self.timesteps, tuple(layers), readout)


def _neuron(channels: int, spikes: int, threshold: int, rng: np.random.Generator | None = None) -> Neuron:
    thresholds = np.full(channels, threshold) if rng is None else rng.integers(1, 2 * threshold, channels)
    further = np.cumsum(np.full((spikes - 1, channels), 7), axis=0) + thresholds if spikes > 1 else None
    return Neuron(thresholds, LEAK, "subtract", 14, thresholds, further=further)


BOTH = (In((3, 2, 2), 1), In((5, 2, 2), 1))
SETTINGS = [
    # Input folds that differ: 2 and 3, 1 and 5; one slice for both.
    Setting("gap", BOTH, LayerFold(2, 2)),
    Setting("long gap", BOTH[::-1], LayerFold(1, 4)),
    Setting("no gap", BOTH, LayerFold(5, 4)),
    Setting("block", BOTH, LayerFold(2, 1, 1, "block")),
    # Beats of one step and of all, of passes and of pixels; passes of two steps, with a surplus one.
    Setting("steps", (In((3, 2, 2), 1), In((2, 1, 1), 4)), LayerFold(2, 2)),
    Setting("pass", (In((3, 2, 2), 2), In((2, 1, 1), 4)), LayerFold(2, 2, 2)),
    Setting("surplus", (In((3, 2, 2), 2), In((2, 1, 1), 5)), LayerFold(2, 3, 2), timesteps=5),
    # Pixels that are held beside spikes.
    Setting("held", (In((2, 3, 3), 1, spikes=0), In((4, 2, 2), 2)), LayerFold(2, 2, 2)),
    Setting("held alone", (In((2, 3, 3), 1, spikes=0), In((2, 3, 3), 1, spikes=0)), LayerFold(1, 2, 4)),
    # Passes of earlier positions by themselves: 6 pixels beside 2, beside a window.
    Setting("pixels", (In((3, 2, 3), 1, Dense), In((2, 1, 2), 4, Dense)), LayerFold(2, 2)),
    Setting("pixels and window", (In((3, 2, 2), 4), In((2, 2, 2), 2, Dense)), LayerFold(1, 4, 2)),
    Setting("held pixels", (In((2, 2, 2), 1, Dense, spikes=0), In((3, 2, 2), 4, Dense)), LayerFold(1, 4, 2)),
    # Groups beside all channels: lanes of whole groups and of parts.
    Setting("depthwise", (In((4, 1, 1), 1, groups=4), In((3, 2, 2), 1)), LayerFold(1, 3)),
    Setting("groups", (In((4, 2, 2), 1, groups=2), In((3, 2, 2), 1)), LayerFold(2, 4)),
    # Three, of several spikes, with fraction bits.
    Setting("three", (*BOTH, In((2, 1, 1), 2, spikes=3)), LayerFold(2, 2, 1), spikes=3, fraction_bits=3),
    # Its own spikes.
    Setting("dense loop", (In((3, 1, 1), 1, Dense),), LayerFold(3, 4), own=0),
    Setting("folded loop", (In((3, 2, 2), 6),), LayerFold(2, 2), own=0, channels=5, timesteps=6),
    Setting("one to one", (In((3, 2, 2), 1),), LayerFold(2, 3), own=4),
    Setting("in groups", (In((2, 2, 2), 1),), LayerFold(1, 1), own=2, own_first=True),
    Setting("loop behind pixels", (In((3, 2, 2), 1, Dense), In((2, 1, 1), 1)), LayerFold(2, 2), own=0),
    Setting("loop of several spikes", (In((3, 2, 2), 1),), LayerFold(2, 2), own=0, spikes=3, fraction_bits=2),
    Setting("a step", (In((3, 2, 2), 1),), LayerFold(2, 2), own=0, timesteps=1),
    Setting("loop of pixels", (In((3, 2, 2), 1, spikes=0),), LayerFold(2, 2), own=1),
    # Membranes leave; the spikes still come back.
    Setting("last membranes", (In((3, 2, 2), 1),), LayerFold(2, 3), own=0, readout="membrane"),
    Setting("membranes", (In((3, 2, 2), 1, Dense), BOTH[0]), LayerFold(2, 4), own=4, readout="sum"),
    Setting("counted", (In((3, 2, 2), 1),), LayerFold(2, 3), own=0, readout="count"),
]


@dataclass(frozen=True)
class Case:
    """The engine of a setting, its streams, random windows, and the beats that the oracle makes of them."""

    setting: Setting
    engine: Engine
    streams: dict[str, In]
    inputs: dict[str, list[int]]
    outputs: list[int]


def case(setting: Setting, depth: int = 60) -> Case:
    network = setting.network()
    index = next(index for index, layer in enumerate(network.layers) if layer.name == "own")
    layer, rng = network.population(index), np.random.default_rng(len(setting.name))
    names = input_streams(layer.ports)
    steps = [1] * len(layer.ports)
    for port, of in zip(names, setting.inputs, strict=True):
        steps[port] = of.steps
    streams = dict(zip(names.values(), setting.inputs, strict=True))
    engine = Engine(network, index, setting.fold, steps, depth)
    inputs: dict[str, list[int]] = {name: [] for name in streams}
    outputs = list[int]()
    for _ in range(FRAMES):
        planes = []
        for name, of in streams.items():
            values = rng.integers(0, of.spikes or 7, (setting.timesteps, *of.shape), endpoint=True)
            values[:] = values if of.spikes else values[0]
            inputs[name] += _windows(of, values)
            planes.append([{at: int(step[at]) for at in np.ndindex(*of.shape)} for step in values])
        spikes, membranes, _ = oracle.population(layer, planes, [of.shape for of in setting.inputs])
        outputs += _results(setting, network, spikes, membranes)
    return Case(setting, engine, streams, inputs, outputs)


def _windows(of: In, values: np.ndarray) -> list[int]:
    """The beats of a frame: of all pixels, or pixel by pixel, and in each of some steps."""
    if not of.spikes:
        values = values[:1]
    bits = int(of.spikes or 7).bit_length()
    pixels = list(product(range(of.shape[1]), range(of.shape[2])))
    values = np.concatenate([values, np.zeros((-len(values) % of.steps, *of.shape), values.dtype)])
    beats = []
    for position in [pixels] if of.kind is Conv else [[pixel] for pixel in pixels]:
        for first in range(0, len(values), of.steps):
            entries = [values[first + t, :, y, x] for y, x in position for t in range(of.steps)]
            beats.append(packed(np.concatenate(entries).tolist(), bits))
    return beats


def _results(
    setting: Setting, network: Network, spikes: list[oracle.Plane], membranes: list[oracle.Plane]
) -> list[int]:
    steps, bits = (membranes, 14) if network.reads_membranes else (spikes, setting.spikes.bit_length())
    values = [[step[c, 0, 0] for c in range(setting.channels)] for step in steps]
    if setting.readout == "membrane":
        return [packed(values[-1], bits)]
    t_par = setting.fold.t_par
    return [packed([n for step in values[t : t + t_par] for n in step], bits) for t in range(0, len(values), t_par)]


def _begins(case: Case) -> tuple[dict[str, list[int]], list[int]]:
    """When the windows of each stream are taken, and when the passes of the last positions begin, at full speed.

    Windows that are held have one pass before their last position.
    """
    engine, free = case.engine, dict.fromkeys(case.streams, 0)
    taken, joint = {name: list[int]() for name in case.streams}, list[int]()
    rest = max(engine.min_interval, engine.pass_clocks)

    def one_pass(number: int, names: Sequence[str], passes: int = engine.passes) -> None:
        begin = max(free[name] for name in names)
        for name in names:
            beats = -(-case.setting.timesteps // case.streams[name].steps) if case.streams[name].spikes else 1
            if number % (engine.passes // beats) == 0:
                taken[name].append(begin)
            free[name] = begin + (engine.pass_clocks if number == passes - 1 else rest)
        if len(names) == len(case.streams):
            joint.append(begin)

    for _ in range(FRAMES):
        for name, of in case.streams.items():
            if len(case.streams) > 1 or of.positions > 1:
                passes = engine.passes if of.spikes else 1
                for _, number in product(range(of.positions - 1), range(passes)):
                    before = len(joint)
                    one_pass(number, [name], passes)
                    del joint[before:]
        for number in range(engine.passes):
            one_pass(number, list(case.streams))
    return taken, joint


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_every_beat_in_its_cycle(setting: Setting) -> None:
    of = case(setting)
    moved = run_streams(of.engine, of.inputs, ["o"])
    assert moved["o"].beats == of.outputs
    taken, joint = _begins(of)
    assert {name: moved[name].clocks for name in of.inputs} == taken
    making = joint[of.engine.passes - 1 :: of.engine.passes] if setting.readout == "membrane" else joint
    assert moved["o"].clocks == [begin + of.engine.latency for begin in making]


@pytest.mark.parametrize(
    ("setting", "depth"), [(setting, 1 + number % 3) for number, setting in enumerate(SETTINGS)], ids=str
)
def test_stalls(setting: Setting, depth: int) -> None:
    of = case(setting, depth)
    moved: dict[str, Moved] = run_streams(of.engine, of.inputs, ["o"], stalls=0.4, seed=depth)
    assert moved["o"].beats == of.outputs
    assert {name: moved[name].beats for name in of.inputs} == of.inputs


def test_settings_differ() -> None:
    gaps, loops = 0, 0
    for setting in SETTINGS:
        network = setting.network()
        index = [layer.name for layer in network.layers].index("own")
        shapes = fold_shapes(network.population(index), setting.fold)
        gaps += len({shape.input_folds for shape in shapes}) > 1
        loops += network.population(index).recurrent and engine_depths(network, index, setting.fold).min_interval > 0
        assert len(set(case(setting).outputs)) > 1, setting.name
    assert gaps > 5
    assert loops > 5
