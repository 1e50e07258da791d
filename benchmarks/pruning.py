"""Pruned weights of ``models/mnist``, in hardware and in accuracy: the figures of docs/decisions/0014-pruning.md.

    python -m benchmarks.pruning estimate
    python -m benchmarks.pruning plan
    python -m benchmarks.pruning synthesis LAYER BITS
    python -m benchmarks.pruning accuracy DATA [--tuned]

The trained floats are pruned and then quantized. ``estimate``: each layer alone, in its fold of 784 cycles per frame,
by the planner. ``plan``: the cheapest design of 784 cycles per frame, by the planner. ``synthesis``: a sample of a
layer's sums, by Yosys for UltraScale+. ``accuracy``: the part of the last 10,000 training images that is right; with
``--tuned`` after one epoch on the first 10,000, in which what was pruned stays 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from benchmarks.synaptic_sums import FAMILIES, cells, summary
from hwsnn import compiled
from hwsnn.data import LabelledData, training
from hwsnn.float_network import FloatArray, FloatNetwork, FloatPopulation
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.folding.synaptic_sums import SynapticSums, synaptic_sums
from hwsnn.model_file import float_file
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_initiation_interval
from hwsnn.planner.resource_estimate import layer_cost
from hwsnn.quantization.quantize import quantize
from hwsnn.rtl.compute.synapses import Synapses
from hwsnn.spec import Network
from hwsnn.train.loop import Images, Plan, same_every_time, train
from hwsnn.train.network import export, spiking
from models.mnist.recipe import RECIPE

Mask = npt.NDArray[np.bool_]

FLOATS = Path(__file__).parent.parent / "models" / "mnist" / "mnist-float.safetensors"
DEVICE = DEVICES["xczu9eg"]
CYCLES = 784
FOLDS = {
    "conv1": LayerFold(1, 64, 2, "adders"),
    "conv2": LayerFold(64, 13, 1, "block"),
    "dense1": LayerFold(64, 6, 1, "lut6"),
}
"""The folds of docs/performance.md, of the layers that are pruned."""
TABLE_BITS = 6
"""Spikes a table of conv2: 9 address bits, 3 of them for its five rows."""
SAMPLED_TABLES, SAMPLED_SPIKE_LANES = 16, 3
"""Of layers of spikes one table in so many is synthesized, of so many lanes."""
SAMPLED_LANES = 16
"""Of conv1."""
IMAGES = 10_000
TUNING = Plan(epochs=1, learning_rate=3e-4, weight_decay=0, average=0.99)


def kept(size: FloatArray, share: float) -> Mask:
    """All but the smallest ``share``."""
    mask = np.ones(size.size, bool)
    mask[np.argsort(size, axis=None, kind="stable")[: round(share * size.size)]] = False
    return mask.reshape(size.shape)


def single_weights(weight: FloatArray, share: float) -> Mask:
    """Any weights."""
    return kept(abs(weight), share)


def taps(weight: FloatArray, share: float) -> Mask:
    """Inputs of the window, for all output channels."""
    return np.broadcast_to(kept(np.square(weight).sum(axis=0), share), weight.shape)


def columns(weight: FloatArray, share: float) -> Mask:
    """Columns of conv2's tables: of a lane the weights of a table's inputs, in all rows, which are output channels."""
    outputs, channels, rows, across = weight.shape
    lanes, inputs = FOLDS["conv2"].cout_par, channels * rows * across
    groups, tables = -(-outputs // lanes), -(-inputs // TABLE_BITS)
    padded = np.zeros((groups * lanes, tables * TABLE_BITS))
    padded[:outputs, :inputs] = weight.transpose(0, 2, 3, 1).reshape(outputs, inputs)
    parts = padded.reshape(groups, lanes, tables, TABLE_BITS)
    mask = np.broadcast_to(kept(np.square(parts).sum(axis=(0, 3)), share)[None, :, :, None], parts.shape)
    flat = mask.reshape(padded.shape)[:outputs, :inputs]
    ordered: Mask = flat.reshape(outputs, rows, across, channels).transpose(0, 3, 1, 2)
    return ordered


class Kind(NamedTuple):
    """``mask(weight, share)`` of what stays, the layers that are pruned so, and shares to prune."""

    mask: Callable[[FloatArray, float], Mask]
    layers: tuple[str, ...]
    shares: tuple[float, ...]


KINDS = {
    "weights": Kind(single_weights, ("conv1", "conv2", "dense1"), (0.5, 0.75, 0.9)),
    "taps": Kind(taps, ("conv2",), (0.5,)),
    "table columns": Kind(columns, ("conv2",), (0.5, 0.75)),
}
FEWER_CHANNELS = (0.25, 0.5)


def populations(network: FloatNetwork) -> dict[str, FloatPopulation]:
    """The layers with weights, by name."""
    return {layer.name: layer for layer in network.layers if isinstance(layer, FloatPopulation)}


def with_weights(network: FloatNetwork, weights: dict[str, FloatArray]) -> FloatNetwork:
    """The network with other weights in some layers."""
    layers = [
        replace(layer, projections=(replace(layer.projections[0], weight=weights[layer.name]),))
        if isinstance(layer, FloatPopulation) and layer.name in weights
        else layer
        for layer in network.layers
    ]
    return replace(network, layers=tuple(layers))


def masks(network: FloatNetwork, kind: str, share: float, only: str | None = None) -> dict[str, Mask]:
    """What stays, by layer: in all layers that ``kind`` is for, or in ``only`` one."""
    layers, (mask, names, _) = populations(network), KINDS[kind]
    return {name: mask(layers[name].projections[0].weight, share) for name in names if only in (None, name)}


def pruned(network: FloatNetwork, mask: dict[str, Mask]) -> FloatNetwork:
    """The network with weights of 0 where a mask says so."""
    layers = populations(network)
    return with_weights(network, {name: layers[name].projections[0].weight * each for name, each in mask.items()})


def with_fewer_channels(network: FloatNetwork, share: float) -> FloatNetwork:
    """The network without ``share`` of the channels of conv1, conv2 and dense1: those of the smallest weights."""
    layers, before = list(network.layers), np.arange(network.input_shape[0])
    for index, layer in enumerate(layers):
        if isinstance(layer, FloatPopulation):
            projection = layer.projections[0]
            weight = projection.weight[:, before]
            size = abs(weight).reshape(len(weight), -1).sum(axis=1)
            stays = np.flatnonzero(kept(size, share if layer.neuron.fires else 0))
            constants: dict[str, Any] = {key: value[stays] for key, value in layer.neuron.by_channel.items()}
            layers[index] = replace(
                layer,
                projections=(replace(projection, weight=weight[stays]),),
                bias=layer.bias[stays],
                neuron=replace(layer.neuron, **constants),
            )
            before = stays
    return replace(network, layers=tuple(layers))


def variants(network: FloatNetwork) -> Iterator[tuple[str, FloatNetwork, dict[str, Mask]]]:
    """Names, pruned networks and masks: the network as it is, all kinds in all their layers, and fewer channels."""
    yield "as it is", network, {}
    for kind, (_, _, shares) in KINDS.items():
        for share in shares:
            mask = masks(network, kind, share)
            yield f"{share:.0%} of {kind} of {', '.join(mask)}", pruned(network, mask), mask
    for share in FEWER_CHANNELS:
        yield f"{share:.0%} of channels of conv1, conv2, dense1", with_fewer_channels(network, share), {}


def cases(network: FloatNetwork, name: str) -> Iterator[tuple[str, FloatNetwork]]:
    """The network as it is, and pruned in the layer ``name`` alone."""
    yield "as it is", network
    for kind, (_, names, shares) in KINDS.items():
        for share in shares if name in names else ():
            yield f"{share:.0%} of {kind}", pruned(network, masks(network, kind, share, name))


def integers(floats: FloatNetwork, name: str, bits: int) -> tuple[Network, int]:
    """The integer network, and the index of its layer ``name``."""
    network, _ = quantize(floats, bits=bits)
    return network, next(number for number, layer in enumerate(network.layers) if layer.name == name)


def estimate(floats: FloatNetwork) -> None:
    """The layers with all that belongs to them, by the planner."""
    for name, fold in FOLDS.items():
        for bits in (8, 4):
            for what, each in cases(floats, name):
                network, index = integers(each, name, bits)
                steps = Folding(FOLDS, {}, {}).steps_in(network, index)
                cost = layer_cost(network, index, fold, steps, DEVICE)
                zeros = (network.population(index).projection.weight == 0).mean()
                print(
                    f"{name}, {bits} bits, {what}: {zeros:.1%} zeros; {cost.lut:,} LUT, {cost.ff:,} FF, "
                    f"{cost.bram18 / 2:g} BRAM36",
                    flush=True,
                )


def synthesis(floats: FloatNetwork, name: str, bits: int) -> None:
    """A sample of a layer's sums, by Yosys."""
    for what, each in cases(floats, name):
        sums = sampled(synaptic_sums(*integers(each, name, bits), FOLDS[name])[0][0])
        found = cells(Synapses(sums, sums.currents.width), FAMILIES["UltraScale+"])
        print(f"{name}, {bits} bits, {what}: {summary(found)}", flush=True)


def sampled(sums: SynapticSums) -> SynapticSums:
    """A few lanes and inputs: a layer of pixels has few inputs, and keeps them."""
    lanes, inputs = (slice(SAMPLED_LANES), np.arange(sums.weights.shape[-1]))
    if sums.largest_input == 1:
        lanes, inputs = slice(SAMPLED_SPIKE_LANES), inputs[inputs // TABLE_BITS % SAMPLED_TABLES == 0]
    weights = np.ascontiguousarray(sums.weights[..., lanes, :][..., inputs])
    return replace(sums, weights=weights, bias=np.ascontiguousarray(sums.bias[:, lanes]))


def plan(network: FloatNetwork) -> None:
    """The cheapest designs of as many cycles per frame."""
    for bits in (8, 4):
        for name, floats, _ in variants(network):
            found = for_initiation_interval(quantize(floats, bits=bits)[0], DEVICE, CYCLES)
            conv2 = found.folding.layers["conv2"]
            print(
                f"{bits} bits, {name}: {found.cost.lut:,} LUT, {found.cost.ff:,} FF, {found.cost.bram18 / 2:g} BRAM36; "
                f"conv2 {conv2.cout_par} {conv2.sums}",
                flush=True,
            )


class Masked(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Weights that stay 0 where ``mask`` is."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tensor(mask))

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.mask


def tuned(network: FloatNetwork, mask: dict[str, Mask], data: LabelledData) -> FloatNetwork:
    """The network after an epoch on the first images; without batch norm, which its weights have in them."""
    same_every_time(0)
    layers = populations(network)
    channels = iter(layer.projections[0].weight.shape[0] for layer in layers.values())
    notation = "28x28-{}c5-2s-{}c5-2s-{}-{}".format(*channels)
    trainable = spiking(notation, timesteps=RECIPE.timesteps, beta=RECIPE.beta)
    for layer in trainable.weighted():
        known = layers[layer.name]
        layer.norm = None
        layer.weights.weight = nn.Parameter(torch.tensor(known.projections[0].weight, dtype=torch.float32))
        layer.weights.bias = nn.Parameter(torch.tensor(known.bias, dtype=torch.float32))
        if layer.name in mask:
            parametrize.register_parametrization(layer.weights, "weight", Masked(mask[layer.name]))
    images = Images(torch.tensor(data.images[:IMAGES]), torch.tensor(data.labels[:IMAGES]))
    with TemporaryDirectory() as folder:
        train(trainable, images, TUNING, Path(folder) / "tuning.pt", distort=RECIPE.distortion)
    return export(trainable, network.name)


def accuracy(network: FloatNetwork, text: str, tune: bool) -> None:
    """Of each layer pruned alone, and of all variants."""
    data = training(text)
    measured = LabelledData(data.images[-IMAGES:], data.labels[-IMAGES:])

    def show(name: str, floats: FloatNetwork) -> None:
        right = []
        for bits in (8, 4):
            result = compiled.run(quantize(floats, bits=bits)[0], measured.images)
            right.append(f"{(result.predictions == measured.labels).mean():.2%} with {bits} bits")
        print(f"{name}: {', '.join(right)}", flush=True)

    if not tune:
        weights = KINDS["weights"]
        for only in weights.layers:
            for share in weights.shares:
                show(f"{share:.0%} of weights of {only} alone", pruned(network, masks(network, "weights", share, only)))
    for name, floats, mask in variants(network):
        show(f"{name}, tuned" if tune else name, tuned(floats, mask, data) if tune else floats)


def main() -> None:
    """Print a line per figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("estimate", "plan", "synthesis", "accuracy"))
    parser.add_argument("arguments", nargs="*", metavar="LAYER BITS | DATA")
    parser.add_argument("--tuned", action="store_true")
    options = parser.parse_args()
    network = float_file.load(FLOATS)
    match options.what, options.arguments:
        case "estimate", []:
            estimate(network)
        case "plan", []:
            plan(network)
        case "synthesis", [name, bits]:
            synthesis(network, name, int(bits))
        case "accuracy", [data]:
            accuracy(network, data, options.tuned)
        case _:
            parser.error("the arguments must be as above")


if __name__ == "__main__":
    main()
