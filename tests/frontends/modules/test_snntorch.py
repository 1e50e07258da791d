"""snnTorch's neurons as they are read, against snnTorch's own: the spikes and what decides them, step by step."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatNetwork, FloatNeuron
from hwsnn.frontends.modules.framework import Node, Reading
from hwsnn.frontends.modules.frameworks.snntorch import SnnTorch
from tests.support.float_simulation import simulate
from tests.support.layers import float_conv_layer

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")
surrogate: Any = pytest.importorskip("snntorch.surrogate")

SHAPE = (3, 2, 2)
STEPS = 18
SNNTORCH = SnnTorch()


def tensor(*values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float32)


def per_channel(*values: float) -> Any:
    return tensor(*values).reshape(-1, 1, 1)


def read(module: Any, shape: tuple[int, int, int] = SHAPE, axes: int = 3) -> Reading:
    return SNNTORCH.read(Node("lif", module, shape, axes))


def reset_of(module: Any) -> str:
    neuron = read(module).neuron
    assert isinstance(neuron, FloatNeuron)
    return neuron.reset


def halves(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> FloatArray:
    """Currents (N, T, C, H, W): multiples of 1/2, so that single precision is exact where decays are 0, 1/2 and 1."""
    return np.random.default_rng(seed).integers(-3, 6, (8, STEPS, *shape)) / 2


def fine(shape: tuple[int, ...] = SHAPE, seed: int = 0) -> FloatArray:
    """Currents that hardly ever tie, so that a rounded membrane does not change a spike."""
    return np.random.default_rng(seed).normal(0.4, 1.0, (8, STEPS, *shape)).astype(np.float32).astype(np.float64)


def own_spikes(module: Any, currents: FloatArray, axes: int = 3) -> tuple[FloatArray, FloatArray]:
    """Spikes and distances of snnTorch's own ``module``, (N, T, C, H, W) each; the state goes from call to call."""
    count, steps, *shape = currents.shape
    seen = {1: (-1,), 2: (shape[0], -1), 3: tuple(shape)}[axes]
    state: tuple[Any, ...] = ()
    spikes = []
    SNNTORCH.reset(module, count)
    with SNNTORCH.distances(module) as distances:
        for t in range(steps):
            inputs = torch.tensor(currents[:, t], dtype=torch.float32).reshape(count, *seen)
            output = module(inputs, *state)
            if not module.init_hidden:
                output, *rest = output
                state = tuple(rest)
            spikes.append(output.detach())
    return tuple(torch.stack(each, 1).double().numpy().reshape(currents.shape) for each in (spikes, distances))


def read_spikes(reading: Reading, currents: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Spikes and distances of the ``reading``, by the sentences about neurons."""
    identity = np.diag(reading.gain)[:, :, None, None]
    layer = float_conv_layer("lif", identity, reading.offset, reading.neuron)
    found = simulate(FloatNetwork("net", currents.shape[2:], (layer,)), currents)
    assert isinstance(reading.neuron, FloatNeuron)
    theta = reading.neuron.threshold[:, None, None]
    return found.spikes["lif"], found.membranes["lif"] - theta


def assert_exact(module: Any, currents: FloatArray | None = None, axes: int = 3) -> None:
    """Not a spike and not a bit of a membrane differs, and there are ties among them."""
    currents = halves() if currents is None else currents
    spikes, distances = own_spikes(module, currents, axes)
    ours, our_distances = read_spikes(read(module, currents.shape[2:], axes), currents)
    np.testing.assert_array_equal(ours, spikes)
    np.testing.assert_array_equal(our_distances, distances)
    assert (distances == 0).any()
    assert 0.05 < spikes.mean() < 0.95


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("beta", [0.5, 1.0, 0.0, per_channel(0.5, 1, 0)], ids=["half", "one", "zero", "per channel"])
@pytest.mark.parametrize("threshold", [1.0, per_channel(0.5, 1, 2)], ids=["one", "per channel"])
def test_leaky_and_synaptic_are_what_they_are_read_as(
    reset: str, delay: bool, hidden: bool, beta: Any, threshold: Any
) -> None:
    settings = {
        "threshold": threshold,
        "reset_mechanism": reset,
        "reset_delay": delay,
        "init_hidden": hidden,
    }
    assert_exact(snn.Leaky(beta, **settings))
    for alpha in (0.5, 0.0, per_channel(0, 0.5, 0.5)):
        assert_exact(snn.Synaptic(alpha, beta, **settings))


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("settings", [(1, 2, 1), (4, 0.5, 1), (1, 1, 0.5), (2, 1, 2), (1, per_channel(2, 1, 2), 1)])
def test_lapicque_of_a_resistor_and_a_capacitor_is_what_it_is_read_as(reset: str, settings: Any) -> None:
    resistor, capacitor, time_step = settings
    if isinstance(capacitor, torch.Tensor):  # its constructor takes one number, a weights file any
        module = snn.Lapicque(R=1, C=2, reset_mechanism=reset)
        module.C = capacitor
    else:
        module = snn.Lapicque(R=resistor, C=capacitor, time_step=time_step, reset_mechanism=reset)
    assert_exact(module)


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize(
    "settings", [{"beta": 0.9}, {"beta": 0.8, "R": 2.0}, {"beta": 0.9, "C": 3.0}, {"R": 5.0, "C": 1.5}]
)
def test_lapicque_decays_by_its_resistor_and_capacitor_and_not_by_its_beta(
    reset: str, settings: dict[str, float]
) -> None:
    module = snn.Lapicque(reset_mechanism=reset, threshold=0.5, **settings)
    reading = read(module)
    np.testing.assert_array_equal(read_spikes(reading, fine())[0], own_spikes(module, fine())[0])
    (remark,) = reading.remarks
    assert remark.startswith("lif: beta is 0.")
    assert "but snnTorch decays by 1 - time_step / (R C) = 0." in remark


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
@pytest.mark.parametrize("delay", [True, False])
def test_decays_that_single_precision_rounds_give_the_same_spikes(seed: int, reset: str, delay: bool) -> None:
    settings = {"threshold": per_channel(0.7, 1.1, 1.3), "reset_mechanism": reset, "reset_delay": delay}
    for module in (
        snn.Leaky(0.9, learn_beta=True, learn_threshold=True, **settings),
        snn.Synaptic(per_channel(0.3, 0.6, 0.1), per_channel(0.9, 0.85, 0.2), **settings),
    ):
        np.testing.assert_array_equal(
            read_spikes(read(module), fine(seed=seed))[0], own_spikes(module, fine(seed=seed))[0]
        )


def test_decays_are_clamped_as_snntorch_clamps_them() -> None:
    module = snn.Synaptic(per_channel(-0.5, 0.5, -2), per_channel(1.5, -1, 0.5), learn_alpha=True, learn_beta=True)
    assert_exact(module)
    neuron = read(module).neuron
    np.testing.assert_array_equal(neuron.beta, [1, 0, 0.5])
    np.testing.assert_array_equal(neuron.alpha, [0, 0.5, 0])


@pytest.mark.parametrize(
    ("beta", "shape", "axes"),
    [
        (tensor(0.5), (3, 1, 1), 1),
        (tensor(0.5, 1, 0), (3, 1, 1), 1),
        (tensor([0.5, 1, 0]), (3, 1, 1), 1),
        (tensor(0.5, 0.5, 1, 1), (2, 1, 2), 1),
        (tensor([0.5], [1]), (2, 1, 3), 2),
        (tensor([[0.5], [1]]), (2, 1, 3), 2),
        (tensor([0.5] * 3, [1] * 3), (2, 1, 3), 2),
        (tensor([[0.5]]), SHAPE, 3),
        (tensor([[[0.5]], [[1]], [[0]]]), SHAPE, 3),
        (per_channel(0.5, 1, 0).expand(SHAPE), SHAPE, 3),
        (torch.full((2, 2), 0.5), SHAPE, 3),
    ],
    ids=lambda value: str(tuple(getattr(value, "shape", ()) or ())) if isinstance(value, torch.Tensor) else str(value),
)
def test_numbers_are_broadcast_as_torch_broadcasts_them(beta: Any, shape: tuple[int, int, int], axes: int) -> None:
    for module in (snn.Leaky(beta), snn.Leaky(0.5, threshold=0.5 + beta), snn.Synaptic(beta.clamp(max=0.5), 0.5)):
        assert_exact(module, halves(shape), axes)


def test_resets_by_name() -> None:
    for make in (snn.Leaky, lambda **settings: snn.Synaptic(0.5, **settings)):
        assert reset_of(make(beta=0.5)) == "late-subtract"
        assert reset_of(make(beta=0.5, reset_delay=False)) == "undelayed-subtract"
        assert reset_of(make(beta=0.5, reset_mechanism="zero", reset_delay=False)) == "zero"
        assert reset_of(make(beta=0.5, reset_mechanism="none", reset_delay=False)) == "none"
    assert reset_of(snn.Leaky(0.5, reset_mechanism="zero")) == "zero"
    assert reset_of(snn.Synaptic(0.5, 0.5, reset_mechanism="zero")) == "late-zero"
    assert reset_of(snn.Lapicque(0.9, reset_mechanism="zero")) == "late-zero"
    assert reset_of(snn.Lapicque(0.9)) == "late-subtract"


@pytest.mark.parametrize("kind", [snn.Leaky, lambda beta, **settings: snn.Synaptic(0.5, beta, **settings)])
@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("before", ["subtract", "zero", "none"])
@pytest.mark.parametrize("now", ["subtract", "zero", "none"])
def test_a_reset_loaded_later_counts_as_far_as_snntorch_reads_it(kind: Any, delay: bool, before: str, now: str) -> None:
    module = kind(0.5, reset_mechanism=before, reset_delay=delay)
    module.load_state_dict(kind(0.5, reset_mechanism=now).state_dict())
    mixtures = [("subtract", "zero"), ("zero", "subtract"), ("none", "subtract")]
    if not delay and (before, now) in mixtures:
        with pytest.raises(InputError, match=f"reset_mechanism '{before}' in the constructor and '{now}' since then"):
            read(module)
        return
    assert_exact(module)
    remarks = read(module).remarks
    assert bool(remarks) == (before != now)
    assert not remarks or f"lif: reset_mechanism is '{now}' now, but '{before}' in the constructor" in remarks[0]


# LSO is left out: snnTorch 1.0.0 cannot call it itself.
SURROGATES = {
    "default": None,
    "straight through": surrogate.straight_through_estimator(),
    "triangular": surrogate.triangular(),
    "fast sigmoid": surrogate.fast_sigmoid(),
    "atan": surrogate.atan(),
    "heaviside": surrogate.heaviside(),
    "sigmoid": surrogate.sigmoid(),
    "escape": surrogate.spike_rate_escape(),
    "SSO": surrogate.SSO(),
    "SFS": surrogate.SFS(),
    "custom": surrogate.custom_surrogate(lambda inputs, gradients, spikes: gradients),
}


@pytest.mark.parametrize("name", SURROGATES)
def test_every_surrogate_fires_above_the_threshold(name: str) -> None:
    assert_exact(snn.Leaky(0.5, spike_grad=SURROGATES[name]))


def test_the_comparison_is_that_of_spike_grad() -> None:
    module = snn.Leaky(0.5, spike_grad=lambda x: (x >= 0).float())
    assert_exact(module)
    neurons = [read(each).neuron for each in (module, snn.Leaky(0.5), snn.Leaky(0.5, surrogate_disable=True))]
    assert [getattr(neuron, "compare", "") for neuron in neurons] == ["greater_equal", "greater", "greater"]


class Decaying(snn.Leaky):  # type: ignore[misc]
    """A user's own, which sets parameters alone."""

    def __init__(self, time_constant: float) -> None:
        super().__init__(beta=1 - 1 / time_constant, threshold=0.5)

    def extra_repr(self) -> str:
        return "decaying"


def test_subclasses_that_only_set_parameters_and_copies_are_read() -> None:
    assert_exact(Decaying(2))
    assert_exact(copy.deepcopy(snn.Leaky(0.5, threshold=0.5)))


def test_neurons_are_known_by_their_class() -> None:
    assert SNNTORCH.is_neuron(Decaying(2))
    assert not SNNTORCH.is_neuron(torch.nn.Linear(2, 2))
    assert not SNNTORCH.is_neuron(type("SpikingNeuron", (torch.nn.Module,), {})())


def test_layouts_follow_from_hidden_states() -> None:
    sequential = torch.nn.Sequential
    assert SNNTORCH.layouts(sequential(torch.nn.Linear(2, 2))) == ()
    assert SNNTORCH.layouts(sequential(snn.Leaky(0.5))) == ("frame", "step", "sequence")
    assert SNNTORCH.layouts(sequential(snn.Leaky(0.5), snn.Leaky(0.5, init_hidden=True)))[0] == "step"


def test_reset_clears_this_network_alone() -> None:
    ours, other = (torch.nn.Sequential(snn.Synaptic(0.5, 0.5, init_hidden=True)) for _ in range(2))
    for network in (ours, other):
        network(torch.ones(4, 3))
    held = other[0].mem
    SNNTORCH.reset(ours, 4)
    assert not ours[0].mem.any()
    assert not ours[0].syn.any()
    assert other[0].mem is held
    assert held.all()


def test_the_membrane_is_the_tensor_itself() -> None:
    module = snn.Synaptic(0.5, 0.5)
    output = module(torch.ones(4, 3))
    module(torch.ones(4, 3))
    assert SNNTORCH.membrane(module, output) is output[2]
    hidden = snn.Leaky(0.5, init_hidden=True)
    assert SNNTORCH.membrane(hidden, hidden(torch.ones(4, 3))) is hidden.mem


def test_distances_end_with_their_context() -> None:
    module = snn.Leaky(0.5, reset_delay=False)
    with pytest.raises(RuntimeError, match="stop"), SNNTORCH.distances(module) as distances:  # noqa: PT012
        module(torch.ones(4, 3))
        raise RuntimeError("stop")
    module(torch.ones(4, 3))
    assert len(distances) == 1
    assert "fire" not in vars(module)


def test_a_lapicque_gives_its_membrane_before_the_reset() -> None:
    assert SNNTORCH.keeps_membrane_before_reset(snn.Lapicque(beta=0.5))
    assert not SNNTORCH.keeps_membrane_before_reset(snn.Leaky(beta=0.5, reset_delay=False))
