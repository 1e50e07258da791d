"""For how many cycles a layer is busy, by arithmetic: the planner compares thousands of folds by it.

``hwsnn.cycles`` has the exact figures, of all layers together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

    ``per_position``: from ``position_cycles``. Spikes that other layers fire have one beat per pixel here; how many
    they have is known once those layers have folds (``arrival_cycles``). ``hwsnn.cycles`` has the exact figure, of all
    layers together.
    """
    arriving = [1 if edge.source == INPUT_INDEX else network.timesteps for edge in network.edges[index]]
    needed = arrival_cycles(network, index, fold, per_position, arriving)
    for _, busy in _busy(network, index, fold, per_position):
        needed = max(needed, busy if first else int(busy / SLACK))
    return needed


def arrival_cycles(network: Network, index: int, fold: LayerFold, per_position: int, steps: Sequence[int]) -> int:
    """Cycles per frame in which a layer's windows arrive, one beat a cycle, and in which it waits for the padding.

    Padding of one beat a pixel is in the slack. ``per_position``: from ``position_cycles``. ``steps``: time steps per
    beat, of each input.
    """
    layer, most = network.population(index), 0
    for port, busy in _busy(network, index, fold, per_position):
        extent = network.input_shapes(index)[port][1:]
        beats = pixel_beats(network, index, port, joined_steps(network, index, port, fold, steps[port]))
        window = layer.projections[port].window if layer.pool is None else layer.window
        padded = prod(window.padded(extent))
        most = max(most, padded * beats, busy + (padded - prod(extent)) * (beats - 1))
    return most


def _busy(network: Network, index: int, fold: LayerFold, per_position: int) -> Iterator[tuple[int, int]]:
    """The inputs of layer ``index`` that come from before it, with the cycles per frame for which each is worked on."""
    layer = network.population(index)
    every = zip(layer.projections, network.edges[index], network.input_shapes(index), strict=True)
    for port, (projection, edge, shape) in enumerate(every):
        if edge.delay:
            continue
        positions = prod(network.shapes[index + 1][1:] if projection.sliding else shape[1:])
        early = per_position
        if not projection.sliding and network.inputs(index)[port].held:  # the sums of earlier positions serve all steps
            early = pass_cycles(layer, fold)
        yield port, (positions - 1) * early + per_position
