"""Neurons whose spikes come back to them a step late by their framework's own module."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
from sinabs import activation  # noqa: E402
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
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


# Of the frameworks


def rleaky(**settings: Any) -> Any:
    given = {"beta": 0.75, "linear_features": 6, "init_hidden": True, "spike_grad": fires, "threshold": 0.5}
    return snn.RLeaky(**{**given, **settings})


def rsynaptic(**settings: Any) -> Any:
    given = {"alpha": 0.5, "beta": 0.75, "linear_features": 6, "init_hidden": True, "spike_grad": fires}
    return snn.RSynaptic(**{**given, **settings})


def one_to_one(values: Any) -> dict[str, Any]:
    return {"all_to_all": False, "linear_features": None, "V": values}


V = torch.tensor([-0.5, 0.25, 1.0, -1.0, 0.5, 0.0], dtype=torch.float64)
RECURRENT: dict[str, Callable[[], nn.Module]] = {
    **{f"RLeaky, {reset}": partial(rleaky, reset_mechanism=reset) for reset in ("subtract", "zero", "none")},
    "RLeaky, subtract at once": lambda: rleaky(reset_delay=False),
    "RLeaky, zero at once": lambda: rleaky(reset_delay=False, reset_mechanism="zero"),
    "RLeaky, not learned": lambda: rleaky(learn_recurrent=False),
    "RLeaky, one number": lambda: rleaky(**one_to_one(-0.5)),
    "RLeaky, one to one": lambda: rleaky(**one_to_one(V)),
    "RLeaky, one to one, not learned": lambda: rleaky(**one_to_one(V), learn_recurrent=False),
    **{f"RSynaptic, {reset}": partial(rsynaptic, reset_mechanism=reset) for reset in ("subtract", "zero")},
    "RSynaptic, one to one": lambda: rsynaptic(**one_to_one(V), reset_mechanism="none"),
}


@pytest.mark.parametrize("name", RECURRENT)
def test_of_snntorch(name: str) -> None:
    net = nn.Sequential(
        nn.Linear(8, 6), RECURRENT[name](), nn.Linear(6, 3), snn.Leaky(0.5, init_hidden=True, spike_grad=fires)
    )
    read = read_alike(randomized(net), (8,), steps=STEPS, compare_currents=False)
    assert (read.layout, len(recurrent_layers(read))) == ("step", 1)


def zeros(_: Any, x: Any) -> list[Any]:
    return [x.new_zeros(len(x), 6)] * 3


class Handed(nn.Module):  # type: ignore[misc]
    """Spikes and membranes in the hands of the caller, as snnTorch's documentation has it."""

    def __init__(self, neurons: Any, start: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.fc1, self.lif1, self.fc2 = nn.Linear(8, 6), neurons, nn.Linear(6, 3)
        self.start = start

    def forward(self, x: Any) -> Any:
        states = self.start(self.lif1, x[0])
        outputs = []
        for x_t in x:
            states = self.lif1(self.fc1(x_t), *states)
            outputs.append(self.fc2(states[0]))
        return torch.stack(outputs)


@pytest.mark.parametrize(
    ("neurons", "start"),
    [
        (lambda: rleaky(init_hidden=False), lambda lif, _: lif.init_rleaky()),
        (lambda: rsynaptic(init_hidden=False), lambda lif, _: lif.init_rsynaptic()),
        # Its reset stays a step late, as a look into its forward tells.
        (lambda: rsynaptic(init_hidden=False, reset_delay=False), zeros),
    ],
)
def test_of_snntorch_in_a_loop(neurons: Any, start: Any) -> None:
    read = read_alike(randomized(Handed(neurons(), start)), (8,), steps=STEPS, compare_currents=False)
    assert (read.layout, len(recurrent_layers(read))) == ("sequence", 1)


def test_of_snntorch_over_an_image() -> None:
    lif = rleaky(linear_features=None, conv2d_channels=3, kernel_size=1)
    net = nn.Sequential(
        nn.Conv2d(2, 3, 2), lif, nn.Flatten(), nn.Linear(27, 3), snn.Leaky(0.5, init_hidden=True, spike_grad=fires)
    )
    read = read_alike(randomized(net), (2, 4, 4), steps=STEPS, compare_currents=False)
    assert len(recurrent_layers(read)) == 1


def parameters(**values: float) -> Any:
    return norse.LIFParameters(**{name: torch.tensor(value) for name, value in values.items()})


FAST = {"tau_mem_inv": 500.0, "tau_syn_inv": 500.0, "v_th": 0.25}


def recurrent_norse(kind: Any, **settings: Any) -> Any:
    cell = kind(8, 6, p=parameters(**FAST), **settings)
    cell.double()
    cell.input_weights.data *= 2
    return cell


@pytest.mark.parametrize("autapses", [False, True])
def test_of_norse(autapses: bool) -> None:
    cell = recurrent_norse(norse.LIFRecurrentCell, autapses=autapses)
    net = randomized(norse.SequentialState(cell, nn.Linear(6, 3), norse.LICell()))
    read = read_alike(net, (8,), steps=STEPS, compare_currents=False)
    assert (read.layout, len(recurrent_layers(read))) == ("state", 1)


def test_of_norse_over_time() -> None:
    net = randomized(norse.SequentialState(recurrent_norse(norse.LIFRecurrent), nn.Linear(6, 3), norse.LI()))
    read = read_alike(net, (8,), steps=STEPS, compare_currents=False)
    assert (read.layout, len(recurrent_layers(read))) == ("sequence", 1)


SINABS: dict[str, Callable[[], nn.Module]] = {
    "LIF": lambda: sl.LIFRecurrent(tau_mem=5.0, norm_input=False, rec_connect=nn.Linear(6, 6, bias=False)),
    "LIF, synapses": lambda: sl.LIFRecurrent(tau_mem=5.0, tau_syn=2.0, rec_connect=nn.Linear(6, 6, bias=False)),
    "IAF, one spike": lambda: sl.IAFRecurrent(
        rec_connect=nn.Sequential(nn.Flatten(), nn.Linear(6, 6, bias=False)), spike_fn=activation.SingleSpike
    ),
    "IAF, three spikes": lambda: sl.IAFRecurrent(
        rec_connect=nn.Linear(6, 6, bias=False), spike_fn=activation.MaxSpike(3), min_v_mem=-1.0
    ),
}


@pytest.mark.parametrize("name", SINABS)
def test_of_sinabs(name: str) -> None:
    net = randomized(nn.Sequential(nn.Linear(8, 6), SINABS[name](), nn.Linear(6, 3), sl.IAF())).float()
    for one in (net[0], net[2]):
        one.weight.data /= 2  # so that no neuron fires more often a step than is built
    read = read_alike(net, (8,), steps=STEPS, compare_currents=False, tolerance=1e-5)
    assert (read.layout, len(recurrent_layers(read))) == ("batch_first", 1)


def linear_container(step_mode: str) -> Any:
    inner = nn.Sequential(nn.Linear(5, 6), neuron.LIFNode())
    return layer.LinearRecurrentContainer(inner, 5, 6, step_mode=step_mode)


def plus_container(step_mode: str) -> Any:
    return layer.ElementWiseRecurrentContainer(neuron.LIFNode(), lambda y, x: y + x, step_mode=step_mode)


@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize(("make", "inputs"), [(linear_container, 5), (plus_container, 6)])
def test_of_spikingjelly(make: Any, inputs: int, step_mode: str) -> None:
    net = nn.Sequential(layer.Linear(8, inputs), make(step_mode), layer.Linear(6, 3), neuron.IFNode())
    functional.set_step_mode(net, step_mode)
    assert net[1].step_mode == step_mode
    read = read_alike(randomized(net), (8,), steps=STEPS, compare_currents=False)
    assert (read.layout, len(recurrent_layers(read))) == ("step" if step_mode == "s" else "sequence", 1)


@pytest.mark.parametrize("step_mode", ["s", "m"])
@pytest.mark.parametrize("make", [linear_container, plus_container])
def test_of_spikingjelly_as_the_last_layer(make: Any, step_mode: str) -> None:
    inputs = 5 if make is linear_container else 6
    net = nn.Sequential(layer.Linear(8, 6), neuron.IFNode(), layer.Linear(6, inputs), make(step_mode))
    functional.set_step_mode(net, step_mode)
    read = read_alike(randomized(net), (8,), steps=STEPS, compare_currents=False)
    assert recurrent_layers(read) == [read.network.layers[-1].name]


class Wrong(Handed):
    """A membrane where spikes are expected."""

    def forward(self, x: Any) -> Any:
        membrane, outputs = None, []
        for x_t in x:
            spikes, membrane = self.lif1(self.fc1(x_t), membrane)
            outputs.append(self.fc2(spikes))
        return torch.stack(outputs)


def test_states_in_a_wrong_place() -> None:
    with pytest.raises(InputError, match=r"^lif1 \(RLeaky\): must get its spikes and states of the step before"):
        read_module(Wrong(rleaky(init_hidden=False), zeros), (8,), timesteps=4, encoding="steps", forward="all")
