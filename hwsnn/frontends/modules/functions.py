"""Functions of torch in a module's own ``forward``, as the layers that they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from hwsnn.float_network import FloatArray
from hwsnn.spec import Shape

from .. import linear
from ..graph import Graph
from ..terms import Signal
from .layers import add_layer, not_built
from .movement import MOVING, Frames
from .recording import Call
from .scores import DIVIDED, TIMES

POOLS: dict[str, type[nn.Module]] = {
    "avg_pool1d": nn.AvgPool1d,
    "avg_pool2d": nn.AvgPool2d,
    "adaptive_avg_pool1d": nn.AdaptiveAvgPool1d,
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "max_pool1d": nn.MaxPool1d,
    "max_pool2d": nn.MaxPool2d,
}
CONVOLVED = ("weight", "bias", "stride", "padding", "dilation", "groups")
WEIGHTED = {
    "linear": ("weight", "bias"),
    "conv1d": CONVOLVED,
    "conv2d": CONVOLVED,
    "batch_norm": ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
}
"""Functions with numbers of their own, and their arguments behind the first."""
PLUS = {"add", "add_", "__add__", "__radd__", "__iadd__", "sub", "sub_", "subtract", "rsub"}
PLUS |= {"__sub__", "__rsub__", "__isub__"}
DROPOUT = {"dropout", "dropout1d", "dropout2d", "alpha_dropout", "feature_alpha_dropout"}
REDUCING = {"mean", "sum"}
RELU = {"relu", "relu_"}


def is_movement(call: Call) -> bool:
    """Whether a call of a function moves values without changing them."""
    return call.name in MOVING or (call.name in DROPOUT and not _training(call))


def is_relu(call: Call) -> bool:
    """Whether a call is a ReLU, which changes no spikes: Norse's tutorial has one behind its neurons."""
    return isinstance(call.module, nn.ReLU) or (call.module is None and call.name in RELU)


def add_function(graph: Graph, signal: Signal, call: Call, frames: Frames) -> Signal:
    """The function of ``call``, which gets ``frames``, behind ``signal``. Raises ``InputError`` for others."""
    if call.name in POOLS:
        try:
            module = POOLS[call.name](*call.args[1:], **{k: v for k, v in call.kwargs.items() if k != "input"})
        except TypeError:
            raise call.error("its arguments are not those of a pool") from None
        return add_layer(graph, signal, call, module, len(frames.inner))
    if call.name in WEIGHTED:
        return add_layer(graph, signal, call, _weighted(call, len(frames.inner)), len(frames.inner))
    if call.name in TIMES | DIVIDED:
        factors = _factors(call, signal.shape, len(frames.inner))
        return graph.add(call, signal, linear.Scale(call.name, 1 / factors if call.name in DIVIDED else factors))
    if call.name in REDUCING:
        return _reduce(graph, signal, call, frames)
    raise call.error(_refusal(call.name))


def _weighted(call: Call, axes: int) -> nn.Module:
    """The layer that a function with numbers of its own stands for."""
    given: dict[str, Any] = {**dict(zip(WEIGHTED[call.name], call.args[1:], strict=False)), **call.kwargs}
    weight, bias = given.get("weight"), given.get("bias")
    layer: nn.Module
    if call.name == "batch_norm":
        if given.get("training"):
            raise call.error("normalizes by the batch while the module is in eval mode; give it training=self.training")
        kind = nn.BatchNorm2d if axes == 3 else nn.BatchNorm1d
        layer = kind(len(given["running_mean"]), given.get("eps", 1e-5))
        layer.running_mean, layer.running_var = given["running_mean"], given["running_var"]
    elif call.name == "linear":
        layer = nn.Linear(1, 1)
    else:
        groups = given.get("groups", 1)
        settings = given.get("stride", 1), given.get("padding", 0), given.get("dilation", 1), groups
        layer = (nn.Conv1d if call.name == "conv1d" else nn.Conv2d)(groups, groups, 1, *settings)
    layer.weight, layer.bias = (
        None if tensor is None else nn.Parameter(tensor.detach(), requires_grad=False) for tensor in (weight, bias)
    )
    return layer


def _reduce(graph: Graph, signal: Signal, call: Call, frames: Frames) -> Signal:
    """A mean or sum over height and width: a pool of all of an image."""
    given = call.kwargs.get("dim", call.args[1] if len(call.args) > 1 else None)
    total = len(frames.outer) + len(frames.inner)
    dims = {one % total for one in (given if isinstance(given, tuple | list) else (given,)) if isinstance(one, int)}
    if len(frames.inner) < 2 or dims != set(range(len(frames.outer) + 1, total)):
        raise call.error("must be over height and width, or over time behind the last layer")
    size = signal.shape[1:]
    factor = 1 / (size[0] * size[1]) if call.name == "mean" else 1
    return graph.add(call, signal, linear.PoolMap(call.name, size, size, (0, 0), factor))


def _factors(call: Call, shape: Shape, axes: int) -> FloatArray:
    """By what ``call`` multiplies or divides an input of ``shape``: for all values (1, 1, 1), or for each channel.

    ``axes``: as in ``Node``.
    """
    if call.name in DIVIDED and (call.args[0] is not call.inputs[0].tensor or call.kwargs.get("rounding_mode")):
        raise call.error("must divide by a number, and not round; else use a layer, such as BatchNorm")
    found = [torch.as_tensor(one) for one in call.args if isinstance(one, int | float) and not isinstance(one, bool)]
    found += [one for one in call.args if isinstance(one, torch.Tensor) and one is not call.inputs[0].tensor]
    wrong = call.error(
        "must be by one number, or one for each channel, that is finite and not 0; else use a layer, such as BatchNorm"
    )
    if len(found) != 1:
        raise wrong
    values: FloatArray = found[0].detach().cpu().double().numpy()
    if not np.isfinite(values).all() or not values.all():
        raise wrong
    if values.size == 1:
        return values.reshape(1, 1, 1)
    own = {1: (math.prod(shape),), 2: (shape[0], shape[2]), 3: shape}[axes]
    try:
        whole = np.broadcast_to(values, own if values.ndim <= axes else (1, *own)).reshape(shape)
    except ValueError:
        raise wrong from None
    return np.array(whole[:, :1, :1] if (whole == whole[:, :1, :1]).all() else whole)


def _training(call: Call) -> Any:
    return call.kwargs.get("training", call.args[2] if len(call.args) > 2 else True)


def _refusal(name: str) -> str:
    if name in PLUS:
        return "adds a constant; give the normalization of the input as --mean and --std, or use a bias"
    if name in DROPOUT:
        return "drops values while the module is in eval mode; give it training=self.training"
    return not_built(name)
