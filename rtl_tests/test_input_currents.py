"""Input currents of every form in whole networks: the generated hardware equals the reference and the cycle model.

Values of several bits at every step, padding values, gains, fraction bits, and pools of currents.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.cycles import queue_depths, result_clocks
from hwsnn.data import random_images
from hwsnn.folding.folding import LayerFold
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import Encoder, EncoderKind, Network, Neuron, Pair, Population, Shape, ShiftLeak, Window
from tests.support.layers import conv_layer, dense_layer

RNG = np.random.default_rng(13)


def _neuron(channels: int, typical: int, spikes: int = 1) -> Neuron:
    """Thresholds about ``typical``, and multiples of it."""
    threshold = RNG.integers(max(1, typical // 2), 2 * typical, channels)
    further = threshold * np.arange(2, spikes + 1)[:, np.newaxis] if spikes > 1 else None
    return Neuron(threshold, ShiftLeak(3), "subtract", 28, threshold - 1, further=further)


def _conv(channels: Pair, kernel: Pair, typical: int, spikes: int = 1, groups: int = 1, **fields: Any) -> Population:
    """Of so many input and output channels; ``typical``: of its currents."""
    inputs, outputs = channels
    weight, bias = RNG.integers(-7, 8, (outputs, inputs // groups, *kernel)), RNG.integers(-99, 100, outputs)
    return conv_layer("conv", weight, bias, 4, _neuron(outputs, typical, spikes), groups=groups, **fields)


def _network(shape: Shape, pixel_bits: int, encoding: EncoderKind, timesteps: int, first: Population) -> Network:
    """``first``, and a fully connected layer."""
    weight = RNG.integers(-7, 8, (4, *first.output_shape(shape)))
    last = dense_layer("last", weight, RNG.integers(-9, 10, 4), 4, _neuron(4, 9))
    return Network("net", shape, pixel_bits, Encoder(encoding), timesteps, (first, last), "count")


def _border(*values: int) -> dict[str, Any]:
    """A padding of a pixel of these values."""
    return {"padding": (1, 1), "padding_values": np.array(values)}


CASES: dict[str, tuple[Network, LayerFold, LayerFold]] = {
    "values at every step": (
        _network((3, 4, 5), 3, "steps", 6, _conv((3, 5), (2, 3), 60, **_border(7, 0, 3))),
        LayerFold(2, 3, 2),
        LayerFold(5, 4, 3),
    ),
    "a vector over time": (
        _network((12, 1, 1), 8, "steps", 25, _conv((12, 8), (1, 1), 9000, gain=RNG.integers(1, 9, 8), fraction_bits=2)),
        LayerFold(6, 4, 5),
        LayerFold(8, 4, 1),
    ),
    "numbers of spikes": (
        _network((2, 4, 4), 8, "direct", 4, _conv((2, 5), (3, 3), 9000, 5, gain=RNG.integers(1, 400, 5))),
        LayerFold(2, 3, 2),
        LayerFold(3, 2, 4),
    ),
    "pool 2x2": (
        _network((3, 8, 7), 1, "uniform", 5, _conv((3, 5), (3, 3), 9, padding=(1, 1), pool=Window((2, 2), (2, 2)))),
        LayerFold(2, 2, 2),
        LayerFold(5, 4, 5),
    ),
    "pool 3x3 that overlaps, strides": (
        _network(
            (2, 9, 10),
            4,
            "direct",
            4,
            _conv((2, 4), (3, 2), 150, stride=(1, 2), pool=Window((3, 3), (2, 2)), **_border(9, 2)),
        ),
        LayerFold(2, 4, 4),
        LayerFold(4, 4, 2),
    ),
    "pool 1x2 of pixels in several passes": (
        _network((1, 5, 6), 8, "direct", 3, _conv((1, 3), (2, 2), 9000, fraction_bits=3, pool=Window((1, 2), (1, 2)))),
        LayerFold(1, 1, 1, "lut6"),
        LayerFold(3, 4, 3),
    ),
    "pool of a depthwise convolution": (
        _network((4, 7, 7), 1, "poisson", 4, _conv((4, 8), (3, 3), 4, groups=4, pool=Window((2, 2), (1, 2)))),
        LayerFold(1, 4, 2, "block"),
        LayerFold(8, 2, 4),
    ),
    "pool of values at every step": (
        _network((2, 4, 6), 2, "steps", 4, _conv((2, 3), (1, 3), 20, pool=Window((2, 2), (2, 1)))),
        LayerFold(2, 1, 4),
        LayerFold(3, 4, 1),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_hardware_is_reference_and_cycle_model(name: str) -> None:
    network, first, last = CASES[name]
    folding = queue_depths(network, {"conv": first, "last": last})
    result = run_network(network, folding, random_images(network, 5, 1), seed=2)
    assert result.mismatches == 0, result.first_mismatch
    assert list(result.result_clocks) == result_clocks(network, folding, len(result.result_clocks))


@pytest.mark.parametrize("name", CASES)
def test_some_neurons_fire_and_some_do_not(name: str) -> None:
    network, *_ = CASES[name]
    spikes = reference.run(network, random_images(network, 5, 1), trace=True).spikes
    assert all(0.02 < (spikes[layer] > 0).mean() < 0.98 for layer in ("conv", "last"))
    assert spikes["conv"].max() == network.largest_inputs(1)[0]
