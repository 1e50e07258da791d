"""``hwsnn train``: a shipped model by its recipe, here on a few images; or one line and nothing written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn.cli import cli
from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import load, model_hash

torch: Any = pytest.importorskip("torch")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["train", *map(str, arguments)])


def idx(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like MNIST's: 128 training and 64 test images, the digits of scikit-learn three times as large."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.kron(np.rint(digits.images[:192] * 255 / 16).astype(np.uint8), np.ones((1, 3, 3), np.uint8))
    x, y = np.pad(pixels, ((0, 0), (2, 2), (2, 2))), digits.target[:192].astype(np.uint8)
    folder = tmp_path_factory.mktemp("few")
    for name, part in (("train", slice(128)), ("t10k", slice(128, 192))):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(x[part]))
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(idx(y[part]))
    return folder


def test_a_model_its_floats_and_its_card(few: Path, tmp_path: Path) -> None:
    out = tmp_path / "mnist"
    done = run("mnist", "--data", few, "-o", out)
    assert done.exit_code == 0, done.output
    card = (out / "card.md").read_text()
    network = load(out / "mnist.safetensors")
    assert f"`{model_hash(network)}`" in card
    found = re.search(r"^\| accuracy, 64 images, 8-bit integers \| (\d+\.\d\d)% \|$", card, re.MULTILINE)
    assert found is not None
    shown = CliRunner().invoke(cli, ["run", str(out / "mnist.safetensors"), "--data", str(few)])
    assert f"{found[1]}%" in shown.output
    assert float(found[1]) > 50

    for source in ("mnist-float.safetensors", "mnist.nir"):
        again = tmp_path / "again.safetensors"
        quantized = CliRunner().invoke(cli, ["quantize", str(out / source), "-o", str(again)])
        assert quantized.exit_code == 0, quantized.output
        assert model_hash(load(again)) == model_hash(network)

    files = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert run("mnist", "--data", few, "-o", out).exit_code == 0, "what is trained is not trained again"
    assert files == {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


def test_holding_out_prints_and_writes_no_model(few: Path, tmp_path: Path) -> None:
    (few / "t10k-labels-idx1-ubyte").rename(few / "hidden")  # test images are not looked at
    try:
        done = run("mnist", "--data", few, "-o", tmp_path, "--hold-out", 64)
    finally:
        (few / "hidden").rename(few / "t10k-labels-idx1-ubyte")
    assert done.exit_code == 0, done.output
    assert "| accuracy, 64 images, 8-bit integers |" in done.output
    assert [path.name for path in tmp_path.iterdir()] == [".cache"]


def test_the_digits_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its recipe is of its own kind: here it stops as soon as it would train."""

    def stop(*arguments: object, **options: object) -> None:
        raise InputError("enough")

    monkeypatch.setattr(torch.optim, "AdamW", stop)
    done = run("digits", "-o", tmp_path)
    assert done.stderr == "hwsnn: error: enough\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), r"nothing: no such recipe; there are digits, mnist"),
        (("mnist", "--data", "nowhere"), r"nowhere: no such data"),
        (("mnist", "--device", "abacus"), r"--device must be one that PyTorch has here, such as cpu, not abacus"),
        (("mnist", "--hold-out", "128"), r"has 128 training images; hold out fewer than that"),
    ],
)
def test_bad_input_is_one_line(few: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    data = () if "--data" in arguments else ("--data", few)
    done = run(*arguments, *data, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert re.search(message, done.output)
    assert done.output.count("\n") == 1
    assert not (tmp_path / "out").exists()
