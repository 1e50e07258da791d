"""Random modules of every framework: what is read of them computes what the framework itself computes."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.torchvision_stand_in import stand_in_for_torchvision

stand_in_for_torchvision()
for package in ("torch", "snntorch", "spikingjelly", "sinabs", "norse"):
    pytest.importorskip(package)

from hwsnn.float_network import FloatNetwork, FloatPopulation  # noqa: E402
from hwsnn.frontends.modules.build import ReadModule  # noqa: E402
from hwsnn.frontends.modules.read import read_module  # noqa: E402
from hwsnn.model_file.notes import Forward  # noqa: E402
from hwsnn.quantization.quantize import quantize  # noqa: E402
from hwsnn.reference import run  # noqa: E402
from tests.support.driven_modules import differences, driven, scores_differ  # noqa: E402
from tests.support.float_simulation import simulate  # noqa: E402
from tests.support.random_modules import RandomModule, draw  # noqa: E402

SEEDS = [
    *range(20),
    *(pytest.param(seed, marks=pytest.mark.frameworks) for seed in range(20, 60)),
    *(pytest.param(seed, marks=pytest.mark.long) for seed in range(60, 700)),
]
FRAMES = 5


def read(drawn: RandomModule) -> ReadModule:
    forward: Forward = "step" if drawn.drive in ("step", "state") else "all"
    return read_module(drawn.module, drawn.sample, timesteps=drawn.timesteps, forward=forward)


def images(drawn: RandomModule, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2, (FRAMES, *drawn.sample)) * 255


def firing(network: FloatNetwork) -> list[str]:
    """The names of the layers of neurons that fire."""
    return [one.name for one in network.layers if isinstance(one, FloatPopulation) and one.neuron.fires]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_module_is_read_as_it_computes(seed: int) -> None:
    drawn = draw(seed)
    network = read(drawn).network
    x = images(drawn, seed)
    spikes, output = driven(drawn, x / 255)
    inputs = np.repeat((x / 255).reshape(FRAMES, 1, *network.input_shape), drawn.timesteps, axis=1)
    simulated = simulate(network, inputs)
    assert not differences(network, simulated, spikes), drawn.story
    own = dict(zip(firing(network), spikes, strict=True))
    if all((simulated.spikes[name].reshape(one.shape) == one).all() for name, one in own.items()):
        assert network.readout is not None
        scores = simulated.scores(network.layers[-1].name, network.readout)
        assert not scores_differ(output, scores, network.readout, drawn.timesteps), drawn.story
    if drawn.exact:
        integers, _ = quantize(network)
        result = run(integers, x.reshape(FRAMES, *network.input_shape).astype(np.uint8), trace=True)
        for name in own.keys() & result.spikes.keys():
            assert (result.spikes[name].reshape(own[name].shape) == own[name]).all(), f"{drawn.story}: {name}"
