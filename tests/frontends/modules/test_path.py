"""Modules that cannot be built, in time or in space: each refused in one line that names what is in the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.errors import InputError

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402

STEPS = 4


class Net(nn.Module):  # type: ignore[misc]
    """Three layers of as many neurons, called by ``forward``, which gets the module and the input."""

    def __init__(self, forward: Callable[[Any, Any], Any], *, hidden: bool = True, **last: Any) -> None:
        super().__init__()
        self.fc1, self.fc2, self.fc3 = (nn.Linear(4, 4) for _ in range(3))
        self.lif1, self.lif2 = (snn.Leaky(0.5, init_hidden=hidden) for _ in range(2))
        self.lif3 = snn.Leaky(0.5, init_hidden=hidden, **last)
        self.relu = nn.ReLU()
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)


def refusal(net: nn.Module, sample: tuple[int, ...] = (4,), **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        read_module(net, sample, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def first(net: Any, x: Any) -> Any:
    return net.lif1(net.fc1(x))


def decides(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    return net.lif2(net.fc2(spikes)) if spikes.sum() > 3 else spikes


def counts_its_spikes(net: Any, x: Any) -> Any:
    return first(net, x) * first(net, x).mean().item()


def runs_until_it_fires(net: Any, x: Any) -> Any:
    spikes = first(net, x)
    while not bool(spikes.any()):
        spikes = first(net, x)
    return spikes


PER_STEP: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "currents of two layers": (
        lambda net, x: net.lif2((current := net.fc1(x)) + net.fc2(net.lif1(current))),
        "lif2 (Leaky): takes the currents of 'fc1', which 'lif1' takes too; each layer of neurons would compute them",
    ),
    "parts of frames": (
        lambda net, x: net.lif2(torch.cat([net.fc1(x)[:, :2], net.fc2(x)[:, 2:]], 1)),
        "__getitem__: makes 2x2 of 2x4; only functions that leave all values of a frame in their order are built",
    ),
    "frames behind one another": (
        lambda net, x: net.lif2(torch.cat([net.fc1(x), net.fc2(x)])),
        "cat: joins along dimension 0; only channels are joined, which are dimension 1 here",
    ),
    "a constant joined": (
        lambda net, x: net.lif2(torch.cat([net.fc1(x), torch.ones(len(x), 2)], 1)),
        "cat: joins a constant to what follows from the input",
    ),
    "a constant added": (lambda net, x: net.lif2(net.fc1(x) + 1), "add: adds a constant; give the normalization of"),
    "a multiple added": (
        lambda net, x: net.lif2(torch.add(net.fc1(x), net.fc2(x), alpha=2)),
        "add: adds a multiple (alpha); multiply before the addition",
    ),
    "frames exchanged": (
        lambda net, x: net.lif2(net.fc1(x) + net.fc2(x).flip(0)),
        "flip: flip is not built",
    ),
    "gated": (
        lambda net, x: net.lif2(net.fc1(x) * torch.sigmoid(net.fc2(x))),
        "mul: multiplies what follows from the input, as gates and SEW's AND and IAND do; only ADD is built",
    ),
    "spikes that meet": (
        lambda net, x: net.lif3(net.fc3((spikes := first(net, x)) * (1 - net.lif2(net.fc2(spikes))))),
        "mul: multiplies what follows from the input, as gates and SEW's AND and IAND do; only ADD is built",
    ),
    "subtracted": (lambda net, x: net.lif2(net.fc1(x) - net.fc2(x)), "sub: takes 2 tensors that follow from the input"),
    "product of two": (lambda net, x: net.lif2(torch.matmul(x, net.fc2(x).T)), "matmul: takes 2 tensors"),
    "neurons used twice": (
        lambda net, x: net.lif2(net.fc3(net.lif1(net.fc2(net.lif1(net.fc1(x)))))),
        "lif1 (Leaky): its call 2 is part of step 1: delays, and neurons that are called more than once a step",
    ),
    "the last neurons used twice": (
        lambda net, x: net.lif1(net.fc2(net.lif1(net.fc1(x)))),
        "lif1 (Leaky): 2 of its 4 calls make the scores; return all, or the last, and use another module in another",
    ),
    "relu": (lambda net, x: first(net, net.relu(x)), "relu (ReLU): is not a spiking neuron; put a framework's neurons"),
    "decides": (decides, "its forward decides by the values of a tensor (__bool__), and hardware does the same for"),
    "a value as a number": (counts_its_spikes, "its forward decides by the values of a tensor (item)"),
    "until it fires": (runs_until_it_fires, "its forward decides by the values of a tensor (__bool__)"),
    "as an array": (
        lambda net, x: torch.tensor(first(net, x).numpy()),
        "its forward decides by the values of a tensor",
    ),
    "printed": (lambda net, x: first(net, x) if str(x.max().tolist()) else x, "by the values of a tensor (tolist)"),
    "no neurons on the way": (lambda net, x: net.fc1(x), "fc1 (Linear): there are no spiking neurons before it"),
    "the input itself": (lambda net, x: x, "its output "),
    "the input added": (lambda net, x: first(net, x) + x, "its output adds its input to what its layers give"),
    "no output": (lambda net, x: None, "its output must be a tensor, or several of them, not NoneType"),
    "a dictionary": (lambda net, x: {"spikes": first(net, x)}, "its output must be a tensor, or several of them"),
    "an empty list": (lambda net, x: [], "its output must be a tensor, or several of them, not list"),
    "its shape": (lambda net, x: torch.ones(2, 4), "its output does not follow from its input by functions of torch"),
    "two layers added": (
        lambda net, x: (spikes := first(net, x)) + net.lif2(net.fc2(spikes)),
        "both make the scores; return one layer's",
    ),
    "two layers joined": (
        lambda net, x: torch.cat([(spikes := first(net, x)), net.lif2(net.fc2(spikes))], 1),
        "both make the scores; return one layer's",
    ),
    "scores of the largest": (lambda net, x: first(net, x).argmax(1), "argmax: follows the last layer; scores are its"),
    "negative scores": (
        lambda net, x: first(net, x) * -1,
        "lif1 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "inverse scores": (lambda net, x: 2 / first(net, x), "follows the last layer; scores are"),
    "a tensor by scores": (
        lambda net, x: torch.tensor(2.0) / first(net, x),
        "lif1 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "scores rounded": (
        lambda net, x: torch.div(first(net, x), 2, rounding_mode="floor"),
        "lif1 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "some of the scores": (
        lambda net, x: first(net, x)[:, :2],
        "lif1 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "one of the scores": (lambda net, x: first(net, x)[:, 0], "__getitem__: picks from what the last layer gives"),
    "loop in a step": (
        lambda net, x: sum(first(net, x) for _ in range(STEPS)),
        "is called 4 times in one step: a loop over time in forward is --forward all",
    ),
    "raises": (
        lambda net, x: net.missing(x),
        "its forward fails on an input of 2x4, 2 frames of 4: 'Net' object has no attribute",
    ),
}


@pytest.mark.parametrize("name", PER_STEP)
def test_calls_of_a_step(name: str) -> None:
    forward, text = PER_STEP[name]
    assert text in refusal(Net(forward), timesteps=3, forward="step")


def looped(step: Callable[..., Any], reduce: Any = sum) -> Callable[[Any, Any], Any]:
    """``step`` gets the module, the input, the membranes, and the spikes of the step before: spikes and membranes."""

    def forward(net: Any, x: Any) -> Any:
        mems, before, spikes = [net.lif1.init_leaky(), net.lif2.init_leaky()], torch.zeros(len(x), 4), []
        for _ in range(STEPS):
            before, mems = step(net, x, mems, before)
            spikes.append(before)
        return reduce(spikes)

    return forward


def two_layers(net: Any, x: Any, mems: Any, before: Any) -> Any:
    spk1, mem1 = net.lif1(net.fc1(x), mems[0])
    spk2, mem2 = net.lif2(net.fc2(spk1), mems[1])
    return spk2, [mem1, mem2]


def recurrent(net: Any, x: Any, mems: Any, before: Any) -> Any:
    spk1, mem1 = net.lif1(net.fc1(x) + net.fc3(before), mems[0])
    spk2, mem2 = net.lif2(net.fc2(spk1), mems[1])
    return spk2, [mem1, mem2]


def a_step_late(net: Any, x: Any) -> Any:
    """The second of three layers gets what the first fired a step before; the last one is left out of the first."""
    mem1, mem2, mem3 = (one.init_leaky() for one in (net.lif1, net.lif2, net.lif3))
    spk1, out = torch.zeros(len(x), 4), []
    for step in range(STEPS):
        spk2, mem2 = net.lif2(net.fc2(spk1), mem2)
        if step:
            spk3, mem3 = net.lif3(net.fc3(spk2), mem3)
            out.append(spk3)
        spk1, mem1 = net.lif1(net.fc1(x), mem1)
    return sum(out)


def membrane_goes_on(net: Any, x: Any, mems: Any, before: Any) -> Any:
    _, mem1 = net.lif1(net.fc1(x), mems[0])
    spk2, mem2 = net.lif2(net.fc2(mem1), mems[1])
    return spk2, [mem1, mem2]


def membrane_is_input(net: Any, x: Any, mems: Any, before: Any) -> Any:
    spk1, mem1 = net.lif1(net.fc1(x), mems[1])
    spk2, mem2 = net.lif2(net.fc2(spk1), mems[0])
    return spk2, [mem1, mem2]


def membrane_is_scaled(net: Any, x: Any, mems: Any, before: Any) -> Any:
    spk1, mem1 = net.lif1(net.fc1(x), mems[0] * 0.5)
    return spk1, [mem1, mems[1]]


def begins_anew(net: Any, x: Any, mems: Any, before: Any) -> Any:
    spk1, _ = net.lif1(net.fc1(x), torch.zeros(len(x), 4))
    return spk1, mems


def another_way_first(net: Any, x: Any) -> Any:
    mem1, mem3 = net.lif1.init_leaky(), net.lif3.init_leaky()
    for step in range(STEPS):
        spk, mem1 = net.lif1(net.fc1(x) if step else net.fc2(x), mem1)
        _, mem3 = net.lif3(net.fc3(spk), mem3)
    return mem3


def twice_a_step(net: Any, x: Any, mems: Any, before: Any) -> Any:
    spk1, mem1 = net.lif1(net.fc1(x), mems[0])
    spk1, mem1 = net.lif1(net.fc1(x), mem1)
    spk2, mem2 = net.lif2(net.fc2(spk1), mems[1])
    return spk2, [mem1, mem2]


class Late(Net):
    """The last layer's spikes follow from those of the first a step before."""

    def __init__(self) -> None:
        super().__init__(self._late, hidden=False)

    @staticmethod
    def _late(net: Any, x: Any) -> Any:
        mem1, mem2, spk1, out = net.lif1.init_leaky(), net.lif2.init_leaky(), torch.zeros(len(x), 4), []
        for _ in range(STEPS):
            spk2, mem2 = net.lif2(net.fc2(spk1), mem2)
            out.append(spk2)
            spk1, mem1 = net.lif1(net.fc1(x), mem1)
        return sum(out)


def of_some(pick: Callable[[list[Any]], Any]) -> Callable[[Any, Any], Any]:
    return looped(two_layers, pick)


def not_from_zeros(net: Any, x: Any) -> Any:
    mem, spikes = torch.full((len(x), 4), 0.5), []
    for _ in range(STEPS):
        spk, mem = net.lif1(net.fc1(x), mem)
        spikes.append(spk)
    return sum(spikes)


def lengths_by_step(net: Any, x: Any) -> Any:
    """The last step goes another way."""
    mem1, mem2, out = net.lif1.init_leaky(), net.lif2.init_leaky(), []
    for step in range(STEPS):
        spk, mem1 = net.lif1(net.fc1(x) if step < STEPS - 1 else net.fc3(x), mem1)
        spk, mem2 = net.lif2(net.fc2(spk), mem2)
        out.append(spk)
    return sum(out)


LOOPS: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a loop over two layers": (
        lambda: Net(looped(recurrent), hidden=False),
        "lif1 (Leaky): gets the spikes of lif2 of the step before: loops over several layers, and delays, are not",
    ),
    "a step late": (Late, "lif2 (Leaky): its call 1 gets what does not follow from the input, such as zeros"),
    "a step late inside": (
        lambda: Net(a_step_late, hidden=False),
        "lif2 (Leaky): its call 1 gets what does not follow from the input, such as zeros",
    ),
    "membrane goes on": (
        lambda: Net(looped(membrane_goes_on), hidden=False),
        "fc2 (Linear): takes the membrane of lif1 (Leaky); only its spikes can go on",
    ),
    "membranes swapped": (
        lambda: Net(looped(membrane_is_input), hidden=False),
        "(Leaky): gets a second tensor that is not its own state of the step before",
    ),
    "membrane scaled": (
        lambda: Net(looped(membrane_is_scaled), hidden=False),
        "lif1 (Leaky): gets a second tensor that is not its own state of the step before",
    ),
    "twice a step": (lambda: Net(looped(twice_a_step), hidden=False), "neurons that are called more than once a step"),
    "not from zeros": (
        lambda: Net(not_from_zeros, hidden=False),
        "lif1 (Leaky): gets a state that is neither its own nor zeros; begin with zeros, as its own functions do",
    ),
    "another way in a step": (
        lambda: Net(lengths_by_step, hidden=False),
        "lif2 (Leaky): is reached on other ways in some steps than in others; all must do the same",
    ),
    "spikes of the last step": (
        lambda: Net(of_some(lambda spikes: spikes[-1]), hidden=False),
        "lif2 (Leaky): its spikes make the scores: of all steps, not of the last or the largest",
    ),
    "largest of the spikes": (
        lambda: Net(of_some(lambda spikes: torch.stack(spikes).amax(0)), hidden=False),
        "lif2 (Leaky): its spikes make the scores: of all steps, not of the last or the largest",
    ),
    "spikes of some steps": (
        lambda: Net(of_some(lambda spikes: sum(spikes[1:])), hidden=False),
        "lif2 (Leaky): 3 of its 4 calls make the scores; return all, or the last",
    ),
    "steps picked of a stack": (
        lambda: Net(of_some(lambda spikes: torch.stack(spikes)[2:].sum(0)), hidden=False),
        "__getitem__: picks steps of what the last layer gives; only the last one, x[-1], or all of them are built",
    ),
    "the first step": (
        lambda: Net(of_some(lambda spikes: torch.stack(spikes)[0]), hidden=False),
        "__getitem__: picks steps of what the last layer gives",
    ),
    "steps weighted": (
        lambda: Net(of_some(lambda s: sum(one * (t + 1) for t, one in enumerate(s))), hidden=False),
        "lif2 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "a step subtracted": (
        lambda: Net(of_some(lambda s: s[0] - s[1]), hidden=False),
        "sub: follows the last layer; scores are its spikes",
    ),
    "weights of steps": (
        lambda: Net(of_some(lambda s: (torch.stack(s) * torch.arange(4.0).reshape(-1, 1, 1)).sum(0)), hidden=False),
        "lif2 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "a step counted twice": (
        lambda: Net(of_some(lambda spikes: sum(spikes) + spikes[-1]), hidden=False),
        "lif2 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "a bias behind the scores": (
        lambda: Net(of_some(lambda spikes: sum(spikes) + torch.arange(4)), hidden=False),
        "lif2 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "softmax of a step": (
        lambda: Net(of_some(lambda spikes: sum(one.softmax(1) for one in spikes)), hidden=False),
        "lif2 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "softmax of all steps": (
        lambda: Net(of_some(lambda spikes: torch.stack(spikes).softmax(-1)), hidden=False),
        "lif2 (Leaky): what follows it makes other scores of its 4 values a frame",
    ),
    "the first step's spikes": (
        lambda: Net(of_some(lambda spikes: spikes[0]), hidden=False),
        "lif2 (Leaky): its last call must make the scores, or all of them",
    ),
    "largest softmax": (
        lambda: Net(of_some(lambda spikes: torch.stack([one.softmax(1) for one in spikes]).amax(0)), hidden=False),
        "lif2 (Leaky): its spikes make the scores: of all steps, not of the last or the largest",
    ),
    "largest of sums": (
        lambda: Net(of_some(lambda s: torch.maximum(s[0] + s[1], s[2] + s[3])), hidden=False),
        "lif2 (Leaky): its spikes make the scores: of all steps, not of the last or the largest",
    ),
    "sum of the largest": (
        lambda: Net(of_some(lambda s: torch.max(s[0], s[1]) + torch.max(s[2], s[3])), hidden=False),
        "lif2 (Leaky): its spikes make the scores: of all steps, not of the last or the largest",
    ),
    "begins anew": (
        lambda: Net(looped(begins_anew), hidden=False),
        "lif1 (Leaky): begins anew in its call 2; hand it its state of the step before",
    ),
    "another way, and the last membrane": (
        lambda: Net(another_way_first, hidden=False, reset_mechanism="none"),
        "is reached on other ways in some steps than in others; all must do the same",
    ),
    "largest of the neurons": (
        lambda: Net(of_some(lambda spikes: torch.stack(spikes).sum(0).max(1)[0]), hidden=False),
        "lif2 (Leaky): its spikes make the scores: of all steps, not of the last or the largest",
    ),
    "sum of the neurons": (
        lambda: Net(of_some(lambda spikes: torch.stack(spikes).sum((0, 2))), hidden=False),
        "lif2 (Leaky): what follows it makes 2 for 2 frames of its 4 values a frame",
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_loops(name: str) -> None:
    make, text = LOOPS[name]
    assert text in refusal(make())
