"""A layer of the network as one component: chains of stream components."""

from __future__ import annotations

import numpy as np

from hwsnn.folding.column_pairs import PairPool, pool_inputs
from hwsnn.folding.folding import Folding, LayerFold, port_name
from hwsnn.folding.input_beats import joined_steps, pixel_beats
from hwsnn.spec import AnyProjection, Conv, MaxPool, Network, Population, Sum
from hwsnn.spec.checks import assert_never

from .compute.engine import Engine
from .compute.spike_sum import SpikeSum
from .ports import input_streams
from .stream.chain import ChainComponent, Components
from .stream.credit import CreditWrapper
from .stream.fifo import SkidBuffer
from .stream.interleaver import BlockInterleaver
from .stream.join import Join
from .stream.joined_chains import JoinedChains
from .stream.packer import Packer
from .window.column_taps import ColumnTaps
from .window.padding import Padding
from .window.pass_splitter import PassSplitter
from .window.pool import OrPool, WinnerPool
from .window.sliding_window import SlidingWindow


class PopulationLayer(JoinedChains):
    """Projections and their neurons, folded, and the queue behind them.

    Each projection without delay has a stream, beats of its own number of steps, and a sliding window if it has one.
    Where output pixels take turns, an interleaver in front of the engine changes the order of the windows' passes, and
    one behind it restores that of the beats.

    Parameters
    ----------
    network : Network
        The network of the layer.
    index : int
        The layer's index in the network.
    folding : Folding
        The layer's parallelism, and the depths of its queues.

    Ports
    -----
    i : stream in of ``unsigned(steps * C * n)``
        Inputs of n bits: pixels without an encoder, else numbers of spikes. Of several projections ``i_0``, ``i_1`` and
        so on, by ``input_streams``.
    o : stream out of ``unsigned(t_par * Cout * b)`` or ``unsigned(Cout * b)``
        As of ``Engine``: spikes or membranes, order (y, x, pass); last membranes in one beat per frame.

    Timing
    ------
    G * F cycles per output pixel and pass (see ``docs/streams.md``).
    """

    def __init__(self, network: Network, index: int, folding: Folding) -> None:
        layer = network.population(index)
        fold, streams = folding.layers[layer.name], input_streams(layer.ports)
        steps = [1] * len(layer.ports)
        entries: dict[str, Components] = {}
        for port, name in streams.items():
            before = folding.beat_steps(network, network.edges[index][port].source)
            steps[port] = joined_steps(network, index, port, fold, before)
            column_depth = folding.column_depths.get(port_name(network, index, port), 0)
            entries[name] = _entry(network, index, port, before, steps[port], column_depth)
        restored: Components = []
        if fold.interleave > 1:
            (entry,) = entries.values()
            entry += _turns(network, index, fold, *steps)
            steps = [1 if network.inputs(index)[0].held else min(fold.t_par, network.timesteps)]
        engine = Engine(network, index, fold, steps, folding.fifo_depths[layer.name])
        if fold.interleave > 1:
            restored = [("restored", BlockInterleaver(len(engine.o.payload), engine.passes, fold.interleave))]
        self.here = engine.here | {"passes": engine.passes}
        if len(streams) == len(steps) == 1:
            self.here["steps"] = folding.beat_steps(network, network.edges[index][0].source)
        super().__init__(entries, [("engine", engine), *restored])


def _entry(network: Network, index: int, port: int, steps: int, joined: int, column_depth: int) -> Components:
    """From a projection's stream, of beats of ``steps`` steps, to windows of ``joined`` steps."""
    layer = network.population(index)
    (channels, height, width), inputs = network.input_shapes(index)[port], network.inputs(index)[port]
    bits, projection = channels * inputs.bits, layer.projections[port]
    parts = _packed(bits, steps, joined)
    beats = pixel_beats(network, index, port, joined)
    if projection.sliding:
        window = projection.window if layer.pool is None else layer.window
        extent = window.padded((height, width))
        if extent != (height, width):
            filler, right = _filler(projection, inputs.bits, joined), max(window.right, 0)
            parts.append(("padding", Padding(bits * joined, (height, width), window.padding, beats, filler, right)))
            parts.append(("padded", SkidBuffer(bits * joined)))
        sliding = SlidingWindow(bits * joined, extent, window.size, window.stride, beats, column_depth, window.unused)
        parts.append(("window", sliding))
    return parts


def _turns(network: Network, index: int, fold: LayerFold, steps: int) -> Components:
    """From windows of ``steps`` steps to their passes, those of several output pixels in turn."""
    projection, (inputs,) = network.population(index).projection, network.inputs(index)
    t_par = min(fold.t_par, network.timesteps)
    passes = -(-network.timesteps // t_par)
    bits = projection.in_channels * inputs.bits
    repeats, given = (passes, 1) if inputs.held else (1, t_par)
    splitter = PassSplitter(projection.taps, steps, bits, given, repeats)
    return [("passes", splitter), ("turns", BlockInterleaver(len(splitter.o.payload), fold.interleave, passes))]


def _packed(bits: int, steps: int, joined: int) -> Components:
    """From beats of ``steps`` steps, each of ``bits`` bits, to beats of ``joined`` steps."""
    # Cuts the path of ready where beats are narrow.
    parts: Components = [("entry", SkidBuffer(bits * steps))]
    if joined != steps:
        parts.append(("steps", Packer(bits * steps, -(-joined // steps), bits * joined)))
        parts.append(("joined", SkidBuffer(bits * joined)))
    return parts


def _filler(projection: AnyProjection, bits: int, steps: int) -> int:
    """A beat of the border: every step has the padding values, of ``bits`` bits each."""
    values = projection.padding_values if isinstance(projection, Conv) else None
    if values is None:
        return 0
    return sum(int(value) << (place * bits) for place, value in enumerate(np.tile(values, steps)))


class SumLayer(JoinedChains):
    """Adds up numbers of spikes, and the queue behind that.

    Parameters
    ----------
    network : Network
        The network of the layer.
    index : int
        The layer's index in the network.
    folding : Folding
        The steps of its beats, and the depth of its queue.

    Ports
    -----
    i_0, i_1, ... : stream in of ``unsigned(steps * C * n)``
        Numbers of spikes of n bits, order (y, x, beat).
    o : stream out of ``unsigned(steps * C * b)``
        Their sums, of b bits, in beats of the ``common_steps`` of all.

    Timing
    ------
    One input beat per cycle of those with the fewest steps.
    """

    def __init__(self, network: Network, index: int, folding: Folding) -> None:
        channels, *_ = network.shapes[index + 1]
        common, every = folding.beat_steps(network, index), network.inputs(index)
        sources = [edge.source for edge in network.edges[index]]
        entries = {
            f"i_{port}": _packed(channels * inputs.bits, folding.beat_steps(network, source), common)
            for port, (inputs, source) in enumerate(zip(every, sources, strict=True))
        }
        self.here = {"steps": common, "C": channels, "b": network.outputs(index).bits}
        bits = [inputs.bits for inputs in every]
        join = Join({name: channels * common * width for name, width in zip(entries, bits, strict=True)})
        spikes = SpikeSum(channels * common, bits, network.outputs(index).bits)
        wrapped = CreditWrapper(spikes, folding.fifo_depths[network.layers[index].name])
        super().__init__(entries, [("joint", join), ("sum", wrapped)])


class PoolLayer(ChainComponent):
    """A spiking max-pool and the queue behind it.

    Parameters
    ----------
    network : Network
        The network of the layer.
    index : int
        The layer's index in the network.
    folding : Folding
        The steps of its beats, and the depth of its queue.

    Ports
    -----
    i, o : streams of ``unsigned(steps * C)``
        Spikes, order (y, x, beat); i with twice the channels where its pixels are pairs of columns.

    Timing
    ------
    One input beat per cycle.
    """

    def __init__(self, network: Network, index: int, folding: Folding) -> None:
        layer, ((beat_channels, height, width),) = network.layers[index], network.input_shapes(index)
        assert isinstance(layer, MaxPool)
        steps, depth = folding.beat_steps(network, index), folding.fifo_depths[layer.name]
        channels, timesteps, bits = network.shapes[index + 1][0], network.timesteps, beat_channels * steps
        inputs, winner = pool_inputs(layer), layer.mode == "winner"
        pool = WinnerPool(channels, inputs, timesteps, steps) if winner else OrPool(channels * steps, inputs)
        beats, self.here = -(-timesteps // steps), {"steps": steps, "C": channels}
        window = SlidingWindow(bits, (height, width), layer.size, layer.stride, beats, unused=layer.window.unused)
        parts: Components = [("entry", SkidBuffer(bits)), ("window", window)]
        if isinstance(layer, PairPool):
            parts.append(("columns", ColumnTaps(layer.size, layer.columns, steps, channels)))
        super().__init__([*parts, ("pool", CreditWrapper(pool, depth))])


def component(network: Network, index: int, folding: Folding) -> PopulationLayer | PoolLayer | SumLayer:
    """The hardware of layer ``index``."""
    match layer := network.layers[index]:
        case Population():
            return PopulationLayer(network, index, folding)
        case MaxPool():
            return PoolLayer(network, index, folding)
        case Sum():
            return SumLayer(network, index, folding)
        case _:
            raise assert_never(layer)
