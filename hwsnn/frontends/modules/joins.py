"""Sums and concatenations of what layers give, and the spikes of the step before that come back to their neurons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from hwsnn.float_network import FloatArray
from hwsnn.spec import Shape

from .. import linear, terms
from ..graph import Graph
from ..recurrence import weights_back
from ..terms import Signal, Term
from .movement import EVERY_STEP, Frames
from .recording import Call, tensors

LATE = " of the step before"
"""Behind the name of neurons, as the source of a term: no name of a layer."""


@dataclass(frozen=True, eq=False)
class Made:
    """What a call gave: its meaning, and its dimensions."""

    signal: Signal
    frames: Frames


def added(graph: Graph, call: Call, inputs: Sequence[Made]) -> Made:
    """The sum of two tensors, or of one and 0, as Python's ``sum`` begins."""
    if call.kwargs.get("alpha", 1) != 1:
        raise call.error("adds a multiple (alpha); multiply before the addition")
    if len(inputs) < 2:
        rest = [one for one in call.args if one is not call.inputs[0].tensor]
        given, found = (value.tensor.shape for value in (call.inputs[0], call.values[0]))
        if not rest or not all(map(_is_zero, rest)) or found != given:
            raise call.error("adds a constant; give the normalization of the input as --mean and --std, or use a bias")
        return inputs[0]
    frames = _of_one_order(call, [one.frames for one in inputs])
    sizes = {one.frames.inner for one in inputs}
    if len(sizes) > 1:
        raise call.error(f"adds {_sizes(sizes)}; both must have one shape")
    return Made(graph.sum(call, [one.signal for one in inputs]), frames)


def _is_zero(one: Any) -> bool:
    """Python's ``sum`` begins so, and the spikes of a step before the first are so."""
    return not bool(one.any()) if isinstance(one, torch.Tensor) else isinstance(one, int | float) and one == 0


def concatenated(graph: Graph, call: Call, inputs: Sequence[Made]) -> Made:
    """Tensors behind one another, along their channels."""
    if len(inputs) != len(list(tensors(call.args[:1]))):
        raise call.error("joins a constant to what follows from the input; use a bias")
    frames = inputs[0].frames
    dim: Any = call.kwargs.get("dim", call.kwargs.get("axis", call.args[1] if len(call.args) > 1 else 0))
    axes = len(frames.outer) + len(frames.inner)
    if dim not in (len(frames.outer), len(frames.outer) - axes):
        raise call.error(
            f"joins along dimension {dim}; only channels are joined, which are dimension {len(frames.outer)} here"
        )
    frames = _of_one_order(call, [one.frames for one in inputs])
    if len(inputs) == 1:
        return inputs[0]
    sizes = {one.frames.inner[1:] for one in inputs}
    if len(sizes) > 1:
        raise call.error(f"joins the channels of {_sizes(one.frames.inner for one in inputs)}")
    inner = (sum(one.frames.inner[0] for one in inputs), *frames.inner[1:])
    return Made(graph.concatenate(call, [one.signal for one in inputs]), replace(frames, inner=inner))


def _of_one_order(call: Call, frames: Sequence[Frames]) -> Frames:
    known = {one.steps for one in frames if EVERY_STEP not in one.steps}
    if len(known) > 1 or any((one.outer, one.images) != (frames[0].outer, frames[0].images) for one in frames):
        raise call.error("joins tensors of other steps and frames, or of those in another order")
    return replace(frames[0], steps=next(iter(known), frames[0].steps))


def _sizes(sizes: Any) -> str:
    return " and ".join(sorted("x".join(map(str, size)) for size in sizes))


def late(call: Call, frames: Frames) -> Made:
    """The spikes of the step before of the neurons of ``call``, whose layer there is not yet. ``frames``: of a step."""
    inner = tuple(call.values[0].tensor.shape[1:])
    rest = inner[1:]
    shape: Shape = inner[0], rest[0] if len(rest) > 1 else 1, rest[-1] if rest else 1
    # With a map behind it, as it is no layer whose spikes others may take.
    term = Term(call.name + LATE, shape, shape, (linear.Scale(call.name, np.ones((1, 1, 1))),))
    return Made(Signal(shape, len(inner) == 1, (term,)), replace(frames, inner=inner))


@dataclass(frozen=True, eq=False)
class Recurrence:
    """What reaches neurons: ``signal`` of other layers, and ``weight`` of their own spikes of the step before.

    ``weight``: (channels, channels), or (channels,) one to one, None for none. ``bias``: (channels,), what else the
    way of those spikes adds.
    """

    signal: Signal
    weight: FloatArray | None
    bias: FloatArray


def parted(graph: Graph, call: Call, signal: Signal) -> Recurrence:
    """What reaches the neurons of ``call``, its own spikes apart."""
    channels = signal.shape[0]
    own = tuple(term for term in signal.terms if term.source == call.name + LATE)
    others = tuple(term for term in signal.terms if term.source != call.name + LATE)
    require_no_late(call, others)
    if not own:
        return Recurrence(signal, None, np.zeros(channels))
    if not others:
        raise call.error("gets nothing but its own spikes of the step before")
    spikes = Signal(own[0].source_shape, signal.flat, ())
    back = terms.of_one_extent(call.name, Signal(signal.shape, signal.flat, own), graph.work)
    weight, bias = weights_back(call, spikes, back, graph.work)
    return Recurrence(replace(signal, terms=others), weight, bias)


def require_no_late(call: Call, others: Sequence[Term]) -> None:
    """Raise where spikes of a step before come to others than the neurons that fired them."""
    for term in others:
        if term.source.endswith(LATE):
            raise call.error(
                f"gets the spikes of {term.source}: loops over several layers, and delays, are not built; only a "
                "layer's own spikes come back to it"
            )
