"""The recipe of the speech model, on recordings that the test makes: one epoch, and voices left out."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.files.shipped import model_folders
from hwsnn.model_file.integer_file import load
from tests.data.test_spoken_digits import wav
from tests.train.test_models import check_accuracy, check_card

torch = pytest.importorskip("torch")

INDICES, SPEAKERS = range(4, 11), ("al", "jo")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recordings of two voices, 6 of each digit to train with and 1 to measure."""
    random = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "recordings.zip", "w") as archive:
        for index in INDICES:
            for digit in range(10):
                for speaker in SPEAKERS:
                    tone = np.sin(np.arange(800) * (0.2 + 0.2 * digit)) * 3000 + random.normal(0, 100, 800)
                    archive.writestr(f"{digit}_{speaker}_{index}.wav", wav(tone.astype("<i2").tobytes()))
    return tmp_path


def test_voices_are_left_out(folder: Path) -> None:
    from hwsnn.train.recipe import Run
    from hwsnn.train.recipe_file import load as load_recipe
    from hwsnn.train.runner import make

    recipe = load_recipe(model_folders()["speech"] / "recipe.py")
    short = replace(recipe, plan=replace(recipe.plan, epochs=1, batch=32))
    trained = Run(short, "speech", str(folder), folder, 0, 0, torch.device("cpu"))
    make(trained)
    check_card(folder, "speech")
    check_accuracy(folder, "speech", trained.measured)
    network, card = load(folder / "speech.safetensors"), (folder / "card.md").read_text()
    assert (network.pixel_bits, network.encoder.kind, network.readout) == (1, "steps", "membrane")
    assert network.population(0).recurrent
    table = re.findall(r"^\| (al|jo) \| [\d.]+% of (\d+) \| [\d.]+% of (\d+) \|$", card, re.MULTILINE)
    assert table == [("al", "10", "70"), ("jo", "10", "70")]
    assert sorted(path.stem for path in (folder / ".cache").iterdir()) == ["speech", "without-al", "without-jo"]
