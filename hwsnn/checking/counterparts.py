"""Which layer of a module a layer of the model was made of, and what the quantizer makes of it with the same choices.

So a membrane of the model can be given in the module's unit, and a model of other numbers is noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatLayer, FloatNetwork, FloatPopulation
from hwsnn.quantization.fractions import has_floors
from hwsnn.quantization.inputs import PerChannel, folded_input, vector_of_channels, with_input
from hwsnn.quantization.population import in_integers, with_spikes_reached
from hwsnn.quantization.readouts import with_reset
from hwsnn.quantization.scales import Scales, layer_scales
from hwsnn.spec.integers import IntArray


@dataclass(frozen=True)
class CountedAs:
    """What a value of the input counts as, ``(value * input_scale - mean) / std``; None for the model's defaults."""

    mean: PerChannel | None = None
    std: PerChannel | None = None
    input_scale: float | None = None


@dataclass(frozen=True, eq=False)
class Counterpart:
    """A layer of neurons on both sides.

    ``index``: in the model. ``source``: the module's floats, ``expected``: the integers that the quantizer makes of
    them, ``built``: those of the model. ``unit``: (channels,), what a membrane of 1 becomes in the model.
    """

    index: int
    source: FloatPopulation
    expected: spec.Population
    built: spec.Population
    scales: Scales
    unit: FloatArray

    @property
    def name(self) -> str:
        """Of the layer."""
        return self.built.name

    def other_numbers(self) -> str | None:
        """Where the model is not what the quantizer makes of the module, by its first channel; None if nowhere."""
        found = [text for text in map(self.other_than_made, range(len(self.unit))) if text is not None]
        if not found:
            return None
        channels = f"{len(found)} of {len(self.unit)} channels are not what quantize makes of this module"
        return f"{self.name}: {channels}: {found[0]}"

    def other_than_made(self, channel: int) -> str | None:
        """In which numbers of ``channel`` the model is not what the quantizer makes of the module; None if in none."""
        asked, expected, built = self.source.neuron, self.expected.neuron, self.built.neuron
        resets = (getattr(asked, "reset", None), getattr(built, "reset", None))
        if resets[0] != resets[1]:
            return f"the model's reset is {resets[1]!r}, the module's is {resets[0]!r}"
        for what, made, found in (
            ("leak", expected.leak, built.leak),
            ("leak of the synaptic current", expected.synapse, built.synapse),
        ):
            if _formula(made) != _formula(found):
                return f"the model's {what} is {_formula(found)}, of this module it would be {_formula(made)}"
        projections = list(zip(self.expected.projections, self.built.projections, strict=True))
        numbers: list[tuple[str, IntArray | None, IntArray | None]] = [("bias", self.expected.bias, self.built.bias)]
        numbers += [(f"gain{_of_port(its)}", made.gain, its.gain) for made, its in projections]
        for name in {**expected.constants, **built.constants}:
            numbers.append((name.replace("_", " "), expected.constants.get(name), built.constants.get(name)))
        for what, made_numbers, numbers_found in numbers:
            of_module, of_model = _of(channel, made_numbers), _of(channel, numbers_found)
            if of_module != of_model:
                return f"the model's {what} of channel {channel} is {of_model}, of this module it would be {of_module}"
        wrong = sum(int((made.weight[channel] != its.weight[channel]).sum()) for made, its in projections)
        if wrong:
            size = sum(its.weight[channel].size for _, its in projections)
            return f"{wrong:,} of the model's {size:,} weights of channel {channel} are not this module's"
        return None


def _of_port(projection: spec.AnyProjection) -> str:
    """From where, of a projection that says so."""
    return "" if projection.source is None else f" from {projection.source}"


def _formula(leak: Any) -> str:
    leak = getattr(leak, "leak", leak)  # of a synaptic current
    return "none" if leak is None else str(leak.formula)


def _of(channel: int, numbers: IntArray | None) -> Any:
    return "none" if numbers is None else numbers[..., channel].tolist()


@dataclass(frozen=True, eq=False)
class Matched:
    """``layers``: those of neurons, on both sides. ``per_one``, ``mean`` and ``std``: what the input counts as."""

    layers: tuple[Counterpart, ...]
    per_one: float
    mean: FloatArray
    std: FloatArray


def match(trained: FloatNetwork, network: spec.Network, counted: CountedAs) -> Matched:
    """The layers of ``network`` and those of ``trained``, which must be the same but for their numbers.

    Raises ``InputError`` if they are not, and says which differs.
    """
    trained = vector_of_channels(trained, network.encoder)
    _require_same(trained, network)
    trained = with_input(trained, counted.mean, counted.std, counted.input_scale)
    seen = folded_input(trained, network.encoder, network.pixel_bits)
    found = []
    for index, built in network.populations():
        layer = seen.network.layers[index]
        assert isinstance(layer, FloatPopulation)
        source = with_reset(layer, getattr(built.neuron, "reset", None))
        compared = network.reads_membranes and index == len(network.layers) - 1
        bits, fraction = max(one.weight_bits for one in built.projections), built.fraction_bits
        scales = layer_scales(source, bits, seen.per_ones(index), compared=compared, leaks=has_floors(source))
        made = in_integers(source, scales, bits, fraction, seen.padding_values(index))
        inputs = [
            None if edge.delay else largest
            for edge, largest in zip(network.edges[index], network.largest_inputs(index), strict=True)
        ]
        expected, _ = with_spikes_reached(made, inputs, network.timesteps)
        found.append(Counterpart(index, layer, expected, built, scales, scales.units(fraction)))
    channels = network.input_shape[0]
    mean = np.zeros(channels) if trained.mean is None else trained.mean
    std = np.ones(channels) if trained.std is None else trained.std
    return Matched(tuple(found), seen.per_one, mean, std)


def _require_same(trained: FloatNetwork, network: spec.Network) -> None:
    if trained.input_shape != network.input_shape:
        raise _other(f"it takes {_times(network.input_shape)}, the module {_times(trained.input_shape)}")
    for ours, theirs, shape, its in zip(
        network.layers, trained.layers, network.shapes[1:], trained.shapes[1:], strict=False
    ):
        said = [f"{layer.name} ({_described(layer)}, {_times(of)})" for layer, of in ((ours, shape), (theirs, its))]
        if said[0] != said[1]:
            raise _other(f"it has {said[0]} where the module has {said[1]}")
    if len(network.layers) != len(trained.layers):
        raise _other(f"it has {len(network.layers)} layers, the module {len(trained.layers)}")
    for layer, its_edges, their_edges in zip(network.layers, network.edges, trained.edges, strict=True):
        if its_edges != their_edges:
            takes = [_named(network, edges) for edges in (its_edges, their_edges)]
            raise _other(f"its {layer.name} takes {takes[0]}, the module's {takes[1]}")


def _other(text: str) -> InputError:
    return InputError(f"the model was not made of this module: {text}; give the MODEL that quantize made of it")


def _described(layer: spec.Layer | FloatLayer) -> str:
    """What of a layer is not numbers."""
    match layer:
        case spec.MaxPool():
            return f"{layer.mode} of {_times(layer.size)} stride {_times(layer.stride)}"
        case spec.Sum():
            return f"sum of {len(layer.sources)} layers"
        case _:
            return _of_neurons(layer)


def _of_neurons(layer: spec.Population | FloatPopulation) -> str:
    parts = []
    for one in layer.projections:
        settings = [f"{name} {value}" for name, value in one.settings.items()]
        parts.append(" ".join([one.kind, f"of {_times(one.weight.shape)}", *settings]))
    pooled = "" if layer.pool is None else f" pool of {_times(layer.pool.size)} stride {_times(layer.pool.stride)}"
    return f"{' and '.join(parts)}{pooled} that {'fires' if layer.neuron.fires else 'integrates'}"


def _named(network: spec.Network, edges: Sequence[spec.Edge]) -> str:
    names = [spec.INPUT if edge.source == spec.INPUT_INDEX else network.layers[edge.source].name for edge in edges]
    late = [" a step late" if edge.delay else "" for edge in edges]
    return " and ".join(name + its for name, its in zip(names, late, strict=True))


def _times(extents: tuple[int, ...]) -> str:
    return "x".join(map(str, extents))
