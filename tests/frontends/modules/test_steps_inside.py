"""Modules that take a frame once and make its steps themselves, for neurons that take all steps in a call."""

from __future__ import annotations

from typing import Any

import pytest

import hwsnn
from tests.support.torchvision_stand_in import stand_in_for_torchvision

torch: Any = pytest.importorskip("torch")
stand_in_for_torchvision()
pytest.importorskip("spikingjelly")

from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402


class Repeating(torch.nn.Module):  # type: ignore[misc]
    """SpikingJelly's usual way with still images."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            *(layer.Conv2d(1, 4, 3), neuron.IFNode(), layer.MaxPool2d(2, 2)),
            *(layer.Flatten(), layer.Linear(36, 10), neuron.IFNode()),
        )
        functional.set_step_mode(self, "m")

    def forward(self, x: Any) -> Any:
        return self.layers(x.unsqueeze(0).repeat(5, 1, 1, 1, 1)).mean(0)


def test_several_layers_of_neurons_take_all_steps() -> None:
    network = hwsnn.from_torch(Repeating(), sample=(1, 8, 8))
    names = [one.name for one in network.layers]
    assert (names, network.timesteps, network.readout) == (["layers_0", "layers_2", "layers_4"], 5, "count")
