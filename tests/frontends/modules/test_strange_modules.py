"""Modules that compute something else than they seem to: read as they compute, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError
from tests.support.torchvision_stand_in import stand_in_for_torchvision

stand_in_for_torchvision()
torch: Any = pytest.importorskip("torch")
for package in ("snntorch", "spikingjelly", "sinabs", "norse"):
    pytest.importorskip(package)

import norse.torch as norse  # noqa: E402
import snntorch  # noqa: E402
from sinabs import layers as sinabs_layers  # noqa: E402
from sinabs.activation import SingleSpike  # noqa: E402
from spikingjelly.activation_based import functional, layer, neuron  # noqa: E402
from torch import nn  # noqa: E402

from hwsnn.float_network import FloatArray, FloatNetwork  # noqa: E402
from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.float_simulation import simulate  # noqa: E402

STEPS = 6
X = np.random.default_rng(0).random((4, 1, 8, 8)).astype(np.float32)


def leaky(**given: Any) -> Any:
    return snntorch.Leaky(**{"beta": 0.5, "init_hidden": True} | given)


def set_numbers(module: Any) -> Any:
    generator = torch.Generator().manual_seed(1)
    for one in module.modules():
        if isinstance(one, nn.Linear | nn.Conv2d):
            fan = one.weight[0].numel()
            one.weight.data = torch.randn(one.weight.shape, generator=generator) * 2 / fan**0.5
            one.bias.data = torch.rand(one.bias.shape, generator=generator) * 0.3
    return module


def stack(*between: Any, front: Any = None, behind: Any = ()) -> Any:
    front = nn.Linear(64, 20) if front is None else front
    return set_numbers(nn.Sequential(nn.Flatten(), front, *between, leaky(), nn.Linear(20, 5), leaky(), *behind))


class Apply(nn.Module):  # type: ignore[misc]
    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x)


class Loop(nn.Module):  # type: ignore[misc]
    """The tutorials' class; subclasses and arguments change a part of it."""

    def __init__(self, out: Callable[[Any, Any], Any] = lambda spikes, _: torch.stack(spikes)) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(64, 20), nn.Linear(20, 5)
        self.lif1, self.lif2 = snntorch.Leaky(beta=0.5), snntorch.Leaky(beta=0.5)
        self.out = out
        set_numbers(self)

    def begin(self, x: Any) -> Any:
        return self.lif1.init_leaky(), self.lif2.init_leaky()

    def current(self, x: Any, step: int) -> Any:
        return self.fc1(x)

    def between(self, step: int, one: Any, two: Any) -> Any:
        return one, two

    def forward(self, x: Any) -> Any:
        one, two = self.begin(x)
        spikes, membranes = [], []
        for step in range(STEPS):
            fired, one = self.lif1(self.current(x.flatten(1), step), one)
            fired, two = self.lif2(self.fc2(fired), two)
            spikes.append(fired)
            membranes.append(two)
            one, two = self.between(step, one, two)
        return self.out(spikes, membranes)


def changed(**parts: Any) -> Any:
    return type("Changed", (Loop,), parts)()


def simulated_scores(network: FloatNetwork) -> FloatArray:
    assert network.readout is not None
    inputs = np.repeat(X[:, np.newaxis].astype(np.float64), STEPS, axis=1)
    return simulate(network, inputs).scores(network.layers[-1].name, network.readout)


def reset_keys(module: Any) -> Any:
    functional.reset_net(module)
    for one in module.modules():
        if hasattr(one, "reset_mem"):
            one.reset_mem()
    return module


def expect_scores_of_steps(module: Any) -> None:
    """The sum of what a module that makes a step a call gives is what the network counts."""
    network = read_module(module, (1, 8, 8), timesteps=STEPS).network
    with torch.no_grad():
        reset_keys(module.eval())
        own = sum(module(torch.tensor(X)) for _ in range(STEPS))
    assert np.abs(own.numpy()).max() > 0
    np.testing.assert_array_equal(own.numpy(), simulated_scores(network))


def refusal(module: Any, **how: Any) -> str:
    with pytest.raises(InputError) as raised:
        read_module(module, (1, 8, 8), **{"timesteps": STEPS} | how)
    return str(raised.value)


def test_layers_that_only_move_values_or_pool_are_used_in_several_places() -> None:
    pool, drop = nn.MaxPool2d(2), nn.Dropout()
    front = [nn.Conv2d(1, 3, 3, padding=1), pool, leaky(), drop, nn.Conv2d(3, 3, 3, padding=1), pool, leaky(), drop]
    expect_scores_of_steps(set_numbers(nn.Sequential(*front, nn.Flatten(), nn.Linear(12, 5), leaky())))


def test_a_layer_whose_weights_are_made_anew_is_read_by_what_it_calls() -> None:
    expect_scores_of_steps(stack(front=layer.WSLinear(64, 20)))
    patched = nn.Linear(64, 20)
    module = stack(front=patched)
    patched.forward = lambda x: nn.functional.linear(x, patched.weight.abs() * 0.3, patched.bias)
    expect_scores_of_steps(module)


def test_a_convolution_with_another_way_to_convolve_is_no_plain_one() -> None:
    class Standardized(nn.Conv2d):  # type: ignore[misc]
        def _conv_forward(self, x: Any, weight: Any, bias: Any) -> Any:
            return super()._conv_forward(x, weight - weight.mean(), bias)

    expect_scores_of_steps(
        set_numbers(nn.Sequential(Standardized(1, 2, 3), leaky(), nn.Flatten(), nn.Linear(72, 5), leaky()))
    )


@pytest.mark.parametrize("cell", ["LIFRefracCell", "LIFAdExRefracCell", "LIFAdExCell", "LSNNCell"])
def test_states_of_another_form_are_no_obstacle_to_a_refusal(cell: str) -> None:
    module = norse.SequentialState(nn.Flatten(), nn.Linear(64, 5), getattr(norse, cell)())
    assert refusal(module).startswith(f"2 ({cell}): not built; use IAFCell, LIFCell")


class AlwaysTraining(nn.BatchNorm1d):  # type: ignore[misc]
    def train(self, mode: bool = True) -> Any:
        return super().train(True)


def test_a_layer_in_training_mode_is_refused() -> None:
    assert refusal(stack(AlwaysTraining(20))).startswith("2 (AlwaysTraining): is in training mode where the network")


def test_forward_hooks_may_look_but_not_change() -> None:
    seen = []
    module = stack()
    module[1].register_forward_hook(lambda _, __, output: seen.append(output.mean().item()))
    expect_scores_of_steps(module)
    assert seen
    module[2].register_forward_hook(lambda _, __, output: 1 - output)
    assert refusal(module) == "2 (Leaky): a forward hook changes what it gives; do that in forward, or remove the hook"


@pytest.mark.parametrize("at", [0, 1])
def test_a_write_through_a_view_is_refused(at: int) -> None:
    def write(x: Any) -> Any:
        x[:, 3].zero_() if at else x.view(-1).mul_(0.5)
        return x

    assert "its forward writes into what 1 (Linear) gives through a view" in refusal(stack(Apply(write)))


@pytest.mark.parametrize("dtype", [torch.int32, torch.bfloat16])
def test_currents_are_not_rounded_unseen(dtype: Any) -> None:
    assert refusal(stack(Apply(lambda x: x.to(dtype).float()))) == f"to: rounds currents to {dtype}; leave it out"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.uint8])
def test_spikes_of_another_type_stay_where_they_are(dtype: Any) -> None:
    """Their positions would be rounded in so few bits."""
    wide = nn.Linear(20, 3000), leaky(), Apply(lambda x: x.to(dtype).float()), nn.Linear(3000, 20)
    expect_scores_of_steps(stack(*wide))


def test_positions_and_frames_keep_their_order() -> None:
    assert "picks by a list of positions" in refusal(stack(Apply(lambda x: x[[1, 0]])))

    class Mixed(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = set_numbers(nn.Sequential(layer.Flatten(), layer.Linear(64, 5), neuron.IFNode()))
            functional.set_step_mode(self, "m")

        def forward(self, x: Any) -> Any:
            return self.inner(x.unsqueeze(1).repeat(1, STEPS, 1, 1, 1).reshape(STEPS, len(x), 1, 8, 8)).mean(0)

    assert "inner.2 (IFNode): gets frames in another order than they came in" in refusal(Mixed())


def test_a_state_that_does_not_go_on_is_refused() -> None:
    class Resets(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = stack()

        def forward(self, x: Any) -> Any:
            return reset_keys(self.inner)(x)

    between = "its membrane is set or reset between two of its steps"
    assert f"inner.2 (Leaky): {between}" in refusal(Resets())
    assert f"lif1 (Leaky): {between}" in refusal(changed(between=lambda self, step, *_: self.begin(None)))
    assert "begins anew in its call 2" in refusal(
        changed(between=lambda self, step, one, two: (torch.zeros(one.shape), torch.zeros(two.shape)))
    )
    assert "neither its own nor zeros" in refusal(
        changed(begin=lambda self, x: (torch.full((len(x), 20), 0.5), self.lif2.init_leaky()))
    )


def test_a_membrane_that_forward_sets_is_refused() -> None:
    class Half(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.node = nn.Linear(64, 5), neuron.IFNode()

        def forward(self, x: Any) -> Any:
            functional.reset_net(self)
            self.node.v = 0.5
            return sum(self.node(self.fc(x.flatten(1))) for _ in range(STEPS))

    assert refusal(Half()).startswith("node (IFNode): begins with a membrane that its forward sets")


def test_norse_begins_anew_where_its_state_is_not_handed_on() -> None:
    class Forgets(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.cell = nn.Linear(64, 5), norse.LIFBoxCell()

        def forward(self, x: Any, state: Any = None) -> Any:
            return self.cell(self.fc(x.flatten(1)))

    assert refusal(Forgets()).startswith("cell (LIFBoxCell): begins anew in its call 2; hand it its state")


def test_detached_states_are_the_same() -> None:
    plain, detached = Loop(), changed(between=lambda self, step, *states: [one.detach() for one in states])
    one, other = (simulated_scores(read_module(net, (1, 8, 8)).network) for net in (plain, detached))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "current",
    [
        lambda self, x, step: self.fc1(x * 0.7**step),
        lambda self, x, step: self.fc1(x if step else 2 * x),
        lambda self, x, step: self.fc1(x) if step > 1 else torch.zeros(len(x), 20),
    ],
)
def test_every_step_takes_the_same_way_even_if_the_last_one_alone_is_returned(current: Any) -> None:
    class Last(Loop):
        def forward(self, x: Any) -> Any:
            self.out = lambda _, membranes: membranes[-1]
            return super().forward(x)

    assert refusal(type("Changed", (Last,), {"current": current})())


@pytest.mark.parametrize(
    "out",
    [
        lambda s, m: torch.stack(s).sum(0) + torch.tensor([0, 5.0, 0, 0, -5]),
        lambda s, m: sum(one * 0.3**step for step, one in enumerate(s)),
        lambda s, m: torch.stack(s).sum(0)[:, :4].reshape(-1, 2, 2).sum(2),
        lambda s, m: torch.cat([torch.stack(s).sum(0)] * 2, 1),
        lambda s, m: torch.add(s[0], s[1], alpha=-1) + sum(s[2:]),
        lambda s, m: torch.stack(m).max(2)[0],
        lambda s, m: torch.stack(m).sum(0).max(1)[1],
        lambda s, m: torch.stack(m).max(0)[0] + torch.stack(m).sum(0),
        lambda s, m: torch.stack(s).sum(0).softmax(0),
        lambda s, m: sum(one.softmax(1) for one in m),
        lambda s, m: torch.stack(m).sum(0).to(torch.int32),
        lambda s, m: torch.stack(s).mean(),
    ],
)
def test_scores_that_are_not_those_of_the_last_layer_are_refused(out: Any) -> None:
    assert "lif2 (Leaky): what follows it makes" in refusal(Loop(out), timesteps=None)


def test_one_of_the_scores_is_refused() -> None:
    refused = refusal(Loop(lambda s, m: torch.stack(m).select(dim=2, index=-1)), timesteps=None)
    assert "select: picks from what the last layer gives; give all scores of the last step" in refused


@pytest.mark.parametrize(
    ("out", "readout"),
    [
        (lambda s, m: torch.stack(s).sum(0).softmax(1), "count"),
        (lambda s, m: torch.stack([one.log_softmax(1) for one in m]).sum(0), "sum"),
        (lambda s, m: torch.stack(m).select(dim=0, index=-1), "membrane"),
        (lambda s, m: nn.functional.dropout(torch.stack(s, dim=1).mean(dim=1), 0.5, False), "count"),
    ],
)
def test_scores_in_their_order(out: Any, readout: str) -> None:
    assert read_module(Loop(out), (1, 8, 8)).network.readout == readout


def test_functions_that_give_back_their_input_leave_no_trace() -> None:
    class Net(Loop):
        def current(self, x: Any, step: int) -> Any:
            return self.fc1(torch.flatten(x.float().contiguous(), 1))

    assert read_module(Net(), (1, 8, 8)).network.timesteps == STEPS
    flat = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), leaky())
    assert len(read_module(flat, (64,), timesteps=STEPS).network.layers) == 1


def test_several_layers_over_all_steps_of_an_image() -> None:
    class Repeated(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            parts = [layer.Flatten(), layer.Linear(64, 20), neuron.IFNode(), layer.Linear(20, 5), neuron.IFNode()]
            self.inner = set_numbers(nn.Sequential(*parts))
            functional.set_step_mode(self, "m")

        def forward(self, x: Any) -> Any:
            return self.inner(x.unsqueeze(0).repeat(STEPS, 1, 1, 1, 1)).mean(0)

    network = read_module(Repeated(), (1, 8, 8)).network
    assert (network.timesteps, len(network.layers)) == (STEPS, 2)


def test_sinabs_layers_between_unflattened_steps() -> None:
    def neurons() -> list[Any]:
        return [sinabs_layers.UnflattenTime(1), sinabs_layers.IAF(spike_fn=SingleSpike), sinabs_layers.FlattenTime()]

    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 20), *neurons(), nn.Linear(20, 5), *neurons())
    assert len(read_module(module, (1, 8, 8), timesteps=4).network.layers) == 2


def test_a_lapicque_whose_membranes_are_the_scores() -> None:
    class Net(Loop):
        def __init__(self) -> None:
            super().__init__(lambda _, membranes: torch.stack(membranes).sum(0))
            self.lif2 = snntorch.Lapicque(beta=0.6)

        def begin(self, x: Any) -> Any:
            return self.lif1.init_leaky(), self.lif2.init_lapicque()

    assert read_module(Net(), (1, 8, 8)).network.readout == "sum"


def test_weights_without_numbers_are_refused() -> None:
    assert "1.weight is on the device meta, without numbers" in refusal(stack().to("meta"))
