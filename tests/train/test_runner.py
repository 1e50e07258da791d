"""The runner of recipes: its order, what hooks are given, and that it looks at the data before it trains."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.data import LabelledData
from hwsnn.data.idx import Split
from hwsnn.model_file import float_file

torch: Any = pytest.importorskip("torch")

from hwsnn.train.augment import Distortion  # noqa: E402  # they need PyTorch
from hwsnn.train.loop import Plan  # noqa: E402
from hwsnn.train.network import TrainableNetwork  # noqa: E402
from hwsnn.train.recipe import DataSet, Recipe, Run, direct  # noqa: E402
from hwsnn.train.runner import learn, make  # noqa: E402


def read(text: str, split: Split) -> LabelledData:
    """Which half of an image is bright; test images are one more than training images where ``text`` asks for it."""
    generator = np.random.default_rng(split == "test")
    labels = np.arange(128) % 2
    images = generator.integers(0, 100, (128, 1, 6, 6), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 3 * label : 3 * label + 3] += 100
    return LabelledData(images, labels)


RECIPE = Recipe(
    name="halves",
    notation="6x6-4c3-2",
    timesteps=2,
    beta=0.5,
    plan=Plan(epochs=3, batch=16, learning_rate=0.02, half_precision=False),
    distortion=Distortion(shift=0.5, turn=5, scale=0),
    prose="Which half is bright.",
    data=DataSet("halves", read, "halves"),
)


def run_of(recipe: Recipe, out: Path, seed: int = 0, held_out: int = 0) -> Run:
    return Run(recipe, "halves.py", "here", out, seed, held_out, torch.device("cpu"))


def test_it_learns_and_says_so(tmp_path: Path) -> None:
    make(run_of(RECIPE, tmp_path))
    card = (tmp_path / "card.md").read_text()
    (accuracy,) = (line.split("|")[2] for line in card.splitlines() if line.startswith("| accuracy, 128 images, 8-bit"))
    assert float(accuracy.strip(" %")) > 90
    assert "| data | halves: all training images, " in card


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    def weights(place: str, seed: int) -> np.ndarray:
        torch.rand(seed + 7)  # whatever was drawn before
        learner, _ = learn(run_of(RECIPE, tmp_path / place, seed))
        return np.concatenate([tensor.double().flatten().numpy() for tensor in learner.state_dict().values()])

    assert np.array_equal(weights("one", 1), weights("another", 1))
    assert not np.array_equal(weights("one", 1), weights("two", 2))


def test_hooks_in_their_order(tmp_path: Path) -> None:
    """What is built is trained, what is tuned is the model, and the remark is of what was trained."""
    seen = list[str]()

    class Scaled(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, network: TrainableNetwork) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Any) -> Any:
            return self.network(images) / 2

    def build(run: Run) -> Any:
        seen.append("build")
        return Scaled(direct(run))

    def tune(run: Run, learner: Any) -> TrainableNetwork:
        seen.append(f"tune {type(learner).__name__}")
        assert run.checkpoint("halves").exists(), "it is trained"
        network: TrainableNetwork = learner.network
        with torch.no_grad():
            network.weighted()[-1].weights.bias.fill_(0.25)
        return network

    def remark(run: Run, learner: Any) -> str:
        seen.append(f"remark {type(learner).__name__}")
        return "Last words."

    make(run_of(replace(RECIPE, build=build, tune=tune, remark=remark, notes="Notes."), tmp_path))
    assert seen == ["build", "tune Scaled", "remark Scaled"]
    assert (tmp_path / "card.md").read_text().endswith("\n\nNotes.\n\nLast words.\n")
    written = float_file.load(tmp_path / "halves-float.safetensors")
    assert np.array_equal(written.layers[-1].bias, [0.25, 0.25])  # type: ignore[union-attr]


def test_fine_tuning_leaves_the_model_alone(tmp_path: Path) -> None:
    make(run_of(RECIPE, tmp_path / "plain"))
    make(run_of(replace(RECIPE, fine_tuning={2: Plan(epochs=1, batch=16)}), tmp_path / "fine"))
    plain, fine = ((tmp_path / place / "halves-float.safetensors").read_bytes() for place in ("plain", "fine"))
    assert plain == fine
    assert "| fine-tuned with rounded weights |" in (tmp_path / "fine" / "card.md").read_text()
    assert "fine-tuned" not in (tmp_path / "plain" / "card.md").read_text()


@pytest.mark.parametrize("held_out", [0, 40])
def test_the_card_says_beside_each_accuracy_what_is_odd_about_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], held_out: int
) -> None:
    def copies(text: str, split: Split) -> LabelledData:
        return replace(read(text, split), remark="lossy copies")

    make(run_of(replace(RECIPE, data=DataSet("halves", copies, "halves")), tmp_path, held_out=held_out))
    card = capsys.readouterr().out if held_out else (tmp_path / "card.md").read_text()
    rows = [line for line in card.splitlines() if line.startswith("| accuracy, ")]
    assert len(rows) == 2
    assert all(row.endswith("% (lossy copies) |") for row in rows)
    assert f"Accuracy in integers on the {held_out or 128} images (lossy copies), by bits a weight:" in card


def test_with_images_held_out_the_test_images_are_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def training_alone(text: str, split: Split) -> LabelledData:
        assert split == "train"
        return read(text, split)

    recipe = replace(RECIPE, data=DataSet("halves", training_alone, "halves"))
    run = run_of(recipe, tmp_path, held_out=40)
    make(run)
    assert np.array_equal(run.measured.images, read("", "train").images[-40:])
    assert len(run.training.x) == 88
    assert "halves: 128 training images but the last 40, which measured it" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == [".cache"]
