"""Layers of torch, alone and one behind the other, as they are read: the currents are torch's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.errors import InputError

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.build import ReadModule  # noqa: E402
from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402


def fires(distance: Any) -> Any:
    """As snnTorch's own, but in the precision of the membrane."""
    return (distance > 0).to(distance)


def neurons() -> Any:
    return snn.Leaky(beta=0.5, threshold=0.5, init_hidden=True, spike_grad=fires)


def behind(*layers: nn.Module) -> nn.Module:
    return randomized(nn.Sequential(*layers, neurons()))


def spikes_into(*layers: nn.Module) -> nn.Module:
    """Layers that get spikes of 4 channels, 6 by 6, from an input of 2 channels."""
    return behind(nn.Conv2d(2, 4, 3, padding=1), neurons(), *layers)


IMAGES: dict[str, Callable[[], tuple[nn.Module, ...]]] = {
    "plain": lambda: (nn.Conv2d(2, 3, 3),),
    "no bias": lambda: (nn.Conv2d(2, 3, 3, bias=False),),
    "stride and padding": lambda: (nn.Conv2d(2, 3, (3, 2), stride=(1, 2), padding=(2, 1)),),
    "valid": lambda: (nn.Conv2d(2, 3, 3, padding="valid"),),
    "same, odd": lambda: (nn.Conv2d(2, 3, 3, padding="same"),),
    "same, even": lambda: (nn.Conv2d(2, 3, (2, 4), padding="same"),),
    "same, even and odd": lambda: (nn.Conv2d(2, 3, (4, 3), padding="same"),),
    "same, dilated": lambda: (nn.Conv2d(2, 3, (2, 3), padding="same", dilation=(1, 2)),),
    "same, even, dilated": lambda: (nn.Conv2d(2, 3, (2, 4), padding="same", dilation=(3, 2)),),
    "dilated": lambda: (nn.Conv2d(2, 3, 2, dilation=(2, 3), stride=2),),
    "groups": lambda: (nn.Conv2d(2, 4, 3, groups=2),),
    "depthwise and pointwise": lambda: (nn.Conv2d(2, 4, 3, groups=2, bias=False), nn.Conv2d(4, 3, 1)),
    "two in a row": lambda: (nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 4, 2, stride=2)),
    "batch norm behind": lambda: (nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3)),
    "batch norm before": lambda: (nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3)),
    "batch norm alone": lambda: (nn.BatchNorm2d(2),),
    "batch norm, not affine": lambda: (nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, affine=False)),
    "batch norm, eps": lambda: (nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3, eps=0.5)),
    "average": lambda: (nn.AvgPool2d(2),),
    "average with a stride and pads": lambda: (nn.AvgPool2d((2, 3), stride=(2, 1), padding=(0, 1)),),
    "average, whole windows with ceil_mode": lambda: (nn.AvgPool2d(2, ceil_mode=True),),
    "average, not counting pads it has none of": lambda: (nn.AvgPool2d(3, count_include_pad=False),),
    "average by another divisor": lambda: (nn.AvgPool2d(2, divisor_override=3),),
    "average between": lambda: (nn.Conv2d(2, 3, 3), nn.AvgPool2d(2), nn.Conv2d(3, 2, 2)),
    "adaptive, 1": lambda: (nn.AdaptiveAvgPool2d(1),),
    "adaptive, one of two": lambda: (nn.AdaptiveAvgPool2d((3, None)),),
    "adaptive, the other": lambda: (nn.AdaptiveAvgPool2d((None, 2)),),
    "adaptive, two": lambda: (nn.AdaptiveAvgPool2d((2, 3)),),
    "sum": lambda: (nn.LPPool2d(1, 2),),
    "sum with a stride": lambda: (nn.LPPool2d(1, (2, 3), stride=(1, 3)),),
    "largest": lambda: (nn.Conv2d(2, 3, 3), nn.MaxPool2d(2)),
    "largest with a stride": lambda: (nn.Conv2d(2, 3, 3), nn.MaxPool2d((3, 2), stride=(1, 2))),
    "largest, rows left over": lambda: (nn.Conv2d(2, 3, 2), nn.MaxPool2d(2)),
    "largest of the input": lambda: (nn.MaxPool2d(2),),
    "largest, then batch norm": lambda: (nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.BatchNorm2d(3)),
    "batch norm, then largest": lambda: (nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.MaxPool2d(2)),
    "what changes nothing": lambda: (nn.Dropout2d(0.5), nn.Conv2d(2, 3, 3), nn.Identity(), nn.Dropout(0.9)),
    "linear": lambda: (nn.Flatten(), nn.Linear(72, 5)),
    "linear without bias": lambda: (nn.Flatten(), nn.Linear(72, 5, bias=False)),
    "two linear": lambda: (nn.Flatten(), nn.Linear(72, 5), nn.Dropout(), nn.Linear(5, 4)),
    "linear and batch norm": lambda: (nn.Flatten(), nn.Linear(72, 5), nn.BatchNorm1d(5)),
    "batch norm of every value": lambda: (nn.Flatten(), nn.BatchNorm1d(72), nn.Linear(72, 5)),
    "pool, then linear": lambda: (nn.Conv2d(2, 3, 3), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12, 5)),
    "flattened twice": lambda: (nn.Flatten(1), nn.Flatten(), nn.Linear(72, 5)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("name", IMAGES)
def test_layers_of_images(name: str) -> None:
    read_alike(behind(*IMAGES[name]()), (2, 6, 6))


ROWS: dict[str, Callable[[], tuple[nn.Module, ...]]] = {
    "plain": lambda: (nn.Conv1d(2, 3, 3),),
    "stride, padding and dilation": lambda: (nn.Conv1d(2, 3, 2, stride=2, padding=1, dilation=3),),
    "same, even": lambda: (nn.Conv1d(2, 3, 4, padding="same"),),
    "same, odd": lambda: (nn.Conv1d(2, 3, 3, padding="same", dilation=2),),
    "groups": lambda: (nn.Conv1d(2, 4, 3, groups=2, bias=False),),
    "batch norm": lambda: (nn.Conv1d(2, 3, 3), nn.BatchNorm1d(3)),
    "average": lambda: (nn.AvgPool1d(3, stride=2, padding=1),),
    "adaptive": lambda: (nn.AdaptiveAvgPool1d(4),),
    "largest": lambda: (nn.Conv1d(2, 3, 3, padding=1), nn.MaxPool1d(2)),
    "linear": lambda: (nn.Conv1d(2, 3, 3, padding=1), nn.AvgPool1d(3), nn.Flatten(), nn.Linear(12, 4)),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize("name", ROWS)
def test_layers_of_rows(name: str) -> None:
    read = read_alike(behind(*ROWS[name]()), (2, 12))
    assert read.network.input_shape == (2, 1, 12)


VECTORS: dict[str, Callable[[], tuple[nn.Module, ...]]] = {
    "linear": lambda: (nn.Linear(12, 5),),
    "batch norm before": lambda: (nn.BatchNorm1d(12), nn.Linear(12, 5)),
    "batch norm behind": lambda: (nn.Linear(12, 5), nn.BatchNorm1d(5), nn.Dropout()),
    "flatten of what is flat": lambda: (nn.Flatten(), nn.Linear(12, 5)),
}


@pytest.mark.parametrize("name", VECTORS)
def test_layers_of_vectors(name: str) -> None:
    read = read_alike(behind(*VECTORS[name]()), (12,))
    assert read.network.input_shape == (1, 1, 12)
    assert any("12 values without height and width" in remark for remark in read.network.remarks) is False


AFTER_SPIKES: dict[str, Callable[[], tuple[nn.Module, ...]]] = {
    "largest": lambda: (nn.MaxPool2d(2), nn.Conv2d(4, 2, 2)),
    "largest, padded": lambda: (nn.MaxPool2d(3, stride=2, padding=1), nn.Conv2d(4, 2, 2)),
    "largest twice": lambda: (nn.MaxPool2d(2, stride=1), nn.MaxPool2d(2), nn.Conv2d(4, 2, 2)),
    "largest, whole windows with ceil_mode": lambda: (nn.MaxPool2d(3, ceil_mode=True), nn.Conv2d(4, 2, 2)),
    "largest, then neurons": lambda: (nn.MaxPool2d(2),),
    "largest, dropout, linear": lambda: (nn.MaxPool2d(2), nn.Dropout(), nn.Flatten(), nn.Linear(36, 3)),
    "dropout, largest": lambda: (nn.Dropout(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)),
    "average": lambda: (nn.AvgPool2d(2), nn.Conv2d(4, 2, 2)),
    "batch norm": lambda: (nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3)),
    "convolution of currents, largest": lambda: (nn.Conv2d(4, 2, 3), nn.MaxPool2d(2), nn.BatchNorm2d(2)),
}


@pytest.mark.parametrize("name", AFTER_SPIKES)
def test_layers_behind_neurons(name: str) -> None:
    read_alike(spikes_into(*AFTER_SPIKES[name]()), (2, 6, 6))


def test_the_numbers_are_those_of_single_precision_too() -> None:
    """A module is read in its own precision: its weights as they are, whatever that is."""
    net = behind(nn.Flatten(), nn.Linear(8, 3)).float()
    read = read_module(net, (2, 2, 2), timesteps=2)
    (layer,) = (layer for layer in read.network.layers)
    weight: Any = net[1].weight
    assert (layer.projection.weight.reshape(3, 8) == weight.detach().double().numpy()).all()  # type: ignore[union-attr]


def refusal(*layers: nn.Module, sample: tuple[int, ...] = (2, 6, 6)) -> str:
    net = nn.Sequential(*layers, neurons()) if layers and not isinstance(layers[-1], snn.Leaky) else None
    with pytest.raises(InputError) as caught:
        _read(net or nn.Sequential(*layers), sample)
    text = str(caught.value)
    assert "\n" not in text
    return text


def _read(net: nn.Module, sample: tuple[int, ...]) -> ReadModule:
    return read_module(net, sample, timesteps=2)


def negative_batch_norm() -> nn.Module:
    norm = nn.BatchNorm2d(3)
    norm.weight.data[1] = -1
    return norm


def with_weight(layer: nn.Module, value: float) -> nn.Module:
    layer.weight.data.reshape(-1)[0] = value  # type: ignore[union-attr, operator]
    return layer


REFUSED: dict[str, tuple[Callable[[], tuple[nn.Module, ...]], str]] = {
    "relu": (lambda: (nn.Conv2d(2, 3, 3), nn.ReLU()), "1 (ReLU): is not a spiking neuron; put a framework's neurons"),
    "unknown": (lambda: (nn.PixelShuffle(1),), "0 (PixelShuffle): PixelShuffle is not built; Linear, Conv1d, Conv2d"),
    "transposed": (lambda: (nn.ConvTranspose2d(2, 3, 3),), "0 (ConvTranspose2d): ConvTranspose2d is not built"),
    "three dimensions": (lambda: (nn.Unflatten(1, (1, 2)), nn.Conv3d(1, 2, 1)), "is not built"),
    "padding mode": (
        lambda: (nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"),),
        "0 (Conv2d): its padding_mode must be 'zeros', not 'reflect'",
    ),
    "image into linear": (lambda: (nn.Linear(6, 3),), "0 (Linear): takes a flat input, but gets 2x6x6; put a Flatten"),
    "no statistics": (
        lambda: (nn.BatchNorm2d(2, track_running_stats=False),),
        "0 (BatchNorm2d): keeps no running statistics, so it has no fixed factors; train it with them",
    ),
    "not counting pads": (
        lambda: (nn.AvgPool2d(2, padding=1, count_include_pad=False),),
        "0 (AvgPool2d): count_include_pad must be True where it pads",
    ),
    "windows over the edge": (lambda: (nn.AvgPool2d(4, ceil_mode=True),), "0 (AvgPool2d): its ceil_mode makes windows"),
    "largest over the edge": (lambda: (nn.MaxPool2d(4, ceil_mode=True),), "0 (MaxPool2d): its ceil_mode makes windows"),
    "sum over the edge": (lambda: (nn.LPPool2d(1, 4, ceil_mode=True),), "0 (LPPool2d): its ceil_mode makes windows"),
    "another norm": (lambda: (nn.LPPool2d(2, 2),), "0 (LPPool2d): its norm_type must be 1, a sum, not 2"),
    "does not divide": (
        lambda: (nn.AdaptiveAvgPool2d(4),),
        "0 (AdaptiveAvgPool2d): its output of 4x4 must divide its input of 6x6",
    ),
    "more than the input": (
        lambda: (nn.AdaptiveAvgPool2d(12),),
        "0 (AdaptiveAvgPool2d): its output of 12x12 must divide its input of 6x6",
    ),
    "largest, padded": (
        lambda: (nn.MaxPool2d(2, padding=1),),
        "0 (MaxPool2d): has padding, which is only built of spikes",
    ),
    "largest, dilated": (lambda: (nn.MaxPool2d(2, dilation=2),), "0 (MaxPool2d): its dilation must be 1, not 2"),
    "smallest by factors": (
        lambda: (nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), negative_batch_norm()),
        "'2': has negative factors, which make a minimum of the pool '1'",
    ),
    "weights behind the largest": (
        lambda: (nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.Conv2d(3, 2, 2)),
        "'2': follows the pool '1', whose largest values no weights can stand for; put neurons between the two",
    ),
    "not a number": (
        lambda: (with_weight(nn.Conv2d(2, 3, 3), float("nan")),),
        "0 (Conv2d): its weight must be finite, not NaN or infinite anywhere",
    ),
    "infinite": (
        lambda: (nn.Flatten(), with_weight(nn.Linear(72, 3), float("inf"))),
        "1 (Linear): its weight must be finite, not NaN or infinite anywhere",
    ),
    "flattened in part": (
        lambda: (nn.Flatten(2), nn.Conv1d(2, 3, 3)),
        "0 (Flatten): makes 2x36 of 2x6x6; give --sample as the layers take it, and flatten all of a frame",
    ),
    "unflattened": (
        lambda: (nn.Flatten(), nn.Unflatten(1, (2, 6, 6)), nn.Conv2d(2, 3, 3)),
        "1 (Unflatten): makes 2x6x6 of 72; give --sample as the layers take it",
    ),
    "window too large": (
        lambda: (nn.Conv2d(2, 3, 7),),
        "its forward fails on an input of 3x2x6x6, 3 frames of 2x6x6: ",
    ),
    "wrong channels": (lambda: (nn.Conv2d(3, 3, 3),), "its forward fails on an input of 3x2x6x6, 3 frames of 2x6x6: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    layers, text = REFUSED[name]
    assert text in refusal(*layers())
