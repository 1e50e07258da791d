"""sinabs' neurons as they compute, beside what the float network of their reading computes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.frontends.modules.framework import Node, Reading
from hwsnn.frontends.modules.frameworks.sinabs import Sinabs
from hwsnn.spec import Shape
from tests.support.float_simulation import Simulated, simulate
from tests.support.layers import float_conv_layer

torch: Any = pytest.importorskip("torch")
sinabs: Any = pytest.importorskip("sinabs")
layers: Any = pytest.importorskip("sinabs.layers")
activation: Any = pytest.importorskip("sinabs.activation")

IMAGE, VECTOR = (3, 4, 5), (40, 1, 1)
FRAMES, STEPS = 4, 20
HALF = 1 / math.log(2)
"""The time constant of a decay of one half."""
Made = Callable[[], Any]


def node(module: Any, shape: Shape = IMAGE) -> Node:
    return Node("net.1", module, shape, 1 if shape == VECTOR else 3)


def read(module: Any, shape: Shape = IMAGE) -> Reading:
    return Sinabs().read(node(module, shape))


def quarters(shape: Shape, largest: int = 12) -> FloatArray:
    """Currents in multiples of 1/4, so that membranes meet their thresholds exactly; more of them positive."""
    rng = np.random.default_rng(5)
    return rng.integers(-largest // 2, largest + 1, (FRAMES, STEPS, *shape)) / 4


def tensor(values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float32)


def run(module: Any, currents: FloatArray) -> FloatArray:
    """What a module gives for currents (frames, steps, channels, height, width), in their shape."""
    frames, steps, *shape = currents.shape
    own = shape if shape != list(VECTOR) else shape[:1]
    folded = isinstance(module, layers.SqueezeMixin)
    Sinabs().reset(module, frames)
    with torch.no_grad():
        output = module(tensor(currents).reshape(*([frames * steps] if folded else [frames, steps]), *own))
    return np.asarray(output.double().numpy().reshape(currents.shape))


def expected(reading: Reading, currents: FloatArray) -> Simulated:
    """What the float network of one identity and the reading's neurons does."""
    weight = np.diag(reading.gain)[:, :, None, None]
    layer = float_conv_layer("only", weight, reading.offset, reading.neuron)
    return simulate(FloatNetwork("net", currents.shape[2:], (layer,)), currents)


def with_alphas(module: Any, **alphas: Any) -> Any:
    """A module of ``train_alphas`` with decays that are as good as trained, powers of two for one."""
    for name, alpha in alphas.items():
        getattr(module, name).data = tensor(alpha)
    return module


def lif(**settings: Any) -> Any:
    return layers.LIF(**{"tau_mem": HALF, "norm_input": False, "spike_fn": activation.SingleSpike} | settings)


def iaf(**settings: Any) -> Any:
    return layers.IAF(**{"spike_fn": activation.SingleSpike} | settings)


THRESHOLDS = tensor([1.0, 1.5, 0.75]).reshape(3, 1, 1)
TAUS = tensor([HALF, math.inf, HALF / 2]).reshape(3, 1, 1)
MAX_SPIKE = activation.MaxSpike

SPIKING: dict[str, Made] = {
    "IAF": lambda: layers.IAF(),
    "IAF SingleSpike": iaf,
    "IAF MaxSpike(2)": lambda: iaf(spike_fn=MAX_SPIKE(2), spike_threshold=tensor(0.5)),
    "IAF MaxSpike()": lambda: iaf(spike_fn=MAX_SPIKE()),
    "IAF MaxSpike(40)": lambda: iaf(spike_fn=MAX_SPIKE(40)),
    "IAF threshold 2": lambda: iaf(spike_threshold=2),
    "IAF threshold per channel": lambda: iaf(spike_threshold=THRESHOLDS),
    "IAF MultiSpike, threshold per channel": lambda: layers.IAF(spike_threshold=THRESHOLDS),
    "IAF MembraneReset": lambda: iaf(reset_fn=activation.MembraneReset()),
    "IAF MultiSpike, MembraneReset": lambda: layers.IAF(reset_fn=activation.MembraneReset()),
    "IAF subtract_value as the threshold": lambda: iaf(
        reset_fn=activation.MembraneSubtract(0.5), spike_threshold=tensor(0.5)
    ),
    "IAF min_v_mem": lambda: iaf(min_v_mem=-0.25),
    "IAF min_v_mem 0": lambda: layers.IAF(min_v_mem=0),
    "IAF min_v_mem per channel": lambda: iaf(min_v_mem=-THRESHOLDS),
    "IAF tau_syn": lambda: iaf(tau_syn=HALF),
    "IAFSqueeze": lambda: layers.IAFSqueeze(batch_size=1),
    "LIF": lambda: layers.LIF(tau_mem=HALF),
    "LIF norm_input": lambda: lif(norm_input=True, spike_threshold=tensor(0.5)),
    "LIF SingleSpike": lif,
    "LIF MultiSpike": lambda: lif(spike_fn=activation.MultiSpike),
    "LIF MembraneReset": lambda: lif(reset_fn=activation.MembraneReset()),
    "LIF min_v_mem": lambda: lif(min_v_mem=-0.5),
    "LIF min_v_mem, MembraneReset": lambda: lif(min_v_mem=-0.5, reset_fn=activation.MembraneReset()),
    "LIF tau_mem per channel": lambda: lif(tau_mem=TAUS),
    "LIF tau_mem per channel, norm_input": lambda: lif(tau_mem=TAUS[[0, 2, 0]], norm_input=True),
    "LIF tau_syn": lambda: lif(tau_syn=HALF / 2, spike_threshold=tensor(0.25)),
    "LIF tau_syn, norm_input": lambda: lif(tau_syn=HALF, norm_input=True, spike_threshold=tensor(0.25)),
    "LIF tau_syn per channel, min_v_mem": lambda: lif(tau_syn=TAUS, norm_input=True, min_v_mem=-0.25),
    "LIF tau_mem 10": lambda: lif(tau_mem=10.0),
    "LIF tau_mem 10, norm_input": lambda: lif(tau_mem=10.0, norm_input=True, spike_threshold=tensor(0.125)),
    "LIF train_alphas": lambda: with_alphas(
        lif(train_alphas=True, tau_syn=HALF, norm_input=True, spike_threshold=tensor(0.5)),
        alpha_mem=0.75,
        alpha_syn=0.5,
    ),
    "LIFSqueeze": lambda: layers.LIFSqueeze(tau_mem=HALF, num_timesteps=7, min_v_mem=-0.5),
}
INTEGRATORS: dict[str, Made] = {
    "ExpLeak": lambda: layers.ExpLeak(tau_mem=HALF),
    "ExpLeak norm_input, min_v_mem": lambda: layers.ExpLeak(tau_mem=HALF, norm_input=True, min_v_mem=-0.25),
    "ExpLeak train_alphas": lambda: with_alphas(layers.ExpLeak(tau_mem=HALF, train_alphas=True), alpha_mem=0.875),
    "ExpLeakSqueeze": lambda: layers.ExpLeakSqueeze(batch_size=1, tau_mem=HALF),
    "LIF that never fires": lambda: lif(spike_fn=None, tau_syn=HALF),
}


@pytest.mark.parametrize("make", SPIKING.values(), ids=SPIKING)
def test_spikes_are_the_module_s_own(make: Made) -> None:
    module, currents = make(), quarters(IMAGE)
    reading = read(module)
    assert isinstance(reading.neuron, FloatNeuron)
    want = expected(reading, currents)
    with Sinabs().distances(module) as distances:
        spikes = run(module, currents)
    np.testing.assert_array_equal(spikes, want.spikes["only"])
    assert 0.02 < (spikes > 0).mean() < 0.9
    theta = reading.neuron.threshold[:, None, None]
    found = np.stack([distance.numpy() for distance in distances], axis=1)
    np.testing.assert_allclose(found, want.membranes["only"] - theta, atol=1e-5)
    np.testing.assert_array_equal(run(module, currents), spikes)


@pytest.mark.parametrize("make", INTEGRATORS.values(), ids=INTEGRATORS)
def test_integrators_give_their_membranes(make: Made) -> None:
    module, currents = make(), quarters(IMAGE)
    reading = read(module)
    assert isinstance(reading.neuron, FloatIntegrator)
    with Sinabs().distances(module) as distances:
        output = run(module, currents)
    np.testing.assert_allclose(output, expected(reading, currents).membranes["only"], rtol=0, atol=1e-5)
    np.testing.assert_array_equal(np.stack([distance.numpy() for distance in distances], axis=1), output)
    run(module, currents)
    assert len(distances) == STEPS


@pytest.mark.parametrize("name", ["IAF", "IAF SingleSpike", "LIF SingleSpike", "IAF threshold 2"])
def test_membranes_on_the_threshold_fire(name: str) -> None:
    module, currents = SPIKING[name](), quarters(IMAGE)
    with Sinabs().distances(module) as distances:
        spikes = run(module, currents)
    ties = torch.stack(distances, 1).numpy() == 0
    assert ties.sum() > 20
    assert (spikes[ties] == 1).all()


def test_a_vector_has_a_parameter_per_channel() -> None:
    thresholds = np.arange(1, 41) / 8
    module, currents = iaf(spike_threshold=tensor(thresholds)), quarters(VECTOR)
    reading = read(module, VECTOR)
    assert isinstance(reading.neuron, FloatNeuron)
    np.testing.assert_array_equal(reading.neuron.threshold, thresholds)
    np.testing.assert_array_equal(run(module, currents), expected(reading, currents).spikes["only"])


def test_several_spikes_are_counted_up_to_what_is_built() -> None:
    module, currents = layers.IAF(spike_threshold=tensor(0.25)), np.full((1, 1, *IMAGE), 15 / 4)
    reading = read(module)
    assert isinstance(reading.neuron, FloatNeuron)
    assert reading.neuron.spikes == 15
    assert reading.remarks == ("net.1: fires any number of spikes per step in sinabs, and at most 15 here",)
    assert (run(module, currents) == 15).all()
    np.testing.assert_array_equal(run(module, currents), expected(reading, currents).spikes["only"])
    assert read(iaf(spike_fn=MAX_SPIKE(16))).remarks == (
        "net.1: fires 16 spikes per step in sinabs, and at most 15 here",
    )
    for spike_fn in (MAX_SPIKE(15), activation.SingleSpike):
        assert read(iaf(spike_fn=spike_fn)).remarks == ()


def test_what_a_spike_takes_off_is_compared_in_single_precision() -> None:
    neuron = read(iaf(reset_fn=activation.MembraneSubtract(0.1), spike_threshold=tensor(0.1))).neuron
    assert isinstance(neuron, FloatNeuron)
    assert neuron.reset == "subtract"


def test_a_class_of_a_user_s_own_that_computes_alike_is_read() -> None:
    class Neurons(layers.LIF):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(tau_mem=HALF, min_v_mem=-1.0)

    module, currents = Neurons(), quarters(IMAGE)
    np.testing.assert_array_equal(run(module, currents), expected(read(module), currents).spikes["only"])


def test_from_model_is_read_and_reset() -> None:
    ann = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3, bias=False), torch.nn.ReLU(), torch.nn.Flatten())
    network = sinabs.from_model(ann, batch_size=1)
    assert Sinabs().layouts(network) == Sinabs().layouts(network.spiking_model) == ("folded",)
    neurons = network.spiking_model[1]
    neuron = read(neurons, (4, 2, 3)).neuron
    assert isinstance(neuron, FloatNeuron)
    assert neuron.spikes == 15
    np.testing.assert_array_equal(neuron.floor, [-1.0] * 4)
    found = []
    with torch.no_grad():
        for frames in (FRAMES, FRAMES, 2):
            x = tensor(quarters(IMAGE)[:frames]).flatten(0, 1)
            Sinabs().reset(network, frames)
            found.append(network(x).unflatten(0, (frames, STEPS)))
            membrane: Any = Sinabs().membrane(neurons, found[-1])
            assert membrane is neurons.v_mem
            assert membrane.shape == (frames, 4, 2, 3)
    assert found[0].any()
    assert found[0].equal(found[1])
    assert found[0][:2].equal(found[2])


def test_layouts() -> None:
    squeezed, plain, linear = layers.IAFSqueeze(batch_size=2), iaf(), torch.nn.Linear(2, 2)
    unflatten = layers.UnflattenTime(batch_size=2)

    def layouts(*modules: Any) -> tuple[str, ...]:
        return Sinabs().layouts(torch.nn.Sequential(*modules))

    assert layouts(linear) == ()
    assert layouts(linear, squeezed) == ("folded",)
    assert layouts(linear, plain, layers.ExpLeak(tau_mem=HALF)) == ("batch_first",)
    assert layouts(layers.Repeat(linear), plain) == ("batch_first",)
    assert layouts(layers.FlattenTime(), linear, squeezed, unflatten) == ("batch_first", "folded")
    assert layouts(linear, unflatten, plain) == ("folded", "batch_first")


def test_reset_tells_how_many_frames_there_are() -> None:
    network = torch.nn.Sequential(layers.FlattenTime(), layers.IAFSqueeze(num_timesteps=3), layers.UnflattenTime(7))
    for frames in (2, 5):
        Sinabs().reset(network, frames)
        assert network(torch.ones(frames, 4, 3)).shape == (frames, 4, 3)


def test_the_module_is_as_before_once_its_distances_are_known() -> None:
    for module in (iaf(), layers.IAF(spike_fn=MAX_SPIKE(3)), layers.ExpLeak(tau_mem=HALF)):
        before = module.spike_fn
        with Sinabs().distances(module) as found:
            run(module, quarters(IMAGE))
        assert module.spike_fn is before
        run(module, quarters(IMAGE))
        assert len(found) == STEPS
        with pytest.raises(ValueError, match="not enough values"), Sinabs().distances(module):
            module(torch.ones(()))  # without frames and steps
        assert module.spike_fn is before
        assert not module._forward_hooks


# What is not read


class Doubled(layers.IAFSqueeze):  # type: ignore[misc]
    def forward(self, input_data: Any) -> Any:
        return super().forward(2 * input_data)


class Faster(layers.LIF):  # type: ignore[misc]
    @property
    def alpha_mem_calculated(self) -> Any:
        return super().alpha_mem_calculated / 2


class OwnNeurons(layers.StatefulLayer):  # type: ignore[misc]
    pass


class OwnSpike(activation.SingleSpike):  # type: ignore[misc]
    pass


def own_reset(spikes: Any, state: Any, threshold: Any) -> Any:
    return state


NO_CURRENT = (
    "norm_input multiplies it by 1 - alpha_mem, and tau_syn by alpha_syn; use IAF, or norm_input=False, where tau_mem "
    "is inf, and tau_syn=None for none"
)
REFUSED: list[tuple[Made, str]] = [
    (lambda: layers.ALIF(10.0, 10.0), "(ALIF): an adaptive threshold is not built; train with LIF or IAF in its place"),
    (
        lambda: layers.ALIFRecurrent(10.0, 10.0, rec_connect=torch.nn.Linear(3, 3)),
        "(ALIFRecurrent): an adaptive threshold is not built; train with LIF or IAF in its place",
    ),
    (
        lambda: layers.LIFRecurrent(10.0, torch.nn.Linear(3, 3)),
        (
            "(LIFRecurrent): rec_connect is a Linear over an image of 4x5; only recurrence within a position is built: "
            "a Conv2d of 1x1"
        ),
    ),
    (
        lambda: layers.IAFRecurrent(torch.nn.Conv2d(3, 3, 3, padding=1)),
        (
            "(IAFRecurrent): rec_connect is a convolution of 3x3; only recurrence within a position is built: 1x1, "
            "without strides, padding and groups"
        ),
    ),
    (
        lambda: Doubled(batch_size=1),
        "(Doubled): it has its own forward, so that it is not read as sinabs' IAFSqueeze; use that one",
    ),
    (
        lambda: Faster(10.0),
        "(Faster): it has its own alpha_mem_calculated, so that it is not read as sinabs' LIF; use that one",
    ),
    (
        lambda: OwnNeurons(["v_mem"]),
        "(OwnNeurons): its neurons are not read; sinabs' IAF, LIF and ExpLeak are, their Squeeze and recurrent forms",
    ),
    (
        lambda: iaf(spike_fn=OwnSpike),
        "(IAF): spike_fn must be SingleSpike, MultiSpike or MaxSpike(n), not OwnSpike",
    ),
    (
        lambda: iaf(spike_fn=MAX_SPIKE(1.5)),
        "(IAF): max_num_spikes_per_bin of MaxSpike must be a whole number from 1, not 1.5",
    ),
    (
        lambda: iaf(spike_fn=MAX_SPIKE(0)),
        "(IAF): max_num_spikes_per_bin of MaxSpike must be a whole number from 1, not 0",
    ),
    (
        lambda: iaf(reset_fn=own_reset),
        "(IAF): reset_fn must be MembraneSubtract() or MembraneReset(), not own_reset",
    ),
    (
        lambda: iaf(reset_fn=activation.MembraneReset(0.25)),
        "(IAF): reset_value of MembraneReset must be 0, not 0.25: sinabs adds it in every step, spike or not",
    ),
    (
        lambda: iaf(reset_fn=activation.MembraneSubtract(0.75), spike_threshold=THRESHOLDS),
        "(IAF): subtract_value of MembraneSubtract must be the threshold, 1, or None, not 0.75",
    ),
    (lambda: iaf(spike_threshold=0.0), "(IAF): spike_threshold must be positive, not 0.0"),
    (
        lambda: iaf(spike_threshold=torch.ones(4)),
        "(IAF): spike_threshold has shape (4,), which does not fit its input, (3, 4, 5) a frame",
    ),
    (lambda: iaf(min_v_mem=0.5), "(IAF): min_v_mem must be at most 0, not 0.5"),
    (lambda: lif(tau_mem=-2.0), "(LIF): alpha_mem, what stays of a step, must be from 0 to 1, not 1.64872"),
    (
        lambda: with_alphas(lif(train_alphas=True, tau_syn=1.0), alpha_syn=-0.125),
        "(LIF): alpha_syn, what stays of a step, must be from 0 to 1, not -0.125",
    ),
    *[
        (make, f"(LIF): no current reaches its neurons: {NO_CURRENT}")
        for make in (lambda: layers.LIF(tau_mem=math.inf), lambda: lif(tau_syn=0.0))
    ],
]


@pytest.mark.parametrize(("make", "line"), REFUSED)
def test_what_is_not_read_is_refused_in_one_line(make: Made, line: str) -> None:
    module = make()
    assert Sinabs().is_neuron(module)
    with pytest.raises(InputError) as error:
        read(module)
    assert str(error.value) == f"net.1 {line}"


def test_other_modules_are_no_neurons() -> None:
    class StatefulLayer(torch.nn.Module):  # type: ignore[misc]
        pass

    for module in (torch.nn.ReLU(), layers.NeuromorphicReLU(), layers.SumPool2d(2), StatefulLayer()):
        assert not Sinabs().is_neuron(module)
