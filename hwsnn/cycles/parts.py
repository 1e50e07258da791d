# amaranth: UnusedElaboratable=no
"""A network's components in the order of the data, as ``hwsnn.rtl`` puts them together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Literal, TypeAlias

from hwsnn.folding.folding import LayerFold
from hwsnn.folding.input_beats import joined_steps, pixel_beats
from hwsnn.folding.pipeline_depths import engine_depths, layer_output
from hwsnn.spec import MaxPool, Network, Pair, Population
from hwsnn.spec.checks import assert_never

from . import components
from .components import Component, CreditFifo, Push

Queue: TypeAlias = tuple[str, Literal["results", "columns"]]
"""A layer's name and which of its queues: the one behind it, or a convolution's of columns."""


@dataclass(frozen=True)
class Part:
    """A component.

    ``owner``: ``encoder``, a layer's name or ``readout``. ``make``: makes it, from the ``push`` of the component
    behind it and, for a queue, its depth. ``beats``: per frame, behind it. ``queue``: its name, if it is a queue.
    """

    owner: str
    make: Callable[[Push, float], Component]
    beats: int
    queue: Queue | None = None


def parts(network: Network, layers: Mapping[str, LayerFold]) -> Iterator[Part]:
    """The components from the pixels to the result, as in ``hwsnn.rtl.network`` and ``hwsnn.rtl.layer``."""
    timesteps = network.timesteps
    if network.encoder.spikes:
        yield Part("encoder", _fixed(components.Encoder, timesteps), network.frame_beats * timesteps)
    steps = 1
    for index, layer in enumerate(network.layers):
        match layer:
            case MaxPool():
                yield from _pool(network, index, layer, steps)
            case Population():
                yield from _population(network, index, layer, layers[layer.name], steps)
                steps = min(layers[layer.name].t_par, timesteps)
            case _:
                assert_never(layer)
    yield from _scores(network, steps)
    yield Part("readout", _answer(network.classes), 1)


def _scores(network: Network, steps: int) -> Iterator[Part]:
    from hwsnn.rtl.scores import scores_component

    scores = scores_component(network, steps)
    if scores is not None:
        beats = -(-network.timesteps // steps)
        yield Part("readout", _fixed(components.Scores, beats, scores.latency, scores.interval), 1)


def _answer(classes: int) -> Callable[[Push, float], Component]:
    from amaranth.hdl import unsigned

    from hwsnn.rtl.network import RESULTS  # here, so that only a network that is timed loads Amaranth
    from hwsnn.rtl.readout import ArgMax

    delay = ArgMax(classes, unsigned(1)).latency + 1
    return lambda push, _: CreditFifo(push, RESULTS, delay)


def _fixed(component: Callable[..., Component], *parameters: Any) -> Callable[[Push, float], Component]:
    """A factory of a component that is no queue."""
    return lambda push, _: component(push, *parameters)


def _pool(network: Network, index: int, layer: MaxPool, steps: int) -> Iterator[Part]:
    from hwsnn.rtl.window.pool import OrPool, WinnerPool

    (channels, *extent), inputs = network.shapes[index], prod(layer.size)
    beats = -(-network.timesteps // steps)
    winner = layer.mode == "winner"
    pool = WinnerPool(channels, inputs, network.timesteps, steps) if winner else OrPool(channels * steps, inputs)
    yield Part(layer.name, _fixed(components.SkidBuffer), prod(extent) * beats)
    yield from _window(layer.name, (extent[0], extent[1]), layer.size, layer.stride, beats, queued=False)
    beats *= prod(network.shapes[index + 1][1:])
    yield Part(layer.name, partial(CreditFifo, delay=pool.latency + 1), beats, (layer.name, "results"))


def _population(network: Network, index: int, layer: Population, fold: LayerFold, steps: int) -> Iterator[Part]:
    name, (_, height, width) = layer.name, network.shapes[index]
    yield Part(name, _fixed(components.SkidBuffer), height * width * pixel_beats(network, index, steps))
    joined = joined_steps(network, index, fold, steps)
    beats = pixel_beats(network, index, joined)
    if joined != steps:
        yield Part(name, _fixed(components.Packer, -(-joined // steps)), height * width * beats)
        yield Part(name, _fixed(components.SkidBuffer), height * width * beats)
    positions = 1
    if layer.sliding:
        size, stride, padding = layer.window
        if any(padding):
            top, left = padding
            rows, columns = range(-top, height + top), range(-left, width + left)
            inside = [0 <= y < height and 0 <= x < width for y in rows for x in columns]
            height, width = len(rows), len(columns)
            yield Part(name, _fixed(components.Padding, _each(inside, beats)), height * width * beats)
            yield Part(name, _fixed(components.SkidBuffer), height * width * beats)
        yield from _window(name, (height, width), size, stride, beats, queued=True)
    else:
        positions = height * width
    engine, only_last = engine_depths(network, index, fold), layer_output(network, index) == "last membranes"
    schedule = [
        (
            number % (engine.passes // beats) == 0,
            position == positions - 1 and (number == engine.passes - 1 or not only_last),
            max(engine.pass_clocks, engine.min_interval if number < engine.passes - 1 else 0),
        )
        for position in range(positions)
        for number in range(engine.passes)
    ]
    made = prod(network.shapes[index + 1][1:]) * sum(makes for _, makes, _ in schedule)
    delay = engine.pass_clocks + engine.pipeline_clocks + 1
    yield Part(name, _fixed(components.Engine, schedule), made)
    yield Part(name, partial(CreditFifo, delay=delay), made, (name, "results"))


def _window(name: str, extent: Pair, kernel: Pair, stride: Pair, beats: int, *, queued: bool) -> Iterator[Part]:
    row = extent[1] * beats
    rows, columns = (
        [at >= size - 1 and (at - size + 1) % step == 0 for at in range(length)]
        for length, size, step in zip(extent, kernel, stride, strict=True)
    )
    yield _history(name, kernel[0], _each(rows, row), sum(rows) * row)
    if queued:
        yield Part(name, partial(CreditFifo, delay=1), sum(rows) * row, (name, "columns"))
        yield Part(name, _fixed(components.SkidBuffer), sum(rows) * row)
    yield _history(name, kernel[1], _each(columns, beats), sum(rows) * sum(columns) * beats)


def _history(name: str, length: int, frame: Sequence[bool], beats: int) -> Part:
    """The last ``length`` beats, including the present one, which needs no register."""
    return Part(name, _fixed(components.LineBuffer if length > 1 else components.Wires, frame), beats)


def _each(flags: Iterable[bool], beats: int) -> list[bool]:
    """Each flag, repeated ``beats`` times."""
    return [flag for flag in flags for _ in range(beats)]
