"""Layers, neurons and folds in a few words, for boxes and cells."""

from __future__ import annotations

from hwsnn.folding.folding import LayerFold
from hwsnn.spec import AnyProjection, Layer, MaxPool, Network, Population, Sum
from hwsnn.spec.checks import assert_never

from ..page import extent


def kind(network: Network, index: int) -> str:
    """What layer ``index`` computes: its windows, strides and groups."""
    layer: Layer = network.layers[index]
    match layer:
        case MaxPool():
            stride = "" if layer.stride == layer.size else f", stride {extent(layer.stride)}"
            return f"{'spiking' if layer.mode == 'or' else 'winner'} max-pool {extent(layer.size)}{stride}"
        case Sum():
            return f"sum of {' and '.join(layer.sources)}"
        case Population():
            pool = f", max-pool {extent(layer.pool.size)} of currents" if layer.pool else ""
            return " + ".join(map(_projection, layer.projections)) + pool
        case _:
            raise assert_never(layer)


def _projection(projection: AnyProjection) -> str:
    if projection.delay:
        return "own spikes"
    text = projection.kind
    if projection.sliding:
        text += f" {extent(projection.kernel)}"
        text += f", stride {extent(projection.stride)}" if projection.stride != (1, 1) else ""
        text += f", padding {extent(projection.padding)}" if any(projection.padding) else ""
    groups = projection.in_channels // int(projection.weight.shape[1])
    return f"{text}, {groups} groups" if groups > 1 else text


def neuron(layer: Layer) -> str:
    """How its neurons leak and reset."""
    if not isinstance(layer, Population):
        return ""
    model = layer.neuron
    if not model.fires:
        return f"integrates, {model.leak.formula}"
    spikes = f", up to {model.spikes} spikes" if model.spikes > 1 else ""
    once = ", once" if model.settings.get("once") else ""
    return f"{model.leak.formula}, reset {model.settings['reset']}{spikes}{once}"


def fold(found: LayerFold | None) -> str:
    """How parallel a layer is."""
    if found is None:
        return ""
    steps = f" x {found.t_par} steps" if found.t_par > 1 else ""
    turns = f", {found.interleave} positions in turns" if found.interleave > 1 else ""
    return f"{found.cout_par} PEs x {found.cin_par} inputs{steps}, {found.sums}{turns}"


def weight_bits(layer: Layer) -> str:
    """Of all projections: one number, or the smallest to the largest."""
    return ends([projection.weight_bits for projection in layer.projections]) if isinstance(layer, Population) else ""


def ends(values: list[int]) -> str:
    """The range of some numbers, or their common value."""
    return " to ".join(f"{value:,}" for value in sorted({min(values), max(values)}))
