"""Networks whose training would not be what hardware does are refused where they are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")

from hwsnn.data.events import encode as encode_events  # noqa: E402
from hwsnn.train.augment import Shifted  # noqa: E402  # they need PyTorch
from hwsnn.train.convert import rate_network  # noqa: E402
from hwsnn.train.layers import Integrators  # noqa: E402
from hwsnn.train.loop import Plan  # noqa: E402
from hwsnn.train.network import TrainableNetwork, spiking  # noqa: E402
from hwsnn.train.once import FirstSpikeNetwork  # noqa: E402
from hwsnn.train.recipe import Recipe  # noqa: E402
from hwsnn.train.recurrent import RecurrentNeurons  # noqa: E402


def once(notation: str, **options: Any) -> Any:
    return FirstSpikeNetwork(notation, timesteps=4, width=2.0, **options)


def recurrent() -> Any:
    neurons = RecurrentNeurons(6, 0.5)
    return TrainableNetwork("3x3-6-2", timesteps=4, neurons=lambda name: neurons, readout=Integrators(4, 1.0))


def rates_with_or() -> Any:
    return TrainableNetwork(
        "6x6-2c3-2s-2", timesteps=1, neurons=lambda name: torch.nn.ReLU(), readout=Integrators(1, 1.0)
    )


def narrow_pixels() -> Any:
    return Recipe("net", "4x4-2", 2, 0.5, Plan(epochs=1), Shifted(0), "Prose.", pixel_bits=4)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: once("8x8-4c3-r3-2"), "neurons that fire once cannot be added, as add1 would"),
        (lambda: once("8x8-2s-4c3-2"), "a pool must be behind a layer with weights, which pool1 is not"),
        (lambda: once("8x8-4c3-2s-2s-2"), "a pool must be behind a layer with weights, which pool2 is not"),
        (lambda: once("8x8-4c3-2", encoding="direct"), "encoding must make spikes, as latency does, not be 'direct'"),
        (recurrent, "recurrent neurons that come first must have inputs of each step"),
        (rates_with_or, "pools of rates must be 'winner'"),
        (lambda: rate_network("6x6-2c3p-r3-2"), "must have two layers or more, and no residual blocks"),
        (lambda: rate_network("6x6-2"), "must have two layers or more, and no residual blocks"),
        (narrow_pixels, "pixel_bits must be 8 but for values of steps, not 4"),
        (lambda: spiking("8x8-0c3-2", timesteps=1, beta=0.5), "layers must be like 64c5"),
        (lambda: spiking("8x8-0s-2", timesteps=1, beta=0.5), "layers must be like 64c5"),
        (lambda: spiking("0x8-2", timesteps=1, beta=0.5), "the input must be like 28x28"),
    ],
)
def test_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_events_on_a_border_fall_into_the_step_that_begins() -> None:
    """However the length of a step rounds."""
    for timesteps, duration in ((2, 98.0), (3, 147.0), (4, 98.0), (4, 196.0)):
        for step in range(timesteps):
            at = np.array([duration * step / timesteps])
            zero = np.zeros(1, int)
            frame = encode_events(at, zero, zero, zero, timesteps=timesteps, start=0.0, duration=duration)
            assert frame.any(axis=(1, 2, 3)).tolist() == [one == step for one in range(timesteps)]
