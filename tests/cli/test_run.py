"""``hwsnn run``."""

from __future__ import annotations

import json
import os
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn import reference
from hwsnn.cli import cli
from hwsnn.data import random_images
from hwsnn.model_file.integer_file import save
from hwsnn.reference.activity import measure
from tests.cli.test_cli import expect_refusal
from tests.support import oracle
from tests.support.random_networks import random_network
from tests.support.stage_lines import beside_stages

NETWORK = random_network(55)
IMAGES = random_images(NETWORK, 5, seed=0)
ORACLE = [oracle.run(NETWORK, image) for image in IMAGES]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model and data whose labels are right for four of five images."""
    labels = np.array([answer for answer, _, _ in ORACLE])
    labels[2] = (labels[2] + 1) % NETWORK.classes
    save(NETWORK, tmp_path / "model.safetensors")
    np.savez(tmp_path / "labelled.npz", x=IMAGES, y=labels)
    np.savez(tmp_path / "bare.npz", x=IMAGES)
    return tmp_path


def run(folder: Path, data: str, *options: str) -> Result:
    return CliRunner().invoke(
        cli, ["run", str(folder / "model.safetensors"), "--data", str(folder / data), *options], prog_name="hwsnn"
    )


def test_the_network_has_something_to_tell() -> None:
    assert NETWORK.encoder.timed
    assert len(NETWORK.layers) == 3
    assert len({answer for answer, _, _ in ORACLE}) > 1


def test_json(folder: Path) -> None:
    result = run(folder, "labelled.npz", "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    assert result.stdout.count("\n") == 1
    fields = json.loads(result.stdout)
    assert fields.keys() == {"images", "accuracy", "remark", "images_per_second"}
    assert fields["remark"] is None
    assert (fields["images"], fields["accuracy"]) == (5, 0.8)
    assert fields["images_per_second"] > 0


def test_json_without_labels(folder: Path) -> None:
    assert json.loads(run(folder, "bare.npz", "--json").stdout)["accuracy"] is None


def test_text(folder: Path) -> None:
    assert run(folder, "labelled.npz").stdout.startswith("5 images: 4 right, 80.00%; ")
    assert run(folder, "labelled.npz", "-n", "2").stdout.startswith("2 images: 2 right, 100.00%; ")
    assert run(folder, "bare.npz").stdout.startswith("5 images: no labels to compare with; ")


def test_output(folder: Path) -> None:
    result = run(folder, "labelled.npz", "-o", str(folder / "results"))
    assert result.stdout.endswith(f"wrote {folder / 'results'}\n")
    with np.load(folder / "results") as file:
        assert set(file) == {"predictions", "scores"}
        assert file["predictions"].dtype == file["scores"].dtype == np.int64
        assert file["predictions"].tolist() == [answer for answer, _, _ in ORACLE]
        assert file["scores"].tolist() == [scores for _, scores, _ in ORACLE]


def test_trace(folder: Path) -> None:
    assert run(folder, "labelled.npz", "--trace", "-o", str(folder / "out.npz")).exit_code == 0
    expected = reference.run(NETWORK, IMAGES, trace=True).spikes
    assert expected
    with np.load(folder / "out.npz") as file:
        assert set(file) == {"predictions", "scores", *(f"spikes_{name}" for name in expected)}
        for name, spikes in expected.items():
            assert file[f"spikes_{name}"].shape == spikes.shape
            assert (file[f"spikes_{name}"] == spikes).all()


def activity_table(text: str) -> dict[str, list[str]]:
    """The cells of each row by its name: those between the head of the table and its foot."""
    rows = [[cell.strip() for cell in line[1:-1].split("│")] for line in text.splitlines() if line.startswith("│")]
    return {name: cells for name, *cells in rows}


def test_activity_in_json(folder: Path) -> None:
    expected = measure(NETWORK, IMAGES)
    plain = json.loads(run(folder, "labelled.npz", "--json").stdout)
    fields = json.loads(run(folder, "labelled.npz", "--activity", "--json").stdout)
    assert fields.pop("activity_per_image") == {
        "spikes": expected.spikes,
        "total_spikes": expected.total_spikes,
        "synaptic_operations": expected.synaptic_operations,
        "total_synaptic_operations": expected.total_synaptic_operations,
        "multiply_adds": expected.total_multiply_adds,
    }
    assert fields.keys() == plain.keys()


@pytest.mark.parametrize("encoding", ["direct", "poisson", "steps"])
def test_activity_in_text(tmp_path: Path, encoding: str) -> None:
    network = next(n for n in map(random_network, count()) if n.encoder.kind == encoding and len(n.layers) == 3)
    images = random_images(network, 5, seed=0)
    save(network, tmp_path / "model.safetensors")
    np.savez(tmp_path / "images.npz", x=images)
    expected = measure(network, images)
    rows = activity_table(run(tmp_path, "images.npz", "--activity").stdout)
    layers = [layer.name for layer in network.layers]
    assert list(rows) == [*(["encoder"] if network.encoder.spikes else []), *layers, "total"]
    spikes = {**expected.spikes, "total": expected.total_spikes}
    operations = {**expected.synaptic_operations, "total": expected.total_synaptic_operations}
    for name, cells in rows.items():
        assert cells[:2] == [f"{of[name]:,.1f}" if name in of else "" for of in (spikes, operations)]
    pixels = [f"{expected.total_multiply_adds:,.1f}"] if not network.encoder.spikes else []
    assert rows[layers[0]][2:] == rows["total"][2:] == pixels


def test_refusals(folder: Path) -> None:
    expect_refusal(run(folder, "labelled.npz", "--trace"), "--trace writes spikes to a file: name it with -o OUT.npz")
    expect_refusal(run(folder, "none.npz"), "none.npz: no such data; give a folder of IDX files")
    expect_refusal(run(folder, "labelled.npz", "-n", "6"), "-n must be from 1 to 5, the images there are, not 6")
    expect_refusal(run(folder, "labelled.npz", "-o", str(folder)), "is a folder; name a file to write")
    expect_refusal(run(folder, "labelled.npz", "-o", str(folder / "none" / "out.npz")), "none: no such folder")
    assert {path.name for path in folder.iterdir()} == {"model.safetensors", "labelled.npz", "bare.npz"}


def test_images_of_another_size(folder: Path) -> None:
    np.savez(folder / "other.npz", x=np.zeros((2, 50, 50), np.uint8))
    result = run(folder, "other.npz", "-o", str(folder / "out.npz"))
    expect_refusal(result, "other.npz: images are 50x50; the model takes ")
    assert not (folder / "out.npz").exists()


def test_the_shipped_model_on_the_shipped_images() -> None:
    result = CliRunner().invoke(cli, ["run", "digits", "--data", "digits", "--json"])
    assert result.exit_code == 0
    fields = json.loads(result.stdout)
    assert fields["images"] >= 100
    assert fields["accuracy"] >= 0.97


def test_what_is_read_is_not_written_over(folder: Path) -> None:
    """By whatever name."""
    (folder / "link.npz").symlink_to(folder / "bare.npz")
    os.link(folder / "model.safetensors", folder / "hard.npz")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for output, what in {
        "bare.npz": "data",
        "link.npz": "data",
        "model.safetensors": "model",
        "hard.npz": "model",
    }.items():
        expect_refusal(
            run(folder, "bare.npz", "-o", str(folder / output)), f"{output}: is the {what} itself; name another"
        )
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_compiled_code_gives_the_same_answers(folder: Path) -> None:
    pytest.importorskip("numba")
    out = folder / "compiled.npz"
    result = run(folder, "labelled.npz", "--engine", "compiled", "-o", str(out), "--json")
    assert (result.exit_code, json.loads(result.stdout)["accuracy"]) == (0, 0.8)
    with np.load(out) as arrays:
        assert arrays["scores"].tolist() == [scores for _, scores, _ in ORACLE]


def test_compiled_code_without_numba(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.packages.module_file", lambda module: None)
    result = run(folder, "labelled.npz", "--engine", "compiled")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("hwsnn: error: numba: not found, which --engine compiled needs; ")
    assert "pip install" in result.stderr


def test_compiled_code_keeps_no_spikes(folder: Path) -> None:
    result = run(folder, "labelled.npz", "--engine", "compiled", "--trace", "-o", str(folder / "x.npz"))
    assert result.exit_code == 2
    assert "--trace needs --engine numpy" in result.stderr
