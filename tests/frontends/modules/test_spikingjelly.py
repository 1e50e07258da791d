"""SpikingJelly's neurons as we read them, against its own modules on the same currents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.frontends.modules.framework import Node, Reading
from hwsnn.frontends.modules.frameworks.spikingjelly import SpikingJelly
from tests.support.float_simulation import Simulated, simulate
from tests.support.layers import float_conv_layer
from tests.support.torchvision_stand_in import stand_in_for_torchvision

torch: Any = pytest.importorskip("torch")
pytest.importorskip("spikingjelly")

from spikingjelly.activation_based import functional, layer, neuron, rnn, surrogate  # noqa: E402

SJ = SpikingJelly()
SHAPE, FRAMES, STEPS = (2, 3, 3), 16, 16
INFINITE = float("inf")


class Half(neuron.IFNode):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(v_reset=None)
        self.set_reset_value("v", 0.5)


def fires_above(distance: Any) -> Any:
    return (distance > 0).to(distance)


def with_values(module: Any, **values: Any) -> Any:
    """The module with other attributes than its class takes."""
    for key, value in values.items():
        setattr(module, key, value)
    return module


def starting(module: Any, state: str, value: Any) -> Any:
    module.set_reset_value(state, value)
    return module


EXACT: dict[str, Callable[[], Any]] = {
    "if": lambda: neuron.IFNode(),
    "if, soft": lambda: neuron.IFNode(v_reset=None),
    "if, reset below": lambda: neuron.IFNode(v_reset=-0.5),
    "if, a start of its own": Half,
    "if, reset and start": lambda: starting(neuron.IFNode(v_reset=0.25), "v", 0.75),
    "half threshold": lambda: neuron.HalfThresholdIFNode(v_threshold=1.5),
    "if, above": lambda: neuron.IFNode(surrogate_function=fires_above),
    "if, another surrogate": lambda: neuron.IFNode(surrogate_function=surrogate.LeakyKReLU()),
    "if, threshold per channel": lambda: with_values(
        neuron.IFNode(surrogate_function=surrogate.Rect()), v_threshold=torch.tensor([0.5, 2.0]).reshape(2, 1, 1)
    ),
    "if, all membranes stored": lambda: neuron.IFNode(store_v_seq=True),
    "lif": lambda: neuron.LIFNode(),
    "lif, another surrogate": lambda: neuron.LIFNode(surrogate_function=surrogate.Rect()),
    "lif, soft, input not decayed": lambda: neuron.LIFNode(decay_input=False, v_reset=None),
    "lif, rest": lambda: neuron.LIFNode(v_threshold=0.5, v_reset=-0.5),
    "lif, rest, input not decayed": lambda: neuron.LIFNode(decay_input=False, v_reset=0.25),
    "lif, rest and start": lambda: starting(neuron.LIFNode(v_reset=0.25), "v", 0.5),
    "plif": lambda: neuron.ParametricLIFNode(),
    "plif, soft, input not decayed": lambda: neuron.ParametricLIFNode(decay_input=False, v_reset=None),
    "plif, rest": lambda: neuron.ParametricLIFNode(v_threshold=0.5, v_reset=-0.25),
    "cuba": lambda: neuron.CUBALIFNode(c_decay=0.5, v_decay=0.5),
    "cuba, soft": lambda: neuron.CUBALIFNode(c_decay=0.5, v_decay=0.5, v_reset=None),
    "cuba, start": lambda: starting(neuron.CUBALIFNode(c_decay=0.5, v_decay=0.5), "v", -0.5),
    "cuba, reset, no leak": lambda: neuron.CUBALIFNode(c_decay=0.5, v_decay=1.0, v_reset=0.25),
    "cuba, reset, no memory of currents": lambda: neuron.CUBALIFNode(c_decay=0.0, v_decay=0.5, v_reset=-0.5),
}
"""Exact in float32 on multiples of a quarter."""
CLOSE: dict[str, Callable[[], Any]] = {
    "lif": lambda: neuron.LIFNode(tau=3.0, v_threshold=0.6),
    "lif, quarter": lambda: neuron.LIFNode(tau=4.0, decay_input=False, v_reset=None),
    "plif": lambda: neuron.ParametricLIFNode(init_tau=5.0, v_threshold=0.4),
    "plif, per channel": lambda: with_values(
        neuron.ParametricLIFNode(), w=torch.nn.Parameter(torch.tensor([-0.5, 1.0]).reshape(2, 1, 1))
    ),
    "cuba": lambda: neuron.CUBALIFNode(c_decay=0.3, v_decay=0.9),
}
NEVER: dict[str, Callable[[], Any]] = {
    "if": lambda: neuron.IFNode(v_threshold=INFINITE, surrogate_function=surrogate.Rect()),
    "if, start": lambda: neuron.IFNode(v_threshold=INFINITE, v_reset=0.5, surrogate_function=surrogate.Rect()),
    "lif, rest": lambda: neuron.LIFNode(v_threshold=INFINITE, v_reset=0.5, surrogate_function=surrogate.Rect()),
    "cuba": lambda: neuron.CUBALIFNode(c_decay=0.5, v_decay=0.5, v_threshold=INFINITE, v_reset=0.25),
    "NonSpikingIFNode": lambda: neuron.NonSpikingIFNode("last_mem"),
    "NonSpikingLIFNode": lambda: neuron.NonSpikingLIFNode(2.0, "last_mem"),
}
MODES = ("s", "m")


def node(module: Any) -> Node:
    return Node("net.1", module, SHAPE)


def currents(seed: int, dtype: Any) -> Any:
    """(T, N, C, H, W): multiples of a quarter, so that thresholds are met exactly."""
    quarters = np.random.default_rng(seed).integers(-3, 7, (STEPS, FRAMES, *SHAPE))
    return torch.tensor(quarters / 4, dtype=dtype)


def run(module: Any, mode: str, x: Any) -> FloatArray:
    """What comes out of one frame (N, T, C, H, W)."""
    module.step_mode = mode
    SJ.reset(module, FRAMES)
    with torch.no_grad():
        out = module.eval()(x) if mode == "m" else torch.stack([module.eval()(step) for step in x])
    return np.asarray(out.transpose(0, 1).double())


def distances(module: Any, mode: str, x: Any) -> tuple[FloatArray, FloatArray]:
    """What comes out, and the distances of every step, (N, T, C, H, W) each."""
    with SJ.distances(module) as found:
        out = run(module, mode, x)
    assert len(found) == STEPS
    return out, np.asarray(torch.stack(found).transpose(0, 1).double())


def by_reading(reading: Reading, x: Any) -> Simulated:
    channels = SHAPE[0]
    weight = np.zeros((channels, channels, 1, 1))
    weight[range(channels), range(channels), 0, 0] = reading.gain
    only = float_conv_layer("conv1", weight, reading.offset, reading.neuron)
    return simulate(FloatNetwork("net", SHAPE, (only,)), np.asarray(x.transpose(0, 1).double()))


def thresholds(reading: Reading) -> FloatArray:
    assert isinstance(reading.neuron, FloatNeuron)
    return reading.neuron.threshold[:, None, None]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", EXACT)
def test_exact(name: str, mode: str) -> None:
    module, x = EXACT[name](), currents(1, torch.float32)
    reading = SJ.read(node(module))
    ours = by_reading(reading, x)
    spikes = run(module, mode, x)
    np.testing.assert_array_equal(spikes, ours.spikes["conv1"])
    assert 0.02 < spikes.mean() < 0.9
    again, distance = distances(module, mode, x)
    np.testing.assert_array_equal(again, spikes)
    np.testing.assert_array_equal(distance, ours.membranes["conv1"] - thresholds(reading))
    assert (distance == 0).any(), "no tie tells >= from >"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", CLOSE)
def test_close(name: str, mode: str) -> None:
    """In double precision, where no rounding of ours and theirs is large enough to move a spike."""
    module, x = CLOSE[name](), currents(2, torch.float64) + 0.01
    reading = SJ.read(node(module))
    ours = by_reading(reading, x)
    spikes, distance = distances(module, mode, x)
    np.testing.assert_array_equal(spikes, ours.spikes["conv1"])
    np.testing.assert_allclose(distance, ours.membranes["conv1"] - thresholds(reading), atol=1e-12)
    assert 0.02 < spikes.mean() < 0.9


@pytest.mark.parametrize("name", NEVER)
def test_integrators(name: str) -> None:
    module, x = NEVER[name](), currents(3, torch.float32)
    reading = SJ.read(node(module))
    assert isinstance(reading.neuron, FloatIntegrator)
    u = by_reading(reading, x).membranes["conv1"]
    if name.startswith("Non"):  # the last membrane alone comes out
        with SJ.distances(module) as found, torch.no_grad():
            np.testing.assert_array_equal(module(x), u[:, -1])
        np.testing.assert_array_equal(torch.stack(found).transpose(0, 1), u)
    else:
        for mode in MODES:
            out, found_there = distances(module, mode, x)
            np.testing.assert_array_equal(found_there, u)
            np.testing.assert_array_equal(out, run(module, mode, x))
            assert not out.any()
    membrane = SJ.membrane(module, None)
    assert membrane is module.v
    np.testing.assert_array_equal(membrane, u[:, -1])


@pytest.mark.parametrize("make", [Half, NEVER["if"], NEVER["NonSpikingLIFNode"]])
def test_distances_leave_nothing_behind(make: Callable[[], Any]) -> None:
    module = make()
    before, children = dict(vars(module)), dict(module.named_modules())

    def fails() -> None:
        with SJ.distances(module):
            assert dict(vars(module)) != before
            raise RuntimeError("in between")

    with pytest.raises(RuntimeError, match="in between"):
        fails()
    assert dict(vars(module)) == before
    assert dict(module.named_modules()) == children


def test_what_a_user_should_know() -> None:
    assert SJ.read(node(neuron.IFNode())).remarks == ()
    assert SJ.read(node(neuron.IFNode(v_reset=-0.5))).remarks == ("net.1: membranes are counted from v_reset, -0.5",)


class Charges(neuron.LIFNode):  # type: ignore[misc]
    def neuronal_charge(self, x: Any) -> None:
        self.v += x


class Steps(neuron.BaseNode):  # type: ignore[misc]
    def single_step_functional_forward(self, inputs: Any, states: Any, **_: Any) -> Any:
        return inputs, states


class Quadratic(neuron.QIFNode):  # type: ignore[misc]
    pass


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "QIFNode": (neuron.QIFNode, "SpikingJelly's QIFNode is not built; use IFNode, LIFNode, .* or CUBALIFNode"),
    "derived from QIFNode": (Quadratic, r"net\.1 \(Quadratic\): SpikingJelly's QIFNode is not built"),
    "EIFNode": (neuron.EIFNode, "EIFNode is not built"),
    "IzhikevichNode": (neuron.IzhikevichNode, "IzhikevichNode is not built"),
    "KLIFNode": (neuron.KLIFNode, "KLIFNode is not built"),
    "LIAFNode": (lambda: neuron.LIAFNode(torch.relu, True), "LIAFNode is not built"),
    "GatedLIFNode": (lambda: neuron.GatedLIFNode(T=4), "GatedLIFNode is not built"),
    "PSN": (lambda: neuron.PSN(T=4), "PSN is not built"),
    "SlidingPSN": (lambda: neuron.SlidingPSN(k=2), "SlidingPSN is not built"),
    "SimpleLIFNode": (lambda: neuron.SimpleLIFNode(2.0, True), "SimpleLIFNode is not built; LIFNode computes the same"),
    "OTTTLIFNode": (neuron.OTTTLIFNode, "OTTTLIFNode is not built; LIFNode computes the same outside training"),
    "SpikingLSTMCell": (lambda: rnn.SpikingLSTMCell(2, 2), "SpikingLSTMCell is not built"),
    "its own charge": (
        Charges,
        r"\(Charges\): has its own neuronal_charge, so its step cannot be read; derive it from",
    ),
    "its own step": (Steps, "has its own single_step_functional_forward"),
    "a patched forward": (lambda: with_values(neuron.IFNode(), forward=torch.relu), "has its own forward"),
    "threshold at the reset": (
        lambda: neuron.IFNode(v_threshold=0.5, v_reset=0.5),
        "v_threshold must be above v_reset, 0.5, not 0.5",
    ),
    "threshold of 0": (lambda: neuron.IFNode(v_threshold=0.0, v_reset=None), "v_threshold must be above 0, not 0"),
    "soft reset by inf": (
        lambda: neuron.IFNode(v_threshold=INFINITE, v_reset=None),
        "v_reset must be a number where v_threshold is inf",
    ),
    "tau": (lambda: with_values(neuron.LIFNode(), tau=0.5), "tau must be at least 1, not 0.5"),
    "no leak": (lambda: neuron.LIFNode(tau=INFINITE), "tau must be finite"),
    "c_decay": (lambda: neuron.CUBALIFNode(c_decay=1.5), "c_decay must be from 0 to 1, not 1.5"),
    "v_decay": (lambda: neuron.CUBALIFNode(v_decay=-0.5), "v_decay must be from 0 to 1, not -0.5"),
    "cuba's reset": (
        lambda: neuron.CUBALIFNode(v_reset=0.25),
        "v_reset must be 0.0 or None behind a current with memory",
    ),
    "cuba's current": (
        lambda: starting(neuron.CUBALIFNode(), "c", 0.5),
        "the reset value of c must be 0.0, no current, not 0.5",
    ),
    "a start that is a tensor": (
        lambda: starting(neuron.IFNode(), "v", torch.tensor(0.5)),
        r"the reset value of v must be a float \(set_reset_value\('v', 0.5\)\), not Tensor",
    ),
    "a start that is an int": (
        lambda: starting(neuron.IFNode(), "v", 1),
        "the reset value of v must be a float .* not 1",
    ),
    "not spiking": (
        lambda: neuron.IFNode(surrogate_function=surrogate.Sigmoid(spiking=False)),
        r"surrogate_function must give 1 for positive .*set_spiking_mode\(True\)\)$",
    ),
    "several spikes": (
        lambda: neuron.IFNode(surrogate_function=surrogate.MultiLevelSpikeCount(4)),
        "surrogate_function must give 1 for positive",
    ),
    "random spikes": (
        lambda: neuron.IFNode(surrogate_function=surrogate.PoissonPass()),
        "surrogate_function must give 1 for positive .*; it raised RuntimeError",
    ),
    "decode": (
        lambda: neuron.NonSpikingIFNode("max-mem"),
        "decode must be 'last_mem', the membrane of the last step, not 'max-mem'; set it",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, message = REFUSED[name]
    module = make()
    assert SJ.is_neuron(module)
    with pytest.raises(InputError, match=message) as refusal:
        SJ.read(node(module))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "other",
    [
        torch.nn.Linear(2, 2),
        layer.Conv2d(2, 2, 3),
        layer.Dropout(),
        layer.SeqToANNContainer(torch.nn.Flatten()),
        surrogate.Sigmoid(),
        torch.nn.Sequential(neuron.IFNode()),
    ],
    ids=lambda module: type(module).__name__,
)
def test_what_is_no_neuron(other: Any) -> None:
    assert not SJ.is_neuron(other)


def test_layouts() -> None:
    net = torch.nn.Sequential(layer.Linear(2, 2), neuron.IFNode())
    assert SJ.layouts(net) == ("step", "frame", "sequence")
    functional.set_step_mode(net, "m")
    assert SJ.layouts(net) == ("sequence", "frame")
    assert SJ.layouts(torch.nn.Sequential(layer.Linear(2, 2, step_mode="m"))) == ()
    stepwise = torch.nn.Linear(2, 2), neuron.IFNode()
    assert SJ.layouts(layer.MultiStepContainer(*stepwise)) == ("sequence", "frame")
    assert SJ.layouts(layer.StepModeContainer(True, "m", *stepwise)) == ("sequence", "frame")
    assert SJ.layouts(layer.StepModeContainer(True, "s", *stepwise)) == ("step", "frame", "sequence")


def test_reset_and_membrane() -> None:
    class Foreign(torch.nn.Module):  # type: ignore[misc]
        def reset(self) -> None:
            raise AssertionError("another framework's module was reset")

    fires = Half()
    net = torch.nn.Sequential(fires, Foreign())
    SJ.reset(net, 3)
    assert SJ.membrane(fires, None) is None
    out = fires(torch.full((3, 2), 0.25))
    assert SJ.membrane(fires, out) is fires.v
    np.testing.assert_array_equal(fires.v, [[0.75] * 2] * 3)
    SJ.reset(net, 1)
    assert fires(torch.full((1, 2), 0.5)).tolist() == [[1.0] * 2]


def test_a_network_of_its_own() -> None:
    """Its models import torchvision."""
    stand_in_for_torchvision()
    from spikingjelly.activation_based.model.sew_resnet import BasicBlock, SEWResNet

    net = SEWResNet(BasicBlock, [1, 1, 1, 1], cnf="ADD", spiking_neuron=neuron.IFNode)
    assert sum(SJ.is_neuron(module) for module in net.modules()) == 12
    assert SJ.layouts(net)[0] == "step"
