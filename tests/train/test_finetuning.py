"""Fine-tuning of modules of a user's own: weights on the grid, nothing else changed, and nothing lost on the way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hwsnn
from hwsnn.errors import InputError
from hwsnn.float_network import FloatPopulation

torch: Any = pytest.importorskip("torch")
snntorch: Any = pytest.importorskip("snntorch")

from torch import nn  # noqa: E402
from torch.utils.data import DataLoader, IterableDataset, TensorDataset  # noqa: E402

from hwsnn.frontends.modules.calling import called  # noqa: E402
from hwsnn.frontends.modules.conversion import convert  # noqa: E402
from hwsnn.frontends.modules.evaluating import evaluating  # noqa: E402
from hwsnn.train import finetune, finetuning  # noqa: E402

COUNT, CLASSES, STEPS = 200, 4, 4


def data() -> tuple[Any, Any]:
    """Images (N, 1, 6, 6) whose class is the quarter that is bright."""
    chance = torch.Generator().manual_seed(0)
    classes = torch.randint(0, CLASSES, (COUNT,), generator=chance)
    inputs = 0.3 * torch.rand(COUNT, 1, 6, 6, generator=chance)
    for image, label in zip(inputs, classes.tolist(), strict=True):
        image[0, 3 * (label // 2) :, 3 * (label % 2) :][:3, :3] += 0.6
    return inputs, classes


def leaky() -> Any:
    return snntorch.Leaky(beta=0.5, init_hidden=True)


def spiking() -> Any:
    """Called once a step; its last layer fires."""
    torch.manual_seed(1)
    layers = nn.Conv2d(1, 6, 3, bias=False), nn.BatchNorm2d(6), leaky(), nn.Flatten(), nn.Linear(96, CLASSES), leaky()
    return nn.Sequential(*layers)


class Loop(nn.Module):  # type: ignore[misc]
    """All steps in a call; its last layer has no neurons. It has a layer that is not used."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.fc1, self.lif, self.fc2, self.unused = nn.Linear(36, 12), leaky(), nn.Linear(12, CLASSES), nn.Linear(2, 2)

    def forward(self, x: Any) -> Any:
        return sum(self.fc2(self.lif(self.fc1(x.flatten(1)))) for _ in range(STEPS))


def plain() -> Any:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(96, CLASSES))


def read(module: Any) -> Any:
    if any(isinstance(one, nn.ReLU) for one in module.modules()):
        return hwsnn.from_torch(convert(module, data()[0], timesteps=16), sample=(1, 6, 6))
    return hwsnn.from_torch(module, sample=(1, 6, 6), timesteps=STEPS)


def weights(module: Any) -> list[Any]:
    return [one.weight.detach() for one in module.modules() if isinstance(one, nn.Conv2d | nn.Linear)]


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("make", [spiking, Loop, plain])
def test_the_weights_are_the_quantizers(make: Callable[[], Any], bits: int) -> None:
    """What it makes integers of is what was trained: exactly, in as many bits."""
    module = make()
    parameters = [id(one) for one in module.parameters()]
    steps = STEPS if make is spiking else None
    assert finetune(module, data(), bits=bits, timesteps=steps, epochs=2, learning_rate=5e-3) is module
    assert [id(one) for one in module.parameters()] == parameters
    assert not any(one.training for one in module.modules())
    assert all(type(one).__module__.startswith(("torch.nn.modules", "snntorch", "tests")) for one in module.modules())
    floats = read(module)
    network, _ = hwsnn.quantize(floats, bits=bits)
    for source, (_, built) in zip(floats.layers, network.populations(), strict=True):
        assert isinstance(source, FloatPopulation)
        asked = source.projections[0].weight.reshape(len(source.bias), -1)
        found = built.projections[0].weight.reshape(len(source.bias), -1).astype(float)
        for one, integers in zip(asked, found, strict=True):
            scale = (one @ integers) / max(integers @ integers, 1)
            np.testing.assert_allclose(one, scale * integers, atol=1e-4 * abs(one).max())


@pytest.mark.parametrize("make", [spiking, plain])
def test_it_learns_what_rounding_lost(make: Callable[[], Any]) -> None:
    module = make()
    inputs, classes = data()
    steps = STEPS if make is spiking else None
    finetune(module, (inputs, classes), bits=8, timesteps=steps, epochs=12, learning_rate=1e-2)
    finetune(module, DataLoader(TensorDataset(inputs, classes), 32), bits=2, timesteps=steps, epochs=12)
    network, _ = hwsnn.quantize(read(module), bits=2)
    images = (inputs * 255).round().to(torch.uint8).numpy()
    assert (hwsnn.run(network, images).predictions == classes.numpy()).mean() > 0.9


def test_steps_of_an_input_that_changes() -> None:
    module = spiking()
    inputs, classes = data()
    timed = inputs[:, None].expand(-1, STEPS, -1, -1, -1)
    finetune(module, (timed, classes), bits=3, encoding="steps", epochs=1)
    with pytest.raises(InputError, match="data has 4 steps, and timesteps is 5"):
        finetune(module, (timed, classes), bits=3, encoding="steps", timesteps=5)


def test_the_same_seed_trains_the_same() -> None:
    found = list[Any]()
    for seed in (0, 0, 1):
        module, inputs = Loop(), data()
        torch.manual_seed(len(found))
        state = torch.random.get_rng_state()
        found.append(weights(finetune(module, inputs, bits=2, epochs=1, learning_rate=1e-2, seed=seed)))
        assert torch.equal(state, torch.random.get_rng_state())
    assert all(map(torch.equal, found[0], found[1]))
    assert not all(map(torch.equal, found[0], found[2]))


def broken(after: int, error: BaseException) -> Callable[..., Any]:
    """An epoch that raises once it was called so often."""
    epoch = finetuning._epoch
    calls: list[float] = []

    def one(*arguments: Any) -> float:
        if len(calls) == after:
            raise error
        calls.append(epoch(*arguments))
        return calls[-1]

    return one


def test_ctrl_c_keeps_the_best_so_far(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    module, never = Loop(), Loop()
    monkeypatch.setattr(finetuning, "_epoch", broken(1, KeyboardInterrupt()))
    assert finetune(module, data(), bits=2, epochs=5, learning_rate=1e-2) is module
    monkeypatch.setattr(finetuning, "_epoch", broken(0, KeyboardInterrupt()))
    finetune(never, data(), bits=2, epochs=5)
    assert not torch.equal(module.fc1.weight, never.fc1.weight)
    for made in (module, never):
        for row in made.fc1.weight.detach():
            assert len(row.abs().unique()) <= 2  # 0 and the step


def test_an_error_leaves_the_module_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    module = spiking().train()
    before = {name: one.clone() for name, one in module.named_parameters()}
    monkeypatch.setattr(finetuning, "_epoch", broken(1, RuntimeError("no")))
    with pytest.raises(RuntimeError, match="no"):
        finetune(module, data(), bits=2, timesteps=STEPS, epochs=5, learning_rate=1e-2)
    assert module.training
    after = dict(module.named_parameters())
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_scores_are_those_of_the_readout() -> None:
    """Of a module that gives every step, the sum of its spikes; of its own sum, what it gives."""
    inputs, _ = data()
    for module, steps in ((spiking(), STEPS), (Loop(), None)):
        batches = DataLoader(TensorDataset(*data()), 8)
        call = finetuning._caller(module, batches, timesteps=steps, encoding=None, forward=None)
        assert call.read is not None
        with evaluating(module):
            outputs = called(module, call.read.layout, inputs.expand(STEPS, *inputs.shape))
            torch.testing.assert_close(call.scores(inputs), sum(outputs))


class Stream(IterableDataset):  # type: ignore[misc]
    def __iter__(self) -> Any:
        return iter([(torch.zeros(1, 6, 6), 0)])


def normed() -> Any:
    module = plain()
    nn.utils.parametrizations.weight_norm(module[4])
    return module


INPUTS, LABELS = data()
BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no module": ({"module": 3}, TypeError, r"module must be a torch.nn.Module, not int"),
    "bits": ({"bits": 9}, ValueError, "bits must be"),
    "epochs": ({"epochs": 0}, ValueError, "epochs must be"),
    "rate": ({"learning_rate": 0}, ValueError, "learning_rate must be positive"),
    "no pair": ({"data": INPUTS}, TypeError, r"data must be \(inputs, classes\) or a DataLoader, not Tensor"),
    "pixels": ({"data": ((INPUTS * 255).byte(), LABELS)}, ValueError, "inputs must be floats"),
    "shares": ({"data": (INPUTS, LABELS.float())}, ValueError, "classes must be 200 integers"),
    "fewer": ({"data": (INPUTS, LABELS[:9])}, ValueError, "classes must be 200 integers"),
    "one": ({"data": (INPUTS[:1], LABELS[:1])}, InputError, "data must have at least 2 images"),
    "class": ({"data": (INPUTS, LABELS + 9)}, InputError, "classes must be from 0 to 3, its scores, not"),
    "stream": ({"data": DataLoader(Stream())}, InputError, "must be of a dataset with a length"),
    "triples": ({"data": DataLoader(TensorDataset(INPUTS))}, InputError, "data must give batches of"),
    "size": ({"data": (INPUTS[..., :5], LABELS)}, InputError, "its forward fails on"),
    "steps of a plain one": ({"timesteps": 4}, InputError, "has no spiking neurons, so it has no timesteps"),
    "no steps": ({"module": spiking()}, InputError, "its time steps are not known; give timesteps"),
    "no weights": ({"module": nn.Flatten()}, InputError, "has no weights of a Conv1d, Conv2d or Linear"),
    "parametrized": ({"module": normed()}, InputError, "4: its weight is parametrized already"),
    "diverged": ({"learning_rate": 1e30, "epochs": 3}, InputError, "training diverged"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name: str) -> None:
    changes, kind, said = BAD[name]
    with pytest.raises(kind, match=said) as raised:
        finetune(**({"module": plain(), "data": (INPUTS, LABELS)} | changes))
    assert "\n" not in str(raised.value)


def test_the_package_is_imported_without_pytorch() -> None:
    program = (
        "import sys, hwsnn.train; print('torch' in sys.modules, hwsnn.train.finetune.__name__, 'torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).split() == ["False", "finetune", "True"]
