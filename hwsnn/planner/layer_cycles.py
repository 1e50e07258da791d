"""For how many cycles a layer is busy, by arithmetic: the planner compares thousands of folds by it.

``hwsnn.cycles`` has the exact figures, of all layers together.
"""

from __future__ import annotations

from math import ceil, prod

from hwsnn.folding.fold_shape import fold_shapes
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.input_beats import joined_steps, pixel_beats
from hwsnn.folding.pipeline_depths import NeuronPipeline, layer_output, neuron_pipeline
from hwsnn.folding.synaptic_sums import tree_levels
from hwsnn.spec import INPUT_INDEX, Network, Population

SLACK = 0.9
"""Fraction of a frame's cycles that layers behind the first may be busy: they catch up after a stall, and end soon."""
TERM_BITS, SUM_CLOCKS = 5, 5
"""Approximate inputs of a synaptic sum's term, and its cycles besides those of the adders, to a register of spikes."""


def pass_cycles(layer: Population, fold: LayerFold) -> int:
    """Cycles of a pass."""
    shapes = fold_shapes(layer, fold)
    return layer.windows * shapes[0].output_folds * max(shape.input_folds for shape in shapes)


def neurons_of(network: Network, index: int, fold: LayerFold) -> NeuronPipeline:
    """The pipeline of a layer's neurons."""
    layer = network.population(index)
    shape = fold_shapes(layer, fold)[0]
    return neuron_pipeline(
        layer.neuron.padded(shape.output_folds * shape.lanes),
        groups=shape.output_folds,
        timesteps=network.timesteps,
        t_par=min(fold.t_par, network.timesteps),
        saturating=network.saturating(index),
        output=layer_output(network, index),
    )


def position_cycles(network: Network, index: int, fold: LayerFold, neurons: NeuronPipeline) -> int:
    """Cycles for which layer ``index`` is busy with one output pixel: how late its output follows its last input.

    Of a projection that sees several input pixels, for each of them. Spikes that come back are waited for; how long
    their sums take is approximate. ``neurons``: from ``neurons_of``, maybe of another fold of as many steps.
    """
    layer = network.population(index)
    shapes = fold_shapes(layer, fold)
    slices = pass_cycles(layer, fold)
    t_par = min(fold.t_par, network.timesteps)
    rest = slices if fold.interleave > 1 else max(slices, neurons.min_interval)
    if layer.recurrent:
        inputs = zip(layer.projections, shapes, network.inputs(index), strict=True)
        terms = max(projection.taps * shape.cin_par * each.bits for projection, shape, each in inputs) / TERM_BITS
        levels = tree_levels(ceil(terms) + 1) + tree_levels(len(shapes))
        rest = max(rest, slices + SUM_CLOCKS + levels + neurons.spikes)
    return (-(-network.timesteps // t_par) - 1) * rest + slices


def needed_cycles(network: Network, index: int, fold: LayerFold, per_position: int, *, first: bool) -> int:
    """The fewest cycles per frame at which layer ``index`` keeps up, by arithmetic; with slack behind the first layer.

    ``per_position``: from ``position_cycles``. Of the beats of a layer's windows, those of the network's input are
    known, of others there is at least one per pixel, padding included. ``hwsnn.cycles`` has the exact figure, of all
    layers together.
    """
    layer, needed = network.population(index), 0
    every = zip(layer.projections, network.edges[index], network.input_shapes(index), strict=True)
    for port, (projection, edge, shape) in enumerate(every):
        if edge.delay:
            continue
        positions = prod(network.shapes[index + 1][1:] if projection.sliding else shape[1:])
        early = per_position
        if not projection.sliding and network.inputs(index)[port].held:  # the sums of earlier positions serve all steps
            early = pass_cycles(layer, fold)
        busy = (positions - 1) * early + per_position
        window = projection.window if layer.pool is None else layer.window
        known = edge.source == INPUT_INDEX
        beats = pixel_beats(network, index, port, joined_steps(network, index, port, fold, 1)) if known else 1
        needed = max(needed, busy if first else int(busy / SLACK), prod(window.padded(shape[1:])) * beats)
    return needed
