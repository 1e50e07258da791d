"""Modules with a loop over time in ``forward``: folded back, and what they give is what the network's readout gives."""

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

STEPS = 6


def fires(distance: Any) -> Any:
    return (distance > 0).to(distance)


def leaky(**settings: Any) -> Any:
    return snn.Leaky(beta=0.5, threshold=0.5, spike_grad=fires, **settings)


class Net(nn.Module):  # type: ignore[misc]
    """Two layers of neurons; ``forward`` is a function of the module, its input, and the last neurons' settings."""

    def __init__(self, forward: Callable[[Any, Any], Any], **last: Any) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(8, 6), nn.Linear(6, 3)
        self.lif1, self.lif2 = leaky(), leaky(**last)
        self.dropout = nn.Dropout()
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)

    def layers(self, x: Any, mem1: Any, mem2: Any) -> Any:
        spk1, mem1 = self.lif1(self.fc1(x.flatten(1)), mem1)
        spk2, mem2 = self.lif2(self.fc2(self.dropout(spk1)), mem2)
        return spk2, mem1, mem2


def start(net: Any) -> Any:
    return net.lif1.init_leaky(), net.lif2.init_leaky()


def tutorial_5(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    spikes, membranes = [], []
    for _ in range(STEPS):
        spk2, mem1, mem2 = net.layers(x, mem1, mem2)
        spikes.append(spk2)
        membranes.append(mem2)
    return torch.stack(spikes, dim=0), torch.stack(membranes, dim=0)


def of_frames(reduce: Callable[[list[Any], list[Any]], Any]) -> Callable[[Any, Any], Any]:
    """A loop over the same input; ``reduce`` gets the spikes and the membranes of all steps."""

    def forward(net: Any, x: Any) -> Any:
        mem1, mem2 = start(net)
        spikes, membranes = [], []
        for _ in range(STEPS):
            spk2, mem1, mem2 = net.layers(x, mem1, mem2)
            spikes.append(spk2)
            membranes.append(mem2)
        return reduce(spikes, membranes)

    return forward


def added_up(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total: Any = 0
    for _ in range(STEPS):
        spk2, mem1, mem2 = net.layers(x, mem1, mem2)
        total += spk2
    return total / STEPS


def added_to_zeros(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total = torch.zeros(len(x), 3, dtype=x.dtype)
    for _ in range(STEPS):
        spk2, mem1, mem2 = net.layers(x, mem1, mem2)
        total = total + spk2
    return total


def kept_in_place(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    out = torch.zeros(STEPS, len(x), 3, dtype=x.dtype)
    for step in range(STEPS):
        out[step], mem1, mem2 = net.layers(x, mem1, mem2)
    return out.sum(0)


def encoded_once(net: Any, x: Any) -> Any:
    """The first layer's currents are computed once, before the loop."""
    mem1, mem2 = start(net)
    currents = net.fc1(x.flatten(1))
    spikes = []
    for _ in range(STEPS):
        spk1, mem1 = net.lif1(currents, mem1)
        spk2, mem2 = net.lif2(net.fc2(spk1), mem2)
        spikes.append(spk2)
    return sum(spikes)


FRAMES: dict[str, tuple[Callable[[Any, Any], Any], float]] = {
    "tutorial 5": (tutorial_5, 1),
    "sum of a list": (of_frames(lambda spikes, _: sum(spikes)), 1),
    "mean of a stack": (of_frames(lambda spikes, _: torch.stack(spikes).mean(0)), 1 / STEPS),
    "sum of a stack along its last": (of_frames(lambda spikes, _: torch.stack(spikes, -1).sum(dim=-1)), 1),
    "stack of rows": (of_frames(lambda spikes, _: torch.cat([one.unsqueeze(0) for one in spikes]).sum(0)), 1),
    "added up": (added_up, 1 / STEPS),
    "added to zeros": (added_to_zeros, 1),
    "kept in place": (kept_in_place, 1),
    "encoded once": (encoded_once, 1),
}


@pytest.mark.parametrize("name", FRAMES)
def test_loops_over_the_same_input(name: str) -> None:
    forward, factor = FRAMES[name]
    read = read_alike(randomized(Net(forward)), (2, 2, 2), steps=None, timed=False, factor=factor)
    assert (read.layout, read.network.timesteps, read.network.readout) == ("frame", STEPS, "count")


NEVER = {"reset_mechanism": "none"}
MEMBRANES: dict[str, tuple[Callable[[Any, Any], Any], dict[str, Any], str, float]] = {
    "last": (of_frames(lambda _, membranes: membranes[-1]), {}, "membrane", 1),
    "last of a stack": (of_frames(lambda _, membranes: torch.stack(membranes)[-1]), NEVER, "membrane", 1),
    "sum": (of_frames(lambda _, membranes: torch.stack(membranes).sum(0)), {}, "sum", 1),
    "mean": (of_frames(lambda _, membranes: torch.stack(membranes).mean(dim=0)), {}, "sum", 1 / STEPS),
    "largest": (of_frames(lambda _, membranes: torch.stack(membranes).max(0)[0]), {}, "max", 1),
    "largest, named": (of_frames(lambda _, membranes: torch.stack(membranes).max(dim=0).values), NEVER, "max", 1),
    "largest, amax": (of_frames(lambda _, membranes: torch.stack(membranes).amax(0)), NEVER, "max", 1),
}


@pytest.mark.parametrize("name", MEMBRANES)
def test_membranes_as_scores(name: str) -> None:
    forward, last, readout, factor = MEMBRANES[name]
    read = read_alike(randomized(Net(forward, **last)), (2, 2, 2), steps=None, timed=False, factor=factor)
    assert read.network.readout == readout


def like_others(net: Any, x: Any) -> Any:
    """Zeros that take their shape from what the layers gave are zeros; prints decide nothing."""
    currents = net.fc1(x.flatten(1))
    mem1, mem2 = torch.zeros_like(currents), x.new_zeros(len(x), 3)
    total = torch.zeros_like(mem2)
    for step in range(STEPS):
        spk1, mem1 = net.lif1(currents, mem1)
        spk2, mem2 = net.lif2(net.fc2(spk1), mem2)
        total += spk2
        str(f"{step}: {spk2.mean():.3f} of {spk2} and {list(spk2.shape)}")
    return total


def test_zeros_shaped_like_other_tensors() -> None:
    read_alike(randomized(Net(like_others)), (2, 2, 2), steps=None, timed=False)


class Shared(nn.Module):  # type: ignore[misc]
    """One pool and one convolution in two places each."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.pool, self.fc = nn.Conv2d(2, 2, 3, padding=1), nn.MaxPool2d(2), nn.Linear(8, 3)
        self.lif1, self.lif2, self.lif3 = (leaky(init_hidden=True) for _ in range(3))

    def forward(self, x: Any) -> Any:
        x = self.pool(self.lif1(self.conv(x)))
        x = self.lif2(self.pool(self.conv(x)))
        return self.lif3(self.fc(x.flatten(1)))


def test_layers_in_two_places() -> None:
    """Layers without a state have none to share."""
    read = read_alike(randomized(Shared()), (2, 8, 8))
    assert len({layer.name for layer in read.network.layers}) == 4


class Linears(nn.Module):  # type: ignore[misc]
    """A last linear layer without neurons."""

    def __init__(self, reduce: Callable[[Any], Any]) -> None:
        super().__init__()
        self.fc1, self.lif1, self.fc2 = nn.Linear(8, 6), leaky(), nn.Linear(6, 3)
        self.reduce = reduce

    def forward(self, x: Any) -> Any:
        mem1 = self.lif1.init_leaky()
        outputs = []
        for _ in range(STEPS):
            spk1, mem1 = self.lif1(self.fc1(x), mem1)
            outputs.append(self.fc2(spk1))
        return self.reduce(outputs)


@pytest.mark.parametrize(
    ("reduce", "readout", "factor"),
    [
        (sum, "sum", 1),
        (lambda outputs: torch.stack(outputs).mean(0), "sum", 1 / STEPS),
        (lambda outputs: outputs[-1], "membrane", 1),
        (lambda outputs: torch.stack(outputs, dim=1).max(dim=1).values, "max", 1),
    ],
)
def test_a_last_linear_layer(reduce: Any, readout: str, factor: float) -> None:
    read = read_alike(randomized(Linears(reduce)), (8,), steps=None, timed=False, factor=factor)
    assert read.network.readout == readout


def by_index(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    spikes = []
    for step in range(x.shape[0]):
        spk2, mem1, mem2 = net.layers(x[step], mem1, mem2)
        spikes.append(spk2)
    return torch.stack(spikes)


def by_iteration(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    spikes = []
    for x_t in x:
        spk2, mem1, mem2 = net.layers(x_t, mem1, mem2)
        spikes.append(spk2)
    return torch.stack(spikes).sum(0)


def by_unbind(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total: Any = 0
    for x_t in x.unbind(0):
        spk2, mem1, mem2 = net.layers(x_t, mem1, mem2)
        total = total + spk2
    return total


def by_select(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total: Any = 0
    for step in range(x.size(0)):
        spk2, mem1, mem2 = net.layers(x.select(0, step), mem1, mem2)
        total = total + spk2
    return total


def by_slices(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total: Any = 0
    for step in range(x.size(0)):
        spk2, mem1, mem2 = net.layers(x[step, :, ...], mem1, mem2)
        total = total + spk2
    return total


@pytest.mark.parametrize("forward", [by_index, by_iteration, by_unbind, by_select, by_slices])
def test_loops_over_a_sequence(forward: Any) -> None:
    read = read_alike(randomized(Net(forward)), (2, 2, 2), steps=STEPS)
    assert (read.layout, read.network.timesteps, read.network.encoding) == ("sequence", STEPS, "steps")


@pytest.mark.parametrize("forward", [by_index, by_iteration])
def test_a_loop_over_as_many_steps_as_there_are(forward: Any) -> None:
    """It does not say how many."""
    read = read_module(randomized(Net(forward)), (2, 2, 2), encoding="steps")
    assert (read.layout, read.network.timesteps) == ("sequence", None)


def some_steps(net: Any, x: Any) -> Any:
    return by_index(net, x[:2])


def two_steps(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total: Any = 0
    for step in range(2):
        spk2, mem1, mem2 = net.layers(x[step], mem1, mem2)
        total = total + spk2
    return total


def backwards(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total: Any = 0
    for step in reversed(range(len(x))):
        spk2, mem1, mem2 = net.layers(x[step], mem1, mem2)
        total = total + spk2
    return total


def frames_first(net: Any, x: Any) -> Any:
    mem1, mem2 = start(net)
    total: Any = 0
    for step in range(x.shape[1]):
        spk2, mem1, mem2 = net.layers(x[:, step], mem1, mem2)
        total = total + spk2
    return total


@pytest.mark.parametrize(
    ("forward", "text"),
    [
        (two_steps, "its loop over time makes 2 steps, not 4; give --timesteps 2"),
        (backwards, "__getitem__: must take step after step of the input (T, N, ...): x[0], x[1] and so on"),
        (frames_first, "__getitem__: must take step after step of the input (T, N, ...): x[0], x[1] and so on"),
        (some_steps, "its loop over time makes 2 steps, not 4; give --timesteps 2"),
    ],
)
def test_other_loops_over_a_sequence(forward: Any, text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_module(randomized(Net(forward)), (2, 2, 2), timesteps=4, encoding="steps")
    assert str(caught.value).startswith(text)


def test_an_input_that_cannot_change_with_time() -> None:
    with pytest.raises(InputError, match=r"^lif1 \(Leaky\): its membrane is set or reset between two of its steps"):
        read_module(randomized(Net(tutorial_5)), (2, 2, 2), encoding="steps")


def test_a_loop_over_a_sequence_of_still_images() -> None:
    read = read_alike(randomized(Net(by_index)), (2, 2, 2), steps=STEPS, timed=False, forward="all")
    assert read.layout == "sequence"


class Hidden(nn.Module):  # type: ignore[misc]
    """Neurons that keep their state, called once a step."""

    def __init__(self, **last: Any) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(8, 6), leaky(init_hidden=True), nn.Linear(6, 3))
        self.last = leaky(init_hidden=True, **last)

    def forward(self, x: Any) -> Any:
        return self.last(self.body(x))


@pytest.mark.parametrize("timed", [True, False])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_call_per_step(steps: int, timed: bool) -> None:
    read = read_alike(randomized(Hidden()), (2, 2, 2), steps=steps, timed=timed)
    assert (read.layout, read.network.readout, read.network.timesteps) == ("step", "count", steps)


def test_spikes_beside_their_membrane() -> None:
    assert read_alike(randomized(Hidden(output=True)), (2, 2, 2)).network.readout == "count"


def test_a_sequential_that_ends_in_linear() -> None:
    read = read_alike(randomized(nn.Sequential(nn.Linear(8, 6), leaky(init_hidden=True), nn.Linear(6, 3))), (8,))
    assert read.network.readout == "sum"


@pytest.mark.parametrize(
    "reduce",
    [
        lambda spikes, _: torch.stack(spikes).sum(0).softmax(dim=-1),
        lambda spikes, _: torch.nn.functional.log_softmax(sum(spikes), dim=1),
        lambda spikes, _: nn.Softmax(-1)(torch.stack(spikes).mean(0)),
        lambda spikes, _: torch.stack(spikes).sum(0).float().detach().contiguous().view(-1, 3),
        lambda spikes, _: 2 * sum(spikes) / STEPS + 1,
    ],
)
def test_what_leaves_the_order_of_scores(reduce: Any) -> None:
    """A softmax of sums and the like need no hardware."""
    network = read_module(randomized(Net(of_frames(reduce))), (2, 2, 2)).network
    assert (network.readout, network.timesteps) == ("count", STEPS)


def test_a_module_is_left_as_it_was() -> None:
    net = randomized(Hidden())
    net.train()
    net.last.eval()
    read_alike(net, (2, 2, 2))
    assert net.training
    assert net.body.training
    assert not net.last.training
    assert not net._forward_hooks
    assert not any(one._forward_hooks or one._forward_pre_hooks for one in net.modules())
