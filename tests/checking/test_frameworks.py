"""Modules of each framework, in each layout that it has, beside their models: equal, as all is exact."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.checking.compared import CLASSES, STEPS, checked, exact, images, made, nn, read, torch
from tests.support.torchvision_stand_in import stand_in_for_torchvision


def pair() -> tuple[Any, Any, Any]:
    """A flattened image to 12 neurons, and these to the classes."""
    return nn.Flatten(), nn.Linear(30, 12), nn.Linear(12, CLASSES)


def snntorch_step() -> Any:
    snn = pytest.importorskip("snntorch")

    class Net(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.flatten, self.fc1, self.fc2 = pair()
            self.lif1, self.lif2 = (
                snn.Leaky(beta=1.0, init_hidden=True),
                snn.Leaky(beta=1.0, init_hidden=True, output=True),
            )

        def forward(self, x: Any) -> Any:
            return self.lif2(self.fc2(self.lif1(self.fc1(self.flatten(x)))))

    return Net()


def snntorch_loop() -> Any:
    snn = pytest.importorskip("snntorch")

    class Net(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.flatten, self.fc1, self.fc2 = pair()
            self.lif1, self.lif2 = snn.Leaky(beta=1.0), snn.Leaky(beta=1.0, reset_mechanism="zero")

        def forward(self, x: Any) -> Any:
            mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
            spikes = []
            for _ in range(STEPS):
                spk1, mem1 = self.lif1(self.fc1(self.flatten(x)), mem1)
                spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
                spikes.append(spk2)
            return torch.stack(spikes)

    return Net()


def spikingjelly(mode: str) -> Any:
    stand_in_for_torchvision()
    pytest.importorskip("spikingjelly")
    from spikingjelly.activation_based import functional, layer, neuron

    net = nn.Sequential(
        layer.Flatten(), layer.Linear(30, 12), neuron.IFNode(), layer.Linear(12, CLASSES), neuron.IFNode(v_reset=None)
    )
    functional.set_step_mode(net, mode)
    return net


def sinabs_squeezed() -> Any:
    layers = pytest.importorskip("sinabs.layers")
    flatten, first, second = pair()
    return nn.Sequential(
        flatten, first, layers.IAFSqueeze(batch_size=1), second, layers.IAFSqueeze(batch_size=1, min_v_mem=-0.5)
    )


def sinabs_batch_first() -> Any:
    layers = pytest.importorskip("sinabs.layers")
    _, first, second = pair()
    return nn.Sequential(nn.Flatten(2), first, layers.IAF(), second, layers.IAF())


NETS: dict[str, tuple[Callable[[], Any], str, int]] = {
    "snnTorch, a call a step": (snntorch_step, "step", 1),
    "snnTorch, the loop inside": (snntorch_loop, "frame", 1),
    "SpikingJelly, a call a step": (lambda: spikingjelly("s"), "step", 1),
    "SpikingJelly, all steps": (lambda: spikingjelly("m"), "sequence", 1),
    "sinabs, squeezed": (sinabs_squeezed, "folded", 2),
    "sinabs, frames first": (sinabs_batch_first, "batch_first", 2),
}
"""What makes each, its layout, and the least number of spikes that some neuron makes in a step."""


@pytest.mark.parametrize("name", NETS)
def test_differ_nowhere(name: str) -> None:
    make, layout, several = NETS[name]
    net = exact(make())
    found = read(net)
    assert found.layout == layout
    network = made(net)
    result = checked(net, network, images(20))
    assert [(one.differ, one.first) for one in result.layers] == [(0, None)] * 2
    assert result.answers_agree == 1.0
    assert max(layer.neuron.spikes for _, layer in network.populations()) >= several


@pytest.mark.parametrize("steps", [1, 2, 16])
@pytest.mark.parametrize("name", [name for name in NETS if NETS[name][1] != "frame"])
def test_numbers_of_steps(name: str, steps: int) -> None:
    """Also as many as there are frames in a call."""
    net = exact(NETS[name][0]())
    network = made(net, timesteps=steps)
    result = checked(net, network, images(17))
    assert [one.differ for one in result.layers] == [0, 0]
    assert result.answers_agree == 1.0


@pytest.mark.parametrize("name", [name for name in NETS if NETS[name][1] != "frame"])
def test_steps_differ_nowhere(name: str) -> None:
    net = exact(NETS[name][0]())
    network = made(net, "steps")
    spikes = images(20, network.frame_shape, ones=1)
    assert [one.differ for one in checked(net, network, spikes).layers] == [0, 0]


@pytest.mark.parametrize("name", NETS)
def test_membranes_of_both_sides_are_the_same(name: str) -> None:
    """A model of another threshold shows the membranes at a step at which all is equal but for that."""
    net = exact(NETS[name][0]())
    network = made(net)
    layer = network.population(0)
    neuron: Any = layer.neuron
    further = None if neuron.further is None else neuron.further + neuron.threshold
    wrong = replace(neuron, threshold=2 * neuron.threshold, further=further)
    changed = replace(network, layers=(replace(layer, neuron=wrong), *network.layers[1:]))
    first = checked(net, changed, images(20)).layers[0].first
    assert first is not None
    assert first.why.startswith(f"the model's threshold of channel {first.neuron[0]} is ")
    assert first.u_framework == pytest.approx(first.u_model, rel=1e-5)
    assert np.isfinite(first.u_model)
    assert first.u_model >= 1.0
