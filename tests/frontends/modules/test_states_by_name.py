"""States of snnTorch's neurons by keyword: taken by their names, whatever the order in which they are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.errors import InputError

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

STEPS = 5


class Net(nn.Module):  # type: ignore[misc]
    """A layer of the neurons ``lif1`` and a last linear layer, called by ``forward``."""

    def __init__(self, forward: Callable[[Any, Any], Any], lif1: Any) -> None:
        super().__init__()
        self.fc1, self.lif1, self.fc3 = nn.Linear(6, 7), lif1, nn.Linear(7, 4)
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)


def fires(distance: Any) -> Any:
    return (distance > 0).to(distance)


def handed(make: Any, call: Callable[..., Any]) -> Net:
    """Neurons that get the states of the step before from ``call``: it gets neurons, current, and the states."""

    def forward(net: Any, x: Any) -> Any:
        states, found = net.lif1.reset_mem(), []
        states = states if isinstance(states, tuple) else (states,)
        for x_t in x:
            spikes, *states = call(net.lif1, net.fc1(x_t), *states)
            found.append(net.fc3(spikes))
        return torch.stack(found)

    return Net(forward, make())


def with_spikes(make: Any, call: Callable[..., Any]) -> Net:
    """Likewise, of neurons that get their spikes as well."""

    def forward(net: Any, x: Any) -> Any:
        states, found = net.lif1.reset_mem(), []
        for x_t in x:
            states = call(net.lif1, net.fc1(x_t), *states)
            found.append(net.fc3(states[0]))
        return torch.stack(found)

    return Net(forward, make())


def leaky() -> Any:
    return snn.Leaky(beta=0.8, threshold=0.5, spike_grad=fires)


def synaptic() -> Any:
    return snn.Synaptic(alpha=0.7, beta=0.8, threshold=0.5, spike_grad=fires)


def recurrent_leaky() -> Any:
    return snn.RLeaky(beta=0.8, linear_features=7, spike_grad=fires)


def recurrent_synaptic() -> Any:
    return snn.RSynaptic(alpha=0.7, beta=0.8, linear_features=7, spike_grad=fires)


BY_NAME: dict[str, Callable[[], Net]] = {
    "Leaky": lambda: handed(leaky, lambda lif, x, mem: lif(x, mem=mem)),
    "the current too": lambda: handed(leaky, lambda lif, x, mem: lif(mem=mem, input_=x)),
    "Synaptic": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, syn=syn, mem=mem)),
    "the other way round": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, mem=mem, syn=syn)),
    "half of them": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, syn, mem=mem)),
    "the membrane alone": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, mem=mem)),
    "the current's memory alone": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, syn)),
    "RLeaky": lambda: with_spikes(recurrent_leaky, lambda lif, x, spk, mem: lif(x, mem=mem, spk=spk)),
    "RSynaptic": lambda: with_spikes(
        recurrent_synaptic, lambda lif, x, spk, syn, mem: lif(input_=x, mem=mem, spk=spk, syn=syn)
    ),
}
SWAPPED: dict[str, Callable[[], Net]] = {
    "Synaptic": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, syn=mem, mem=syn)),
    "by name, in order": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, mem=syn, syn=mem)),
    "in order": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, mem, syn)),
    "the membrane first": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, mem)),
    "one for both": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, mem, mem)),
    "the wrong one alone": lambda: handed(synaptic, lambda lif, x, syn, mem: lif(x, mem=syn)),
    "RLeaky": lambda: with_spikes(recurrent_leaky, lambda lif, x, spk, mem: lif(x, mem=spk, spk=mem)),
    "RSynaptic": lambda: with_spikes(
        recurrent_synaptic, lambda lif, x, spk, syn, mem: lif(x, spk=syn, syn=spk, mem=mem)
    ),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_states_by_their_names(name: str) -> None:
    read = read_alike(randomized(BY_NAME[name]()), (6,), steps=STEPS, compare_currents=not name.startswith("R"))
    assert read.network.readout == "sum"


@pytest.mark.parametrize("name", SWAPPED)
def test_states_in_one_anothers_places(name: str) -> None:
    with pytest.raises(InputError, match=r"^lif1 .*must get its .*states of the step before, in the order in which it"):
        read_module(randomized(SWAPPED[name]()), (6,), timesteps=STEPS, encoding="steps")
