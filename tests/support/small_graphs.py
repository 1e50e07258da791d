"""Small networks by hand, each with a way to branch, to join, or to come back, and folds that suit it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hwsnn.folding.folding import LayerFold
from hwsnn.spec import (
    INPUT,
    AnyProjection,
    Conv,
    Dense,
    Encoder,
    EncoderKind,
    Integrator,
    Layer,
    Network,
    Neuron,
    NoLeak,
    Population,
    Readout,
    ShiftLeak,
    Sum,
)

Graph = tuple[Network, Mapping[str, LayerFold]]


class _Draw:
    """Layers of random weights."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def conv(self, name: str, shape: tuple[int, ...], source: str | None = None, **fields: Any) -> Conv:
        """A convolution of ``shape`` (outputs, inputs, rows, columns), padded to keep the image's."""
        padding = shape[2] // 2, shape[3] // 2
        weight = self._rng.integers(-5, 8, shape)
        return Conv(name, weight, 4, **({"padding": padding, "source": source} | fields))

    def dense(self, name: str, shape: tuple[int, ...], source: str | None = None, **fields: Any) -> Dense:
        """A fully connected projection of ``shape`` (outputs, inputs, rows, columns)."""
        return Dense(name, self._rng.integers(-5, 8, shape), 4, source=source, **fields)

    def back(self, name: str, channels: int, groups: int = 0) -> AnyProjection:
        """The layer's own spikes: of its position, in groups, or all to all without any."""
        weight = self._rng.integers(-6, 4, (channels, channels // max(groups, 1), 1, 1))
        if groups:
            return Conv(name, weight, 4, groups=groups, source=name, delay=1)
        return Dense(name, weight, 4, source=name, delay=1)

    def layer(self, *projections: AnyProjection, threshold: int, spikes: int = 1) -> Population:
        """Neurons behind the projections; a second spike takes a current of half as much again."""
        name, channels = projections[0].name, projections[0].out_channels
        thresholds = threshold + self._rng.integers(0, 4, channels)
        further = np.stack([thresholds * (3 + n) // 2 for n in range(spikes - 1)]) if spikes > 1 else None
        bias = self._rng.integers(-2, 4, channels)
        neuron = Neuron(thresholds, ShiftLeak(2), "subtract", 14, thresholds - 1, further=further)
        return Population(name, projections, bias, neuron)

    def last(self, shape: tuple[int, ...], *projections: AnyProjection) -> Population:
        """A fully connected layer whose membranes are read, maybe with other projections."""
        first = self.dense("last", shape)
        return Population("last", (first, *projections), np.zeros(shape[0], int), Integrator(NoLeak(), 20))


def _identity(name: str, channels: int, source: str, gain: int) -> Conv:
    gains = gain + np.arange(channels)
    return Conv(name, np.ones((channels, 1, 1, 1), int), 2, gains, groups=channels, source=source)


def _network(
    name: str, layers: tuple[Layer, ...], encoding: EncoderKind = "direct", timesteps: int = 4, *, side: int = 5
) -> Network:
    readout: Readout = "membrane"
    return Network(name, (2, side, side), 4, Encoder(encoding), timesteps, layers, readout)


def added() -> Graph:
    """Two blocks that add what they get to what they make of it (SEW): up to 1, 2 and 3 spikes."""
    draw = _Draw(1)
    layers = (
        draw.layer(draw.conv("first", (4, 2, 3, 3)), threshold=70),
        draw.layer(draw.conv("a", (4, 4, 3, 3)), threshold=16),
        draw.layer(draw.conv("b", (4, 4, 3, 3)), threshold=12),
        Sum("one", ("first", "b")),
        draw.layer(draw.conv("c", (4, 4, 3, 3)), threshold=24),
        Sum("two", ("one", "c")),
        draw.last((3, 4, 5, 5)),
    )
    folds = {
        "first": LayerFold(1, 4, 2),
        "a": LayerFold(2, 4, 4),
        "b": LayerFold(4, 2, 1),
        "c": LayerFold(4, 2, 2, "block"),
        "last": LayerFold(2, 3, 4),
    }
    return _network("added", layers), folds


def joined() -> Graph:
    """A block whose skip is a projection, one to one with a gain; a layer that fires several times; steps a branch."""
    draw = _Draw(2)
    inner = draw.conv("inner", (4, 4, 3, 3))
    layers = (
        draw.layer(draw.conv("first", (4, 2, 3, 3)), threshold=6, spikes=3),
        draw.layer(draw.conv("branch", (4, 4, 3, 3)), threshold=30),
        draw.layer(inner, _identity("inner", 4, "first", 5), threshold=14),
        draw.last((3, 4, 5, 5)),
    )
    folds = {
        "first": LayerFold(2, 4, 4),
        "branch": LayerFold(2, 4, 2),
        "inner": LayerFold(2, 2, 3),
        "last": LayerFold(4, 1, 2),
    }
    return _network("joined", layers, "uniform"), folds


def concatenated() -> Graph:
    """Two branches of 3 and 5 channels side by side, one with fewer weights, and a last layer that takes both."""
    draw = _Draw(3)
    layers = (
        draw.layer(draw.conv("first", (4, 2, 3, 3)), threshold=60),
        draw.layer(draw.conv("wide", (5, 4, 3, 3), "first"), threshold=14),
        draw.layer(draw.conv("narrow", (3, 4, 1, 1), "first"), threshold=5),
        draw.layer(draw.conv("both", (4, 5, 3, 3), "wide"), draw.conv("both", (4, 3, 3, 3), "narrow"), threshold=20),
        draw.last((3, 4, 5, 5)),
    )
    folds = {
        "first": LayerFold(2, 4, 4),
        "wide": LayerFold(1, 5, 4),
        "narrow": LayerFold(4, 3, 2),
        "both": LayerFold(2, 4, 2),
        "last": LayerFold(1, 3, 2),
    }
    return _network("concatenated", layers), folds


def with_pixels() -> Graph:
    """Pixels that are the same at every step beside the spikes that a layer makes of them."""
    draw = _Draw(4)
    layers = (
        draw.layer(draw.conv("first", (3, 2, 3, 3)), threshold=60),
        draw.layer(draw.conv("both", (4, 3, 3, 3)), draw.conv("both", (4, 2, 1, 1), INPUT), threshold=40),
        draw.last((3, 4, 5, 5)),
    )
    folds = {"first": LayerFold(1, 3, 2), "both": LayerFold(3, 2, 2), "last": LayerFold(4, 3, 1)}
    return _network("with_pixels", layers), folds


def pixel_counts() -> Graph:
    """Fully connected projections of 25 pixels, of 4, and of one."""
    draw = _Draw(5)
    layers = (
        draw.layer(draw.conv("first", (3, 2, 3, 3)), threshold=60),
        draw.layer(draw.conv("four", (4, 3, 3, 3), stride=(3, 3)), threshold=10),
        draw.layer(draw.dense("one", (5, 4, 2, 2)), threshold=8),
        draw.last((3, 5, 1, 1), draw.dense("last", (3, 4, 2, 2), "four"), draw.dense("last", (3, 3, 5, 5), "first")),
    )
    folds = {
        "first": LayerFold(2, 3, 2),
        "four": LayerFold(1, 2, 4),
        "one": LayerFold(4, 3, 3),
        "last": LayerFold(2, 2, 2),
    }
    return _network("pixel_counts", layers), folds


def depthwise() -> Graph:
    """A convolution of each channel by itself beside one of all channels."""
    draw = _Draw(6)
    layers = (
        draw.layer(draw.conv("first", (6, 2, 3, 3)), threshold=8),
        draw.layer(
            draw.conv("both", (6, 1, 3, 3), "first", groups=6), draw.conv("both", (6, 2, 3, 3), INPUT), threshold=12
        ),
        draw.last((3, 6, 5, 5)),
    )
    folds = {"first": LayerFold(2, 3, 2), "both": LayerFold(1, 4, 2), "last": LayerFold(3, 3, 4)}
    return _network("depthwise", layers, "poisson"), folds


def all_to_all() -> Graph:
    """A fully connected layer that sees all its own spikes, and a last one that does, too."""
    draw = _Draw(7)
    hidden = draw.layer(draw.dense("hidden", (7, 2, 2, 2)), draw.back("hidden", 7), threshold=20)
    counts = draw.layer(draw.dense("last", (3, 7, 1, 1)), draw.back("last", 3), threshold=9, spikes=2)
    folds = {"hidden": LayerFold(4, 4, 1), "last": LayerFold(7, 3, 1)}
    return _network("all_to_all", (hidden, counts), "steps", 9, side=2), folds


def one_to_one() -> Graph:
    """Convolutions each of whose channels sees its own spikes, and those of its group, at its own position."""
    draw = _Draw(8)
    layers = (
        draw.layer(draw.conv("own", (4, 2, 3, 3)), draw.back("own", 4, 4), threshold=60),
        draw.layer(draw.back("group", 4, 2), draw.conv("group", (4, 4, 3, 3)), threshold=16),
        draw.layer(draw.conv("every", (4, 4, 3, 3)), draw.back("every", 4, 1), threshold=16),
        draw.last((3, 4, 5, 5)),
    )
    folds = {
        "own": LayerFold(2, 4, 1),
        "group": LayerFold(2, 3, 1),
        "every": LayerFold(3, 2, 1),
        "last": LayerFold(4, 3, 4),
    }
    return _network("one_to_one", layers), folds


GRAPHS: Mapping[str, Callable[[], Graph]] = {
    graph.__name__: graph
    for graph in (
        added,
        joined,
        concatenated,
        with_pixels,
        pixel_counts,
        depthwise,
        all_to_all,
        one_to_one,
    )
}
"""All of them by name."""
