"""A plain network of ReLUs to a spiking module: thresholds by its own activations on calibration images.

Each threshold is the one at which spikes say the activations best: S. Y. Li, S. Deng, X. Dong, R. Gong, S. Gu, "A Free
Lunch From ANN: Towards Efficient, Accurate Spiking Neural Networks Calibration", ICML 2021, section 4. Labels play no
part.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd

from hwsnn.errors import InputError, reason
from hwsnn.float_network import FloatArray
from hwsnn.spec import MAX_TIMESTEPS
from hwsnn.spec.checks import require_integer
from hwsnn.spec.integers import Int64Array

from .calling import first, number_type
from .converted import Converted, Rectified, Seen
from .evaluating import evaluating
from .frameworks import framework_of

BATCH = 50
BINS = 4096
"""Of the histogram of a ReLU's activations."""
CANDIDATES = np.arange(1, 201) / 200
"""For a threshold, as parts of the largest activation."""
OTHERS = {"relu6", "hardtanh", "leaky_relu", "prelu", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "glu"}
OTHERS |= {"sigmoid", "tanh", "softplus", "softsign", "hardsigmoid", "hardswish", "logsigmoid", "threshold"}
OTHERS |= {"tanhshrink", "softshrink", "hardshrink", "clamp", "clamp_min", "clip", "abs"}
"""Functions that no neurons here have the rates of."""
SEEN = (nn.ReLU, nn.MaxPool1d, nn.MaxPool2d, _DropoutNd)
"""Layers that are looked into."""
BEHIND = (nn.Softmax, nn.LogSoftmax, nn.Softmax2d)
"""Activations that may follow the last layer."""


def convert(module: nn.Module, images: Any, *, timesteps: int) -> Converted:
    """The spiking module whose neurons fire the activations of ``module``, a trained network of ReLUs, as rates.

    ``images``: (N, ...), calibration inputs as the module takes them, normalized: a tensor or an array of floats.
    ``timesteps``: of a frame. A call of the result makes one step, and ``from_torch`` reads it. Raises ``InputError``
    for a network that cannot be converted, ``TypeError`` and ``ValueError`` for other arguments.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Module, not {type(module).__name__}")
    require_integer("timesteps", timesteps, 1, MAX_TIMESTEPS)
    dtype, device = number_type(module)
    batches = _inputs(images).to(dtype=dtype, device=device).split(BATCH)
    calibration = _Calibration(module)
    with evaluating(module), evaluating(calibration.network):
        calibration.begin(batches[0])
        calibration.require_same(module, batches[0])
        relus = [calibration.observed(batch).relus for batch in batches]
        largest = [_largest(seen, sum(map(len, batches))) for seen in zip(*relus, strict=True)]
        counts = [np.zeros(BINS, np.int64) for _ in largest]
        for batch in batches:
            for count, most, seen in zip(counts, largest, calibration.observed(batch).relus, strict=True):
                count += np.histogram(seen.activations[seen.activations > 0], BINS, (0, most))[0]
    thresholds = [most * _threshold(count, timesteps) for count, most in zip(counts, largest, strict=True)]
    return calibration.converted(thresholds, timesteps)


def with_thresholds(module: nn.Module, thresholds: Sequence[float], sample: Sequence[int], timesteps: int) -> Converted:
    """``module`` with thresholds that were found before, one for each ReLU; ``sample``: the shape of its input."""
    dtype, device = number_type(module)
    calibration = _Calibration(module)
    with evaluating(calibration.network):
        calibration.begin(torch.zeros((1, *sample), dtype=dtype, device=device))
        found = len(calibration.observed(torch.zeros((1, *sample), dtype=dtype, device=device)).relus)
    if len(thresholds) != found:
        raise InputError(f"has {found} ReLUs, and the model was converted from a module of {len(thresholds)}")
    return calibration.converted(thresholds, timesteps)


class _Calibration:
    """Runs a copy of a network with its ReLUs watched."""

    def __init__(self, module: nn.Module) -> None:
        _require_plain(module)
        try:
            self.network = copy.deepcopy(module).eval()
        except Exception as error:  # whatever a user's own attributes may raise
            raise InputError(f"cannot be copied: {reason(error)}") from error
        self._names: list[str] = []
        self._moved: set[int] = set()
        self._pools: dict[int, nn.Module] = {}
        for place, parent in list(self.network.named_modules()):
            for name, child in parent.named_children():
                if isinstance(child, SEEN):
                    parent._modules[name] = Seen(f"{place}.{name}".lstrip("."), child, self._names)

    def begin(self, inputs: torch.Tensor) -> None:
        """Find the pools of rectified tensors, and those to be moved behind their ReLU."""
        while True:
            observer = self.observed(inputs)
            if observer.to_move <= self._moved:
                break
            self._moved |= observer.to_move
        self._pools = observer.pools
        if not observer.relus:
            raise InputError("has no ReLU: there are no activations to convert to spikes")

    def observed(self, inputs: torch.Tensor) -> _Observer:
        """What a call on ``inputs`` (N, ...) does."""
        observer = _Observer(self._moved, self._names)
        try:
            with _refusing(self.network), observer:
                observer.output = self.network(inputs.clone())  # which it may write over
        except InputError:
            raise
        except Exception as error:  # a user's own code may raise anything
            size = "x".join(map(str, inputs.shape))
            raise InputError(f"its forward fails on an input of {size}: {reason(error)}") from error
        return observer

    def require_same(self, module: nn.Module, inputs: torch.Tensor) -> None:
        """A ReLU that writes over its input may change what others take; the copy's do not."""
        asked, found = first(module(inputs.clone())), first(self.observed(inputs).output)
        if not torch.allclose(asked, found, rtol=1e-3, atol=1e-4, equal_nan=True):
            raise InputError("a ReLU or another function writes over what others take; leave out inplace=True")

    def converted(self, thresholds: Sequence[float], timesteps: int) -> Converted:
        """The network with neurons."""
        return Converted(self.network, thresholds, self._pools, self._moved, timesteps)


@dataclass(eq=False)
class _Relu:
    """What a ReLU gave."""

    name: str
    activations: FloatArray


class _Observer(Rectified):
    """What a network does in a call: ``relus`` in their order, ``pools`` of rectified tensors by their numbers.

    ``to_move``: the pools right before a ReLU.
    """

    def __init__(self, moved: set[int], names: Sequence[str]) -> None:
        super().__init__(moved)
        self._names = names
        self._pooled: dict[int, tuple[torch.Tensor, int]] = {}
        self.relus: list[_Relu] = []
        self.pools: dict[int, nn.Module] = {}
        self.to_move: set[int] = set()
        self.output: Any = None

    def rectified(self, number: int, x: torch.Tensor) -> tuple[torch.Tensor, Any]:
        if id(x) in self._pooled:
            self.to_move.add(self._pooled[id(x)][1])
        activations = torch.relu(x)
        name = self._names[-1] if self._names else f"relu {number + 1} of its forward"
        self.relus.append(_Relu(name, activations.detach().double().cpu().numpy()))
        return activations, None

    def pooled(self, number: int, pool: nn.Module, x: torch.Tensor, known: Any) -> tuple[torch.Tensor, Any]:
        self.pools[number] = pool
        return pool(x), None

    def passed(self, name: str, number: int, x: torch.Tensor, result: Any) -> None:
        if name.rstrip("_") in OTHERS:
            raise _other(name)
        if number >= 0:
            self._pooled[id(result)] = result, number


def _inputs(images: Any) -> torch.Tensor:
    found = torch.as_tensor(images)
    if not found.is_floating_point():
        raise ValueError(
            "images must be what the module takes, floats, such as pixels / 255 with the training's normalization, "
            f"not {found.dtype}"
        )
    if found.ndim < 2 or not len(found):
        raise ValueError(f"images must be (N, ...) with at least one image, not of shape {tuple(found.shape)}")
    return found.detach()


def _require_plain(module: nn.Module) -> None:
    for name, one in module.named_modules():
        framework = framework_of(one)
        if framework is not None:
            raise InputError(
                f"{name or 'the module'} ({type(one).__name__}): is of {framework.title}'s spiking neurons, and only a "
                "plain network of ReLUs is converted; read it as it is"
            )


@contextmanager
def _refusing(network: nn.Module) -> Iterator[None]:
    """While it is open, a call of an activation that is no ReLU is an ``InputError``."""

    def refuser(title: str) -> Any:
        def refuse(*_: Any) -> None:
            raise _other(title)

        return refuse

    hooks = [
        one.register_forward_pre_hook(refuser(f"{name or 'the module'} ({type(one).__name__})"))
        for name, one in network.named_modules()
        if type(one).__module__ == nn.ReLU.__module__ and not isinstance(one, BEHIND)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _other(title: str) -> InputError:
    return InputError(
        f"{title}: is no ReLU, and only its activations are converted to rates; train the network with ReLU in its "
        "place, or leave it out behind the last layer"
    )


def _largest(seen: Sequence[_Relu], images: int) -> float:
    """The largest activation of a ReLU on all images."""
    largest = max(float(one.activations.max()) for one in seen)
    if not np.isfinite(largest):
        raise InputError(f"{seen[0].name}: its activations must be finite, not NaN or infinite, on the images given")
    if largest == 0:
        raise InputError(
            f"{seen[0].name}: none of its activations on {images} calibration images is above 0: its neurons would "
            "never fire; look at the normalization of the input (--mean, --std, --input-scale), and at the training"
        )
    return largest


def _threshold(counts: Int64Array, timesteps: int) -> float:
    """At which rates in so many steps are nearest to the activations in the mean square, in parts of the largest.

    ``counts``: (BINS,), the histogram of activations from 0 to the largest.
    """
    values = (np.arange(BINS) + 0.5) / BINS
    errors = []
    for one in CANDIDATES:
        rates = np.clip(np.floor(values * timesteps / one + 0.5), 0, timesteps) / timesteps
        errors.append(float((counts * (values - rates * one) ** 2).sum()))
    return float(CANDIDATES[int(np.argmin(errors))])
