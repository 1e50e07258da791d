"""``hwsnn quantize --data``: the share of neurons that fire, in text, in JSON and in the model file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open

import hwsnn
from hwsnn.cli import cli
from hwsnn.cli.firing import UNKNOWN
from hwsnn.float_network import FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.model_file import float_file
from tests.cli.test_cli import expect_refusal
from tests.data.test_data import idx
from tests.support.layers import float_dense_layer
from tests.support.stage_lines import beside_stages

LAYERS = ("low", "some", "high", "last")


def thresholds(*theta: float) -> FloatNeuron:
    return FloatNeuron(np.array(theta, float), 1.0, "greater_equal", "zero")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Layers whose neurons fire always, now and then, and never, on images whose pixels are the same."""
    layers = (
        float_dense_layer("low", np.ones((4, 1, 2, 3)), np.zeros(4), thresholds(1, 2, 3, 1000)),
        float_dense_layer("some", np.ones((2, 4, 1, 1)), np.zeros(2), thresholds(1, 6)),
        float_dense_layer("high", np.ones((3, 2, 1, 1)), np.zeros(3), thresholds(900, 900, 900)),
        float_dense_layer("last", np.ones((2, 3, 1, 1)), np.zeros(2), FloatIntegrator(1.0)),
    )
    network = FloatNetwork("net", (1, 2, 3), layers, timesteps=3, encoding="direct", input_scale=1.0)
    float_file.save(network, tmp_path / "net.safetensors")
    np.savez(tmp_path / "sample.npz", x=np.full((600, 2, 3), 1, np.uint8))
    return tmp_path


def run(folder: Path, *options: object) -> Result:
    arguments = ["quantize", folder / "net.safetensors", "-o", folder / "model.safetensors", *options]
    return CliRunner().invoke(cli, [*map(str, arguments)], prog_name="hwsnn")


def fields(folder: Path, *options: object) -> dict[str, Any]:
    result = run(folder, "--json", *options)
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    assert result.stdout.count("\n") == 1
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def kept(folder: Path) -> dict[str, Any]:
    with safe_open(folder / "model.safetensors", framework="numpy") as file:
        found: dict[str, Any] = json.loads(file.metadata()["notes"])["quantization"]
    return found


def test_json(folder: Path) -> None:
    """Six pixels of 1 make a current of 6, and 3 spikes one of 3, which reaches 6 every other step."""
    found = fields(folder, "--data", folder / "sample.npz", "-n", 7)
    assert found["sample"] == {"source": "images of sample.npz", "images": 7}
    activity = {layer["name"]: layer["activity"] for layer in found["layers"]}
    assert tuple(activity) == LAYERS
    assert activity["low"] == {"neurons": 4, "ever": 0.75, "always": 0.75, "rate": 0.75, "verdict": "saturated"}
    some = {"neurons": 2, "ever": 1, "always": 0.5, "rate": pytest.approx(4 / 6), "verdict": None}
    assert activity["some"] == some
    assert activity["high"] == {"neurons": 3, "ever": 0, "always": 0, "rate": 0, "verdict": "dead"}
    assert activity["last"] is None
    assert all("firing" in layer and "weights" in layer for layer in found["layers"])


def test_the_model_file_keeps_it(folder: Path) -> None:
    found = fields(folder, "--data", folder / "sample.npz")
    assert found["sample"]["images"] == 500
    assert {name: kept(folder)[name] for name in ("sample", "layers")} == {
        name: found[name] for name in ("sample", "layers")
    }
    assert str(folder) not in json.dumps(kept(folder))


def test_text(folder: Path) -> None:
    result = run(folder, "--data", folder / "sample.npz", "-n", 600)
    lines = result.stdout.splitlines()
    (title,) = (index for index, line in enumerate(lines) if line.startswith("firing on 600 images of sample.npz"))
    rows = [[cell.strip() for cell in line[1:-1].split("│")] for line in lines[title:] if line.startswith("│")]
    assert rows == [
        ["low", "4", "75.0%", "75.0%", "0.75"],
        ["some", "2", "100.0%", "50.0%", "0.667"],
        ["high", "3", "0.0%", "0.0%", "0"],
    ]
    saturated, dead, wrote = lines[-3:]
    assert saturated.startswith("low is saturated: 75.0% of its neurons fire at every step of every image; the input ")
    assert "(--input-scale, --mean, --std)" in saturated
    assert dead.startswith("high is dead: 0.0% of its neurons ever fire; the input ")
    assert wrote == f"wrote {folder / 'model.safetensors'}"
    assert UNKNOWN not in result.stdout


def test_without_data_a_line_says_how(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSNN_DATA", str(folder))
    result = run(folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-2] == UNKNOWN
    found = fields(folder)
    assert found["sample"] is None
    assert [layer["activity"] for layer in found["layers"]] == [None] * 4


def test_training_images_come_first(folder: Path) -> None:
    for split, value in (("t10k", 1), ("train", 0)):
        (folder / f"{split}-images-idx3-ubyte").write_bytes(idx(np.full((9, 2, 3), value, np.uint8)))
        found = fields(folder, "--data", folder)
        kind = {"t10k": "test", "train": "training"}[split]
        assert found["sample"] == {"source": f"{kind} images of {folder.name}", "images": 9}
        assert found["layers"][0]["activity"]["ever"] == 0.75 * value


def test_the_model_does_not_depend_on_the_sample(folder: Path) -> None:
    assert fields(folder)["model_hash"] == fields(folder, "--data", folder / "sample.npz")["model_hash"]


def test_in_python(folder: Path) -> None:
    network, _ = hwsnn.quantize(hwsnn.read(folder / "net.safetensors"))
    firing = hwsnn.firing(network, np.ones((7, 1, 2, 3), np.uint8))
    assert [(name, one.ever, one.verdict) for name, one in firing.items()] == [
        ("low", 0.75, "saturated"),
        ("some", 1.0, None),
        ("high", 0.0, "dead"),
    ]


def test_refusals(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    np.savez(folder / "large.npz", x=np.zeros((2, 9, 9), np.uint8))
    expect_refusal(run(folder, "--data", folder / "none.npz"), "none.npz: no such data; give a folder of IDX files")
    expect_refusal(run(folder, "--data", folder / "large.npz"), "images are 9x9; the model takes 1x2x3")
    expect_refusal(run(folder, "--data", folder / "sample.npz", "-n", 601), "-n must be from 1 to 600, the images ")
    expect_refusal(run(folder, "--data", ""), "'--data': must name something, not be empty")
    expect_refusal(run(folder, "-n", 5), "-n counts images of --data: give that too")
    assert {path.name for path in folder.iterdir()} == {*before, "large.npz"}


def test_the_sample_is_not_written_over(folder: Path) -> None:
    sample = folder / "sample.npz"
    before = sample.read_bytes()
    result = CliRunner().invoke(
        cli, ["quantize", str(folder / "net.safetensors"), "-o", str(sample), "--data", str(sample)], prog_name="hwsnn"
    )
    expect_refusal(result, "sample.npz: is the data itself; name another file to write to")
    assert sample.read_bytes() == before
