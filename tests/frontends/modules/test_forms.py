"""Forms of modules that SpikingJelly, sinabs and Norse have of their own, each run beside what is read."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hwsnn
from hwsnn.errors import InputError
from tests.support.torchvision_stand_in import stand_in_for_torchvision

torch: Any = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

IMAGE, STEPS = (2, 4, 4), 5


@pytest.fixture(scope="module")
def sj() -> Any:
    stand_in_for_torchvision()
    pytest.importorskip("spikingjelly")
    from spikingjelly import activation_based
    from spikingjelly.activation_based import functional, layer, neuron  # noqa: F401

    return activation_based


@pytest.fixture(scope="module")
def sinabs() -> Any:
    stand_in_for_torchvision()
    pytest.importorskip("sinabs")
    import sinabs
    import sinabs.from_torch

    return sinabs


@pytest.fixture(scope="module")
def norse() -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        return pytest.importorskip("norse.torch")


def csnn(sj: Any, mode: str) -> nn.Module:
    """Convolution, batch norm, pool, neurons, twice, with SpikingJelly's own layers."""
    layer, neuron = sj.layer, sj.neuron
    net = nn.Sequential(
        layer.Conv2d(2, 4, 3, padding=1, bias=False),
        layer.BatchNorm2d(4),
        neuron.IFNode(v_reset=None),
        layer.MaxPool2d(2),
        layer.Flatten(),
        layer.Dropout(0.5),
        layer.Linear(16, 3),
        neuron.LIFNode(tau=2.0, decay_input=False, v_threshold=0.5),
    )
    sj.functional.set_step_mode(net, mode)
    return randomized(net)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize(("mode", "layout"), [("s", "step"), ("m", "sequence")])
def test_spikingjelly_in_both_step_modes(sj: Any, mode: str, layout: str, timed: bool) -> None:
    read = read_alike(csnn(sj, mode), IMAGE, steps=STEPS, timed=timed)
    assert (read.layout, read.network.readout) == (layout, "count")


class Repeats(nn.Module):  # type: ignore[misc]
    """An image, repeated to all steps inside."""

    def __init__(self, body: nn.Module, repeat: Callable[[Any], Any], reduce: Callable[[Any], Any]) -> None:
        super().__init__()
        self.body, self.repeat, self.reduce = body, repeat, reduce

    def forward(self, x: Any) -> Any:
        return self.reduce(self.body(self.repeat(x)))


@pytest.mark.parametrize(
    "repeat",
    [
        lambda x: x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1),
        lambda x: x[None].expand(STEPS, -1, -1, -1, -1),
        lambda x: torch.stack([x] * STEPS),
    ],
)
@pytest.mark.parametrize(("reduce", "factor"), [(lambda x: x.mean(0), 1 / STEPS), (lambda x: x.sum(dim=0), 1)])
def test_an_image_repeated_inside(sj: Any, repeat: Any, reduce: Any, factor: float) -> None:
    net = Repeats(csnn(sj, "m"), repeat, reduce)
    read = read_alike(net, IMAGE, steps=None, timed=False, factor=factor)
    assert (read.layout, read.network.timesteps) == ("frame", STEPS)


class Static(nn.Module):  # type: ignore[misc]
    """As SpikingJelly's own CSNN of T steps: the first convolution sees the image once."""

    def __init__(self, sj: Any) -> None:
        super().__init__()
        self.static = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4))
        self.fire = sj.neuron.IFNode(v_threshold=0.5)
        self.rest = nn.Sequential(nn.Flatten(), nn.Linear(16, 3), sj.neuron.IFNode(v_threshold=0.5))

    def forward(self, x: Any) -> Any:
        x = self.static(x)
        out = self.rest(self.fire(x))
        for _ in range(1, STEPS):
            out += self.rest(self.fire(x))
        return out / STEPS


def test_the_first_convolution_once(sj: Any) -> None:
    read_alike(randomized(Static(sj)), IMAGE, steps=None, timed=False, factor=1 / STEPS)


def test_plain_layers_in_a_container(sj: Any) -> None:
    layer, neuron = sj.layer, sj.neuron
    net = nn.Sequential(
        layer.SeqToANNContainer(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)),
        neuron.IFNode(step_mode="m", v_threshold=0.5),
        layer.SeqToANNContainer(nn.Flatten(), nn.Linear(12, 3)),
        neuron.ParametricLIFNode(step_mode="m", v_threshold=0.25),
    )
    assert read_alike(randomized(net), IMAGE, steps=STEPS, compare_currents=False).layout == "sequence"


def test_step_modes_that_do_not_fit(sj: Any) -> None:
    with pytest.raises(InputError, match=r"2 \(IFNode\): is called once for a frame: one step, not a loop over time"):
        read_module(csnn(sj, "s"), IMAGE, timesteps=3, forward="all")
    with pytest.raises(InputError, match="its neurons cannot be called so: --forward all fits them"):
        read_module(csnn(sj, "m"), IMAGE, timesteps=3, forward="step")


def test_other_numbers_of_steps(sj: Any) -> None:
    net = Repeats(csnn(sj, "m"), lambda x: x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1), lambda x: x.mean(0))
    with pytest.raises(InputError, match=r"^its forward makes 5 steps, not 4; give --timesteps 5$"):
        read_module(net, IMAGE, timesteps=4)
    with pytest.raises(InputError, match=r"^its loop over time makes 5 steps, not 4; give --timesteps 5$"):
        read_module(Static(sj), IMAGE, timesteps=4)


def test_single_step_neurons_in_a_multi_step_network(sj: Any) -> None:
    net = csnn(sj, "m")
    net[2].step_mode = "s"
    with pytest.raises(InputError, match=r"2 \(IFNode\): takes one step a call, but gets 3x2 of them for 2 frames"):
        read_module(net, IMAGE, timesteps=3)


def cool(module: nn.Module, divisor: float) -> nn.Module:
    """With weights of which no neuron fires more often a step than is built."""
    for one in module.modules():
        if isinstance(one, nn.Linear | nn.Conv2d):
            one.weight.data /= divisor
    return module.float()


def sinabs_net(sinabs: Any, last: Any) -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3), *last)


def test_sinabs_sizes_are_left_as_they_were(sinabs: Any) -> None:
    """Else the module computes something else in the user's own next call."""
    net = cool(randomized(nn.Sequential(nn.Linear(6, 3), sinabs.layers.IAFSqueeze(num_timesteps=5))), 2)
    net[0].weight.data[0] = 0.25
    inputs = torch.rand(15, 6, generator=torch.Generator().manual_seed(0))
    before = net(inputs)
    assert before.any()
    network, _ = hwsnn.quantize(hwsnn.from_torch(net, sample=(6,), timesteps=2))
    hwsnn.check(net, network, np.zeros((3, *network.input_shape), np.uint8))
    assert (net[1].batch_size, net[1].num_timesteps) == (-1, 5)
    sinabs.reset_states(net)
    assert torch.equal(net(inputs), before)


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("sizes", [{"batch_size": 1}, {"num_timesteps": 7}])
def test_sinabs_from_a_rate_network(sinabs: Any, sizes: dict[str, int], timed: bool) -> None:
    rate = cool(randomized(sinabs_net(sinabs, [nn.ReLU()])), 2)
    net = sinabs.from_torch.from_model(rate, IMAGE, synops=False, **sizes)
    read = read_alike(net, IMAGE, steps=STEPS, timed=timed, tolerance=1e-5)
    assert (read.layout, read.network.readout) == ("folded", "count")
    assert [type(one).__name__ for one in read.neurons.values()] == ["IAFSqueeze", "IAFSqueeze"]


def test_sinabs_over_time(sinabs: Any) -> None:
    net = nn.Sequential(
        nn.Linear(6, 5), sinabs.layers.IAF(), nn.Linear(5, 3), sinabs.layers.LIF(tau_mem=2.0, norm_input=False)
    )
    assert read_alike(cool(randomized(net), 4), (6,), steps=STEPS, tolerance=1e-5).layout == "batch_first"


@pytest.mark.parametrize(
    ("layers", "sample"),
    [
        (
            lambda s: (nn.Conv2d(2, 3, 2), s.IAFSqueeze(batch_size=1), s.SumPool2d(3), nn.Flatten(), nn.Linear(3, 3)),
            IMAGE,
        ),
        (lambda s: (s.Repeat(nn.Conv2d(2, 3, 4)), s.IAF(), nn.Flatten(2), nn.Linear(3, 3)), IMAGE),
    ],
)
def test_sinabs_layers_of_its_own(sinabs: Any, layers: Any, sample: Any) -> None:
    net = cool(randomized(nn.Sequential(*layers(sinabs.layers))), 12)
    assert read_alike(net, sample, steps=STEPS, tolerance=1e-5).network.readout == "sum"


def test_sinabs_layers_made_for_a_number_of_steps(sinabs: Any) -> None:
    net = randomized(nn.Sequential(nn.Flatten(), nn.Linear(32, 3), sinabs.layers.IAFSqueeze(num_timesteps=6)))
    assert read_module(net, IMAGE).network.timesteps == 6
    other = read_module(net, IMAGE, timesteps=4).network
    assert other.timesteps == 4
    assert "time steps: 4 as asked for, where its layers are made for 6" in other.remarks


def parameters(norse: Any, kind: str, **values: float) -> Any:
    tensors = {name: torch.tensor(value, dtype=torch.float64) for name, value in values.items()}
    return getattr(norse, f"{kind}Parameters")(**tensors)


def box(norse: Any, threshold: float = 0.25) -> Any:
    return norse.LIFBoxCell(parameters(norse, "LIFBox", tau_mem_inv=500.0, v_th=threshold))


NORSE: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "boxes": lambda s: (nn.Flatten(), nn.Linear(32, 6), box(s), nn.Linear(6, 3), box(s)),
    "integrate and fire": lambda s: (nn.Conv2d(2, 3, 3), s.IAFCell(), nn.Flatten(), nn.Linear(12, 3), s.IAFCell()),
    "integrator last": lambda s: (
        nn.Conv2d(2, 3, 3),
        nn.MaxPool2d(2),
        s.LIFCell(parameters(s, "LIF", tau_mem_inv=500.0, tau_syn_inv=500.0, v_th=0.25)),
        nn.Flatten(),
        nn.Linear(3, 3),
        s.LICell(parameters(s, "LI", tau_mem_inv=500.0, tau_syn_inv=500.0)),
    ),
    "linear last": lambda s: (nn.Flatten(), nn.Linear(32, 6), box(s), nn.Dropout(), nn.Linear(6, 3)),
}


@pytest.mark.parametrize("name", NORSE)
def test_norse_sequential_state(norse: Any, name: str) -> None:
    net = randomized(norse.SequentialState(*NORSE[name](norse)))
    read = read_alike(net, IMAGE, steps=STEPS, compare_currents=False)
    assert (read.layout, read.network.readout) == ("state", "sum" if "last" in name else "count")


@pytest.mark.parametrize("name", NORSE)
def test_norse_lifted(norse: Any, name: str) -> None:
    net = randomized(norse.Lift(norse.SequentialState(*NORSE[name](norse))))
    assert read_alike(net, IMAGE, steps=STEPS, compare_currents=False).layout == "sequence"


def test_norse_forms_over_time(norse: Any) -> None:
    lif = norse.LIF(parameters(norse, "LIF", tau_mem_inv=500.0, tau_syn_inv=500.0, v_th=0.25))
    net = randomized(norse.SequentialState(nn.Linear(6, 5), lif, nn.Linear(5, 3), norse.LI()))
    assert read_alike(net, (6,), steps=STEPS, compare_currents=False).layout == "sequence"


def lif(norse: Any) -> Any:
    return norse.LIF(parameters(norse, "LIF", tau_mem_inv=500.0, tau_syn_inv=500.0, v_th=0.25))


LIFTED: dict[str, Callable[[Any], list[nn.Module]]] = {
    "image": lambda norse: [
        *(norse.Lift(nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2))), lif(norse)),
        *(norse.Lift(nn.Flatten()), norse.Lift(nn.Linear(3, 4)), lif(norse)),
    ],
    "last layer of currents": lambda norse: [
        *(norse.Lift(nn.Flatten()), norse.Lift(nn.Linear(32, 5)), lif(norse), norse.Lift(nn.Linear(5, 3)))
    ],
    "integrators": lambda norse: [nn.Flatten(2), norse.Lift(nn.Linear(32, 5)), lif(norse), nn.Linear(5, 3), norse.LI()],
}


@pytest.mark.parametrize("name", LIFTED)
def test_norse_layers_lifted_before_neurons_over_time(norse: Any, name: str) -> None:
    net = randomized(norse.SequentialState(*LIFTED[name](norse)))
    assert read_alike(net, IMAGE, compare_currents=False).layout == "sequence"


def test_steps_that_are_stacked_in_another_order(norse: Any) -> None:
    class Backwards(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.lif = nn.Linear(6, 3), lif(norse)

        def forward(self, x: Any) -> Any:
            return self.lif(torch.stack([self.fc(x[step]) for step in reversed(range(len(x)))]))

    with pytest.raises(InputError, match=r"^stack: joins tensors that are not made alike of each step of one"):
        read_module(randomized(Backwards()), (6,), timesteps=STEPS, encoding="steps")


class Looped(nn.Module):  # type: ignore[misc]
    """As in Norse's tutorials: the states of all layers in variables of ``forward``."""

    def __init__(self, norse: Any, reduce: Callable[[Any], Any], *, forgets: bool = False) -> None:
        super().__init__()
        self.fc1, self.lif, self.fc2 = nn.Linear(6, 5), box(norse), nn.Linear(5, 3)
        self.out = norse.LIBoxCell(parameters(norse, "LIBox", tau_mem_inv=500.0))
        self.reduce, self.forgets = reduce, forgets

    def forward(self, x: Any) -> Any:
        s1 = s2 = None
        voltages = []
        for step in range(x.shape[0]):
            z, s1 = self.lif(self.fc1(x[step]), s1)
            if self.forgets:
                s1 = None
            v, s2 = self.out(self.fc2(z), s2)
            voltages += [v]
        return self.reduce(torch.stack(voltages))


@pytest.mark.parametrize(
    ("reduce", "readout"),
    [
        (lambda v: v, "sum"),
        (lambda v: torch.max(v, 0)[0], "max"),
        (lambda v: v[-1], "membrane"),
        (lambda v: v.sum(0), "sum"),
    ],
)
def test_norse_in_a_loop(norse: Any, reduce: Any, readout: str) -> None:
    net = randomized(Looped(norse, reduce))
    assert read_alike(net, (6,), steps=STEPS, compare_currents=False).network.readout == readout


def test_norse_without_its_state(norse: Any) -> None:
    net = Looped(norse, lambda v: v, forgets=True)
    with pytest.raises(InputError, match=r"^lif \(LIFBoxCell\): begins anew in its call 2; hand it its state of the"):
        read_module(net, (6,), timesteps=3, encoding="steps")


def test_modules_without_neurons() -> None:
    expected = (
        "^has no spiking neurons that are known here: those of snnTorch, SpikingJelly, sinabs and Norse are; a network "
        "of ReLUs is converted with --convert$"
    )
    for module in (nn.Sequential(nn.Linear(3, 3), nn.ReLU()), nn.Identity()):
        with pytest.raises(InputError, match=expected):
            read_module(module, (3,), timesteps=2)
