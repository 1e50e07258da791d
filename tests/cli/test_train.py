"""``hwsnn train``: a shipped model, or one's own, on a few images; or one line and nothing written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn.cli import cli
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
    out = tmp_path / "mnist-small"
    done = run("mnist-small", "--data", few, "-o", out)
    assert done.exit_code == 0, done.output
    card = (out / "card.md").read_text()
    network = load(out / "mnist-small.safetensors")
    assert f"`{model_hash(network)}`" in card
    found = re.search(r"^\| accuracy, 64 images, 8-bit integers \| (\d+\.\d\d)% \|$", card, re.MULTILINE)
    assert found is not None
    shown = CliRunner().invoke(cli, ["run", str(out / "mnist-small.safetensors"), "--data", str(few)])
    assert f"{found[1]}%" in shown.output
    assert float(found[1]) > 50

    for source in ("mnist-small-float.safetensors", "mnist-small.nir"):
        again = tmp_path / "again.safetensors"
        quantized = CliRunner().invoke(cli, ["quantize", str(out / source), "-o", str(again)])
        assert quantized.exit_code == 0, quantized.output
        assert model_hash(load(again)) == model_hash(network)

    files = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert run("mnist-small", "--data", few, "-o", out).exit_code == 0, "what is trained is not trained again"
    assert files == {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


OWN = """
from hwsnn.train.augment import Distortion
from hwsnn.train.loop import Plan
from hwsnn.train.recipe import Recipe

RECIPE = Recipe(
    name="own",
    notation="28x28-4c5-4s-10",
    timesteps=2,
    beta=0.5,
    plan=Plan(epochs=1),
    distortion=Distortion(shift=1, turn=5, scale=0.1),
    prose="A network of one's own.",
)
"""


def test_holding_out_prints_and_writes_no_model(few: Path, tmp_path: Path) -> None:
    (few / "t10k-labels-idx1-ubyte").rename(few / "hidden")  # test images are not looked at
    recipe, out = tmp_path / "mine.py", tmp_path / "out"
    recipe.write_text(OWN.replace("epochs=1", "epochs=1, batch=32"))
    try:
        done = run(recipe, "--data", few, "-o", out, "--hold-out", 64)
    finally:
        (few / "hidden").rename(few / "t10k-labels-idx1-ubyte")
    assert done.exit_code == 0, done.output
    assert "| accuracy, 64 images, 8-bit integers |" in done.output
    assert [path.name for path in out.iterdir()] == [".cache"]


def test_a_recipe_of_ones_own(few: Path, tmp_path: Path) -> None:
    recipe, out = tmp_path / "mine.py", tmp_path / "out"
    recipe.write_text(OWN)
    done = run(recipe, "--data", few, "--seed", 3, "-o", out)
    assert done.exit_code == 0, done.output
    assert load(out / "own.safetensors").name == "own"
    card = (out / "card.md").read_text()
    assert card.startswith("# own\n\nA network of one's own.\n")
    assert "    hwsnn train mine.py --seed 3 -o own\n" in card


def test_the_data_of_the_recipe(few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --data the recipe's own word; HWSNN_DATA, with several sets, is where it is looked for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HWSNN_DATA", raising=False)
    recipe, out, sets = tmp_path / "mine.py", tmp_path / "out", tmp_path / "sets"
    data = 'name="own", data=data_set("fashion-mnist"),'
    recipe.write_text(OWN.replace("import Recipe", "import Recipe, data_set").replace('name="own",', data))
    done = run(recipe, "-o", out)
    assert done.exit_code == 2
    fetched = tmp_path / "cache" / "hwsnn" / "data" / "fashion-mnist"
    assert f"fashion-mnist: no train data in {fetched}; `hwsnn data fashion-mnist` fetches them" in done.output
    (sets / "mnist").mkdir(parents=True)
    for file in few.iterdir():
        (sets / "mnist" / file.name).write_bytes(b"not to be read")
    monkeypatch.setenv("HWSNN_DATA", str(sets))
    done = run(recipe, "-o", out)
    assert done.exit_code == 2
    assert f"{sets}: holds mnist, and not fashion-mnist, which is meant" in done.output
    (sets / "fashion-mnist").symlink_to(few)
    done = run(recipe, "-o", out)
    assert done.exit_code == 0, done.output
    assert "\n| data | Fashion-MNIST: all training images" in (out / "card.md").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("RECIPE =", "OTHER =", r"mine\.py: must have a RECIPE, a hwsnn\.train\.recipe\.Recipe, and has none$"),
        ("RECIPE =", "RECIPE = 3 #", r"mine\.py, line 7: IndentationError: unexpected indent"),
        ("timesteps=2", "timesteps=two", r"mine\.py, line 9: NameError: name 'two' is not defined$"),
        ('"own"', '"../own"', r"mine\.py, line 6: ValueError: network name must be .*, not '../own'$"),
        ("-10", "-ten", r"mine\.py: layers must be like 64c5, 64c5p, 2s, r3 or 128, not 'ten' in "),
        ("28x28-4c5", "27x28-4c5", r"few\d: images are 1x28x28; the network of mine\.py takes 1x27x28$"),
        ("-10", "-9", r"few\d: holds the label 9; the classes of mine\.py are 0 to 8$"),
        (
            "epochs=1",
            "epochs=1, batch=200",
            r"few\d: 128 images to train with are too few; a batch of mine\.py has 200$",
        ),
    ],
)
def test_a_bad_recipe_is_one_line(few: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    recipe = tmp_path / "mine.py"
    assert old in OWN
    recipe.write_text(OWN.replace(old, new))
    done = run(recipe, "--data", few, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert re.search(message, done.output.rstrip())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("nothing",),
            r"nothing: no such recipe; give a \.py file, or the name of a shipped model \(cifar10, digits, ",
        ),
        ((".",), r"\.: is a folder, not a recipe; give a \.py file"),
        ((__file__ + "/none.py",), r"/none\.py: no such recipe; give a \.py file"),
        ((str(Path(__file__).parents[2] / "LICENSE"),), r"LICENSE: a recipe must be a Python file, whose name ends in"),
        (("mnist", "--data", "nowhere"), r"nowhere: no such data"),
        (("mnist", "--device", "abacus"), r"--device must be one that PyTorch has here, such as cpu, not abacus"),
        (("mnist", "--hold-out", "128"), r"--hold-out must be less than the 128 training images"),
    ],
)
def test_bad_input_is_one_line(few: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    data = () if "--data" in arguments else ("--data", few)
    done = run(*arguments, *data, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert re.search(message, done.output)
    assert done.output.count("\n") == 1
    assert not (tmp_path / "out").exists()
