"""Networks of ReLUs as spiking modules: their neurons, the rates of these, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hwsnn
from hwsnn.errors import InputError
from hwsnn.float_network import FloatNeuron, FloatPopulation
from hwsnn.spec import MaxPool

torch: Any = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from hwsnn.frontends.modules.conversion import convert, with_thresholds  # noqa: E402

SHAPE, IMAGES = (2, 8, 8), 16


def images(seed: int = 1) -> Any:
    """Smooth random pixels, whole 255ths."""
    chance = torch.Generator().manual_seed(seed)
    pixels = functional.interpolate(torch.rand(IMAGES, 2, 4, 4, generator=chance), size=(8, 8), mode="bilinear")
    return (pixels * 255).round() / 255


def seeded(*layers: Any) -> Any:
    return nn.Sequential(*layers).eval()


class Functional(nn.Module):  # type: ignore[misc]
    """Everything by functions, in place where that can be; one ReLU module in two places."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.fc1, self.fc2, self.relu = nn.Linear(16, 12), nn.Linear(12, 5), nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        x = functional.relu(functional.max_pool2d(self.conv1(x), 2), inplace=True)
        x = functional.max_pool2d(self.relu(self.conv2(x)), kernel_size=2)
        x = functional.dropout(x, 0.5, self.training)
        return functional.log_softmax(self.fc2(self.relu(self.fc1(x.flatten(1)).relu())), dim=1)


def conv(*behind: Any, **settings: Any) -> Any:
    return seeded(nn.Conv2d(2, 4, 3, padding=1), *behind, nn.Conv2d(4, 4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))


NETWORKS: dict[str, Callable[[], Any]] = {
    "pool behind": lambda: conv(nn.ReLU(), nn.MaxPool2d(2)),
    "pool before": lambda: conv(nn.MaxPool2d(2), nn.ReLU()),
    "pools and dropout": lambda: conv(nn.ReLU(), nn.Dropout(), nn.MaxPool2d(2), nn.ReLU(), nn.MaxPool2d(2, 1)),
    "average pool, batch norm": lambda: conv(nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.AvgPool2d(2)),
    "functional": Functional,
    "a last ReLU": lambda: seeded(nn.Flatten(), nn.Linear(128, 6), nn.ReLU(), nn.Linear(6, 4), nn.ReLU()),
}


def made(name: str) -> Any:
    torch.manual_seed(0)
    module = NETWORKS[name]().eval()
    with torch.no_grad():
        module(images())  # lazy layers learn their sizes
    return module


def answers(module: Any, x: Any) -> Any:
    with torch.no_grad():
        return module(x)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_model_has_the_rates_of_the_activations(name: str) -> None:
    """Over many steps scores go to those of the network, in the torch module and in the integers made of it."""
    module, steps = made(name), 64
    before = {key: value.clone() for key, value in module.state_dict().items()}
    converted = convert(module, images(), timesteps=steps)
    floats = hwsnn.from_torch(converted, sample=SHAPE)
    assert floats.timesteps == steps
    network, _ = hwsnn.quantize(floats)
    frames = (images() * 255).round().to(torch.uint8).numpy()
    result = hwsnn.run(network, frames)
    asked = answers(module, images()).numpy()
    asked -= asked.mean(axis=1, keepdims=True)
    found = result.scores - result.scores.mean(axis=1, keepdims=True)
    assert np.corrcoef(asked.ravel(), found.ravel())[0, 1] > 0.97
    checked = hwsnn.check(converted, network, frames[:8])
    assert checked.answers_agree >= 0.8
    assert not module.training
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


def test_neurons_and_pools() -> None:
    module = made("pool before")
    converted = convert(module, images(), timesteps=8)
    first, pool, second, last = hwsnn.from_torch(converted, sample=SHAPE).layers
    assert isinstance(pool, MaxPool)
    assert (pool.mode, pool.window.size) == ("winner", (2, 2))
    for layer, threshold in zip((first, second), converted.thresholds, strict=True):
        assert isinstance(layer, FloatPopulation)
        assert isinstance(layer.neuron, FloatNeuron)
        assert (layer.neuron.beta, layer.neuron.reset, layer.neuron.compare) == (1.0, "subtract", "greater_equal")
        np.testing.assert_allclose(layer.neuron.threshold, threshold)
    assert isinstance(first, FloatPopulation)
    assert isinstance(second, FloatPopulation)
    assert isinstance(last, FloatPopulation)
    assert not last.neuron.fires
    # Half a threshold over the steps, and a spike that counts a threshold in the next weights.
    np.testing.assert_allclose(first.bias - module[0].bias.detach().numpy(), converted.thresholds[0] / 16, rtol=1e-5)
    np.testing.assert_allclose(
        second.projections[0].weight, module[3].weight.detach().numpy() * converted.thresholds[0], rtol=1e-5
    )


def test_a_threshold_is_where_rates_say_activations_best() -> None:
    """Among all parts of the largest activation none has a smaller error, but for the bins of the histogram."""
    module = seeded(nn.Flatten(), nn.Linear(128, 40), nn.ReLU(), nn.Linear(40, 3))
    (found,) = convert(module, images(), timesteps=4).thresholds
    activations = torch.relu(module[1](images().flatten(1))).detach().numpy()

    def error(threshold: float) -> float:
        rates = np.clip(np.floor(activations * 4 / threshold + 0.5), 0, 4) / 4
        return float(((activations - rates * threshold) ** 2).mean())

    assert error(found) <= 1.01 * min(error(activations.max() * part / 200) for part in range(1, 201))
    assert error(found) < 0.9 * error(activations.max())


def test_the_same_thresholds_make_the_same_module() -> None:
    module = made("functional")
    converted = convert(module, images(), timesteps=8)
    again = with_thresholds(module, converted.thresholds, SHAPE, 8)
    for _ in range(3):
        assert torch.equal(answers(converted, images()), answers(again, images()))
    with pytest.raises(InputError, match="has 3 ReLUs, and the model was converted from a module of 2"):
        with_thresholds(module, [1.0, 2.0], SHAPE, 8)


def test_a_reset_begins_anew() -> None:
    converted = convert(made("pool behind"), images(), timesteps=8)
    runs = []
    for _ in range(2):
        converted.reset()
        runs.append(torch.stack([answers(converted, images()) for _ in range(3)]))
    assert torch.equal(*runs)
    assert not torch.equal(runs[0][0], runs[0][2])


class Overwriting(Functional):
    def forward(self, x: Any) -> Any:
        x = self.conv1(x)
        return self.fc2(self.relu(self.fc1(nn.functional.avg_pool2d(self.relu(x) - x, 4).flatten(1))))


def dead() -> Any:
    module = seeded(nn.Flatten(), nn.Linear(128, 4), nn.ReLU(), nn.Linear(4, 2))
    module[1].bias.data.fill_(-100)
    return module


def not_finite() -> Any:
    module = seeded(nn.Flatten(), nn.Linear(128, 4), nn.ReLU(), nn.Linear(4, 2))
    module[1].bias.data.fill_(float("inf"))
    return module


class Written(nn.Module):  # type: ignore[misc]
    def forward(self, x: Any) -> Any:
        return functional.leaky_relu(x)


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "relu6": (lambda: conv(nn.ReLU6()), r"1 \(ReLU6\): is no ReLU, and only its activations are converted"),
    "leaky": (lambda: conv(nn.LeakyReLU()), r"1 \(LeakyReLU\): is no ReLU"),
    "gelu": (lambda: conv(nn.ReLU(), nn.Sequential(nn.GELU())), r"2.0 \(GELU\): is no ReLU"),
    "function": (lambda: conv(Written()), "leaky_relu: is no ReLU"),
    "none": (lambda: seeded(nn.Flatten(), nn.LazyLinear(3)), "has no ReLU: there are no activations"),
    "dead": (dead, "2: none of its activations on 16 calibration images is above 0"),
    "not finite": (not_finite, "2: its activations must be finite"),
    "in place": (lambda: Overwriting().eval(), "writes over what others take; leave out inplace"),
    "other size": (lambda: seeded(nn.Conv2d(3, 2, 3), nn.ReLU()), "its forward fails on an input of 16x2x8x8"),
    "no copy": (lambda: uncopied(), "cannot be copied"),
}


def uncopied() -> Any:
    module = conv(nn.ReLU())
    module.lines = (line for line in "ab")
    return module


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    make, said = REFUSED[name]
    with pytest.raises(InputError, match=said) as raised:
        convert(make(), images(), timesteps=8)
    assert "\n" not in str(raised.value)


def test_a_spiking_module_is_refused() -> None:
    converted = convert(made("pool behind"), images(), timesteps=8)
    with pytest.raises(InputError, match="is of hwsnn's spiking neurons, and only a plain network of ReLUs"):
        convert(converted, images(), timesteps=8)


def test_bad_arguments() -> None:
    module: Any = made("pool behind")
    for change, kind, said in (
        ({"images": np.zeros((3, 2, 8, 8), np.uint8)}, ValueError, "images must be what the module takes, floats"),
        ({"images": torch.zeros(0, 2, 8, 8)}, ValueError, "at least one image, not of shape"),
        ({"timesteps": 0}, ValueError, "timesteps must be"),
        ({"module": 3}, TypeError, r"module must be a torch.nn.Module, not int"),
    ):
        arguments: dict[str, Any] = {"module": module, "images": images(), "timesteps": 8} | change
        with pytest.raises(kind, match=said):
            convert(**arguments)
