"""Functions of torch in a module's own ``forward``: read as layers, as movements of values, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatPopulation
from hwsnn.spec import MaxPool

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402


def fires(distance: Any) -> Any:
    return (distance > 0).to(distance)


class Net(nn.Module):  # type: ignore[misc]
    """A convolution of 2 channels, 6 by 6, then ``function``, and a linear layer of ``size`` values if there are any.

    ``function`` gets the module and the currents, or the spikes of neurons behind the convolution.
    """

    def __init__(self, function: Callable[[Any, Any], Any], size: int | None, *, spiking: bool = False) -> None:
        super().__init__()
        self.function = function
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.first = snn.Leaky(beta=0.5, threshold=0.5, init_hidden=True, spike_grad=fires) if spiking else None
        self.fc = nn.Linear(size, 3) if size else None
        self.relu = nn.ReLU()
        self.factor = nn.Parameter(torch.tensor(0.75))
        self.lif = snn.Leaky(beta=0.5, threshold=0.5, init_hidden=True, spike_grad=fires)

    def forward(self, x: Any) -> Any:
        x = self.conv(x)
        if self.first is not None:
            x = self.first(x)
        x = self.function(self, x)
        return self.lif(x if self.fc is None else self.fc(x))


ALIKE: dict[str, tuple[Callable[[Any, Any], Any], int | None]] = {
    "flatten": (lambda net, x: torch.flatten(x, 1), 144),
    "flatten, method": (lambda net, x: x.flatten(start_dim=1), 144),
    "view": (lambda net, x: x.view(x.size(0), -1), 144),
    "view by shape": (lambda net, x: x.view(x.shape[0], 4 * 6 * 6), 144),
    "reshape": (lambda net, x: torch.reshape(x, (len(x), -1)), 144),
    "contiguous, clone, float": (lambda net, x: x.contiguous().clone().to(x.dtype).flatten(1), 144),
    "mean": (lambda net, x: x.mean(dim=(2, 3)), 4),
    "mean, from behind": (lambda net, x: torch.mean(x, [-1, -2]), 4),
    "mean, kept": (lambda net, x: x.mean((2, 3), keepdim=True).flatten(1), 4),
    "sum": (lambda net, x: x.sum(dim=(-2, -1)), 4),
    "convolution": (lambda net, x: F.conv2d(x, x.new_ones(4, 2, 2, 3) / 8, stride=(2, 1), groups=2), None),
    "average": (lambda net, x: F.avg_pool2d(x, 2), None),
    "average with a stride": (lambda net, x: F.avg_pool2d(x, kernel_size=3, stride=1), None),
    "average by another divisor": (lambda net, x: F.avg_pool2d(x, 2, divisor_override=1), None),
    "adaptive": (lambda net, x: F.adaptive_avg_pool2d(x, (2, None)), None),
    "adaptive, squeezed": (lambda net, x: F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1), 4),
    "largest": (lambda net, x: F.max_pool2d(x, 2), None),
    "largest, all arguments": (lambda net, x: torch.max_pool2d(x, kernel_size=3, stride=2), None),
    "times a number": (lambda net, x: 0.5 * x * 3, None),
    "divided": (lambda net, x: x / 4, None),
    "divided by a tensor": (lambda net, x: torch.div(x, torch.tensor(4.0)), None),
    "times a parameter": (lambda net, x: x * net.factor, None),
    "times values of channels": (lambda net, x: x * torch.tensor([1.0, -2, 0.5, 0.25]).reshape(4, 1, 1), None),
    "divided by values of channels": (lambda net, x: x / torch.arange(1.0, 5).reshape(1, 4, 1, 1), None),
    "times values of a vector": (lambda net, x: torch.linspace(-1, 1, 144) * x.flatten(1), 144),
    "in place": (lambda net, x: x.mul_(2).div_(3), None),
    "negative": (lambda net, x: x * -1.5, None),
    "dropout": (lambda net, x: F.dropout(x, 0.5, training=net.training), None),
    "dropout, by place": (lambda net, x: F.dropout2d(x, 0.5, net.training), None),
    "all of it": (lambda net, x: x[:, :, :, :], None),
    "largest, then a factor": (lambda net, x: F.max_pool2d(x, 2) / 2, None),
}


@pytest.mark.parametrize("name", ALIKE)
def test_functions_on_currents(name: str) -> None:
    function, size = ALIKE[name]
    read_alike(randomized(Net(function, size)), (2, 6, 6))


SPIKING = ["flatten", "view", "mean", "sum", "average", "largest", "times a number", "dropout", "adaptive, squeezed"]
SPIKING += ["times values of channels", "largest, then a factor"]


@pytest.mark.parametrize("name", SPIKING)
def test_functions_on_spikes(name: str) -> None:
    function, size = ALIKE[name]
    read_alike(randomized(Net(function, size, spiking=True)), (2, 6, 6))


@pytest.mark.parametrize("after", [None, 4])
def test_the_largest_of_what_spikes_count(after: int | None) -> None:
    """Positive factors of channels go on behind a pool of spikes, to the next weights."""

    def pooled(net: Any, x: Any) -> Any:
        x = F.max_pool2d(2 * x * torch.tensor([1.0, 2, 0.5, 0.25]).reshape(4, 1, 1), 2)
        return x if after is None else x.mean((2, 3))

    net = randomized(Net(pooled, after, spiking=True))
    read_alike(net, (2, 6, 6))
    kinds = [type(layer) for layer in read_module(net, (2, 6, 6), timesteps=2).network.layers]
    assert kinds == [FloatPopulation, MaxPool, FloatPopulation]


RELU: dict[str, Callable[[Any, Any], Any]] = {
    "function": lambda net, x: F.relu(x),
    "method, in place": lambda net, x: x.relu_(),
    "layer": lambda net, x: net.relu(x),
    "of pooled spikes": lambda net, x: F.relu(F.max_pool2d(x, 2)),
}


@pytest.mark.parametrize("name", RELU)
def test_relu_changes_no_spikes(name: str) -> None:
    read_alike(randomized(Net(RELU[name], None, spiking=True)), (2, 6, 6))


def test_relu_of_the_last_spikes() -> None:
    net = nn.Sequential(
        nn.Linear(4, 3), snn.Leaky(beta=0.5, threshold=0.5, init_hidden=True, spike_grad=fires), nn.ReLU()
    )
    read_alike(randomized(net), (4,))


def test_relu_of_weighted_spikes_is_refused() -> None:
    with pytest.raises(InputError, match="relu: is not a spiking neuron"):
        read_module(Net(lambda net, x: F.relu(-1 * x), None, spiking=True), (2, 6, 6))


class Handed(nn.Module):  # type: ignore[misc]
    """Two layers; what the first hands on is ``picked`` of its spikes and its membranes."""

    def __init__(self, picked: int) -> None:
        super().__init__()
        self.picked = picked
        self.fc1, self.fc2 = nn.Linear(4, 5), nn.Linear(5, 3)
        self.lif1, self.lif2 = snn.Leaky(beta=0.5), snn.Leaky(beta=0.5)

    def forward(self, x: Any) -> Any:
        one, two, outputs = self.lif1.init_leaky(), self.lif2.init_leaky(), []
        for _ in range(3):
            made = self.lif1(self.fc1(x), one)
            one = made[1]
            spikes, two = self.lif2(self.fc2(F.relu(made[self.picked])), two)
            outputs.append(spikes)
        return torch.stack(outputs)


def test_relu_of_membranes_is_refused() -> None:
    read_module(Handed(0), (4,))
    with pytest.raises(InputError, match="lif1"):
        read_module(Handed(1), (4,))


def test_functions_on_the_input() -> None:
    class Wide(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 3)
            self.lif = snn.Leaky(beta=0.5, init_hidden=True)

        def forward(self, x: Any) -> Any:
            return self.lif(self.fc(2 * x.view(-1, 8)))

    read_alike(randomized(Wide()), (2, 2, 2))


REFUSED: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "relu": (lambda net, x: F.relu(x), "relu: is not a spiking neuron; put a framework's neurons in its place"),
    "relu, method": (lambda net, x: x.relu(), "relu: is not a spiking neuron"),
    "sigmoid": (lambda net, x: torch.sigmoid(x), "sigmoid: is not a spiking neuron"),
    "abs": (lambda net, x: x.abs(), "abs: abs is not built; Linear, Conv1d, Conv2d, BatchNorm"),
    "clamp": (lambda net, x: x.clamp(0, 1), "clamp: clamp is not built"),
    "plus a number": (lambda net, x: x + 0.5, "add: adds a constant; give the normalization of the input as --mean"),
    "plus in place": (lambda net, x: x.add_(0.5), "add_: adds a constant"),
    "minus a number": (lambda net, x: x - 0.5, "sub: adds a constant"),
    "a number minus": (lambda net, x: 1 - x, "__rsub__: adds a constant"),
    "negated": (lambda net, x: -x, "neg: neg is not built"),
    "power": (lambda net, x: x**2, "pow: pow is not built"),
    "a number divided by it": (lambda net, x: 1 / x, "is not built"),
    "times 0": (lambda net, x: x * 0, "mul: must be by one number, or one for each channel, that is finite and not 0"),
    "times infinity": (lambda net, x: x * float("inf"), "mul: must be by one number, or one for each channel, that is"),
    "times a 0": (lambda net, x: x * torch.tensor([1.0, 0, 1, 1]).reshape(4, 1, 1), "mul: must be by one number, or"),
    "times values of frames": (lambda net, x: x * torch.ones(len(x), 1, 1, 1), "mul: must be by one number, or"),
    "times values of places": (
        lambda net, x: x * torch.linspace(1, 2, 36).view(6, 6),
        "must be the same over a channel's height and",
    ),
    "rounded down": (
        lambda net, x: torch.div(x, 2, rounding_mode="floor"),
        "div: must divide by a number, and not round",
    ),
    "floor division": (lambda net, x: x // 2, "__floordiv__: __floordiv__ is not built"),
    "mean of rows": (lambda net, x: x.mean(dim=3), "mean: must be over height and width, or over time"),
    "mean of channels": (lambda net, x: x.mean(dim=1, keepdim=True), "mean: must be over height and width"),
    "mean of all": (lambda net, x: x.mean() * torch.ones(1), "mean: must be over height and width"),
    "average of nothing": (lambda net, x: F.avg_pool2d(x, 2, 2, 1, False, False), "avg_pool2d: count_include_pad must"),
    "largest, padded": (lambda net, x: F.max_pool2d(x, 2, padding=1), "max_pool2d: has padding, which is"),
    "dropout in eval": (lambda net, x: F.dropout(x), "dropout: drops values while the module is in eval mode; give it"),
    "transposed": (lambda net, x: x.transpose(2, 3), "transpose: makes 3x4x6x6 of 3x4x6x6; only functions that leave"),
    "channels last": (lambda net, x: x.permute(0, 2, 3, 1), "permute: makes 3x6x6x4 of 3x4x6x6; only functions"),
    "part of an image": (lambda net, x: x[:, :, 1:, :], "__getitem__: makes 3x4x5x6 of 3x4x6x6; only functions"),
    "every other column": (lambda net, x: x[..., ::2], "__getitem__: makes 3x4x6x3 of 3x4x6x6; only functions"),
    "halves": (lambda net, x: x.chunk(2, dim=1)[0], "__getitem__: makes 3x2x6x6 of 3x4x6x6; only functions"),
    "one channel": (lambda net, x: x[:, :1], "__getitem__: makes 3x1x6x6 of 3x4x6x6; only functions"),
    "repeated": (lambda net, x: x.repeat(1, 2, 1, 1), "repeat: makes 3x8x6x6 of 3x4x6x6; only functions"),
    "interpolated": (lambda net, x: F.interpolate(x, scale_factor=2), "interpolate is not built"),
    "padded": (lambda net, x: F.pad(x, (1, 1)), "pad: pad is not built"),
    "flipped": (lambda net, x: x.flip(2), "flip: flip is not built"),
    "a tensor divided by it": (lambda net, x: torch.tensor(2.0) / x, "div: must divide by a number, and not round"),
    "compared": (lambda net, x: (x > 0.5).float(), "gt: gt is not built"),
    "added": (lambda net, x: x + net.conv.bias.reshape(-1, 1, 1), "add: adds a constant"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    function, text = REFUSED[name]
    with pytest.raises(InputError) as caught:
        read_module(Net(function, None), (2, 6, 6), timesteps=2)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
