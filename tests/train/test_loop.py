"""The training loop, on the digits: it learns, goes on after a kill, and gives the same network twice."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.reference import run

torch: Any = pytest.importorskip("torch")

from hwsnn.train.augment import Distortion  # noqa: E402  # they need PyTorch
from hwsnn.train.card import integers  # noqa: E402
from hwsnn.train.encode import floats  # noqa: E402
from hwsnn.train.loop import Images, Plan, accuracy, same_every_time, scores, train  # noqa: E402
from hwsnn.train.network import TrainableNetwork, export, spiking  # noqa: E402
from hwsnn.train.quantized import fold_norms, round_weights  # noqa: E402

PLAN = Plan(epochs=6, learning_rate=0.01, average=0.9)
DISTORTION = Distortion(shift=0.3, turn=10, scale=0.1, shear=0.05, bend=0.1)


@pytest.fixture(scope="module")
def digits() -> tuple[Images, Images, np.ndarray]:
    """Images to train with, the rest to measure, and the latter's pixels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    pixels = np.rint(found.images * 255 / 16).astype(np.uint8)[:, np.newaxis]
    x, y = torch.tensor(pixels, dtype=torch.float32) / 255, torch.tensor(found.target, dtype=torch.int64)
    return Images(x[:1400], y[:1400]), Images(x[1400:], y[1400:]), pixels[1400:]


def fresh() -> TrainableNetwork:
    same_every_time(0)
    return spiking("8x8-8c3p-2s-12c3-10", timesteps=2, beta=0.5)


def weights(network: TrainableNetwork) -> np.ndarray:
    return np.concatenate([tensor.double().flatten().numpy() for tensor in network.state_dict().values()])


@pytest.fixture(scope="module")
def trained(digits: Any, tmp_path_factory: pytest.TempPathFactory) -> TrainableNetwork:
    network = fresh()
    train(network, digits[0], PLAN, tmp_path_factory.mktemp("run") / "net.pt", distort=DISTORTION)
    return network


def test_it_learns(trained: TrainableNetwork, digits: Any) -> None:
    assert accuracy(trained, digits[1]) > 0.85


def test_integers_answer_as_the_floats_do(trained: TrainableNetwork, digits: Any) -> None:
    _, measured, pixels = digits
    answers = run(integers(export(trained, "net"), 8), pixels).predictions
    assert (answers == scores(trained, measured.x).argmax(1).numpy()).mean() > 0.97


def test_a_killed_run_ends_as_if_it_had_not_been_killed(trained: TrainableNetwork, digits: Any, tmp_path: Path) -> None:
    steps = 0

    def deadly(found: Any, right: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 60:  # in the third epoch
            raise KeyboardInterrupt
        return torch.nn.functional.cross_entropy(found, right)

    checkpoint = tmp_path / "net.pt"
    with pytest.raises(KeyboardInterrupt):
        train(fresh(), digits[0], PLAN, checkpoint, distort=DISTORTION, loss=deadly)
    assert checkpoint.exists()
    steps = 1000
    resumed = fresh()
    train(resumed, digits[0], PLAN, checkpoint, distort=DISTORTION, loss=deadly)
    assert steps == 1000 + 4 * (1400 // PLAN.batch), "it must go on from the third epoch"
    assert np.array_equal(weights(resumed), weights(trained))

    steps = 0
    again = fresh()
    train(again, digits[0], PLAN, checkpoint, distort=DISTORTION, loss=deadly)
    assert steps == 0, "what is done is done"
    assert np.array_equal(weights(again), weights(trained))


def other_seed() -> TrainableNetwork:
    network = fresh()
    torch.manual_seed(1)
    return network


def other_leak() -> TrainableNetwork:
    same_every_time(0)
    return spiking("8x8-8c3p-2s-12c3-10", timesteps=2, beta=0.75)


def other_weights() -> TrainableNetwork:
    network = fresh()
    with torch.no_grad():
        network.weighted()[-1].weights.bias += 0.1
    return network


@pytest.mark.parametrize("other", [other_seed, other_leak, other_weights])
def test_a_checkpoint_of_another_network_is_not_used(digits: Any, tmp_path: Path, other: Any) -> None:
    checkpoint, short = tmp_path / "net.pt", replace(PLAN, epochs=1)
    train(fresh(), digits[0], short, checkpoint)
    found = other()
    train(found, digits[0], short, checkpoint)
    expected = other()
    train(expected, digits[0], short, tmp_path / "none.pt")
    assert np.array_equal(weights(found), weights(expected))


@pytest.mark.parametrize(
    ("plan", "distortion"), [(replace(PLAN, learning_rate=0.02), None), (PLAN, replace(DISTORTION, shift=0.4))]
)
def test_a_checkpoint_of_another_training_is_not_used(digits: Any, tmp_path: Path, plan: Plan, distortion: Any) -> None:
    checkpoint, short = tmp_path / "net.pt", replace(PLAN, epochs=1)
    first, second = fresh(), fresh()
    train(first, digits[0], short, checkpoint, distort=DISTORTION)
    train(second, digits[0], replace(plan, epochs=1), checkpoint, distort=distortion)
    assert not np.array_equal(weights(first), weights(second))


def test_a_damaged_checkpoint_is_one_line(digits: Any, tmp_path: Path) -> None:
    checkpoint = tmp_path / "net.pt"
    checkpoint.write_bytes(b"PK\x03\x04 this is no checkpoint")
    with pytest.raises(InputError, match=r"net\.pt: not a readable checkpoint .*; remove it"):
        train(fresh(), digits[0], PLAN, checkpoint)


def test_a_checkpoint_that_is_packed_is_refused(digits: Any, tmp_path: Path) -> None:
    """PyTorch would unpack any number of bytes from it."""
    checkpoint, packed = tmp_path / "net.pt", tmp_path / "packed.pt"
    train(fresh(), digits[0], replace(PLAN, epochs=1), checkpoint)
    with zipfile.ZipFile(checkpoint) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, old.read(member))
    with pytest.raises(InputError, match=r"packed\.pt: not a readable checkpoint \(ValueError\); remove it"):
        train(fresh(), digits[0], replace(PLAN, epochs=1), packed)


def test_divergence_is_one_line(digits: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="training diverged: the loss is not finite"):
        train(fresh(), digits[0], PLAN, tmp_path / "net.pt", loss=lambda found, right: found.sum() * torch.nan)


def test_fine_tuning_helps_narrow_weights(trained: TrainableNetwork, digits: Any, tmp_path: Path) -> None:
    images, measured, pixels = digits
    plain = run(integers(export(trained, "net"), 2), pixels).predictions
    network = fresh()
    network.load_state_dict(trained.state_dict())
    fold_norms(network)
    round_weights(network, 2)
    train(network, images, replace(PLAN, learning_rate=1e-3), tmp_path / "net.pt", distort=DISTORTION)
    tuned = run(integers(export(network, "net"), 2), pixels).predictions
    right = measured.y.numpy()
    assert (tuned == right).mean() > (plain == right).mean() + 0.02


def test_bytes_train_as_floats_do(digits: Any, tmp_path: Path) -> None:
    """Without a copy of all images in floats."""
    found, _, pixels = digits
    short = replace(PLAN, epochs=1)
    of_floats = fresh()
    train(of_floats, found, short, tmp_path / "floats.pt", distort=DISTORTION)
    of_bytes, in_bytes = fresh(), Images((found.x * 255).round().to(torch.uint8), found.y)
    train(of_bytes, in_bytes, short, tmp_path / "bytes.pt", distort=DISTORTION)
    assert np.array_equal(weights(of_floats), weights(of_bytes))
    assert torch.equal(scores(of_bytes, torch.tensor(pixels)), scores(of_bytes, torch.tensor(pixels) / 255))


def test_values_by_step_are_not_scaled() -> None:
    values = torch.tensor([0, 1, 255], dtype=torch.uint8)
    assert floats(values.view(1, 3, 1, 1, 1)).flatten().tolist() == [0, 1, 255]
    assert floats(values.view(1, 3, 1, 1)).flatten().tolist() == [0, torch.tensor(1.0) / 255, 1]
    assert floats(torch.tensor([[[[0.5]]]])).item() == 0.5


def test_events_are_distorted_alike_in_all_steps_and_stay_whole() -> None:
    torch.manual_seed(0)
    steps = torch.zeros(50, 3, 2, 20, 20)
    steps[:, :, :, 8:12, 5:15] = 1
    steps[:, 1] = 0
    assert torch.equal(Distortion(0, 0, 0)(steps), steps)
    moved = Distortion(shift=2, turn=10, scale=0.1)(steps)
    assert moved.unique().tolist() == [0, 1]
    assert torch.equal(moved[:, 0], moved[:, 2])
    assert not moved[:, 1].any()
    assert not torch.equal(moved[0], moved[1])


def test_distortion_moves_but_keeps() -> None:
    torch.manual_seed(0)
    dot = torch.zeros(200, 1, 28, 28)
    dot[:, :, 13:15, 13:15] = 1
    assert torch.allclose(Distortion(0, 0, 0)(dot), dot, atol=1e-5)
    moved = Distortion(shift=3, turn=0, scale=0)(dot)
    rows = (moved.sum((1, 3)) * torch.arange(28)).sum(1) / moved.sum((1, 2, 3))
    assert moved.sum((1, 2, 3)).allclose(torch.tensor(4.0), atol=0.01)
    assert 2.5 < (rows - 13.5).abs().max() <= 3.01
    bent = Distortion(shift=0, turn=0, scale=0, bend=2)(dot)
    assert (bent - dot).abs().sum() > 10
