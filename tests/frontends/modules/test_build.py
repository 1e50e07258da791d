"""``from_torch``: its arguments, what it leaves alone, and that its network quantizes and can be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwsnn

torch: Any = pytest.importorskip("torch")
snn: Any = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402

from hwsnn.frontends.modules.read import read_module  # noqa: E402
from tests.support.read_modules import randomized, read_alike  # noqa: E402


def net(**settings: Any) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 2, 3),
        snn.Leaky(beta=0.5, init_hidden=True),
        nn.Flatten(),
        nn.Linear(8, 3),
        snn.Leaky(beta=0.5, init_hidden=True, **settings),
    )


def test_from_a_module_to_predictions(tmp_path: Path) -> None:
    floats = hwsnn.from_torch(net(), sample=(1, 4, 4), timesteps=3, name="mine")
    assert isinstance(floats, hwsnn.FloatNetwork)
    assert (floats.name, floats.input_shape, floats.timesteps, floats.readout) == ("mine", (1, 4, 4), 3, "count")
    hwsnn.save(floats, tmp_path / "floats.safetensors")
    images = np.random.default_rng(0).integers(0, 256, (5, 1, 4, 4), dtype=np.uint8)
    integers, again = hwsnn.quantize(floats)[0], hwsnn.quantize(hwsnn.read(tmp_path / "floats.safetensors"))[0]
    assert (hwsnn.run(integers, images).scores == hwsnn.run(again, images).scores).all()


def test_steps_that_nobody_says() -> None:
    assert hwsnn.from_torch(net(), sample=(1, 4, 4)).timesteps is None


@pytest.mark.parametrize(
    ("arguments", "error", "pattern"),
    [
        (
            {"sample": (0, 4, 4)},
            ValueError,
            r"sample must be \(channels, height, width\), .*, not \(0, 4, 4\)",
        ),
        ({"sample": (1, 1, 4, 4)}, ValueError, r"sample must be .*, not \(1, 1, 4, 4\)"),
        ({"sample": ()}, ValueError, r"sample must be .*, not \(\)"),
        ({"sample": (1, 4.0, 4)}, ValueError, r"sample must be .*, not \(1, 4.0, 4\)"),
        ({"sample": 16}, ValueError, r"sample must be .*, not 16"),
        ({"sample": "1x4x4"}, ValueError, r"sample must be .*, not '1x4x4'"),
        ({"sample": (True, 4, 4)}, ValueError, r"sample must be .*, not \(True, 4, 4\)"),
        ({"timesteps": 0}, ValueError, "timesteps must be an integer from 1 to 256, not 0"),
        ({"timesteps": 257}, ValueError, "timesteps must be an integer from 1 to 256, not 257"),
        ({"timesteps": 2.5}, ValueError, "timesteps must be an integer from 1 to 256, not 2.5"),
        ({"forward": "both"}, ValueError, "forward must be one of step, all, not 'both'"),
        ({"encoding": "rate"}, ValueError, "encoding must be one of .*, not 'rate'"),
        ({"module": net}, TypeError, "module must be a torch.nn.Module, not function"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], error: type[Exception], pattern: str) -> None:
    given = {"module": net(), "sample": (1, 4, 4), **arguments}
    with pytest.raises(error, match=pattern):
        hwsnn.from_torch(given.pop("module"), **given)


@pytest.mark.parametrize("sample", [[1, 4, 4], torch.Size((1, 4, 4)), np.zeros((1, 4, 4)).shape])
def test_samples(sample: Any) -> None:
    assert hwsnn.from_torch(net(), sample=sample).input_shape == (1, 4, 4)


@pytest.mark.parametrize(
    ("sample", "timesteps", "said"),
    [
        ((4096, 4096, 4096), 3, "at most 8,388,608 values, not 68,719,476,736"),
        ((1, 2048, 2048), 256, "at most 134,217,728 values of all time steps, not 1,073,741,824"),
    ],
)
def test_samples_too_large_to_try(sample: tuple[int, ...], timesteps: int, said: str) -> None:
    with pytest.raises(hwsnn.InputError, match=f"^sample must have {said}$"):
        hwsnn.from_torch(net(), sample=sample, timesteps=timesteps)


def test_a_module_that_was_used() -> None:
    """Whatever state its last batch left, reading and running begin anew, and gradients are not in the way."""
    module = randomized(net()).float()
    module.train()
    for _ in range(3):
        module(torch.ones(7, 1, 4, 4))
    read_alike(module, (1, 4, 4), tolerance=1e-5)
    assert module.training
    assert all(one.requires_grad and one.grad is None for one in module.parameters())


def test_names() -> None:
    """Names are made fit for hardware, and layers are found again by theirs."""
    read = read_module(net(), (1, 4, 4), timesteps=2, name="my net-2.0")
    assert " " not in read.network.name
    assert all(layer.name.isidentifier() for layer in read.network.layers)
    assert list(read.neurons) == [layer.name for layer in read.network.layers]


@pytest.mark.parametrize("form", ["weight_norm", "spectral_norm", "orthogonal"])
def test_weights_by_another_parametrization(form: str) -> None:
    module = randomized(net())
    getattr(torch.nn.utils.parametrizations, form)(module[0])
    module.eval()
    read_alike(module.float(), (1, 4, 4), tolerance=1e-5)


def test_the_hooks_of_others_stay() -> None:
    module, calls = net(), []
    module[0].register_forward_hook(lambda *_: calls.append(1))
    hwsnn.from_torch(module, sample=(1, 4, 4), timesteps=2)
    assert calls
    assert len(module[0]._forward_hooks) == 1
    assert not module[1]._forward_hooks
