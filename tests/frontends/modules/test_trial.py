"""Modules whose forward does more than a recording shows: refused, as they do not do what was read of them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")
neuron: Any = pytest.importorskip("spikingjelly.activation_based.neuron")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

STEPS = 6
Forward = Callable[[Any, Any], Any]


def fires(distance: Any) -> Any:
    return (distance > 0).to(distance)


def leaky() -> Any:
    return snn.Leaky(beta=0.75, threshold=0.5, init_hidden=True, spike_grad=fires)


def synaptic() -> Any:
    return snn.Synaptic(alpha=0.5, beta=0.75, threshold=0.5, init_hidden=True, spike_grad=fires)


class Net(nn.Module):  # type: ignore[misc]
    """Neurons between two linear layers; ``forward`` says what is done in a step, or in a loop over time."""

    def __init__(self, forward: Forward, make: Callable[[], Any] = leaky, classes: int = 3) -> None:
        super().__init__()
        self.fc1, self.lif, self.fc2 = nn.Linear(8, 6), make(), nn.Linear(6, classes)
        self.kept: list[Any] = []
        self.before: Any = None
        self._forward = forward

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)

    def step(self, x: Any) -> Any:
        return self.fc2(self.lif(self.fc1(x)))


def over_time(step: Callable[[Any, Any, int], Any]) -> Forward:
    """A loop over the steps of (T, N, 8)."""

    def forward(net: Any, x: Any) -> Any:
        outputs = [step(net, x_t, number) for number, x_t in enumerate(x)]
        return torch.stack(outputs).sum(0)

    return forward


def setting(name: str, value: Callable[[int], Any]) -> Forward:
    """A parameter of the neurons of its own in every step."""

    def step(net: Any, x: Any, number: int) -> Any:
        setattr(net.lif, name, value(number))
        return net.step(x)

    return over_time(step)


def bias_by_step(net: Any, x: Any, number: int) -> Any:
    net.fc1.bias.data = torch.full_like(net.fc1.bias.data, number / 4)
    return net.step(x)


def halved_synaptic_current(net: Any, x: Any, _: int) -> Any:
    net.lif.syn = net.lif.syn / 2
    return net.step(x)


def written_membrane(net: Any, x: Any, _: int) -> Any:
    net.lif.mem.data.clamp_(min=0)
    return net.step(x)


def written_spikes(net: Any, x: Any, _: int) -> Any:
    spikes = net.lif(net.fc1(x))
    spikes.data[:, 0] = 1
    return net.fc2(spikes)


def two_steps_late(net: Any, x: Any) -> Any:
    net.kept.append(net.lif(net.fc1(x)))
    return net.fc2(net.kept[-3] if len(net.kept) > 2 else net.kept[-1])


def counting(net: Any, x: Any) -> Any:
    net.kept.append(None)
    return net.step(x if len(net.kept) < 4 else -x)


def noisy(net: Any, x: Any) -> Any:
    weight = net.fc1.weight + torch.randn_like(net.fc1.weight) / 4
    return net.fc2(net.lif(nn.functional.linear(x, weight, net.fc1.bias))).sum(0)


def whole() -> Any:
    return neuron.LIFNode(v_threshold=0.5, step_mode="m")


def either(net: Any, x: Any) -> Any:
    """Spikes of this step or of the last one, not their sum."""
    spikes = net.lif(net.fc1(x))
    both = (spikes + (spikes if net.before is None else net.before)).to(torch.bool).to(spikes)
    net.before = spikes
    return net.fc2(both)


REFUSED: dict[str, Net] = {
    "a threshold by step": Net(setting("threshold", lambda number: torch.tensor(0.5 + number / 4))),
    "a decay by step": Net(setting("beta", lambda number: torch.tensor(0.9 - number / 8))),
    "a bias by step": Net(over_time(bias_by_step)),
    "a synaptic current that forward halves": Net(over_time(halved_synaptic_current), synaptic),
    "a membrane written through .data": Net(over_time(written_membrane)),
    "spikes written through .data": Net(over_time(written_spikes)),
    "a delay of two steps": Net(two_steps_late),
    "a counter of steps": Net(counting),
    "noise on weights": Net(noisy, whole),
    "one or the other": Net(either),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_recording_does_not_show(name: str) -> None:
    with pytest.raises(InputError):
        read_module(randomized(REFUSED[name]), (8,), timesteps=STEPS, encoding="steps")


DECISIONS: dict[str, Callable[[Any], Any]] = {
    "an array": lambda x: np.asarray(x).mean() > 0.6,
    "a truth": lambda x: torch.is_nonzero(x.mean() > 0.6),
    "a member": lambda x: True in (x > 0.9),
    "positions": lambda x: (x > 0.5).nonzero().shape[0] > 6,
    "positions of a condition": lambda x: len(torch.where(x > 0.5)[0]) > 6,
    "picked values": lambda x: x[x > 0.5].numel() > 6,
}


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_by_values(name: str) -> None:
    net = randomized(Net(lambda net, x: net.step(x if DECISIONS[name](x) else -x)))
    with pytest.raises(InputError, match="its forward decides by the values of a tensor"):
        read_module(net, (8,), timesteps=STEPS, encoding="steps")


def test_the_layer_and_the_step_are_named() -> None:
    net = randomized(Net(counting))
    with pytest.raises(InputError, match=r"^fc1 \(Leaky\): on a random frame its membrane in step 4 is ") as caught:
        read_module(net, (8,), timesteps=STEPS, encoding="steps")
    assert "by its inputs and its numbers as they were read; leave out what forward sets or draws" in str(caught.value)


class Band(nn.Module):  # type: ignore[misc]
    """Fires at no large membrane."""

    def forward(self, distance: Any) -> Any:
        return ((distance > 0) & (distance < 9)).to(distance)


def test_what_decides_on_spikes_besides_the_membrane() -> None:
    net = Net(lambda net, x: net.fc2(net.lif(net.fc1(x))).sum(0), whole)
    net.lif.surrogate_function = Band()
    with pytest.raises(InputError, match=r"^fc1 \(LIFNode\): on a random frame it fires 0 times in step \d, where "):
        read_module(randomized(net), (8,), timesteps=STEPS, encoding="steps")


@pytest.mark.parametrize("scores", [lambda y: y.softmax(-1), lambda y: y.log_softmax(-1), lambda y: y.mean(0)])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_what_floats_of_few_bits_make_of_scores(scores: Callable[[Any], Any], dtype: Any) -> None:
    """A softmax keeps zeros of most classes, and sums of many steps are rounded."""
    net = Net(lambda net, x: scores(torch.stack([net.step(x_t) for x_t in x]).sum(0, keepdim=True)))
    read = read_module(randomized(net).to(dtype), (8,), timesteps=25, encoding="steps")
    assert read.network.readout == "sum"


def test_a_second_reset_where_rounding_decides() -> None:
    """Of a membrane at its threshold, whether it is reset once more before the next step."""
    make = lambda: snn.Leaky(  # noqa: E731
        beta=1.0, threshold=1.0, init_hidden=True, reset_delay=False, spike_grad=fires
    )
    net = randomized(Net(over_time(lambda net, x, _: net.step(x)), make))
    net.fc1.weight.data.zero_()
    net.fc1.bias.data = torch.tensor([0.1, 0.2, 0.3, 0.7, 0.9, 1.1])
    assert read_module(net.float(), (8,), timesteps=40, encoding="steps").network.timesteps == 40


@pytest.mark.parametrize("encoding", ["direct", "steps"])
def test_a_forward_may_view_its_input_in_another_shape(encoding: Any) -> None:
    def forward(net: Any, x: Any) -> Any:
        currents = net.fc1(x.view(x.shape[0] * x.shape[1], 8)).view(*x.shape[:2], 6)
        return net.fc2(net.lif(currents)).sum(0)

    read = read_module(randomized(Net(forward, whole)), (8,), timesteps=STEPS, encoding=encoding)
    assert read.layout == "sequence"


def test_what_only_bright_pixels_show() -> None:
    """Weights for pixels of 0 to 255 fire at nothing less."""

    def step(net: Any, x: Any, number: int) -> Any:
        spikes = net.lif(net.fc1(x))
        return net.fc2(spikes if number < 3 else 2 * spikes)

    net = randomized(Net(over_time(step)))
    net.fc1.weight.data /= 255
    net.fc1.bias.data.zero_()
    with pytest.raises(InputError):
        read_module(net, (8,), timesteps=STEPS, encoding="steps")


@pytest.mark.parametrize("truths", [lambda y: y.to(torch.bool), lambda y: y.bool(), lambda y: y.type(torch.bool)])
def test_truths_of_added_spikes_are_refused(truths: Callable[[Any], Any]) -> None:
    def forward(net: Any, x: Any) -> Any:
        spikes = net.lif(net.fc1(x))
        return net.fc2(truths(spikes + net.other(net.fc3(spikes))).to(x))

    net = Net(forward)
    net.fc3, net.other = nn.Linear(6, 6), leaky()
    with pytest.raises(InputError, match="makes truths of numbers of spikes, an OR; only their sum is built"):
        read_module(randomized(net), (8,), timesteps=STEPS, encoding="steps")


def test_truths_of_spikes() -> None:
    net = Net(lambda net, x: net.fc2(net.lif(net.fc1(x)).to(torch.bool).to(x)))
    assert read_alike(randomized(net), (8,), steps=STEPS).network.readout == "sum"


def test_buffers_are_as_before() -> None:
    def forward(net: Any, x: Any) -> Any:
        net.total += x.sum()
        spikes = net.lif(net.fc1(x + 0 * net.prev.sum()) if net.prev.numel() > 1 else net.fc1(x))
        net.prev = spikes
        return net.fc2(spikes)

    net = randomized(Net(forward))
    net.register_buffer("prev", torch.zeros(1))
    net.register_buffer("total", torch.zeros(()))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with contextlib.suppress(InputError):
        read_module(net, (8,), timesteps=STEPS, encoding="steps")
    after = net.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_compiled_parts_are_in_training_as_before() -> None:
    net = randomized(Net(lambda net, x: net.step(x)))
    net.script = torch.jit.script(nn.Dropout())
    net.train()
    read_module(net, (8,), timesteps=STEPS, encoding="steps")
    assert net.script.training


def test_attributes_are_as_before() -> None:
    """A module reads alike twice, though its forward leaves something behind."""

    def forward(net: Any, x: Any) -> Any:
        net.kept.append(x)
        net.count = len(net.kept)
        return net.step(x)

    net = randomized(Net(forward))
    for _ in range(2):
        read_alike(net, (8,), steps=STEPS)
    assert (net.kept, hasattr(net, "count")) == ([], False)


@pytest.mark.parametrize("steps", [5, 16])
def test_a_running_maximum_that_begins_at_zero(steps: int) -> None:
    """It is no maximum over time where all membranes are below 0."""

    def forward(net: Any, x: Any) -> Any:
        largest = torch.zeros(x.shape[1], 3, dtype=x.dtype)
        for x_t in x:
            largest = torch.maximum(largest, net.step(x_t))
        return largest

    with pytest.raises(InputError, match="makes other scores of its 3 values a frame"):
        read_module(randomized(Net(forward)), (8,), timesteps=steps, encoding="steps")


ONE_CLASS: dict[str, Callable[[list[Any]], Any]] = {
    "negated": lambda outputs: -1 * sum(outputs),
    "nothing": lambda outputs: 0 * sum(outputs),
    "more and more": lambda outputs: sum(step * one for step, one in enumerate(outputs, 1)),
    "and the largest": lambda outputs: sum(outputs) + torch.stack(outputs).amax(0),
}


@pytest.mark.parametrize("name", ONE_CLASS)
def test_one_class_is_a_number(name: str) -> None:
    net = Net(lambda net, x: ONE_CLASS[name]([net.step(x_t) for x_t in x]), classes=1)
    with pytest.raises(InputError, match="makes other scores of its 1 values a frame"):
        read_module(randomized(net), (8,), timesteps=STEPS, encoding="steps")


@pytest.mark.parametrize("squeeze", [lambda y: y, lambda y: y.squeeze(1)])
def test_one_class(squeeze: Callable[[Any], Any]) -> None:
    net = Net(lambda net, x: squeeze(sum(net.step(x_t) for x_t in x)), classes=1)
    assert read_alike(randomized(net), (8,), steps=STEPS).network.readout == "sum"


@pytest.mark.parametrize("pick", [lambda y: y[:, -1], lambda y: y.select(1, -1), lambda y: y.transpose(0, 1)[-1:]])
def test_the_last_step_of_what_has_the_frames_first(pick: Callable[[Any], Any]) -> None:
    net = Net(lambda net, x: pick(torch.stack([net.step(x_t) for x_t in x], dim=1)))
    assert read_alike(randomized(net), (8,), steps=STEPS).network.readout == "membrane"


def test_a_membrane_that_is_kept_of_all_steps() -> None:
    """A layer that takes all steps a call has that of the last step afterwards."""

    def forward(net: Any, x: Any) -> Any:
        net.last(net.fc2(net.lif(net.fc1(x))))
        return net.last.v

    net = Net(forward, whole)
    net.last = neuron.LIFNode(v_threshold=float("inf"), step_mode="m", decay_input=False)
    assert read_alike(randomized(net), (8,), steps=STEPS, compare_currents=False).network.readout == "membrane"
