"""Spikes that come back to their neurons a step late by hand, in ``forward``; and loops that are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.torchvision_stand_in import stand_in_for_torchvision

stand_in_for_torchvision()
torch: Any = pytest.importorskip("torch")
for package in ("snntorch", "spikingjelly", "sinabs", "norse"):
    pytest.importorskip(package)

import norse.torch as norse  # noqa: E402
import sinabs.layers as sl  # noqa: E402
import snntorch as snn  # noqa: E402
from spikingjelly.activation_based import layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

from hwsnn.errors import InputError  # noqa: E402
from hwsnn.float_network import FloatPopulation  # noqa: E402
from hwsnn.frontends.modules.build import ReadModule  # noqa: E402
from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

STEPS = 6
OVER_TIME: dict[str, Any] = {"encoding": "steps", "forward": "all", "timesteps": STEPS}


def fires(distance: Any) -> Any:
    return (distance > 0).to(distance)


def recurrent_layers(read: ReadModule) -> list[str]:
    layers = read.network.layers
    return [one.name for one in layers if isinstance(one, FloatPopulation) and one.recurrent]


V = torch.tensor([-0.5, 0.25, 1.0, -1.0, 0.5, 0.0], dtype=torch.float64)
FAST = {"tau_mem_inv": 500.0, "tau_syn_inv": 500.0, "v_th": 0.25}


def parameters(**values: float) -> Any:
    return norse.LIFParameters(**{name: torch.tensor(value) for name, value in values.items()})


class ByHand(nn.Module):  # type: ignore[misc]
    """``step`` makes the current of the input and the spikes of the step before, which ``start`` makes."""

    def __init__(self, step: Callable[..., Any], start: Callable[[Any], Any], **rec: Any) -> None:
        super().__init__()
        self.fc1, self.rec, self.fc2 = nn.Linear(8, 6), nn.Linear(6, 6, **rec), nn.Linear(6, 3)
        self.mix, self.norm = nn.Linear(14, 6), nn.BatchNorm1d(6)
        self.factor = nn.Parameter(V.clone())
        self.lif1, self.lif2 = (snn.Leaky(0.75, threshold=0.5, spike_grad=fires) for _ in range(2))
        self.step, self.start = step, start

    def forward(self, x: Any) -> Any:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spk1, outputs = self.start(x[0]), []
        for x_t in x:
            spk1, mem1 = self.lif1(self.step(self, x_t, spk1), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            outputs.append(spk2)
        return torch.stack(outputs)


def zeros(x: Any) -> Any:
    return x.new_zeros(len(x), 6)


WAYS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "a linear layer": lambda net, x, spk: net.fc1(x) + net.rec(spk),
    "first": lambda net, x, spk: net.rec(spk) + net.fc1(x),
    "in place": lambda net, x, spk: net.fc1(x).add_(net.rec(spk)),
    "torch.add": lambda net, x, spk: torch.add(net.fc1(x), net.rec(spk)),
    "one to one": lambda net, x, spk: net.fc1(x) + 0.5 * spk,
    "both": lambda net, x, spk: net.fc1(x) + (net.rec(spk) + 2 * spk),
    "normalized": lambda net, x, spk: net.norm(net.rec(spk) + net.fc1(x)),
    "detached": lambda net, x, spk: net.fc1(x) + net.rec(spk.detach()),
    "concatenated": lambda net, x, spk: net.mix(torch.cat([x, spk], 1)),
    "concatenated, the last dimension": lambda net, x, spk: net.mix(torch.cat((x, spk), dim=-1)),
    "in parts": lambda net, x, spk: net.fc1(x) + torch.cat([net.fc2(spk), 2 * net.fc2(spk)], 1),
    "twice": lambda net, x, spk: net.rec(net.rec(spk)) + net.fc1(x),
}


@pytest.mark.parametrize("name", WAYS)
def test_by_hand(name: str) -> None:
    """With the bias of the recurrent layer at the first step as well."""
    read = read_alike(randomized(ByHand(WAYS[name], zeros)), (8,), steps=STEPS, compare_currents=name != "detached")
    assert (read.layout, len(recurrent_layers(read))) == ("sequence", 1)


def nothing_at_first(net: Any, x: Any, spk: Any) -> Any:
    return net.fc1(x) if spk is None else net.fc1(x) + net.rec(spk)


def test_without_an_addition_at_the_first_step() -> None:
    read = read_alike(randomized(ByHand(nothing_at_first, lambda x: None, bias=False)), (8,), steps=STEPS)
    assert len(recurrent_layers(read)) == 1
    with pytest.raises(InputError, match=r"^lif2 \(Leaky\): is reached on other ways in some steps than in others"):
        read_module(randomized(ByHand(nothing_at_first, lambda x: None)), (8,), **OVER_TIME)


@pytest.mark.parametrize(
    "start", [lambda x: torch.zeros(len(x), 6, dtype=x.dtype), lambda x: torch.zeros(6, dtype=x.dtype)]
)
def test_zeros_of_any_kind(start: Any) -> None:
    read_alike(randomized(ByHand(WAYS["a linear layer"], start)), (8,), steps=STEPS)


def test_a_first_step_of_other_spikes() -> None:
    with pytest.raises(
        InputError, match=r"is reached on other ways in some steps than in others; all must do the same$"
    ):
        read_module(randomized(ByHand(WAYS["one to one"], lambda x: zeros(x) + 1)), (8,), **OVER_TIME)


class OverAnImage(nn.Module):  # type: ignore[misc]
    def __init__(self, kernel: int, groups: int = 1) -> None:
        super().__init__()
        self.conv, self.rec = nn.Conv2d(2, 4, 3), nn.Conv2d(4, 4, kernel, padding=kernel // 2, groups=groups)
        self.lif1, self.fc = snn.Leaky(0.5, threshold=0.5, spike_grad=fires), nn.Linear(16, 3)

    def forward(self, x: Any) -> Any:
        mem, spk, total = self.lif1.init_leaky(), x.new_zeros(x.shape[0], 4, 2, 2), 0
        for _ in range(STEPS):
            spk, mem = self.lif1(self.conv(x) + self.rec(spk), mem)
            total = total + self.fc(spk.flatten(1))
        return total


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_within_the_positions_of_an_image(groups: int) -> None:
    read = read_alike(randomized(OverAnImage(1, groups)), (2, 4, 4), steps=None, timed=False)
    assert (read.layout, len(recurrent_layers(read))) == ("frame", 1)


class Carried(nn.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.rec, self.fc2 = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.lif, self.li = norse.LIFCell(p=parameters(**FAST)), norse.LICell()

    def forward(self, x: Any, state: Any = None) -> Any:
        spk, lif, li = (x.new_zeros(len(x), 6), None, None) if state is None else state
        spk, lif = self.lif(self.fc1(x) + self.rec(spk), lif)
        out, li = self.li(self.fc2(spk), li)
        return out, (spk, lif, li)


def test_a_step_a_call() -> None:
    read = read_alike(randomized(Carried()), (8,), steps=STEPS, compare_currents=False)
    assert (read.layout, len(recurrent_layers(read))) == ("state", 1)


# What is refused


def of_two_layers(net: Any, x: Any) -> Any:
    mem1, mem2 = net.lif1.init_leaky(), net.lif2.init_leaky()
    spk2, outputs = x.new_zeros(x.shape[1], 3), []
    for x_t in x:
        spk1, mem1 = net.lif1(net.fc1(x_t) + net.back(spk2), mem1)
        spk2, mem2 = net.lif2(net.fc2(spk1), mem2)
        outputs.append(spk2)
    return torch.stack(outputs)


def of_two_steps(net: Any, x: Any) -> Any:
    mem1, before, spk, outputs = net.lif1.init_leaky(), zeros(x[0]), zeros(x[0]), []
    for x_t in x:
        two, before = before, spk
        spk, mem1 = net.lif1(net.fc1(x_t) + net.rec(two), mem1)
        outputs.append(net.fc2(spk))
    return torch.stack(outputs)


def of_membranes(net: Any, x: Any) -> Any:
    mem1, outputs = zeros(x[0]), []
    for x_t in x:
        spk, mem1 = net.lif1(net.fc1(x_t) + net.rec(mem1), mem1)
        outputs.append(net.fc2(spk))
    return torch.stack(outputs)


def a_delay(net: Any, x: Any) -> Any:
    mem1, mem2, spk1, outputs = net.lif1.init_leaky(), net.lif2.init_leaky(), zeros(x[0]), []
    for x_t in x:
        before = spk1
        spk1, mem1 = net.lif1(net.fc1(x_t), mem1)
        spk2, mem2 = net.lif2(net.fc2(spk1) + net.fc2(before), mem2)
        outputs.append(spk2)
    return torch.stack(outputs)


class Loops(nn.Module):  # type: ignore[misc]
    def __init__(self, forward: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.fc1, self.rec, self.fc2, self.back = nn.Linear(8, 6), nn.Linear(6, 6), nn.Linear(6, 3), nn.Linear(3, 6)
        self.lif1, self.lif2 = snn.Leaky(0.5), snn.Leaky(0.5)
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)


def sequential(neurons: nn.Module, *before: nn.Module) -> nn.Module:
    return nn.Sequential(*(before or [nn.Linear(8, 6)]), neurons)


def of_spikes(y: Any, x: Any) -> Any:
    return x * (1 - y)


REFUSED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "two layers": (
        lambda: Loops(of_two_layers),
        (8,),
        "lif1 (Leaky): gets the spikes of lif2 of the step before: loops over several layers, and delays, are not",
    ),
    "two steps": (
        lambda: Loops(of_two_steps),
        (8,),
        "lif1 (Leaky): its spikes of several steps, or of more than a step",
    ),
    "membranes": (
        lambda: Loops(of_membranes),
        (8,),
        "rec (Linear): takes the membrane of lif1 (Leaky); only its spikes",
    ),
    "a delay": (lambda: Loops(a_delay), (8,), "lif2 (Leaky): gets the spikes of lif1 of the step before: loops over"),
    "a kernel of 3x3": (
        lambda: OverAnImage(3),
        (2, 4, 4),
        "lif1 (Leaky): gets a window of 3x3 of its own spikes back; only 1x1 is",
    ),
    "RLeaky of 3x3": (
        lambda: sequential(
            snn.RLeaky(0.5, conv2d_channels=3, kernel_size=3, init_hidden=True), nn.Conv2d(2, 3, 2), nn.Identity()
        ),
        (2, 4, 4),
        "2 (RLeaky): recurrent is a convolution of 3x3; only recurrence within a position is built: 1x1",
    ),
    "sinabs with a bias": (
        lambda: sequential(sl.IAFRecurrent(rec_connect=nn.Linear(6, 6))),
        (8,),
        "1 (IAFRecurrent): the bias of rec_connect must be 0, as sinabs leaves it out at the first step of a frame",
    ),
    "sinabs by something else": (
        lambda: sequential(sl.IAFRecurrent(rec_connect=nn.Sequential(nn.Linear(6, 6), nn.ReLU()))),
        (8,),
        "1 (IAFRecurrent): rec_connect must be an nn.Linear or an nn.Conv2d of 1x1, not Sequential",
    ),
    "Norse's adaptive cells": (
        lambda: norse.SequentialState(norse.LSNNRecurrentCell(8, 6)),
        (8,),
        "0 (LSNNRecurrentCell): not built; use IAFCell",
    ),
    "gates": (
        lambda: sequential(layer.ElementWiseRecurrentContainer(neuron.IFNode(), of_spikes)),
        (8,),
        "multiplies what follows from the input, as gates and SEW's AND and IAND do; only ADD is built",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    make, sample, text = REFUSED[name]
    options = OVER_TIME if sample == (8,) and isinstance(make(), Loops) else {}
    with pytest.raises(InputError) as caught:
        read_module(make(), sample, **options)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_step_has_no_spikes_before_it() -> None:
    """The zeros that stand for them are added to the current."""
    net = ByHand(lambda net, x, spk: net.fc1(x) + net.rec(spk), zeros, bias=False)
    read = read_alike(randomized(net), (8,), steps=1, forward="all")
    assert recurrent_layers(read) == []
