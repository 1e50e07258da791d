"""Networks trained on values that change with time, and convolutions with strides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.data import LabelledData
from hwsnn.data.idx import Split
from hwsnn.errors import InputError
from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run

torch: Any = pytest.importorskip("torch")

from hwsnn.train.augment import Distortion  # noqa: E402  # they need PyTorch
from hwsnn.train.loop import Images, Plan, accuracy, same_every_time, train  # noqa: E402
from hwsnn.train.network import export, spiking  # noqa: E402
from hwsnn.train.recipe import DataSet, Recipe, Run  # noqa: E402
from hwsnn.train.runner import make  # noqa: E402
from tests.train.test_network import on_the_grid  # noqa: E402

NOTATION = "2x10x9-3c3/2-4c3p/2-6-5"


def values(count: int, timesteps: int, largest: int) -> np.ndarray:
    return np.random.default_rng(7).integers(0, largest + 1, (count, timesteps, 2, 10, 9), np.uint8)


def test_strides_of_the_notation() -> None:
    network = spiking(NOTATION, timesteps=3, beta=0.5, encoding="steps")
    built, _ = quantize(export(network, "net"))
    assert built.encoder.kind == "steps"
    assert built.shapes == ((2, 10, 9), (3, 4, 4), (4, 2, 2), (6, 1, 1), (5, 1, 1))
    with pytest.raises(ValueError, match=r"layers must be like 64c5, .* not '3c3/0'"):
        spiking("2x10x9-3c3/0-5", timesteps=3, beta=0.5)


@pytest.mark.parametrize(("pixel_bits", "beta"), [(1, 0.5), (1, 1.0), (8, 0.5)])
def test_only_rounding_divides_floats_from_integers(pixel_bits: int, beta: float) -> None:
    """Where nothing needs rounding, every score of the integer network is the float network's, in its unit."""
    network = on_the_grid(spiking(NOTATION, timesteps=2, beta=beta, encoding="steps"), np.random.default_rng(5))
    if pixel_bits == 8:
        network.weighted()[0].weights.bias.data -= 128  # about the mean of its weighted inputs
    built, _ = quantize(export(network, "net"), pixel_bits=pixel_bits)
    pixels = values(50, 2, built.largest_pixel)
    result = run(built, pixels, trace=True)
    for name in ("conv1", "conv2", "dense1"):
        assert 0.02 < result.spikes[name].mean() < 0.98
    with torch.no_grad():
        scores = network(torch.tensor(pixels, dtype=torch.float64)).numpy()
        assert np.array_equal(network.float()(torch.tensor(pixels)).double().numpy(), scores), "bytes as they are"
    last = built.population(len(built.layers) - 1)
    assert np.array_equal(result.scores, scores * (64 << last.fraction_bits))


def moving(count: int) -> Images:
    """Spots that move to the right, 0, or the left, 1; what there was of them at any time is the same."""
    random = np.random.default_rng(0)
    x, y = np.zeros((count, 4, 1, 6, 6), np.uint8), random.integers(0, 2, count)
    for steps, to_the_left in zip(x, y, strict=True):
        row, start = random.integers(0, 6), random.integers(0, 3)
        for t in range(4):
            steps[t, 0, row, start + (3 - t if to_the_left else t)] = 1
    return Images(torch.tensor(x), torch.tensor(y))


def test_it_learns_what_only_time_tells(tmp_path: Path) -> None:
    same_every_time(0)
    network = spiking("6x6-12c3-16-2", timesteps=4, beta=0.75, encoding="steps")
    found = moving(600)
    trained, others = (Images(*(part[half] for part in found)) for half in (slice(400), slice(400, None)))
    plan = Plan(epochs=10, batch=20, learning_rate=0.01, half_precision=False)
    train(network, trained, plan, tmp_path / "net.pt", distort=Distortion(0, 0, 0))
    assert accuracy(network, others) > 0.95


def recipe(timesteps: int) -> Recipe:
    def read(text: str, split: Split) -> LabelledData:
        return LabelledData(values(64, 3, 1), np.arange(64) % 5)

    return Recipe(
        name="net",
        notation=NOTATION,
        timesteps=timesteps,
        beta=0.5,
        encoding="steps",
        pixel_bits=1,
        plan=Plan(epochs=1, batch=32),
        distortion=Distortion(0, 0, 0),
        prose="A net.",
        data=DataSet("values", read, "values"),
    )


def test_the_model_of_a_recipe(tmp_path: Path) -> None:
    from hwsnn.model_file import float_file, integer_file

    make(Run(recipe(3), "net.py", "values", tmp_path, 0, 0, torch.device("cpu")))
    network = integer_file.load(tmp_path / "net.safetensors")
    assert (network.encoder.kind, network.pixel_bits, network.timesteps) == ("steps", 1, 3)
    again, _ = quantize(float_file.load(tmp_path / "net-float.safetensors"), pixel_bits=1)
    card = (tmp_path / "card.md").read_text()
    assert f"`{integer_file.model_hash(again)}`" in card
    assert "    hwsnn quantize net/net-float.safetensors --pixel-bits 1 -o net.safetensors\n" in card


def test_other_steps_than_the_network_takes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"images are 3x2x10x9; the network of net\.py takes 4x2x10x9"):
        make(Run(recipe(4), "net.py", "values", tmp_path, 0, 0, torch.device("cpu")))
