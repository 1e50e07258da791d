"""Loops that hold steps, or pick them in a way of their own: read as they are, or refused for the true reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError

torch: Any = pytest.importorskip("torch")
neuron: Any = pytest.importorskip("spikingjelly.activation_based.neuron")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

STEPS = 5


class Net(nn.Module):  # type: ignore[misc]
    """Two layers of neurons and a last linear layer, called by ``forward``, which gets the module and the input."""

    def __init__(self, forward: Callable[[Any, Any], Any], first: Any = None) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(6, 7), nn.Linear(7, 7), nn.Linear(7, 4)
        self.lif1, self.lif2 = neuron.IFNode() if first is None else first, neuron.IFNode()
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)

    def first(self, x: Any) -> Any:
        return self.lif1(self.fc1(x))

    def second(self, spikes: Any) -> Any:
        return self.lif2(self.fc2(spikes))


def encoded(net: Any, x: Any) -> list[Any]:
    """The first layer's spikes of all steps, of an image that stays."""
    return [net.first(x) for _ in range(STEPS)]


def of_order(*order: int) -> Callable[[Any, Any], Any]:
    def forward(net: Any, x: Any) -> Any:
        spikes = encoded(net, x)
        return sum(net.second(spikes[step]) for step in order)

    return forward


def held_behind_the_loop(net: Any, x: Any) -> Any:
    spikes = encoded(net, x)[-1]
    return net.fc3([net.second(spikes) for _ in range(STEPS)][-1])


def held_in_a_stack(net: Any, x: Any) -> Any:
    spikes = [net.first(x_t) for x_t in x]
    currents = net.fc2(torch.stack(spikes))
    return net.fc3(torch.stack([net.lif2(current + net.fc2(spikes[-1])) for current in currents]))


def held_from_a_stack(net: Any, x: Any) -> Any:
    spikes = torch.stack(encoded(net, x))
    return sum(net.second(spikes[-1:].squeeze(0)) for _ in range(STEPS))


def doubled_in_a_step(net: Any, x: Any) -> Any:
    return net.fc3([net.lif2(net.fc2(one) * (1 + (step == 2))) for step, one in enumerate(encoded(net, x))][-1])


HELD: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "the last": (of_order(4, 4, 4, 4, 4), "lif1 (IFNode): what its call 5 gives is taken in 5 steps of a loop"),
    "the first": (of_order(0, 0, 0, 0, 0), "lif1 (IFNode): what its call 1 gives is taken in 5 steps of a loop"),
    "one twice": (of_order(0, 1, 2, 0, 4), "lif1 (IFNode): what its call 1 gives is taken in 2 steps of a loop"),
    "in another order": (
        of_order(4, 3, 2, 1, 0),
        "lif1 (IFNode): its call 5 is part of step 1: loops that take steps in another order than they come in, are",
    ),
    "behind the loop": (held_behind_the_loop, "lif1 (IFNode): what its call 5 gives is taken in 5 steps of a loop"),
    "of a stack": (held_from_a_stack, "lif2 (IFNode): must be called with step after step of what the neurons before"),
    "called once": (
        lambda net, x: sum(map(net.second, [net.first(x)] * STEPS)),
        "lif1 (IFNode): is called once, but 5 steps of a loop take what it gives; call it in every step",
    ),
    "another step before the last": (doubled_in_a_step, "lif2 (IFNode): is reached on other ways in some steps than"),
}


@pytest.mark.parametrize("name", HELD)
def test_spikes_that_are_held_for_steps(name: str) -> None:
    forward, text = HELD[name]
    with pytest.raises(InputError) as caught:
        read_module(randomized(Net(forward)), (6,), timesteps=STEPS, forward="all")
    assert str(caught.value).startswith(text)


def test_loops_one_behind_the_other() -> None:
    read = read_alike(randomized(Net(of_order(0, 1, 2, 3, 4))), (6,), steps=STEPS, timed=False, forward="all")
    assert read.network.readout == "count"


def last_of_the_input(net: Any, x: Any) -> Any:
    last = x[-1]
    return sum(net.fc3(net.lif1(net.fc1(x_t) + net.fc1(last))) for x_t in x)


def first_slice_of_the_input(net: Any, x: Any) -> Any:
    same = x[:1].expand(STEPS, -1, -1)
    return sum(net.fc3(net.first(x_t)) for x_t in same)


HELD_OVER_TIME: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "in a stack": (held_in_a_stack, "lif1 (IFNode): what its call 5 gives is taken in 5 steps of a loop"),
    "the input's last": (last_of_the_input, "__getitem__: picks a part that 5 steps of a loop take; each step must"),
    "the input's first": (first_slice_of_the_input, "__getitem__: picks a part that 5 steps of a loop take; each"),
    "both directions": (
        lambda net, x: sum(
            net.fc3(one + other)
            for one, other in zip(
                [net.first(x_t) for x_t in x],
                [net.lif2(net.fc1(x_t)) for x_t in reversed(list(x))][::-1],
                strict=True,
            )
        ),
        "lif2 (IFNode): its call 5 is part of step 1: loops that take steps in another order than they come in, are",
    ),
}


@pytest.mark.parametrize("name", HELD_OVER_TIME)
def test_steps_of_the_input_that_are_held(name: str) -> None:
    forward, text = HELD_OVER_TIME[name]
    with pytest.raises(InputError) as caught:
        read_module(randomized(Net(forward)), (6,), timesteps=STEPS, encoding="steps", forward="all")
    assert str(caught.value).startswith(text)


def picking(pick: Callable[[Any, Any], Any], steps: Callable[[Any], Iterable[Any]] = lambda x: range(len(x))) -> Any:
    return lambda net, x: torch.stack([net.fc3(net.first(pick(x, step))) for step in steps(x)])


PICKED: dict[str, Callable[[Any, Any], Any]] = {
    "numpy": picking(lambda x, step: x[step], lambda x: np.arange(len(x))),
    "torch": picking(lambda x, step: x[step], lambda x: torch.arange(len(x))),
    "numpy in a tuple": picking(lambda x, step: x[step, :], lambda x: np.arange(len(x))),
    "from the end": picking(lambda x, step: x[step], lambda x: range(-len(x), 0)),
    "slices": picking(lambda x, step: x[step : step + 1].squeeze(0)),
    "slices by torch": picking(lambda x, step: x[step : step + 1].squeeze(0), lambda x: torch.arange(len(x))),
    "transposed": picking(lambda x, step: x.transpose(0, 1)[:, step]),
    "transposed once": lambda net, x: picking(lambda y, step: y[..., step, :], lambda _: range(len(x)))(
        net, x.transpose(0, 1)
    ),
    "selected by names": picking(lambda x, step: x.select(dim=0, index=step)),
    "unbound transposed": lambda net, x: torch.stack([net.fc3(net.first(one)) for one in x.transpose(0, 1).unbind(1)]),
    "split": lambda net, x: torch.stack([net.fc3(net.first(one.squeeze(0))) for one in x.split(1)]),
    "chunks": lambda net, x: torch.stack([net.fc3(net.first(one.squeeze(0))) for one in torch.chunk(x, len(x), dim=0)]),
}


@pytest.mark.parametrize("name", PICKED)
def test_steps_picked_one_by_one(name: str) -> None:
    read = read_alike(randomized(Net(PICKED[name])), (6,), steps=STEPS, forward="all")
    assert read.network.readout == "sum"


NOT_IN_ORDER: dict[str, Callable[[Any, Any], Any]] = {
    "numpy": picking(lambda x, step: x[step], lambda x: np.arange(len(x))[::-1]),
    "from the end": picking(lambda x, step: x[step], lambda x: range(-1, -len(x) - 1, -1)),
    "slices": picking(lambda x, step: x[len(x) - 1 - step :][:1].squeeze(0)),
    "a slice of the last": picking(lambda x, step: x[-1:].squeeze(0)),
    "transposed": picking(lambda x, step: x.transpose(0, 1)[:, -1 - step]),
    "split": lambda net, x: torch.stack([net.fc3(net.first(one.squeeze(0))) for one in x.split(1)[::-1]]),
    "backwards, before the last layer": lambda net, x: net.fc3([net.first(x_t) for x_t in reversed(list(x))][-1]),
    "a step early, before the last layer": lambda net, x: net.fc3(
        [net.first(x[min(step + 1, len(x) - 1)]) for step in range(len(x))][-1]
    ),
}


@pytest.mark.parametrize("name", NOT_IN_ORDER)
def test_steps_picked_in_another_order(name: str) -> None:
    with pytest.raises(InputError, match=r"must take step after step|is reached on other ways in some steps"):
        read_module(randomized(Net(NOT_IN_ORDER[name])), (6,), timesteps=STEPS, encoding="steps", forward="all")


def test_a_last_layer_in_two_places() -> None:
    def forward(net: Any, x: Any) -> Any:
        spikes = net.first(x)
        return net.fc3(spikes) + net.fc3(net.second(spikes))

    def of_all_steps(net: Any, x: Any) -> Any:
        return sum(forward(net, x_t) for x_t in x)

    text = r"^fc3 \(Linear\): is called 2 times in one step; use a module of its own in each place$"
    with pytest.raises(InputError, match=text):
        read_module(randomized(Net(forward)), (6,), timesteps=STEPS, encoding="steps")
    with pytest.raises(InputError, match=text):
        read_module(randomized(Net(of_all_steps)), (6,), timesteps=STEPS, encoding="steps", forward="all")


def test_an_input_in_the_first_step_alone() -> None:
    def forward(net: Any, x: Any) -> Any:
        return sum(net.first(x if step == 0 else torch.zeros_like(x)) for step in range(STEPS))

    text = r"^lif1 \(IFNode\): its call 2 gets what does not follow from the input, such as zeros; all steps must"
    with pytest.raises(InputError, match=text):
        read_module(randomized(Net(forward)), (6,), timesteps=STEPS)


def test_a_last_step_without_input() -> None:
    """Which may fire nothing as it is recorded, and so look as if it were not there."""

    def forward(net: Any, x: Any) -> Any:
        found = sum(net.first(x) for _ in range(STEPS - 1))
        return found + net.lif1(torch.full((len(x), 7), -100.0, dtype=x.dtype))

    text = r"^lif1 \(IFNode\): its call 5 gets what does not follow from the input, such as zeros; all steps must"
    with pytest.raises(InputError, match=text):
        read_module(randomized(Net(forward)), (6,), timesteps=STEPS - 1, forward="all")


def test_an_input_that_is_written() -> None:
    def forward(net: Any, x: Any) -> Any:
        x *= 2
        return net.first(x)

    with pytest.raises(InputError, match=r"^mul_: writes into the module's input; make a new tensor of it, as x"):
        read_module(randomized(Net(forward)), (6,), timesteps=STEPS, encoding="steps")


def test_a_stack_of_spikes_behind_a_loop() -> None:
    def forward(net: Any, x: Any) -> Any:
        return net.fc3(torch.stack([net.first(x_t) for x_t in x]))

    assert read_alike(randomized(Net(forward)), (6,), steps=STEPS).network.readout == "sum"


def test_neurons_that_are_not_registered() -> None:
    class Plain(Net):
        def __init__(self) -> None:
            super().__init__(lambda net, x: net.others[0](net.fc2(net.first(x))))
            self.others = [neuron.IFNode()]

    text = r"^its forward calls neurons \(IFNode\) that are not among its modules, as those of a plain list are not"
    with pytest.raises(InputError, match=text):
        read_module(randomized(Plain()), (6,), timesteps=STEPS)


def test_scores_that_a_layer_keeps_beside_its_spikes() -> None:
    class Whole(Net):
        def __init__(self) -> None:
            super().__init__(lambda net, x: (net.lif1(net.fc3(net.lif2(net.fc1(x)))), net.lif1.v_seq)[1])
            never = {"v_threshold": float("inf"), "store_v_seq": True, "step_mode": "m"}
            self.lif1, self.lif2 = neuron.LIFNode(**never), neuron.IFNode(step_mode="m")

    text = (
        r"^lif1 \(LIFNode\): its v_seq makes the scores, which is not read; return what it gives, or the currents that"
    )
    with pytest.raises(InputError, match=text):
        read_module(randomized(Whole()), (6,), timesteps=STEPS, encoding="steps")
