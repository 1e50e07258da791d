"""Layers of torch without neurons, as linear maps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from hwsnn.float_network import FloatArray, FloatNeuron
from hwsnn.spec import Pair, Window

from .. import linear
from ..graph import Graph
from ..terms import Signal
from .converted import WINNERS
from .recording import Call

UNCHANGED = (nn.Identity, _DropoutNd)
"""Layers that pass everything on in eval mode."""
MOVING = (nn.Flatten, nn.Unflatten)
"""Layers that move values."""
ORDER_KEPT = (*UNCHANGED, *MOVING, nn.Softmax, nn.LogSoftmax)
"""Layers that may follow the last one, and leave the order of its scores."""
AdaptivePool: TypeAlias = nn.AdaptiveAvgPool1d | nn.AdaptiveAvgPool2d
ROWS = (nn.Conv1d, nn.AvgPool1d, nn.AdaptiveAvgPool1d, nn.MaxPool1d)
IMAGES = (nn.Conv2d, nn.BatchNorm2d, nn.AvgPool2d, nn.LPPool2d, nn.AdaptiveAvgPool2d, nn.MaxPool2d)
SUM_POOL = "SumPool2d"
"""sinabs' form of a pool of torch."""
CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


def is_layer(module: nn.Module) -> bool:
    """Whether ``module`` is one of torch's own layers, or a framework's form of one, and not looked into."""
    kind: Any = type(module)
    if "forward" in vars(module):  # in place of the class's
        return False
    if kind.__module__.startswith("torch.nn.modules"):
        return not isinstance(module, CONTAINERS)
    if is_voting(module):
        return True
    if not isinstance(module, HANDLED):
        return False
    own: Any = next(kin for kin in kind.__mro__ if kin in HANDLED)
    if getattr(kind, "_conv_forward", None) is not getattr(own, "_conv_forward", None):
        return False
    by, _, _ = kind.forward.__module__.partition(".")
    # A framework's layer of the same name is torch's, over steps too; another may compute its weights anew.
    return kind.forward is own.forward or (
        by in ("spikingjelly", "sinabs") and kind.__name__ in (own.__name__, SUM_POOL)
    )


def is_voting(module: nn.Module) -> bool:
    """Whether ``module`` is SpikingJelly's: the mean of each ``voting_size`` neurons that follow one another."""
    return type(module).__name__ == "VotingLayer" and type(module).__module__.startswith("spikingjelly.")


def add_layer(graph: Graph, signal: Signal, call: Call, module: nn.Module, axes: int) -> Signal:
    """``module`` behind ``signal`` as ``call`` uses it. ``axes``: as in ``Node``.

    Raises ``InputError`` for what cannot be built exactly.
    """
    if is_voting(module):
        return _vote(graph, signal, call, module)
    handler = next((handle for kinds, handle in _HANDLERS if isinstance(module, kinds)), None)
    if handler is None:
        raise call.error(not_built(type(module).__name__))
    wanted = 3 if isinstance(module, IMAGES) else 2 if isinstance(module, ROWS) else 1
    if axes != wanted and not (isinstance(module, nn.BatchNorm1d) and axes == 2):
        takes = {3: "an image", 2: "rows of channels", 1: "a flat input"}[wanted]
        advice = "; put a Flatten before it" if wanted == 1 else ""
        raise call.error(f"takes {takes}, but gets {'x'.join(map(str, signal.shape))}{advice}")
    return handler(graph, signal, call, module)


def not_built(what: str) -> str:
    """Why a layer or function is refused."""
    if what.lower() in ("relu", "relu6", "leakyrelu", "gelu", "sigmoid", "tanh", "elu", "silu", "softplus"):
        return "is not a spiking neuron; put a framework's neurons in its place, and train or convert the network so"
    return (
        f"{what} is not built; Linear, Conv1d, Conv2d, BatchNorm, AvgPool, AdaptiveAvgPool, MaxPool, Flatten, Dropout, "
        "Identity and a framework's neurons are"
    )


def _linear(graph: Graph, signal: Signal, call: Call, module: nn.Linear) -> Signal:
    weight = numbers(call, "weight", module.weight)
    weight = weight.reshape(len(weight), *signal.shape)
    return graph.add(call, signal, linear.DenseMap(call.name, weight, _bias(call, module.bias, len(weight))))


def _vote(graph: Graph, signal: Signal, call: Call, module: Any) -> Signal:
    inputs, voters = math.prod(signal.shape), int(module.voting_size)
    if not signal.flat or inputs % voters:
        raise call.error(
            f"must get a flat input of a multiple of {voters} values, not {'x'.join(map(str, signal.shape))}"
        )
    weight = np.repeat(np.eye(inputs // voters), voters, axis=1) / voters
    return graph.add(call, signal, linear.DenseMap(call.name, weight.reshape(-1, *signal.shape), np.zeros(len(weight))))


def _convolution(graph: Graph, signal: Signal, call: Call, module: nn.Conv1d | nn.Conv2d) -> Signal:
    if module.padding_mode != "zeros":
        raise call.error(f"its padding_mode must be 'zeros', not {module.padding_mode!r}")
    weight = numbers(call, "weight", module.weight)
    stride, dilation = _pair(call, "stride", module.stride, 1), _pair(call, "dilation", module.dilation, 1)
    if weight.ndim == 3:
        weight = weight[:, :, np.newaxis]
    padding = _pair(call, "padding", 0 if isinstance(module.padding, str) else module.padding, 0)
    weight = linear.dilated(call.name, weight, dilation, graph.work)
    if module.padding == "same":  # torch has the odd zero below and to the right: a row of zero weights evens it out
        height, width = weight.shape[2:]
        weight = np.pad(weight, ((0, 0), (0, 0), (1 - height % 2, 0), (1 - width % 2, 0)))
        padding = height // 2, width // 2
    bias = _bias(call, module.bias, len(weight))
    return graph.add(call, signal, linear.ConvMap(call.name, weight, bias, stride, padding, module.groups))


def _batch_norm(graph: Graph, signal: Signal, call: Call, module: nn.BatchNorm1d | nn.BatchNorm2d) -> Signal:
    if module.running_mean is None or module.running_var is None:
        raise call.error("keeps no running statistics, so it has no fixed factors; train it with them")
    mean, variance = (
        numbers(call, "running_mean", module.running_mean),
        numbers(call, "running_var", module.running_var),
    )
    factor = 1 / np.sqrt(variance + module.eps)
    if module.weight is not None:
        factor = factor * numbers(call, "weight", module.weight)
    offset = _bias(call, module.bias, len(factor)) - mean * factor
    if signal.flat:
        factor, offset = factor.reshape(signal.shape), offset.reshape(signal.shape)
    else:
        factor, offset = factor.reshape(-1, 1, 1), offset.reshape(-1, 1, 1)
    return graph.add(call, signal, linear.Scale(call.name, factor, offset))


def _average_pool(graph: Graph, signal: Signal, call: Call, module: nn.AvgPool1d | nn.AvgPool2d) -> Signal:
    size, padding = _pair(call, "kernel_size", module.kernel_size, 1), _pair(call, "padding", module.padding, 0)
    stride = _pair(call, "stride", module.stride, 1)
    if any(padding) and not module.count_include_pad:
        raise call.error("count_include_pad must be True where it pads: its divisor differs from place to place")
    _require_whole_windows(signal, call, module, size, stride, padding)
    divisor = getattr(module, "divisor_override", None) or size[0] * size[1]
    return graph.add(call, signal, linear.PoolMap(call.name, size, stride, padding, 1 / divisor))


def _sum_pool(graph: Graph, signal: Signal, call: Call, module: nn.LPPool2d) -> Signal:
    if module.norm_type != 1:
        raise call.error(f"its norm_type must be 1, a sum, not {module.norm_type!r}")
    size = _pair(call, "kernel_size", module.kernel_size, 1)
    stride = size if module.stride is None else _pair(call, "stride", module.stride, 1)
    _require_whole_windows(signal, call, module, size, stride, (0, 0))
    return graph.add(call, signal, linear.PoolMap(call.name, size, stride, (0, 0), 1.0))


def _adaptive_pool(
    graph: Graph, signal: Signal, call: Call, module: nn.AdaptiveAvgPool1d | nn.AdaptiveAvgPool2d
) -> Signal:
    _, height, width = signal.shape
    rows, columns = _outputs(module.output_size, signal)
    if height % rows or width % columns:
        raise call.error(f"its output of {rows}x{columns} must divide its input of {height}x{width}")
    size = height // rows, width // columns
    return graph.add(call, signal, linear.PoolMap(call.name, size, size, (0, 0), 1 / (size[0] * size[1])))


def _outputs(output_size: Any, signal: Signal) -> Pair:
    _, height, width = signal.shape
    both = output_size if isinstance(output_size, tuple | list) else (output_size, output_size)
    if len(both) == 1 or height == 1:
        both = (1, both[-1])
    return both[0] or height, both[1] or width


def _max_pool(graph: Graph, signal: Signal, call: Call, module: nn.MaxPool1d | nn.MaxPool2d) -> Signal:
    size, padding = _pair(call, "kernel_size", module.kernel_size, 1), _pair(call, "padding", module.padding, 0)
    stride = _pair(call, "stride", module.stride, 1)
    if _pair(call, "dilation", module.dilation, 1) != (1, 1):
        raise call.error(f"its dilation must be 1, not {module.dilation!r}")
    _require_whole_windows(signal, call, module, size, stride, padding)
    if any(padding):
        return _padded_max_pool(graph, signal, call, Window(size, stride, padding))
    return graph.add_max_pool(call, signal, size, stride, "winner" if isinstance(module, WINNERS) else "or")


def _padded_max_pool(graph: Graph, signal: Signal, call: Call, window: Window) -> Signal:
    """Neurons that fire where any of a window does: a pool has no padding, and of spikes that adds zeros."""
    if not graph.is_binary(signal):
        raise call.error("has padding, which is only built of spikes, at most one a step; pad in the convolution")
    channels = signal.shape[0]
    zeros, ones = np.zeros(channels), np.ones(channels)
    kernels = np.ones((channels, 1, *window.size))
    conv = linear.ConvMap(call.name, kernels, zeros, window.stride, window.padding, channels)
    return graph.close(call, graph.add(call, signal, conv), FloatNeuron(ones / 2, 0.0, "greater", "zero"), ones, zeros)


def _require_whole_windows(signal: Signal, call: Call, module: Any, size: Pair, stride: Pair, padding: Pair) -> None:
    """With ``ceil_mode`` a window may hang over the edge."""
    rest = [(n + 2 * p - k) % s for n, k, s, p in zip(signal.shape[1:], size, stride, padding, strict=True)]
    if module.ceil_mode and any(rest):
        raise call.error("its ceil_mode makes windows that hang over the edge; leave it out, or use sizes that divide")


def _pair(call: Call, what: str, value: Any, smallest: int) -> Pair:
    """(of height, of width); one number of a row is that of its width."""
    own = value if isinstance(value, tuple | list) else (value,)
    if len(own) == 1:
        row = isinstance(call.module, ROWS) or call.name.endswith("1d")
        own = ((0 if what == "padding" else 1), own[0]) if row else (own[0], own[0])
    if len(own) != 2 or not all(isinstance(one, int) and one >= smallest for one in own):
        raise call.error(f"its {what} must be integers from {smallest} on, not {value!r}")
    return own[0], own[1]


def _bias(call: Call, bias: torch.Tensor | None, outputs: int) -> FloatArray:
    return np.zeros(outputs) if bias is None else numbers(call, "bias", bias)


def numbers(call: Call, what: str, tensor: torch.Tensor) -> FloatArray:
    """A tensor's numbers, which must be finite."""
    if tensor.is_complex() or tensor.is_quantized:
        raise call.error(f"its {what} must be plain numbers, not {tensor.dtype}")
    found: FloatArray = tensor.detach().cpu().double().numpy()
    if not np.isfinite(found).all():
        raise call.error(f"its {what} must be finite, not NaN or infinite anywhere")
    return found


_HANDLERS: tuple[tuple[tuple[type[nn.Module], ...], Callable[[Graph, Signal, Call, Any], Signal]], ...] = (
    ((nn.Linear,), _linear),
    ((nn.Conv1d, nn.Conv2d), _convolution),
    ((nn.BatchNorm1d, nn.BatchNorm2d), _batch_norm),
    ((nn.AvgPool1d, nn.AvgPool2d), _average_pool),
    ((nn.LPPool2d,), _sum_pool),
    ((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d), _adaptive_pool),
    ((*WINNERS, nn.MaxPool1d, nn.MaxPool2d), _max_pool),
)
HANDLED = (*(kin for kinds, _ in _HANDLERS for kin in kinds), *UNCHANGED, *MOVING)
"""All that ``add_layer`` adds, and what adds nothing."""
