"""Counterparts and reasons in graphs of layers, with a simulation in floats in place of a framework."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.checking.counterparts import CountedAs, Counterpart, match
from hwsnn.checking.reasons import Frame
from hwsnn.errors import InputError
from hwsnn.float_network import FloatNetwork
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import INPUT, Network, Population, Sum
from tests.support.float_agreement import simulated
from tests.support.random_float_graphs import PIXEL_BITS, random_float_graph

FRAMES = 8


@pytest.mark.parametrize("bits", [8, 4, 1])
def test_a_model_is_what_the_quantizer_makes(bits: int) -> None:
    for seed in range(20):
        source = random_float_graph(seed, exact=False)
        network, _ = quantize(source, bits=bits, pixel_bits=PIXEL_BITS)
        matched = match(source, network, CountedAs())
        assert [one.name for one in matched.layers] == [layer.name for _, layer in network.populations()]
        assert [one.other_numbers() for one in matched.layers] == [None] * len(matched.layers)


def model_of(seed: int) -> tuple[FloatNetwork, Network]:
    source = random_float_graph(seed, exact=False)
    return source, quantize(source, pixel_bits=PIXEL_BITS)[0]


def with_gain() -> tuple[FloatNetwork, Network, int]:
    """The first whose second layer has a projection with gains, and the place of that."""
    for seed in range(100):
        source, network = model_of(seed)
        layer = network.layers[1]
        for place, one in enumerate(layer.projections if isinstance(layer, Population) else ()):
            if one.gain is not None:
                return source, network, place
    raise AssertionError("no gain")


def changed(network: Network, layer: Population) -> Network:
    return replace(network, layers=tuple(layer if one.name == layer.name else one for one in network.layers))


def test_other_numbers_of_any_projection_are_noticed() -> None:
    source, network, place = with_gain()
    layer = network.population(1)
    one = layer.projections[place]
    assert one.gain is not None
    weight = one.weight.copy()
    weight[0, 0, 0, 0] ^= 1
    others = (replace(one, gain=one.gain + 1), replace(one, weight=weight))
    size = sum(projection.weight[0].size for projection in layer.projections)
    gain = f"gain from {one.source} of channel 0 is {one.gain[0] + 1}, of this module it would be {one.gain[0]}"
    expected = (f"the model's {gain}", f"1 of the model's {size:,} weights of channel 0 are not this module's")
    for other, text in zip(others, expected, strict=True):
        projections = tuple(other if port == place else its for port, its in enumerate(layer.projections))
        matched = match(source, changed(network, replace(layer, projections=projections)), CountedAs())
        said = matched.layers[1].other_numbers()
        assert said is not None
        assert text in said


def test_other_sources_are_noticed() -> None:
    """Of the same shapes: only where they come from differs."""
    for seed in range(100):
        source, network = model_of(seed)
        for index, layer in enumerate(network.layers):
            if isinstance(layer, Sum):
                turned = replace(layer, sources=layer.sources[::-1])
                other = replace(network, layers=(*network.layers[:index], turned, *network.layers[index + 1 :]))
                text = (
                    rf"its {layer.name} takes {layer.sources[1]} and {layer.sources[0]}, "
                    rf"the module's {layer.sources[0]} and {layer.sources[1]}"
                )
                with pytest.raises(InputError, match=text):
                    match(source, other, CountedAs())
                return
    raise AssertionError("no sum")


def first_reason(one: Counterpart, network: Network, source: FloatNetwork, seed: int) -> str | None:
    values = np.random.default_rng(seed).integers(0, 1 << PIXEL_BITS, (FRAMES, *network.frame_shape), np.uint8)
    ours, theirs = reference.run(network, values, trace=True).spikes, simulated(source, network, values)
    if one.name not in ours:
        return None
    differs = ours[one.name] != theirs.spikes[one.name]
    if not differs.any():
        return None
    image, step, channel, row, column = map(int, np.unravel_index(int(differs.argmax()), differs.shape))
    model = {INPUT: reference.encode(network, values)[image]} | {name: spikes[image] for name, spikes in ours.items()}
    module = {name: spikes[image] for name, spikes in theirs.spikes.items()}
    u = theirs.membranes[one.name][image]
    return Frame(network, one, module, model, u, np.zeros(u.shape, np.bool_)).why(step, (channel, row, column))


def test_a_reason_is_found_for_what_differs() -> None:
    """Rounding, or a layer before; with ``undelayed-subtract`` a membrane decides twice, of which one is seen."""
    found = list[str]()
    for seed in range(25):
        source, network = model_of(seed)
        for one in match(source, network, CountedAs()).layers:
            why = first_reason(one, network, source, seed)
            if why is not None and getattr(one.built.neuron, "reset", "") != "undelayed-subtract":
                found.append(why)
    rounded = [why for why in found if why.startswith("rounding (weights of 8 bits")]
    before = [why for why in found if why.startswith("its inputs differ: layer")]
    assert len(rounded) > 5
    assert len(before) > 5
    assert sorted(rounded + before) == sorted(found)
