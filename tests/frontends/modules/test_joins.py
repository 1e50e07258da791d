"""Modules whose layers branch and join: sums of spikes and of currents, concatenations, skips, SEW blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.torchvision_stand_in import stand_in_for_torchvision

stand_in_for_torchvision()
torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")
sj: Any = pytest.importorskip("spikingjelly.activation_based")
norse: Any = pytest.importorskip("norse.torch")
sinabs: Any = pytest.importorskip("sinabs.layers")

from sinabs.activation import SingleSpike  # noqa: E402
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
from spikingjelly.activation_based.model import ms_resnet, sew_resnet, spiking_resnet  # noqa: E402
from torch import nn  # noqa: E402

from hwsnn.errors import InputError  # noqa: E402
from hwsnn.frontends.modules.build import ReadModule  # noqa: E402
from hwsnn.frontends.modules.read import read_module  # noqa: E402
from hwsnn.spec import Sum  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

IMAGE = (2, 6, 6)
STEPS = 4


def fires(distance: Any) -> Any:
    return (distance > 0).to(distance)


def leaky() -> Any:
    return snn.Leaky(beta=0.75, threshold=0.5, spike_grad=fires, init_hidden=True)


class Net(nn.Module):  # type: ignore[misc]
    """Layers of images that ``forward`` joins, and a last one that is flat."""

    def __init__(self, forward: Callable[[Any, Any], Any], inputs: int = 4) -> None:
        super().__init__()
        self.conv1, self.conv2, self.conv3 = (nn.Conv2d(n, 4, 3, padding=1) for n in (2, 4, 4))
        self.skip, self.wide, self.deep = (
            nn.Conv2d(2, 4, 1),
            nn.Conv2d(8, 4, 1),
            nn.Conv2d(4, 4, 3, padding=1, groups=4),
        )
        self.norm, self.pool, self.dropout = nn.BatchNorm2d(4), nn.MaxPool2d(2), nn.Dropout()
        self.lif1, self.lif2, self.lif3 = leaky(), leaky(), leaky()
        self.fc1, self.fc2, self.lif = nn.Linear(inputs * 36, 6), nn.Linear(72, 6), leaky()
        self.fc, self.last = nn.Linear(6, 3), leaky()
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self.last(self.fc(self._forward(self, x)))


def first(net: Any, x: Any) -> Any:
    return net.lif1(net.conv1(x))


def second(net: Any, x: Any) -> Any:
    return net.lif2(net.conv2(x))


def flat(net: Any, x: Any) -> Any:
    return net.lif(net.fc1(x.flatten(1)))


def residual_of_spikes(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return flat(net, second(net, spikes) + spikes)


def residual_of_currents(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return flat(net, net.lif3(net.norm(net.conv3(second(net, spikes)) + net.deep(spikes))))


def residual_of_currents_and_spikes(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return flat(net, net.lif3(net.conv3(second(net, spikes)) + spikes))


def residual_of_the_input(net: Any, x: Any) -> Any:
    return flat(net, net.lif3(net.conv3(first(net, x)) + net.skip(x)))


def in_place(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    out = second(net, spikes)
    out += spikes
    return flat(net, out)


def three(net: Any, x: Any) -> Any:
    one = first(net, x)
    two = second(net, one)
    return flat(net, sum([one, two, net.lif3(net.conv3(two))]))


def shared_currents(net: Any, x: Any) -> Any:
    """The same layer in two places, of other inputs."""
    one = first(net, x)
    return flat(net, net.lif3(net.conv3(second(net, one))) + net.lif2(net.conv2(one)))


def concatenated(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return flat(net, net.lif3(net.wide(torch.cat([second(net, spikes), spikes], 1))))


def concatenated_and_scaled(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return flat(net, net.lif3(net.wide(torch.concat((0.5 * spikes, second(net, net.dropout(spikes))), dim=-3))))


def concatenated_flat(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return net.lif(net.fc2(torch.cat([net.pool(second(net, spikes)).flatten(1), net.pool(spikes).flatten(1)], 1)))


def concatenated_with_the_input(net: Any, x: Any) -> Any:
    return net.lif(net.fc1(torch.cat([first(net, x), x], 1).flatten(1)))


def pooled_after(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    both = torch.cat([second(net, spikes), spikes], 1)
    return net.lif(net.fc2(net.pool(both).flatten(1)))


def twice_the_same(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return flat(net, second(net, spikes + spikes))


JOINS: dict[str, tuple[Callable[[Any, Any], Any], int, int]] = {
    "residual of spikes": (residual_of_spikes, 4, 1),
    "residual of currents": (residual_of_currents, 4, 0),
    "residual of currents and spikes": (residual_of_currents_and_spikes, 4, 0),
    "residual of the input": (residual_of_the_input, 4, 0),
    "in place": (in_place, 4, 1),
    "three": (three, 4, 2),
    "concatenated": (concatenated, 4, 0),
    "concatenated and scaled": (concatenated_and_scaled, 4, 0),
    "concatenated flat": (concatenated_flat, 4, 0),
    "concatenated with the input": (concatenated_with_the_input, 6, 0),
    "pooled after": (pooled_after, 4, 0),
    "twice the same": (twice_the_same, 4, 1),
}


def sums(read: ReadModule) -> int:
    return sum(isinstance(one, Sum) for one in read.network.layers)


@pytest.mark.parametrize("name", JOINS)
def test_joins(name: str) -> None:
    forward, inputs, expected = JOINS[name]
    read = read_alike(randomized(Net(forward, inputs), seed=1), IMAGE, steps=STEPS)
    assert (read.layout, sums(read)) == ("step", expected)


class Looped(nn.Module):  # type: ignore[misc]
    """A loop over time in ``forward``, with a residual addition and a concatenation in every step."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(14, 3)
        self.lif1, self.lif2, self.lif3 = (snn.Leaky(0.5, threshold=0.5, spike_grad=fires) for _ in range(3))

    def forward(self, x: Any) -> Any:
        mem1, mem2, mem3 = (one.init_leaky() for one in (self.lif1, self.lif2, self.lif3))
        outputs = []
        for x_t in x:
            spk1, mem1 = self.lif1(self.fc1(x_t), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            spk3, mem3 = self.lif3(self.fc3(torch.cat([spk1 + spk2, x_t], -1)), mem3)
            outputs.append(spk3)
        return torch.stack(outputs)


def test_in_a_loop_over_time() -> None:
    read = read_alike(randomized(Looped()), (8,), steps=STEPS)
    assert (read.layout, sums(read)) == ("sequence", 1)


class Sinabs(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.iaf1, self.iaf2, self.iaf3 = (sinabs.IAFSqueeze(batch_size=1, spike_fn=SingleSpike) for _ in range(3))

    def forward(self, x: Any) -> Any:
        spikes = self.iaf1(self.fc1(x))
        return self.iaf3(self.fc3(spikes + self.iaf2(self.fc2(spikes))))


def test_of_sinabs() -> None:
    net = randomized(Sinabs()).float()
    for one in (net.fc1, net.fc2, net.fc3):
        one.weight.data /= 4
    read = read_alike(net, (8,), steps=STEPS, tolerance=1e-5)
    assert (read.layout, sums(read)) == ("folded", 1)


class Norse(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.iaf1, self.iaf2, self.iaf3 = (norse.IAFCell() for _ in range(3))

    def forward(self, x: Any, state: Any = None) -> Any:
        one, two, three = state or (None, None, None)
        spikes, one = self.iaf1(self.fc1(x), one)
        more, two = self.iaf2(self.fc2(spikes), two)
        spikes, three = self.iaf3(self.fc3(spikes + more), three)
        return spikes, (one, two, three)


def test_of_norse() -> None:
    read = read_alike(randomized(Norse()), (8,), steps=STEPS)
    assert (read.layout, sums(read)) == ("state", 1)


# SpikingJelly's residual networks


def small(module: Any, blocks: Any, **settings: Any) -> nn.Module:
    """A network of two blocks of ``module``'s, the second of which halves the image."""

    def block(inputs: int, outputs: int, stride: int) -> nn.Module:
        down = nn.Sequential(layer.Conv2d(inputs, outputs, 1, stride, bias=False), layer.BatchNorm2d(outputs))
        made: nn.Module = blocks(
            inputs, outputs, stride, down if stride > 1 else None, spiking_neuron=neuron.IFNode, **settings
        )
        return made

    net = nn.Sequential(
        *(layer.Conv2d(2, 4, 3, padding=1, bias=False), layer.BatchNorm2d(4), neuron.IFNode()),
        *(block(4, 4, 1), block(4, 8, 2), layer.AdaptiveAvgPool2d((1, 1)), layer.Flatten(), layer.Linear(8, 3)),
    )
    return randomized(net)


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_sew_blocks(step_mode: str) -> None:
    net = small(sew_resnet, sew_resnet.BasicBlock, cnf="ADD")
    functional.set_step_mode(net, step_mode)
    read = read_alike(net, IMAGE, steps=STEPS)
    assert (read.layout, sums(read)) == ("step" if step_mode == "s" else "sequence", 2)


@pytest.mark.parametrize("cnf", ["AND", "IAND"])
def test_other_sew_blocks(cnf: str) -> None:
    with pytest.raises(InputError, match=r"^mul: multiplies what follows from the input, as gates and SEW's AND and"):
        read_module(small(sew_resnet, sew_resnet.BasicBlock, cnf=cnf), IMAGE)


def test_blocks_of_a_spiking_resnet() -> None:
    """Its blocks add currents to the spikes of the block before, or to those behind a convolution."""
    read = read_alike(small(spiking_resnet, spiking_resnet.BasicBlock), IMAGE, steps=STEPS)
    assert sums(read) == 0
    assert sum(len(layer.ports) > 1 for layer in read.network.layers) == 2


def test_blocks_whose_currents_go_on_to_the_next() -> None:
    blocks = [ms_resnet._MSBlock(4, 4, 1, None) for _ in range(2)]
    net = nn.Sequential(
        *(layer.Conv2d(2, 4, 3, padding=1), *blocks, neuron.IFNode()),
        *(layer.Flatten(), layer.Linear(144, 3), neuron.IFNode()),
    )
    functional.set_step_mode(net, "m")
    text = r"^2\.spike1 \(\w+\): takes the currents of '0', which '1\.spike1' takes too; .*: put neurons before"
    with pytest.raises(InputError, match=text):
        read_module(randomized(net), IMAGE, timesteps=STEPS)
