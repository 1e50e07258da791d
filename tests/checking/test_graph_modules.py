"""Modules whose layers form graphs, beside their models: equal, as all is exact."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.checking.compared import CLASSES, checked, exact, images, made, nn, torch
from tests.support.torchvision_stand_in import stand_in_for_torchvision

stand_in_for_torchvision()
snn = pytest.importorskip("snntorch")
for package in ("spikingjelly", "sinabs", "norse"):
    pytest.importorskip(package)

from sinabs import layers as sl  # noqa: E402
from spikingjelly.activation_based import layer, neuron  # noqa: E402


class Sew(nn.Module):  # type: ignore[misc,name-defined]
    """A block that adds its input's spikes to its own, in one step."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(layer.Conv2d(1, 4, 3, padding=1, bias=False), neuron.IFNode(v_reset=None))
        self.block = nn.Sequential(
            layer.Conv2d(4, 4, 3, padding=1, bias=False),
            neuron.IFNode(v_threshold=4.0, v_reset=None),
            layer.Conv2d(4, 4, 1, bias=False),
            neuron.IFNode(v_reset=None),
        )
        self.head = nn.Sequential(
            layer.Flatten(), layer.Linear(120, CLASSES, bias=False), neuron.IFNode(v_threshold=8.0)
        )

    def forward(self, x: Any) -> Any:
        x = self.stem(x)
        return self.head(self.block(x) + x)


class Skip(nn.Module):  # type: ignore[misc,name-defined]
    """Spikes that go around a layer: as currents of the next, as more channels of the last, and pixels to both."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.skip = (
            nn.Conv2d(1, 3, 3, padding=1),
            nn.Conv2d(3, 3, 3, padding=1),
            nn.Conv2d(1, 3, 3, padding=1),
        )
        self.lif1, self.lif2, self.lif3 = (snn.Leaky(beta=1.0, threshold=2.0, init_hidden=True) for _ in range(3))
        self.fc = nn.Linear(180, CLASSES)

    def forward(self, x: Any) -> Any:
        one = self.lif1(self.conv1(x))
        two = self.lif2(self.conv2(one) + one + self.skip(x))
        return self.lif3(self.fc(torch.cat([one, two], 1).flatten(1)))


def recurrent(neurons: Any) -> Any:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(30, 12), neurons, nn.Linear(12, CLASSES), snn.Leaky(beta=1.0, init_hidden=True)
    )


def sinabs(first: float = 6.0, last: float = 4.0) -> Any:
    neurons = sl.IAFRecurrent(nn.Linear(12, 12, bias=False), spike_threshold=torch.tensor(first))
    classes = sl.IAF(spike_threshold=torch.tensor(last))
    return nn.Sequential(nn.Flatten(2), nn.Linear(30, 12), neurons, nn.Linear(12, CLASSES), classes)


NETS: dict[str, tuple[Callable[[], Any], int]] = {
    "SpikingJelly, SEW": (Sew, 4),
    "snnTorch, skips": (Skip, 3),
    "snnTorch, recurrent": (
        lambda: recurrent(snn.RLeaky(beta=1.0, linear_features=12, init_hidden=True, threshold=2.0)),
        2,
    ),
    "sinabs, recurrent": (sinabs, 2),
}
"""What makes each, and its layers of neurons."""


@pytest.mark.parametrize("name", NETS)
def test_differ_nowhere(name: str) -> None:
    make, layers = NETS[name]
    net = exact(make())
    network = made(net)
    result = checked(net, network, images(20))
    assert [(one.differ, one.first) for one in result.layers] == [(0, None)] * len(result.layers)
    assert len(result.layers) >= layers - 1
    assert result.answers_agree == 1.0


@pytest.mark.parametrize("name", NETS)
def test_reasons_of_rounded_weights(name: str) -> None:
    torch.manual_seed(0)
    make, _ = NETS[name]
    net = make().eval()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                module.weight.mul_(2)
    network = made(net, bits=4)
    result = checked(net, network, images(60))
    whys = [one.first.why for one in result.layers if one.first is not None]
    assert any(why.startswith("rounding (weights of 4 bits") for why in whys)
    assert all(why.startswith(("rounding (weights of 4 bits", "its inputs differ")) for why in whys)


def test_more_spikes_than_are_built() -> None:
    net = exact(sinabs(first=1.0))
    result = checked(net, made(net), images(20))
    first = result.layers[0].first
    assert first is not None
    assert re.fullmatch(r"the module's neuron fires \d+ times in this step, the model's at most 15 times", first.why)
