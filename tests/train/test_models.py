"""The shipped models: what their cards say is so, and their recipes run."""

from __future__ import annotations

import gzip
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.compiled import run
from hwsnn.data import Data, LabelledData, images
from hwsnn.data.idx import Split
from hwsnn.data.sets import word_of
from hwsnn.errors import InputError
from hwsnn.files.shipped import model_folders
from hwsnn.model_file import float_file
from hwsnn.model_file.integer_file import load, model_hash
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import Network

MODELS = model_folders()
FEW = 128


def rows(card: str) -> dict[str, str]:
    """The card's table of two columns."""
    return dict(re.findall(r"^\| (\w[^|]*) \| ([^|]+) \|$", card, re.MULTILINE))


def weight_bits(network: Network) -> int:
    """Of the projections of ``network``, which all have as many."""
    (bits,) = {one.weight_bits for _, layer in network.populations() for one in layer.projections}
    return bits


def check_card(made: Path, name: str) -> None:
    """The model, its floats if they are there, and the card in the folder ``made`` say the same."""
    network, card = load(made / f"{name}.safetensors"), rows((made / "card.md").read_text())
    assert card["model hash"] == f"`{model_hash(network)}`"
    assert network.name == name
    assert card["time steps, encoding, readout"] == (
        f"T = {network.timesteps}, `{network.encoder.kind}`, `{network.readout}`"
    )
    weights = sum(one.synapses for _, layer in network.populations() for one in layer.projections)
    assert card["network"].endswith(f", {weights:,} weights")
    for layer, shape in zip(network.layers, network.shapes[1:], strict=True):
        assert f"{layer.name} {shape[0]}x{shape[1]}x{shape[2]}" in card["network"]
    for index, _ in network.populations():
        assert not network.saturating(index)
    floats = made / f"{name}-float.safetensors"
    if not floats.exists():
        assert f"`{floats.name}` that this run wrote (too large to ship)" in (made / "card.md").read_text()
        assert weights > 250_000
        return
    source = float_file.load(floats)
    assert (source.timesteps, source.encoding) == (network.timesteps, network.encoder.kind)
    again, _ = quantize(
        source,
        timesteps=network.timesteps,
        encoding=network.encoder.kind,
        bits=weight_bits(network),
        pixel_bits=network.pixel_bits,
    )
    assert model_hash(again) == model_hash(network)


def check_accuracy(made: Path, name: str, data: Data) -> None:
    """The card gives the accuracy on ``data``, in its first table and in the one by bits a weight."""
    assert data.labels is not None
    network = load(made / f"{name}.safetensors")
    found = (run(network, data.images).predictions == data.labels).mean()
    card, bits = (made / "card.md").read_text(), weight_bits(network)
    said = f" ({data.remark})" if data.remark else ""
    assert rows(card)[f"accuracy, {len(data.images):,} images, {bits}-bit integers"] == f"{found:.2%}{said}"
    if bits == 8:
        assert f"| rounded after training | {found:.2%} |" in card
    else:
        assert re.search(rf"^\| fine-tuned with rounded weights \|.* {found:.2%} \|", card, re.MULTILINE)


@pytest.fixture(scope="module")
def few_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """IDX files of a few images a recipe learns nothing from."""
    random, place = np.random.default_rng(0), tmp_path_factory.mktemp("data")
    for split in ("train", "t10k"):
        pixels, labels = random.integers(0, 256, (FEW, 28, 28), np.uint8), random.integers(0, 10, FEW, np.uint8)
        for kind, array in (("images-idx3", pixels), ("labels-idx1", labels)):
            header = bytes((0, 0, 8, array.ndim)) + b"".join(extent.to_bytes(4, "big") for extent in array.shape)
            (place / f"{split}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + array.tobytes()))
    return place


def noise(text: str, split: Split) -> LabelledData:
    """Photographs a recipe learns nothing from."""
    random = np.random.default_rng(split == "test")
    return LabelledData(random.integers(0, 256, (FEW, 3, 32, 32), np.uint8), random.integers(0, 10, FEW))


@pytest.mark.parametrize("name", [name for name in MODELS if name != "speech"])
def test_recipe(name: str, few_images: Path, tmp_path: Path) -> None:
    """One epoch at each stage makes a model whose card is right. (Speech: ``test_speech_recipe.py``.)"""
    torch = pytest.importorskip("torch")
    from hwsnn.train.recipe import DataSet, Run
    from hwsnn.train.recipe_file import load as load_recipe
    from hwsnn.train.runner import make

    recipe = load_recipe(MODELS[name] / "recipe.py")
    assert recipe.name == name
    fine_tuning = {bits: replace(plan, epochs=1) for bits, plan in recipe.fine_tuning.items()}
    short = replace(recipe, plan=replace(recipe.plan, epochs=1), fine_tuning=fine_tuning)
    if recipe.data.word == "cifar10":
        short = replace(short, data=DataSet("noise", noise, "noise"))
    trained = Run(short, name, str(few_images), tmp_path, 0, 0, torch.device("cpu"))
    make(trained)
    check_card(tmp_path, name)
    check_accuracy(tmp_path, name, trained.measured)


@pytest.mark.parametrize("name", MODELS)
def test_card(name: str) -> None:
    check_card(MODELS[name], name)


@pytest.mark.parametrize("name", MODELS)
def test_card_has_the_prose_of_the_recipe(name: str) -> None:
    pytest.importorskip("torch")
    from hwsnn.train.recipe_file import load as load_recipe

    recipe, card = load_recipe(MODELS[name] / "recipe.py"), (MODELS[name] / "card.md").read_text()
    assert card.startswith(f"# {name}\n\n{recipe.prose.strip()}\n")
    assert recipe.notes.strip() in card
    assert f"T = {recipe.timesteps}, `{recipe.encoding}`" in card
    assert f", {recipe.plan.epochs} epochs, " in card


@pytest.mark.parametrize("name", MODELS)
def test_accuracy(name: str) -> None:
    try:
        data = images(word_of(name) or "mnist")
    except InputError as error:
        pytest.skip(str(error))
    check_accuracy(MODELS[name], name, data)
