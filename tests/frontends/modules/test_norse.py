"""Norse's own modules beside the floats that they are read as: spikes, membranes, distances, layouts, refusals."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.float_network import FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.frontends.modules.framework import Node, Reading
from hwsnn.frontends.modules.frameworks.norse import Norse
from hwsnn.frontends.modules.read import read_module
from tests.support.float_simulation import Simulated, simulate
from tests.support.layers import float_conv_layer

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
    snn = pytest.importorskip("norse.torch")
nn = torch.nn

STEPS, FRAMES, SHAPE = 16, 8, (4, 3, 2)
NORSE = Norse()
HALF = 500.0  # the inverse time constant of half of the way in 1 ms
IAF, LIF, LIFBox, LI, LIBox = (getattr(snn, f"{kind}Parameters") for kind in ("IAF", "LIF", "LIFBox", "LI", "LIBox"))


def t(*values: float) -> Any:
    """Values of channels, as a cell broadcasts them; of one value a number's tensor."""
    return torch.tensor(values[0] if len(values) == 1 else values).reshape(() if len(values) == 1 else (-1, 1, 1))


def half(kind: Any = LIF, **fields: Any) -> Any:
    """Parameters that go half of the way in a step, unless ``fields`` say otherwise."""
    synapse = {"tau_syn_inv": t(HALF)} if kind in (LIF, LI) else {}
    return kind(**{"tau_mem_inv": t(HALF), **synapse, **fields})


EXACT: dict[str, Callable[[], Any]] = {
    "IAFCell": snn.IAFCell,
    "IAFCell, v_th of a number, another dt": lambda: snn.IAFCell(IAF(v_th=0.75), dt=0.5),
    "IAFCell, values of channels": lambda: snn.IAFCell(
        IAF(v_th=t(1.0, 0.5, 2.0, 1.25), v_reset=t(-0.5, 0.25, 0.0, 1.0))
    ),
    "IAF": lambda: snn.IAF(IAF(v_reset=t(-0.25))),
    "LIFCell": lambda: snn.LIFCell(half()),
    "LIFCell, method": lambda: snn.LIFCell(half(method="triangle", alpha=0.3)),
    "LIFCell, dt": lambda: snn.LIFCell(half(tau_mem_inv=t(1.0), tau_syn_inv=t(1.0)), dt=0.5),
    "LIFCell, v_leak and v_reset": lambda: snn.LIFCell(half(v_leak=t(-2.0), v_reset=t(-2.0), v_th=t(-1.0))),
    "LIFCell, values of channels": lambda: snn.LIFCell(
        half(
            tau_mem_inv=t(HALF, 1000.0, HALF, 1000.0),
            tau_syn_inv=t(HALF, HALF, 1000.0, 0.0),
            v_th=t(1.0, 1.0, 0.5, 2.0),
            v_leak=t(0.0, 0.5, 0.25, 0.0),
            v_reset=t(0.0, -7.0, 0.25, 1.0),
        )
    ),
    "LIFCell, current without memory": lambda: snn.LIFCell(half(tau_syn_inv=t(1000.0), v_reset=t(-0.5))),
    "LIF": lambda: snn.LIF(half()),
    "LIF, states kept": lambda: snn.LIF(half(), record_states=True),
    "LIFBoxCell": lambda: snn.LIFBoxCell(half(LIFBox)),
    "LIFBoxCell, v_leak and v_reset": lambda: snn.LIFBoxCell(
        half(LIFBox, v_leak=t(0.5, 0.0, -1.0, 0.25), v_reset=t(-0.5, 0.5, 0.0, 0.25))
    ),
    "LIFBoxCell, subtract": lambda: snn.LIFBoxCell(
        half(LIFBox, v_leak=t(0.25), v_reset=t(-7.0), v_th=t(0.5), reset_method=snn.reset_subtract)
    ),
    "LIFBoxCell, no memory": lambda: snn.LIFBoxCell(half(LIFBox, tau_mem_inv=1000.0, v_leak=t(0.25), v_reset=t(3.0))),
    "LICell": lambda: snn.LICell(half(LI)),
    "LICell, current without memory": lambda: snn.LICell(half(LI, tau_syn_inv=t(1000.0), v_leak=t(0.25))),
    "LI": lambda: snn.LI(half(LI)),
    "LIBoxCell": lambda: snn.LIBoxCell(
        half(LIBox, tau_mem_inv=t(0.0, HALF, 1000.0, HALF), v_leak=t(0.5, 0.0, 1.0, -2.0))
    ),
}
"""Each step halves a membrane or keeps it, so that 16 steps fit the 24 bits of single precision."""


def node(module: Any, shape: tuple[int, int, int] = SHAPE) -> Node:
    return Node("net.1", module, shape)


def currents(seed: int = 0) -> Any:
    """Quarters from -1 to 2 (T, N, C, H, W): membranes meet a threshold exactly now and then."""
    return torch.tensor(np.random.default_rng(seed).integers(-4, 9, (STEPS, FRAMES, *SHAPE)) / 4, dtype=torch.float32)


def run(module: Any, x: Any) -> tuple[Any, list[Any]]:
    """What a cell, step by step, or a module over time puts out, (T, N, C, H, W), and its membranes by ``Norse``."""
    if isinstance(module, snn.IAF | snn.LIF | snn.LI):
        output = module(x)
        return output[0], [NORSE.membrane(module, output)]
    state, outputs, membranes = None, [], []
    for step in x:
        output = module(step, state)
        outputs.append(output[0])
        state = output[1]
        membranes.append(NORSE.membrane(module, output))
    return torch.stack(outputs), membranes


def simulated(reading: Reading, x: Any) -> Simulated:
    """The floats on the same currents, which its gains and offsets bring to the neurons."""
    channels = len(reading.gain)
    identity = np.diag(reading.gain)[:, :, None, None]
    layer = float_conv_layer("conv1", identity, reading.offset, reading.neuron)
    network = FloatNetwork("net", (channels, *x.shape[3:]), (layer,))
    network.check()
    return simulate(network, x.numpy().astype(np.float64).swapaxes(0, 1))


def over_time(values: Any) -> Any:
    """(T, N, ...) of Norse as (N, T, ...)."""
    return values.detach().numpy().swapaxes(0, 1)


@pytest.mark.parametrize("make", EXACT.values(), ids=EXACT)
def test_spikes_and_distances_are_equal(make: Callable[[], Any]) -> None:
    module, x = make(), currents()
    alone, _ = run(module, x)
    reading = NORSE.read(node(module))
    floats = simulated(reading, x)
    step = module.activation
    with NORSE.distances(module) as found:
        output, membranes = run(module, x)
    assert module.activation is step
    assert torch.equal(output, alone)
    distances = over_time(torch.stack(found))
    u = floats.membranes["conv1"]
    if isinstance(reading.neuron, FloatNeuron):
        assert np.array_equal(over_time(output), floats.spikes["conv1"])
        assert np.array_equal(distances, u - reading.neuron.threshold[:, None, None])
        assert 0.05 < over_time(output).mean() < 0.95
        assert (distances == 0).any()
    else:
        assert np.array_equal(over_time(output), u)
        assert np.array_equal(distances, u)
        assert membranes[-1] is not None


DEFAULTS = {
    "IAFCell": (snn.IAFCell, 1.0),
    "LIFCell": (snn.LIFCell, 10.0),
    "LIF": (snn.LIF, 10.0),
    "LIFBoxCell": (snn.LIFBoxCell, 20.0),
    "LICell": (snn.LICell, 10.0),
    "LI": (snn.LI, 10.0),
    "LIBoxCell": (snn.LIBoxCell, 10.0),
    "LIFCell, dt": (lambda: snn.LIFCell(dt=0.003), 4.0),
}


@pytest.mark.parametrize(("make", "scale"), DEFAULTS.values(), ids=DEFAULTS)
def test_defaults_differ_by_rounding_alone(make: Callable[[], Any], scale: float) -> None:
    module = make()
    rng = np.random.default_rng(1)
    x = torch.tensor(rng.normal(0.1, 0.5, (20, 32, *SHAPE)) * scale, dtype=torch.float32)
    reading = NORSE.read(node(module))
    floats = simulated(reading, x)
    output, _ = run(module, x)
    if not isinstance(reading.neuron, FloatNeuron):
        assert np.allclose(over_time(output), floats.membranes["conv1"], rtol=0, atol=1e-4)
        return
    spikes = over_time(output)
    assert 0.05 < spikes.mean() < 0.95
    assert (spikes != floats.spikes["conv1"]).mean() < 1e-3


def test_decays_and_gains_of_the_defaults() -> None:
    reading = NORSE.read(node(snn.LIFCell()))
    assert isinstance(reading.neuron, FloatNeuron)
    assert reading.neuron.beta == pytest.approx(0.9, abs=1e-7)
    assert reading.neuron.alpha == pytest.approx(0.8, abs=1e-7)
    assert reading.gain == pytest.approx(np.full(4, 0.1), abs=1e-7)
    assert reading.neuron.initial is None
    assert not reading.offset.any()
    assert reading.remarks == ()


def test_all_of_the_way_in_single_precision_is_no_memory() -> None:
    dt = 0.0007
    neuron = NORSE.read(node(snn.LIFCell(LIF(tau_mem_inv=t(1 / dt), tau_syn_inv=t(1 / dt)), dt=dt))).neuron
    assert (neuron.beta, neuron.alpha) == (0.0, None)


def test_shifted_membrane_is_remarked() -> None:
    module = snn.LIFCell(LIF(v_leak=t(-65.0), v_reset=t(-65.0), v_th=t(-50.0)))
    reading = NORSE.read(node(module))
    assert isinstance(reading.neuron, FloatNeuron)
    assert (reading.neuron.threshold == 15.0).all()
    assert reading.remarks == ("net.1: a spike resets its membrane to another value than 0: it counts from there",)


def test_values_that_differ_over_a_channel_are_refused() -> None:
    module = snn.IAFCell(IAF(v_th=1.0 + torch.arange(24.0).reshape(SHAPE)))
    with pytest.raises(InputError, match=r"^net\.1 \(IAFCell\): v_th must be the same over a channel's height"):
        NORSE.read(node(module))


def test_learned_parameters_are_read() -> None:
    threshold = nn.Parameter(torch.tensor(0.5))
    neuron = NORSE.read(node(snn.LIFBoxCell(LIFBox(v_th=threshold)))).neuron
    assert isinstance(neuron, FloatNeuron)
    assert (neuron.threshold == 0.5).all()


class Loops(snn.LIFCell):  # type: ignore[misc, name-defined]
    def forward(self, x: Any, state: Any = None) -> Any:
        return super().forward(2 * x, state)


class Begins(snn.LIFBoxCell):  # type: ignore[misc, name-defined]
    def initial_state(self, x: Any) -> Any:
        return super().initial_state(x)


class Named(snn.LIFCell):  # type: ignore[misc, name-defined]
    """A user's own class that changes nothing."""

    def __init__(self) -> None:
        super().__init__(half())


OTHERS = (
    "not built; use IAFCell, LIFCell, LIFBoxCell, LICell, LIBoxCell, LILinearCell, LIFRecurrentCell, "
    "or over time IAF, LIF, LI, LIFRecurrent"
)
BEHIND = (
    ": no bias can stand for the difference behind a synaptic current, which has memory; train so, or without one, with"
)
REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "LSNNRecurrentCell": (lambda: snn.LSNNRecurrentCell(3, 4), OTHERS),
    "LIFMCRecurrentCell": (lambda: snn.LIFMCRecurrentCell(3, 4), OTHERS),
    "CobaLIFCell": (lambda: snn.CobaLIFCell(3, 4), OTHERS),
    "LIFCorrelation": (lambda: snn.LIFCorrelation(3, 4), OTHERS),
    "RecurrentSequential": (lambda: snn.RecurrentSequential(snn.LIFCell()), OTHERS),
    "LSNNCell": (snn.LSNNCell, OTHERS),
    "LSNN": (snn.LSNN, OTHERS),
    "LIFAdExCell": (snn.LIFAdExCell, OTHERS),
    "LIFAdEx": (snn.LIFAdEx, OTHERS),
    "LIFExCell": (snn.LIFExCell, OTHERS),
    "LIFRefracCell": (snn.LIFRefracCell, OTHERS),
    "IzhikevichCell": (lambda: snn.IzhikevichCell(snn.tonic_spiking), OTHERS),
    "Loops": (Loops, "overrides forward of LIFCell, so what it computes is not known; use that"),
    "Begins": (Begins, "overrides initial_state of LIFBoxCell, so what it computes is not known; use that"),
    "LIFCell": (lambda: snn.LIFCell(LIF(v_reset=t(-0.5))), f"v_reset must be v_leak, 0, not -0.5{BEHIND} LIFBoxCell"),
    "LICell": (lambda: snn.LICell(LI(v_leak=t(0.5))), f"v_leak must be 0, not 0.5{BEHIND} LIBoxCell"),
    "LIFBoxCell": (
        lambda: snn.LIFBoxCell(LIFBox(reset_method=max)),
        "reset_method must be reset_value or reset_subtract of Norse, not max",
    ),
    "IAFCell": (
        lambda: snn.IAFCell(IAF(v_reset=t(1.5))),
        "v_th must be above 1.5, from which its membrane counts, not 1",
    ),
    "LIF": (
        lambda: snn.LIF(dt=0.02),
        "dt * tau_syn_inv must be from 0 to 1, not 4; make dt or tau_syn_inv smaller",
    ),
    "LIBoxCell": (
        lambda: snn.LIBoxCell(LIBox(tau_mem_inv=t(-1.0))),
        "dt * tau_mem_inv must be from 0 to 1, not -0.001; make dt or tau_mem_inv smaller",
    ),
}


@pytest.mark.parametrize(("make", "text"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_built_is_refused_in_a_line(make: Callable[[], Any], text: str) -> None:
    module = make()
    assert NORSE.is_neuron(module)
    with pytest.raises(InputError) as caught:
        NORSE.read(node(module))
    assert str(caught.value) == f"net.1 ({type(module).__name__}): {text}"


def test_a_method_of_an_instance_is_refused() -> None:
    module = snn.LIFCell()
    module.forward = lambda x, state=None: (x, state)
    with pytest.raises(InputError, match="overrides forward of LIFCell"):
        NORSE.read(node(module))


def test_a_class_of_a_users_own_that_changes_nothing_is_read() -> None:
    module, x = Named(), currents()
    assert np.array_equal(over_time(run(module, x)[0]), simulated(NORSE.read(node(module)), x).spikes["conv1"])


def test_other_modules_are_no_neurons() -> None:
    others = (nn.Linear(2, 2), snn.Lift(nn.Linear(2, 2)), snn.SequentialState(snn.LIFCell()), snn.RegularizationCell())
    assert not any(NORSE.is_neuron(module) for module in others)


def test_membranes_are_the_states_own() -> None:
    x = currents()
    for cell in (snn.LIFCell(half()), snn.IAFCell(), snn.LIFBoxCell(half(LIFBox)), snn.LICell(half(LI))):
        output = cell(x[0])
        assert NORSE.membrane(cell, output) is output[1].v
    output = snn.LI(half(LI))(x)
    assert NORSE.membrane(snn.LI(), output) is output[0]
    assert NORSE.membrane(snn.LIFCell(), output[0]) is None


def test_distances_leave_the_step_after_an_error() -> None:
    module = snn.LIFCell()
    step = module.activation
    with pytest.raises(RuntimeError), NORSE.distances(module):
        module(torch.ones(2, 3), snn.LIFFeedForwardState(torch.ones(5), torch.ones(7)))
    assert module.activation is step


def test_distances_are_of_the_one_module() -> None:
    one, other, x = snn.LIFCell(), snn.LIFCell(), torch.ones(2, 3)
    with NORSE.distances(one) as found, NORSE.distances(other) as others:
        one(x)
        one(x)
        other(x)
    assert (len(found), len(others)) == (2, 1)


class Steps(nn.Module):  # type: ignore[misc, name-defined]
    """A user's class around a cell; its state is the second argument."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = snn.LIFCell()

    def forward(self, x: Any, s: Any = None) -> Any:
        return self.cell(x, s)


class LoopInside(Steps):
    """The loop over time is inside."""

    def forward(self, x: Any, steps: int = 4) -> Any:
        state, outputs = None, []
        for _ in range(steps):
            output, state = self.cell(x, state)
            outputs.append(output)
        return torch.stack(outputs)


@pytest.mark.parametrize(
    ("make", "layouts"),
    [
        (lambda: nn.Sequential(nn.Linear(3, 4), nn.ReLU()), ()),
        (lambda: snn.SequentialState(nn.Linear(3, 4), nn.ReLU()), ()),
        (lambda: snn.SequentialState(nn.Linear(3, 4), snn.LIFCell()), ("state", "frame")),
        (lambda: snn.SequentialState(snn.Lift(nn.Linear(3, 4)), snn.LIF()), ("sequence", "frame")),
        (lambda: snn.Lift(snn.SequentialState(nn.Linear(3, 4), snn.LIFCell())), ("sequence", "frame")),
        (lambda: nn.Sequential(nn.Linear(3, 4), snn.LI()), ("sequence", "frame")),
        (snn.LIFCell, ("state", "frame")),
        (snn.LIF, ("sequence", "frame")),
        (Steps, ("state", "frame")),
        (LoopInside, ("sequence", "frame")),
    ],
)
def test_layouts(make: Callable[[], Any], layouts: tuple[str, ...]) -> None:
    assert NORSE.layouts(make()) == layouts


def test_nothing_is_left_in_modules() -> None:
    network = snn.SequentialState(nn.Flatten(), nn.Linear(24, 5), snn.LIFCell(), nn.Linear(5, 2), snn.LICell())
    x = currents()

    def scores() -> Any:
        state = None
        for step in x:
            output, state = network(step, state)
        return output

    first = scores()
    NORSE.reset(network, FRAMES)
    assert torch.equal(scores(), first)


def test_a_cell_with_weights_is_a_linear_layer_and_a_cell() -> None:
    linear, own = torch.nn.Linear(3, 4, bias=False), snn.LILinearCell(3, 4, dt=0.002)
    own.input_weights = linear.weight
    first = torch.nn.Linear(3, 3), snn.LIFBoxCell()
    nets = snn.SequentialState(*first, own), snn.SequentialState(*first, linear, snn.LICell(dt=0.002))
    for mine, other in zip(*(read_module(net, (3,), timesteps=4).network.layers for net in nets), strict=True):
        assert isinstance(mine, FloatPopulation)
        assert isinstance(other, FloatPopulation)
        np.testing.assert_array_equal(mine.projection.weight, other.projection.weight)
        np.testing.assert_array_equal(mine.bias, other.bias)
        assert type(mine.neuron) is type(other.neuron)
        assert (mine.neuron.beta, mine.neuron.alpha) == (other.neuron.beta, other.neuron.alpha)


def test_a_cell_with_weights_hands_on_its_membrane() -> None:
    cell = snn.LILinearCell(3, 4)
    with NORSE.distances(cell) as found:
        output, _ = cell(torch.ones(2, 3))
    assert [one.tolist() for one in found] == [output.tolist()]
