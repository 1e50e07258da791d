"""What SpikingJelly's ann2snn makes of a network of ReLUs: read, and spike for spike as it runs itself."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import hwsnn
from hwsnn.float_network import FloatPopulation
from tests.support.float_simulation import simulate
from tests.support.torchvision_stand_in import stand_in_for_torchvision

torch: Any = pytest.importorskip("torch")
pytest.importorskip("spikingjelly")

from torch import nn  # noqa: E402

STEPS, FRAMES, SAMPLE = 8, 12, (1, 8, 8)


@pytest.fixture(scope="module")
def ann2snn() -> Any:
    """It imports ``tqdm`` for its progress and ``requests`` for downloads, which nothing here needs."""
    stand_in_for_torchvision()
    missing = [name for name in ("tqdm", "requests") if find_spec(name) is None]
    for name in missing:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name])["tqdm"] = iter
    try:
        from spikingjelly.activation_based import ann2snn

        return ann2snn
    finally:
        for name in missing:
            del sys.modules[name]


def network(pool: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    layers: tuple[Any, ...] = (nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), pool(2))
    layers += nn.Conv2d(4, 6, 3, bias=False), nn.ReLU(), pool(2), nn.Flatten(), nn.Linear(6, 9), nn.ReLU()
    return nn.Sequential(*layers, nn.Linear(9, 5)).double().eval()


@pytest.mark.parametrize("pool", [nn.AvgPool2d, nn.MaxPool2d])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "99.9%", "fuse_flag": False},
        {"channel_wise": True},
        {"channel_wise": True, "half_threshold": True},
        {"channel_wise": True, "pre_spike_maxpool": True},
    ],
    ids=lambda settings: ", ".join(settings) or "defaults",
)
def test_it_fires_as_its_own_module(ann2snn: Any, pool: type[nn.Module], settings: dict[str, Any]) -> None:
    chance = torch.Generator().manual_seed(1)
    # Thresholds are activations: on the same frames membranes would reach them but for the rounding of floats.
    calibrated, inputs = torch.rand(2, FRAMES, *SAMPLE, generator=chance, dtype=torch.float64)
    recipe = ann2snn.RateCodingRecipe(dataloader=[(calibrated, torch.zeros(FRAMES))], **settings)
    module = ann2snn.Converter(recipe).convert(network(pool))
    floats = hwsnn.from_torch(module, sample=SAMPLE, timesteps=STEPS)
    found = simulate(floats, np.repeat(inputs.numpy()[:, None], STEPS, axis=1))

    neurons = [one for name, one in module.named_modules() if name.endswith("if_node")]
    spikes: list[list[Any]] = [[] for _ in neurons]
    for one, its in zip(neurons, spikes, strict=True):
        one.reset()
        one.register_forward_hook(lambda _, args, output, its=its: its.append(output.detach().numpy()))
    with torch.no_grad():
        scores = sum(module(inputs) for _ in range(STEPS)).numpy()
    layers = [layer for layer in floats.layers if isinstance(layer, FloatPopulation) and layer.neuron.fires]
    for layer, its in zip(layers, spikes, strict=True):
        own = np.stack(its, axis=1)
        assert own.any()
        np.testing.assert_array_equal(found.spikes[layer.name].reshape(own.shape), own)
        initial = 0.5 * layer.neuron.by_channel["threshold"] if "half_threshold" in settings else None
        np.testing.assert_array_equal(layer.neuron.initial, initial)
    assert floats.readout == "sum"
    currents = found.currents[floats.layers[-1].name].sum(axis=1)[..., 0, 0]
    np.testing.assert_allclose(currents, scores, atol=1e-9)
