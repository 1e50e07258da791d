# amaranth: UnusedElaboratable=no
"""A network's components in the order of the data, as ``hwsnn.rtl`` puts them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from math import prod
from typing import Any, Literal, TypeAlias

from hwsnn.folding.folding import LayerFold
from hwsnn.spec import Conv, Dense, MaxPool, Network, Neuron, Pair

from . import streams
from .streams import Runs, Stream

Queue: TypeAlias = tuple[str, Literal["results", "columns"]]
"""A layer's name and which of its queues: the one behind it, or a convolution's of columns."""


@dataclass(frozen=True)
class Part:
    """A component.

    ``owner``: ``encoder``, a layer's name or ``readout``. ``add``: adds it to the end of a chain; queues alone have a
    depth. ``beats``: of a frame, behind it. ``queue``: which one it is, or ends in.
    """

    owner: str
    add: Callable[[Stream, float], Stream]
    beats: int
    queue: Queue | None = None


def parts(network: Network, layers: Mapping[str, LayerFold]) -> Iterator[Part]:
    """The components from the pixels to the result, as in ``hwsnn.rtl.network`` and ``hwsnn.rtl.layer``."""
    pixels, timesteps = prod(network.input_shape[1:]), network.timesteps
    if network.encoder.kind != "direct":
        yield Part("encoder", _fixed(streams.encoder, timesteps), pixels * timesteps)
    steps = 1
    for index, layer in enumerate(network.layers):
        if isinstance(layer, MaxPool):
            yield from _pool(network, index, layer, steps)
        else:
            yield from _weighted(network, index, layer, layers[layer.name], steps)
            steps = min(layers[layer.name].t_par, timesteps)
    if network.readout == "count":
        yield Part("readout", _fixed(streams.count, -(-timesteps // steps)), 1)
    yield Part("readout", _answer(network.classes), 1)


def _answer(classes: int) -> Callable[[Stream, float], Stream]:
    from amaranth.hdl import unsigned

    from hwsnn.rtl.network import RESULTS  # here, so that only a network that is timed loads Amaranth
    from hwsnn.rtl.readout import ArgMax

    delay = ArgMax(classes, unsigned(1)).latency + 1
    return lambda i, depth: streams.passes(i, RESULTS, schedule=[(True, True, 1)], delay=delay)


def _fixed(component: Callable[..., Stream], *parameters: Any) -> Callable[[Stream, float], Stream]:
    """What adds a component that is no queue."""
    return lambda i, depth: component(i, *parameters)


def _pool(network: Network, index: int, layer: MaxPool, steps: int) -> Iterator[Part]:
    from hwsnn.rtl.window.pool import OrPool, WinnerPool

    (channels, *extent), inputs = network.shapes[index], prod(layer.size)
    beats = -(-network.timesteps // steps)
    winner = layer.mode == "winner"
    pool = WinnerPool(channels, inputs, network.timesteps, steps) if winner else OrPool(channels * steps, inputs)
    yield Part(layer.name, _fixed(streams.skid), prod(extent) * beats)
    yield from _window(layer.name, (extent[0], extent[1]), layer.size, layer.stride, beats, queued=False)
    beats *= prod(network.shapes[index + 1][1:])
    add = partial(streams.passes, schedule=[(True, True, 1)], delay=pool.latency + 1)
    yield Part(layer.name, add, beats, (layer.name, "results"))


def _weighted(network: Network, index: int, layer: Conv | Dense, fold: LayerFold, steps: int) -> Iterator[Part]:
    from hwsnn.rtl.compute.engine import Engine
    from hwsnn.rtl.layer import joins_steps

    name, timesteps = layer.name, network.timesteps
    (_, height, width), pixels = network.shapes[index], network.takes_pixels(index)
    arriving = height * width * (1 if pixels else -(-timesteps // steps))
    yield Part(name, _fixed(streams.skid), arriving)
    if not pixels and joins_steps(timesteps, steps, min(fold.t_par, timesteps)):
        if steps < timesteps:
            yield Part(name, _fixed(streams.collect, -(-timesteps // steps)), height * width)
        yield Part(name, _fixed(streams.skid), height * width)
        steps = timesteps
    beats = 1 if pixels else -(-timesteps // steps)
    positions = 1
    if isinstance(layer, Conv):
        if any(layer.padding):
            top, left = layer.padding
            rows, columns = range(-top, height + top), range(-left, width + left)
            inside = [0 <= y < height and 0 <= x < width for y in rows for x in columns]
            height, width = len(rows), len(columns)
            yield Part(name, _fixed(streams.padding, _runs(inside, beats)), height * width * beats)
            yield Part(name, _fixed(streams.skid), height * width * beats)
        yield from _window(name, (height, width), layer.kernel, layer.stride, beats, queued=True)
    else:
        positions = height * width
    engine = Engine(network, index, fold, steps, 1)
    schedule = [
        (
            number % (engine.passes // beats) == 0,
            position == positions - 1 and (number == engine.passes - 1 or isinstance(layer.neuron, Neuron)),
            max(engine.pass_clocks, engine.rest if number < engine.passes - 1 else 0),
        )
        for position in range(positions)
        for number in range(engine.passes)
    ]
    made = prod(network.shapes[index + 1][1:]) * sum(makes for _, makes, _ in schedule)
    delay = engine.pass_clocks + engine.pipeline_clocks + 1
    yield Part(name, partial(streams.passes, schedule=schedule, delay=delay), made, (name, "results"))


def _window(name: str, extent: Pair, kernel: Pair, stride: Pair, beats: int, *, queued: bool) -> Iterator[Part]:
    row = extent[1] * beats
    rows, columns = (
        [at >= size - 1 and (at - size + 1) % step == 0 for at in range(length)]
        for length, size, step in zip(extent, kernel, stride, strict=True)
    )
    yield _history(name, kernel[0], _runs(rows, row), sum(rows) * row)
    if queued:
        add = partial(streams.passes, schedule=[(True, True, 1)], delay=1)
        yield Part(name, add, sum(rows) * row, (name, "columns"))
        yield Part(name, _fixed(streams.skid), sum(rows) * row)
    yield _history(name, kernel[1], _runs(columns, beats), sum(rows) * sum(columns) * beats)


def _history(name: str, length: int, frame: Runs, beats: int) -> Part:
    """The past of ``length`` beats, the present one included: of one there is no register."""
    return Part(name, _fixed(streams.history if length > 1 else streams.select, frame), beats)


def _runs(flags: Iterable[bool], each: int) -> Runs:
    """Flags of ``each`` beats a flag."""
    return [(flag, len(list(group)) * each) for flag, group in groupby(flags)]
