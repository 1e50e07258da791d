"""A network of ReLUs as a spiking one: its own forward, in which neurons take the place of the ReLUs.

A ReLU's activation becomes a rate: its neuron fires the mean of its input over the time steps, in spikes that count as
much as its threshold (B. Rueckauer, I.-A. Lungu, Y. Hu, M. Pfeiffer, S.-C. Liu, "Conversion of Continuous-Valued Deep
Networks to Efficient Event-Driven Networks for Image Classification", Frontiers in Neuroscience 11:682, 2017).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

RELU = ("relu", "relu_")
MAX_POOLS: dict[str, type[nn.Module]] = {"max_pool1d": nn.MaxPool1d, "max_pool2d": nn.MaxPool2d}
DROPOUT = ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")


class IntegrateAndFire(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """Neurons: u = v + x + bias, a spike where u reaches ``threshold``, which then comes off. v begins at 0.

    The bias is half a threshold, spread over the time steps: so spikes round an input to the nearest rate rather than
    down (S. Deng, S. Gu, "Optimal Conversion of Conventional Artificial Neural Networks to Spiking Neural Networks",
    ICLR 2021). A membrane that begins with all of it fires too early, on inputs that later ones take back.
    """

    def __init__(self, threshold: float, timesteps: int) -> None:
        super().__init__()
        self.threshold = threshold
        self.bias = threshold / (2 * timesteps)
        self.v: torch.Tensor | None = None
        self.heard: list[torch.Tensor] | None = None
        """Gets u - threshold at every step while it is a list."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One step: currents to spikes, 0 or 1."""
        distance = (0.0 if self.v is None else self.v) + (x + self.bias) - self.threshold
        if self.heard is not None:
            self.heard.append(distance.detach())
        spikes = (distance >= 0).to(x.dtype)
        self.v = distance + (1 - spikes) * self.threshold
        return spikes

    def reset(self) -> None:
        """Back to before the first step."""
        self.v = None

    def extra_repr(self) -> str:
        return f"threshold={self.threshold:.6g}"


class _Winner(nn.Module):  # type: ignore[misc]
    """A max-pool of spikes whose output has the largest rate: the spikes of the neuron that fired most so far.

    Mixed into a pool of torch, whose window it has.
    """

    axes: ClassVar[int]
    counts: torch.Tensor | float = 0.0

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        """One step: spikes to spikes."""
        self.counts = self.counts + spikes
        pool = functional.max_pool1d if self.axes == 1 else functional.max_pool2d
        settings = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)
        most, winner = pool(self.counts, *settings, return_indices=True)  # of equals the first
        return spikes.flatten(-self.axes).gather(-1, winner.flatten(-self.axes)).view_as(most)

    def reset(self) -> None:
        """Back to before the first step."""
        self.counts = 0.0


class WinnerPool1d(_Winner, nn.MaxPool1d):
    """Of rows."""

    axes = 1


class WinnerPool2d(_Winner, nn.MaxPool2d):
    """Of images."""

    axes = 2


WINNERS = (WinnerPool1d, WinnerPool2d)


def _winner(pool: Any) -> nn.Module:
    kind = WinnerPool1d if isinstance(pool, nn.MaxPool1d) else WinnerPool2d
    return kind(pool.kernel_size, pool.stride, pool.padding, pool.dilation, ceil_mode=pool.ceil_mode)


class Seen(nn.Module):  # type: ignore[misc]
    """A layer in a copy of the network, whose functions ``Rectified`` is to see; ``names``: those that run now."""

    def __init__(self, name: str, layer: nn.Module, names: list[str]) -> None:
        super().__init__()
        self._name, self._layer, self._names = name, (layer,), names  # in a tuple: no module of the network's any more

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As the layer."""
        self._names.append(self._name)
        try:
            found: torch.Tensor = self._layer[0](x)
            return found
        finally:
            self._names.pop()


class Rectified(TorchFunctionMode, ABC):
    """Numbers the ReLUs and max-pools of one call of a network, while it is entered, and does what takes their place.

    A pool right before a ReLU is put behind it, which is the same for activations: so spikes are pooled, not currents.
    ``moved``: the numbers of these pools. Dropout does nothing.
    """

    def __init__(self, moved: Collection[int]) -> None:
        super().__init__()
        self._moved = moved
        self._relus = self._pools = 0
        self._known: dict[int, tuple[torch.Tensor, Any]] = {}

    @abstractmethod
    def rectified(self, number: int, x: torch.Tensor) -> tuple[torch.Tensor, Any]:
        """What ReLU ``number`` gives for ``x``, and something to know it by."""

    @abstractmethod
    def pooled(self, number: int, pool: nn.Module, x: torch.Tensor, known: Any) -> tuple[torch.Tensor, Any]:
        """Likewise of max-pool ``number`` of a rectified ``x``."""

    def passed(self, name: str, number: int, x: torch.Tensor, result: torch.Tensor) -> None:
        """A function of any other name, or max-pool ``number`` of what is not rectified."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        x = args[0] if args and isinstance(args[0], torch.Tensor) else kwargs.get("input")
        if x is None:
            return func(*args, **kwargs)
        if name in DROPOUT:
            return x
        if name in RELU:
            return x if id(x) in self._known else self._rectify(x)
        if name not in MAX_POOLS:
            result = func(*args, **kwargs)
            self.passed(name, -1, x, result)
            return result
        number, self._pools = self._pools, self._pools + 1
        if number in self._moved:
            x = self._rectify(x)
        if id(x) not in self._known:
            result = func(*args, **kwargs)
            self.passed(name, number, x, result)
            return result
        pool = MAX_POOLS[name](*args[1:], **{key: value for key, value in kwargs.items() if key != "input"})
        return self._know(*self.pooled(number, pool, x, self._known[id(x)][1]))

    def _rectify(self, x: torch.Tensor) -> torch.Tensor:
        number, self._relus = self._relus, self._relus + 1
        return self._know(*self.rectified(number, x))

    def _know(self, result: torch.Tensor, known: Any) -> torch.Tensor:
        self._known[id(result)] = result, known  # an identity is its own only while the tensor lives
        return result


class Converted(nn.Module):  # type: ignore[misc]
    """The spiking network. A call makes one step: the network's input to what its last layer gives for that step.

    ``network``: a copy in eval mode whose ReLUs, max-pools and dropouts are ``Seen``. ``thresholds``: of each ReLU's
    neurons. ``pools``: those of rectified tensors, by their numbers; ``moved``: as in ``Rectified``. The modules have
    the names that they have in ``network``.
    """

    def __init__(
        self,
        network: nn.Module,
        thresholds: Sequence[float],
        pools: Mapping[int, nn.Module],
        moved: Collection[int],
        timesteps: int,
    ) -> None:
        super().__init__()
        self._network = (network,)
        self._modules.update(network._modules)
        self._parameters.update(network._parameters)
        self._buffers.update(network._buffers)
        self.moved, self.timesteps = frozenset(moved), timesteps
        self.neurons = nn.ModuleList(IntegrateAndFire(threshold, timesteps) for threshold in thresholds)
        self.pools = nn.ModuleDict({str(number): _winner(pool) for number, pool in pools.items()})
        self.eval()

    @property
    def thresholds(self) -> tuple[float, ...]:
        """Of each ReLU's neurons."""
        return tuple(one.threshold for one in self.neurons)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """One step."""
        with _Spiking(self):
            found: torch.Tensor = self._network[0](x)
            return found

    def reset(self) -> None:
        """Back to before the first step."""
        for one in (*self.neurons, *self.pools.values()):
            one.reset()


class _Spiking(Rectified):
    """Rectified tensors are known by their spikes and what one of these counts."""

    def __init__(self, converted: Converted) -> None:
        super().__init__(converted.moved)
        self._converted = converted

    def rectified(self, number: int, x: torch.Tensor) -> tuple[torch.Tensor, Any]:
        neurons = self._converted.neurons[number]
        spikes = neurons(x)
        return spikes * neurons.threshold, (spikes, neurons.threshold)

    def pooled(self, number: int, pool: nn.Module, x: torch.Tensor, known: Any) -> tuple[torch.Tensor, Any]:
        spikes, threshold = known
        spikes = self._converted.pools[str(number)](spikes)
        return spikes * threshold, (spikes, threshold)
