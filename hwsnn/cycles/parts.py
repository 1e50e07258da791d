# amaranth: UnusedElaboratable=no
"""A network's components, as ``hwsnn.rtl`` puts them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

from hwsnn.folding.column_pairs import pool_inputs
from hwsnn.folding.folding import Folding, LayerFold, edge_queues, port_name
from hwsnn.folding.input_beats import joined_steps, pixel_beats
from hwsnn.folding.pipeline_depths import EngineDepths, engine_depths, layer_output
from hwsnn.folding.synaptic_sums import tree_levels
from hwsnn.spec import INPUT_INDEX, MaxPool, Network, Pair, Population, Sum, Window
from hwsnn.spec.checks import assert_never

from . import components, ends
from .components import Component, CreditFifo, Pass, Push
from .graph import Passes
from .sections import Branch, Part, Queue, Section, Sections

QUEUE_DELAY = 1
"""Of a queue without a pipeline in front: clocks from a beat's entry until it can be fetched."""


def sections(network: Network, layers: Mapping[str, LayerFold]) -> list[Section]:
    """The components from the pixels to the result, as in ``hwsnn.rtl.network`` and ``hwsnn.rtl.layer``."""
    return _Network(network, layers).sections()


class _Network:
    """The sections of a network, layer by layer."""

    def __init__(self, network: Network, layers: Mapping[str, LayerFold]) -> None:
        self._network, self._folding = network, Folding(layers, {}, {})
        self._sections = Sections()
        self._edge_queues = frozenset(edge_queues(network))
        self._outputs = dict[int, Branch]()

    def sections(self) -> list[Section]:
        """All of them, in the order of the data."""
        network, sections = self._network, self._sections
        encoder = (
            [Part("encoder", _fixed(ends.Encoder, network.timesteps), network.frame_beats * network.timesteps)]
            if network.encoder.spikes
            else []
        )
        branch = sections.extend(Branch(None, network.frame_beats), encoder)
        self._outputs[INPUT_INDEX] = self._forked(INPUT_INDEX, branch)
        for index, layer in enumerate(network.layers):
            match layer:
                case MaxPool():
                    output = self._pool(index, layer)
                case Population():
                    output = self._population(index, layer)
                case Sum():
                    output = self._sum(index, layer)
                case _:
                    assert_never(layer)
            self._outputs[index] = self._forked(index, output)
        last = len(network.layers) - 1
        readout = [
            *_scores(network, self._folding.beat_steps(network, last)),
            Part("readout", _answer(network.classes), 1),
        ]
        sections.close([sections.extend(self._outputs[last], readout)])
        return sections.all

    def _forked(self, source: int, output: Branch) -> Branch:
        """Where ``source`` feeds several ports, what they begin with: nothing may be on the way to their fork."""
        forks = len(self._network.consumers(source)) > 1
        return self._sections.close([output]) if forks and (output.parts or output.source is None) else output

    def _entry(self, index: int, port: int, beats: int) -> Branch:
        """A port's skid buffer for ``beats`` beats, behind the port's queue if it has one."""
        network = self._network
        owner, name = network.layers[index].name, port_name(network, index, port)
        parts = [Part(owner, _fixed(components.SkidBuffer), beats)]
        if name in self._edge_queues:
            parts.insert(0, Part(owner, partial(CreditFifo, delay=QUEUE_DELAY), beats, (name, "edges")))
        return self._sections.extend(self._outputs[network.edges[index][port].source], parts)

    def _steps(self, index: int, port: int) -> int:
        """Time steps per beat that comes to a port."""
        return self._folding.beat_steps(self._network, self._network.edges[index][port].source)

    def _pool(self, index: int, layer: MaxPool) -> Branch:
        from hwsnn.rtl.window.pool import OrPool, WinnerPool

        network, steps = self._network, self._steps(index, 0)
        _, height, width = network.input_shapes(index)[0]
        channels, inputs, beats = network.shapes[index + 1][0], pool_inputs(layer), -(-network.timesteps // steps)
        winner = layer.mode == "winner"
        pool = WinnerPool(channels, inputs, network.timesteps, steps) if winner else OrPool(channels * steps, inputs)
        made = prod(network.shapes[index + 1][1:]) * beats
        return self._sections.extend(
            self._entry(index, 0, height * width * beats),
            [
                *_window(layer.name, (height, width), layer.window, beats),
                Part(layer.name, partial(CreditFifo, delay=pool.latency + 1), made, (layer.name, "results")),
            ],
        )

    def _sum(self, index: int, layer: Sum) -> Branch:
        network, name = self._network, layer.name
        ports, pixels = range(len(layer.ports)), prod(network.shapes[index + 1][1:])
        common = self._folding.beat_steps(network, index)
        beats = pixels * -(-network.timesteps // common)
        branches = [self._joined(index, port, pixels, -(-network.timesteps // common), common) for port in ports]
        queue = Part(name, partial(CreditFifo, delay=tree_levels(len(ports)) + 1), beats, (name, "results"))
        return self._sections.close(
            branches, queue, Passes([(ports, True, 1)], [[None] for _ in ports], self._names(index, ports))
        )

    def _population(self, index: int, layer: Population) -> Branch:
        network, name = self._network, layer.name
        engine = engine_depths(network, index, self._folding.layers[name])
        ports = [port for port, edge in enumerate(network.edges[index]) if not edge.delay]
        beats = [self._window_beats(index, port) for port in ports]
        branches = [self._windows(index, layer, port, each) for port, each in zip(ports, beats, strict=True)]
        only_last = layer_output(network, index) == "last membranes"
        makes = [number == engine.passes - 1 or not only_last for number in range(engine.passes)]
        delay = engine.pass_clocks + engine.pipeline_clocks + 1
        made = prod(network.shapes[index + 1][1:]) * sum(makes)
        queue = Part(name, partial(CreditFifo, delay=delay), made, (name, "results"))
        if engine.interleave > 1:
            return self._in_turns(name, branches[0], engine, beats[0], made, queue)
        if len(ports) == 1:
            schedule = _schedule(engine, makes, ports[0], beats[0])
            return self._sections.extend(branches[0], [_engine(name, schedule, made), queue])
        return self._sections.close(branches, queue, _passes(engine, makes, ports, beats, self._names(index, ports)))

    def _in_turns(self, name: str, windows: Branch, engine: EngineDepths, beats: int, made: int, queue: Part) -> Branch:
        """Windows of ``beats`` beats whose passes take turns, and the queue, behind which their order is restored."""
        block = engine.interleave * engine.passes
        turns = Part(name, _fixed(components.BlockInterleaver, block), made)
        splitter = Part(name, _fixed(components.PassSplitter, engine.passes // beats), made)
        passes = _engine(name, [(True, True, engine.pass_clocks)], made)
        return self._sections.extend(windows, [splitter, turns, passes, queue, turns])

    def _names(self, index: int, ports: Iterable[int]) -> list[str]:
        return [port_name(self._network, index, port) for port in ports]

    def _window_beats(self, index: int, port: int) -> int:
        """Beats of a window, or of a pixel, at a port of a layer with weights."""
        return pixel_beats(self._network, index, port, self._joined_steps(index, port))

    def _joined_steps(self, index: int, port: int) -> int:
        fold = self._folding.layers[self._network.layers[index].name]
        return joined_steps(self._network, index, port, fold, self._steps(index, port))

    def _joined(self, index: int, port: int, pixels: int, beats: int, steps: int) -> Branch:
        """A port's beats, joined to ``beats`` beats of ``steps`` steps a pixel."""
        network, name, came = self._network, self._network.layers[index].name, self._steps(index, port)
        branch = self._entry(index, port, pixels * pixel_beats(network, index, port, came))
        if steps == came:
            return branch
        parts = [
            Part(name, _fixed(components.Packer, -(-steps // came)), pixels * beats),
            Part(name, _fixed(components.SkidBuffer), pixels * beats),
        ]
        return self._sections.extend(branch, parts)

    def _windows(self, index: int, layer: Population, port: int, beats: int) -> Branch:
        """A port's windows, of ``beats`` beats each."""
        network, name, projection = self._network, layer.name, layer.projections[port]
        _, height, width = network.input_shapes(index)[port]
        branch = self._joined(index, port, height * width, beats, self._joined_steps(index, port))
        if not projection.sliding:
            return branch
        window = projection.window if layer.pool is None else layer.window
        extent = rows, columns = window.padded((height, width))
        if extent != (height, width):
            top, left = window.padding
            ys, xs = range(-top, rows - top), range(-left, columns - left)
            inside = [0 <= y < height and 0 <= x < width for y in ys for x in xs]
            parts = [
                Part(name, _fixed(components.Padding, _each(inside, beats)), rows * columns * beats),
                Part(name, _fixed(components.SkidBuffer), rows * columns * beats),
            ]
            branch = self._sections.extend(branch, parts)
        queue: Queue = port_name(network, index, port), "columns"
        return self._sections.extend(branch, _window(name, extent, window, beats, queue))


def _early_clocks(engine: EngineDepths, port: int, beats: int) -> list[int]:
    """Of a position before the last: the clocks of the passes of each of its windows, from the first to their end."""
    if engine.early_passes[port] == 1:
        return [engine.pass_clocks]
    window_passes = engine.passes // beats
    return [
        sum(_clocks(engine, first + number) for number in range(window_passes))
        for first in range(0, engine.passes, window_passes)
    ]


def _clocks(engine: EngineDepths, number: int) -> int:
    """The minimum of clocks from pass ``number`` of a position to the next."""
    return max(engine.pass_clocks, engine.min_interval if number < engine.passes - 1 else 0)


def _schedule(engine: EngineDepths, makes: Sequence[bool], port: int, beats: int) -> list[Pass]:
    """The passes of an output pixel whose inputs on ``port`` are windows of ``beats`` beats at each position."""
    window_passes = engine.passes // beats
    early = [(True, False, clocks) for clocks in _early_clocks(engine, port, beats)]
    last = [(number % window_passes == 0, makes[number], _clocks(engine, number)) for number in range(engine.passes)]
    return early * (engine.positions[port] - 1) + last


def _passes(
    engine: EngineDepths, makes: Sequence[bool], ports: Sequence[int], beats: Sequence[int], names: Sequence[str]
) -> Passes:
    """As ``_schedule``, of several ports: the passes of their last windows begin together."""
    clocks = [_clocks(engine, number) for number in range(engine.passes)]
    window_passes = [engine.passes // each for each in beats]
    joint = [
        ([port for port, each in enumerate(window_passes) if number % each == 0], makes[number], clocks[number])
        for number in range(engine.passes)
    ]
    alone = [
        _early_clocks(engine, port, each) * (engine.positions[port] - 1) + [None] * each
        for port, each in zip(ports, beats, strict=True)
    ]
    return Passes(joint, alone, names)


def _scores(network: Network, steps: int) -> Iterator[Part]:
    from hwsnn.rtl.scores import scores_component

    scores = scores_component(network, steps)
    if scores is not None:
        beats = -(-network.timesteps // steps)
        yield Part("readout", _fixed(ends.Scores, beats, scores.latency, scores.interval), 1)


def _answer(classes: int) -> Callable[[Push, float], Component]:
    from amaranth.hdl import unsigned

    from hwsnn.rtl.network import RESULTS  # here, so that only a network that is timed loads Amaranth
    from hwsnn.rtl.readout import ArgMax

    delay = ArgMax(classes, unsigned(1)).latency + 1
    return lambda push, _: CreditFifo(push, RESULTS, delay)


def _fixed(component: Callable[..., Component], *parameters: Any) -> Callable[[Push, float], Component]:
    """Makes a component that is no queue with a depth to choose."""
    return lambda push, _: component(push, *parameters)


def _engine(name: str, schedule: Sequence[Pass], beats: int) -> Part:
    return Part(name, _fixed(components.Engine, schedule), beats, schedule=schedule)


def _window(name: str, extent: Pair, window: Window, beats: int, queue: Queue | None = None) -> Iterator[Part]:
    kernel, row = window.size, extent[1] * beats
    rows, columns = (
        [size - 1 <= at < length - unused and (at - size + 1) % step == 0 for at in range(length)]
        for length, size, step, unused in zip(extent, kernel, window.stride, (0, window.unused), strict=True)
    )
    yield _history(name, kernel[0], _each(rows, row), sum(rows) * row)
    if queue is not None:
        yield Part(name, partial(CreditFifo, delay=QUEUE_DELAY), sum(rows) * row, queue)
        yield Part(name, _fixed(components.SkidBuffer), sum(rows) * row)
    yield _history(name, kernel[1], _each(columns, beats), sum(rows) * sum(columns) * beats)


def _history(name: str, length: int, frame: Sequence[bool], beats: int) -> Part:
    """The last ``length`` beats, including the present one, which needs no register."""
    return Part(name, _fixed(components.LineBuffer if length > 1 else components.Wires, frame), beats)


def _each(flags: Iterable[bool], beats: int) -> list[bool]:
    """Each flag, repeated ``beats`` times."""
    return [flag for flag in flags for _ in range(beats)]
