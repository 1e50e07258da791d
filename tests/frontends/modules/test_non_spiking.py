"""SpikingJelly's NonSpiking nodes, which take all steps a call in whatever mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.errors import InputError

torch: Any = pytest.importorskip("torch")
neuron: Any = pytest.importorskip("spikingjelly.activation_based.neuron")

from spikingjelly.activation_based import functional  # noqa: E402
from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.checking.compared import checked, exact, images, made  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402

STEPS = 5


class Integrating(nn.Module):  # type: ignore[misc]
    """Whose last neurons never fire, and give the membrane of the last step."""

    def __init__(self, forward: Callable[[Any, Any], Any], last: Any, mode: str) -> None:
        super().__init__()
        self.fc1, self.lif, self.fc2, self.last = nn.Linear(6, 7), neuron.IFNode(), nn.Linear(7, 4), last
        self._forward = forward
        functional.set_step_mode(self, mode)

    def forward(self, x: Any) -> Any:
        return self._forward(self, x)

    def currents(self, x: Any) -> Any:
        return self.fc2(self.lif(self.fc1(x)))


def stacked_currents(net: Any, x: Any) -> Any:
    return net.last(torch.stack([net.currents(x_t) for x_t in x]))


def last_membrane(net: Any, x: Any) -> Any:
    net.last(net.currents(x))
    return net.last.v


NON_SPIKING: dict[str, Callable[[], Any]] = {
    "IF": lambda: neuron.NonSpikingIFNode("last_mem"),
    "LIF": lambda: neuron.NonSpikingLIFNode(2.0, "last_mem"),
}


@pytest.mark.parametrize("name", NON_SPIKING)
@pytest.mark.parametrize(
    ("forward", "mode"),
    [(lambda net, x: net.last(net.currents(x)), "m"), (stacked_currents, "s"), (last_membrane, "m")],
)
def test_non_spiking_nodes_take_all_steps(forward: Any, mode: str, name: str) -> None:
    net = randomized(Integrating(forward, NON_SPIKING[name](), mode))
    for _ in range(2):  # what they keep of a call does not matter to the next
        read = read_alike(net, (6,), steps=STEPS, compare_currents=False)
        assert read.network.readout == "membrane"
    net.last.step_mode = "m"
    assert read_alike(net, (6,), steps=STEPS, compare_currents=False).network.readout == "membrane"


def test_non_spiking_nodes_in_a_loop() -> None:
    def forward(net: Any, x: Any) -> Any:
        return torch.stack([net.last(net.currents(x_t)) for x_t in x])

    text = r"^last \(NonSpikingIFNode\): takes all steps in one call, \(T, N, ...\), but is called several times"
    with pytest.raises(InputError, match=text):
        read_module(randomized(Integrating(forward, NON_SPIKING["IF"](), "s")), (6,), timesteps=STEPS, encoding="steps")


@pytest.mark.parametrize("decode", ["max-mem", "max-abs-mem", "mean-mem"])
def test_other_membranes_of_non_spiking_nodes(decode: str) -> None:
    net = Integrating(lambda net, x: net.last(net.currents(x)), neuron.NonSpikingIFNode(decode), "m")
    with pytest.raises(InputError, match=rf"^last .*: decode must be 'last_mem', .* not '{decode}'; set it"):
        read_module(randomized(net), (6,), timesteps=STEPS, encoding="steps")


def test_a_model_of_non_spiking_nodes_is_checked() -> None:
    sample = (1, 1, 6)
    net = exact(Integrating(lambda net, x: net.last(net.currents(x.flatten(2))), NON_SPIKING["IF"](), "m"))
    result = checked(net, made(net, sample=sample), images(20, sample), sample=sample)
    assert (result.images, result.answers_agree) == (20, 1.0)
