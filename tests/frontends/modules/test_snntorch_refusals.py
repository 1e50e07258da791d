"""What of snnTorch cannot be built, each refused in one line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.errors import InputError
from hwsnn.frontends.modules.framework import Node
from hwsnn.frontends.modules.frameworks.snntorch import SnnTorch

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")

SHAPE = (3, 2, 2)
Make = Callable[[], Any]


def tensor(*values: Any) -> Any:
    return torch.tensor(values, dtype=torch.float32)


def per_channel(*values: float) -> Any:
    return tensor(*values).reshape(-1, 1, 1)


def refusal(module: Any, shape: tuple[int, int, int] = SHAPE, axes: int = 3) -> str:
    with pytest.raises(InputError) as caught:
        SnnTorch().read(Node("lif", module, shape, axes))
    return str(caught.value)


class OwnForward(snn.Synaptic):  # type: ignore[misc]
    def forward(self, input_: Any, syn: Any = None, mem: Any = None) -> Any:
        return super().forward(input_ * 2, syn, mem)


class OwnFire(snn.Leaky):  # type: ignore[misc]
    def fire(self, mem: Any) -> Any:
        return super().fire(mem.abs())


class OwnNeuron(snn.SpikingNeuron):  # type: ignore[misc]
    """A neuron of a user's own on snnTorch's base."""


def changed(module: Any, **fields: Any) -> Any:
    for name, value in fields.items():
        setattr(module, name, value)
    return module


def quiet(make: Make) -> Any:
    with pytest.warns(UserWarning, match="Inhibition is an unstable feature"):
        return make()


OTHERS: list[tuple[Make, str]] = [
    (lambda: snn.Alpha(0.8, 0.5), "(Alpha): two synaptic currents are not built"),
    (
        lambda: snn.LeakyParallel(3, 3),
        "(LeakyParallel): membranes that never go below 0 and are never reset are not built",
    ),
    (lambda: snn.SLSTM(3, 3), "(SLSTM): LSTM cells are not built"),
    (lambda: snn.SConv2dLSTM(3, 3, 1), "(SConv2dLSTM): LSTM cells are not built"),
    (lambda: snn.DeltaLeaky(beta=0.5), "(DeltaLeaky): this neuron is not built"),
    (lambda: snn.StateLeaky(0.5, 3), "(StateLeaky): this neuron is not built"),
    (OwnNeuron, "(OwnNeuron): this neuron is not built"),
]
REFUSALS: list[tuple[Make, str]] = [
    *((make, f"{line}; use Leaky, Synaptic or Lapicque") for make, line in OTHERS),
    (
        lambda: OwnForward(0.5, 0.5),
        "(OwnForward): it has a forward of its own, which is not read; use Synaptic, set up by its parameters",
    ),
    (
        lambda: OwnFire(0.5),
        "(OwnFire): it has a fire of its own, which is not read; use Leaky, set up by its parameters",
    ),
    (
        lambda: changed(snn.Leaky(0.5), mem_reset=lambda mem: 0 * mem),
        "(Leaky): it has a mem_reset of its own, which is not read; use Leaky, set up by its parameters",
    ),
    (
        lambda: changed(snn.Leaky(0.5), state_function=lambda current: current),
        "(Leaky): it has a state_function of its own, which is not read; give it a reset_mechanism",
    ),
    (
        lambda: snn.RLeaky(0.5, linear_features=3),
        (
            "(RLeaky): recurrent is a Linear over an image of 2x2; only recurrence within a position is built: "
            "a Conv2d of 1x1"
        ),
    ),
    (
        lambda: snn.RSynaptic(0.5, 0.5, conv2d_channels=2, kernel_size=1),
        "(RSynaptic): recurrent must make 3 channels of 3, not 2 of 2",
    ),
    (
        lambda: copy.copy(snn.Leaky(0.5)),  # it goes on with the membrane of the original
        "(Leaky): it has a state_function of its own, which is not read; give it a reset_mechanism",
    ),
    (
        lambda: quiet(lambda: snn.Leaky(0.5, inhibition=True)),
        "(Leaky): inhibition must be False: neurons that silence each other are not built",
    ),
    (
        lambda: snn.Leaky(0.5, state_quant=lambda mem: mem.round()),
        "(Leaky): state_quant must be False: give the trained network without it, it is quantized here",
    ),
    (
        lambda: snn.Leaky(0.5, graded_spikes_factor=per_channel(1, 2, 1), learn_graded_spikes_factor=True),
        "(Leaky): graded_spikes_factor must be 1; multiply the weights of the layer behind by it",
    ),
    (
        lambda: snn.Leaky(0.5, threshold=per_channel(1, -0.25, 1), learn_threshold=True),
        "(Leaky): threshold must be positive, not -0.25; keep it positive in training",
    ),
    (
        lambda: snn.Leaky(0.5, spike_grad=torch.sigmoid),
        (
            "(Leaky): spike_grad must be 0 below the threshold and 1 above, as those of snntorch.surrogate are; "
            "use one of them"
        ),
    ),
    (
        lambda: snn.Lapicque(R=0.5, C=1),
        (
            "(Lapicque): its decay 1 - time_step / (R C) must be from 0 to 1, not -1; "
            "make R C at least time_step, which a beta from 0.368 does"
        ),
    ),
    (
        lambda: snn.Lapicque(beta=0.3),
        (
            "(Lapicque): its decay 1 - time_step / (R C) must be from 0 to 1, not -0.204; "
            "make R C at least time_step, which a beta from 0.368 does"
        ),
    ),
]


@pytest.mark.parametrize(("make", "line"), REFUSALS, ids=[line.partition(";")[0] for _, line in REFUSALS])
def test_what_cannot_be_built_is_refused_in_a_line(make: Make, line: str) -> None:
    module = make()
    assert SnnTorch().is_neuron(module)
    assert refusal(module) == f"lif {line}"


@pytest.mark.parametrize(
    ("beta", "shape", "axes", "words"),
    [
        (tensor(0.5, 1, 0), (3, 2, 3), 3, "beta must be the same over a channel's height and width; it differs"),
        (tensor(0.5, 1, 0), (3, 1, 3), 2, "beta must be the same over a channel's height and width; it differs"),
        (tensor(0.5, 1, 0, 0), (2, 1, 2), 1, "beta must be the same over a channel's height and width; it differs"),
        (tensor(0.5, 1, 0), SHAPE, 3, "beta has shape (3,), which does not fit its input, (3, 2, 2) a frame"),
        (per_channel(0.5, 1, 0), (3, 1, 1), 1, "beta has shape (3, 1, 1), which does not fit its input, (3,) a frame"),
        (per_channel(0.5), (3, 1, 1), 1, "beta has shape (1, 1, 1), which does not fit its input, (3,) a frame"),
        (float("nan"), SHAPE, 3, "beta must be finite, not [nan]"),
    ],
)
def test_numbers_that_are_not_one_per_channel_are_refused(
    beta: Any, shape: tuple[int, int, int], axes: int, words: str
) -> None:
    assert refusal(snn.Leaky(beta), shape, axes) == f"lif (Leaky): {words}"
