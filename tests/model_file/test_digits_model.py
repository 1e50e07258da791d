"""The shipped digits model, its images, and its NIR graph, which are here for everybody to try the tool with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.data import load
from hwsnn.files.shipped import model_folders
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import load as load_file
from hwsnn.model_file.integer_file import model_hash
from hwsnn.reference import run

FOLDER = model_folders()["digits"]


def test_the_graph_is_the_model_in_floats(tmp_path: Path) -> None:
    made = tmp_path / "digits.safetensors"
    done = CliRunner().invoke(cli, ["quantize", str(FOLDER / "digits.nir"), "-o", str(made)])
    assert done.exit_code == 0, done.output
    assert model_hash(load_file(made)) == model_hash(load_model("digits"))


def test_it_answers_well() -> None:
    network = load_model("digits")
    data = load("digits", network)
    assert (run(network, data.images).predictions == data.labels).mean() >= 0.98


def test_samples_are_images_of_every_digit() -> None:
    with np.load(FOLDER / "samples.npz", allow_pickle=False) as file:
        assert set(file) == {"x", "y"}
        x, y = file["x"], file["y"]
    assert x.dtype == np.uint8
    assert x.shape == (360, 8, 8)
    assert x.max() == 255
    assert set(np.unique(x)) <= {round(value * 255 / 16) for value in range(17)}
    assert y.dtype == np.int64
    assert y.shape == (360,)
    assert np.bincount(y, minlength=10).tolist() == pytest.approx([36] * 10, abs=1)
