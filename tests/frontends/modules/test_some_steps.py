"""Layers without neurons that are called in some steps only, and outputs of some steps: the last alone, or refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.errors import InputError

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")
neuron: Any = pytest.importorskip("spikingjelly.activation_based.neuron")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

STEPS = 5


def fires(distance: Any) -> Any:
    return (distance > 0).to(distance)


class Loop(nn.Module):  # type: ignore[misc]
    """Neurons in a loop over the steps of (T, N, 8), and a last linear layer; ``forward`` says when that is called."""

    def __init__(self, forward: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8, 6), nn.Linear(6, 3)
        self.lif = snn.Leaky(beta=0.5, threshold=0.5, spike_grad=fires)
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)

    def spikes(self, x: Any) -> list[Any]:
        """Of every step."""
        mem, found = self.lif.init_leaky(), []
        for x_t in x:
            spk, mem = self.lif(self.fc1(x_t), mem)
            found.append(spk)
        return found


class Whole(Loop):
    """Likewise, with neurons that take all steps a call."""

    def __init__(self, forward: Callable[[Any, Any], Any]) -> None:
        super().__init__(forward)
        self.lif = neuron.LIFNode(tau=2.0, v_threshold=0.5, decay_input=False, step_mode="m")

    def spikes(self, x: Any) -> Any:
        return self.lif(self.fc1(x))


def behind_the_loop(net: Any, x: Any) -> Any:
    return net.fc2(net.spikes(x)[-1])


def from_step(first: int) -> Callable[[Any, Any], Any]:
    return lambda net, x: sum(net.fc2(spk) for step, spk in enumerate(net.spikes(x)) if step >= first)


def until_step(last: int) -> Callable[[Any, Any], Any]:
    return lambda net, x: sum(net.fc2(spk) for step, spk in enumerate(net.spikes(x)) if step < last)


def every_other(net: Any, x: Any) -> Any:
    return sum(net.fc2(spk) for spk in net.spikes(x)[::2])


def stacked(net: Any, x: Any) -> Any:
    return torch.stack([net.fc2(spk) for spk in net.spikes(x)])


def unbound(net: Any, x: Any) -> Any:
    return net.fc2(net.spikes(x).unbind(0)[-1])


LAST: dict[str, tuple[type[Loop], Callable[[Any, Any], Any]]] = {
    "behind the loop": (Loop, behind_the_loop),
    "in the last step": (Loop, from_step(STEPS - 1)),
    "the last output": (Loop, lambda net, x: stacked(net, x)[-1]),
    "a slice of the last": (Loop, lambda net, x: stacked(net, x)[-1:].sum(0)),
    "behind all steps": (Whole, behind_the_loop),
    "behind all steps, unbound": (Whole, unbound),
    "of all steps": (Whole, lambda net, x: net.fc2(net.spikes(x))[-1]),
    "a slice of all steps": (Whole, lambda net, x: net.fc2(net.spikes(x)[-1:])),
}
ALL: dict[str, tuple[type[Loop], Callable[[Any, Any], Any]]] = {
    "every step": (Loop, from_step(0)),
    "stacked": (Loop, lambda net, x: stacked(net, x).sum(0)),
    "all steps": (Whole, lambda net, x: net.fc2(net.spikes(x)).sum(0)),
    "all steps, unbound": (Whole, lambda net, x: sum(net.fc2(spk) for spk in net.spikes(x).unbind(0))),
}
REFUSED: dict[str, tuple[type[Loop], Callable[[Any, Any], Any]]] = {
    "from a step": (Loop, from_step(2)),
    "from the step before the last": (Loop, from_step(STEPS - 2)),
    "until a step": (Loop, until_step(3)),
    "the first step": (Loop, until_step(1)),
    "every other step": (Loop, every_other),
    "a slice of the outputs": (Loop, lambda net, x: stacked(net, x)[2:].sum(0)),
    "outputs until a step": (Loop, lambda net, x: stacked(net, x)[:3].sum(0)),
    "the largest from a step": (Loop, lambda net, x: stacked(net, x)[2:].max(0).values),
    "the last output, of a slice": (Loop, lambda net, x: stacked(net, x)[2:][-1]),
    "an early output": (Loop, lambda net, x: stacked(net, x)[1]),
    "a slice of spikes": (Whole, lambda net, x: net.fc2(net.spikes(x)[2:]).sum(0)),
    "spikes until a step": (Whole, lambda net, x: net.fc2(net.spikes(x)[:-1]).sum(0)),
    "every other of all": (Whole, lambda net, x: net.fc2(net.spikes(x)[::2]).sum(0)),
    "the first of all": (Whole, lambda net, x: net.fc2(net.spikes(x)[0])),
    "one of unbound": (Whole, lambda net, x: net.fc2(net.spikes(x).unbind(0)[1])),
    "some of unbound": (Whole, lambda net, x: sum(net.fc2(spk) for spk in net.spikes(x).unbind(0)[2:])),
    "outputs of all from a step": (Whole, lambda net, x: net.fc2(net.spikes(x))[2:].sum(0)),
    "steps of the input": (Whole, lambda net, x: net.fc2(net.spikes(x[1:]))),
    "steps twice": (Whole, lambda net, x: net.fc2(net.lif(net.fc1(x[:1].repeat(STEPS, 1, 1)))).sum(0)),
    "steps turned round": (Whole, lambda net, x: net.fc2(net.lif(torch.cat([net.fc1(x)[1:], net.fc1(x)[:1]]))).sum(0)),
}


@pytest.mark.parametrize("name", LAST)
def test_of_the_last_step(name: str) -> None:
    kind, forward = LAST[name]
    read = read_alike(randomized(kind(forward)), (8,), steps=STEPS)
    assert read.network.readout == "membrane"


@pytest.mark.parametrize("name", ALL)
def test_of_all_steps(name: str) -> None:
    kind, forward = ALL[name]
    read = read_alike(randomized(kind(forward)), (8,), steps=STEPS)
    assert read.network.readout == "sum"


@pytest.mark.parametrize("name", REFUSED)
def test_of_other_steps(name: str) -> None:
    kind, forward = REFUSED[name]
    with pytest.raises(InputError, match=r"steps?\b|joins|other scores"):
        read_module(randomized(kind(forward)), (8,), timesteps=STEPS, encoding="steps")


def test_the_steps_are_named() -> None:
    with pytest.raises(InputError) as caught:
        read_module(randomized(Loop(from_step(2))), (8,), timesteps=STEPS, encoding="steps")
    assert str(caught.value) == (
        "fc2 (Linear): gives scores of step 3, 4, 5 of 5; only those of all steps, or of the last alone, are built"
    )


@pytest.mark.parametrize("encoding", ["direct", "steps"])
def test_a_reason_is_of_the_call_that_the_module_is_made_for(encoding: Any) -> None:
    """A call with a step alone would find that the loop's membranes begin anew, or that it goes over frames."""

    def forward(net: Any, x: Any) -> Any:
        return sum(map(net.fc2, net.spikes(x.tanh() if encoding == "steps" else [x.tanh()] * STEPS)))

    with pytest.raises(InputError, match=r"^tanh: "):
        read_module(randomized(Loop(forward)), (8,), timesteps=STEPS, encoding=encoding)
