"""Which data a word, a folder or HWSNN_DATA names."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.cli.common import data_option
from hwsnn.data import images, training
from hwsnn.data.idx import Split
from hwsnn.data.resolve import resolve
from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import save
from tests.cli.test_cli import expect_refusal, invoke
from tests.data.test_data import idx, network
from tests.support.stage_lines import beside_stages

MODEL = network()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that ``hwsnn data mnist`` fetches to, not there yet; ``HWSNN_DATA`` is not set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HWSNN_DATA", raising=False)
    return tmp_path / "cache" / "hwsnn" / "data" / "mnist"


def put(folder: Path, *names: str) -> Path:
    """Stand-in image files, of two images that MODEL takes: black ones."""
    folder.mkdir(parents=True, exist_ok=True)
    _, height, width = MODEL.input_shape
    for name in names or ("train", "t10k"):
        (folder / f"{name}-images-idx3-ubyte").write_bytes(idx(np.zeros((2, height, width), np.uint8)))
    return folder


def test_the_word_looks_in_three_places(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache)
    assert resolve("mnist", "test").path == cache
    monkeypatch.setenv("HWSNN_DATA", str(tmp_path / "sets"))
    assert resolve("mnist", "test").path == cache
    put(tmp_path / "sets" / "mnist")
    assert resolve("mnist", "test").path == tmp_path / "sets" / "mnist"
    put(tmp_path / "sets")
    assert resolve("mnist", "test").path == tmp_path / "sets"


def test_each_split_is_looked_for(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache)
    monkeypatch.setenv("HWSNN_DATA", str(put(tmp_path / "own", "t10k")))
    assert resolve("mnist", "test").path == tmp_path / "own"
    assert resolve("mnist", "train").path == cache


def test_an_empty_setting_counts_as_unset(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(put(tmp_path))
    monkeypatch.setenv("HWSNN_DATA", "")
    put(cache)
    assert resolve("mnist", "test").path == cache


@pytest.mark.parametrize("split", ["train", "test"])
def test_mnist_is_nowhere(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: Split) -> None:
    remedy = "`hwsnn data mnist` fetches them, or set HWSNN_DATA to a folder that holds them"
    with pytest.raises(InputError) as caught:
        images("mnist", split)
    assert str(caught.value) == f"mnist: no {split} data in {cache}; {remedy}"
    monkeypatch.setenv("HWSNN_DATA", str(tmp_path))
    with pytest.raises(InputError) as caught:
        images("mnist", split)
    assert str(caught.value) == f"mnist: no {split} data in {cache} or in HWSNN_DATA, {tmp_path}; {remedy}"
    assert list(tmp_path.iterdir()) == []  # looking makes no folder


def test_without_a_home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(InputError, match="there is no home folder to cache in; set XDG_CACHE_HOME"):
        resolve("mnist", "test")
    monkeypatch.setenv("HWSNN_DATA", str(put(tmp_path)))
    assert resolve("mnist", "test").path == tmp_path


def test_a_word_wins_over_a_folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(cache)
    put(tmp_path / "mnist")
    monkeypatch.chdir(tmp_path)
    assert resolve("mnist", "test").path == cache
    assert resolve("./mnist", "test").path == Path("mnist")


def test_folders(tmp_path: Path, cache: Path) -> None:
    """A folder is meant itself, or else for the mnist in it; one that holds neither is named as it was given."""
    put(cache)
    assert resolve(str(tmp_path), "test").path == tmp_path
    put(tmp_path / "mnist", "train")
    assert resolve(str(tmp_path), "train").path == tmp_path / "mnist"
    assert resolve(str(tmp_path), "test").path == tmp_path
    put(tmp_path)
    assert resolve(str(tmp_path), "train").path == tmp_path


@pytest.fixture
def model(tmp_path: Path, cache: Path) -> str:
    save(MODEL, tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


@pytest.mark.parametrize("below", [".", "mnist"])
def test_commands_run_on_the_setting(tmp_path: Path, model: str, below: str) -> None:
    folder = put(tmp_path / "sets" / below, "t10k")
    for setting, args in (
        (tmp_path / "sets", ()),
        (tmp_path / "sets", ("--data", "mnist")),
        (tmp_path / "elsewhere", ("--data", str(folder))),
    ):
        result = CliRunner(env={"HWSNN_DATA": str(setting)}).invoke(cli, ["run", model, *args], prog_name="hwsnn")
        assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
        assert result.stdout.startswith("2 images: ")


@pytest.mark.parametrize("command", [("run",), ("board", "run", "--on", "sim")])
def test_neither_the_option_nor_the_setting(model: str, command: tuple[str, ...]) -> None:
    expect_refusal(invoke(*command, model), "Missing option '--data' (env var: 'HWSNN_DATA')")


@pytest.mark.parametrize(("required", "given"), [(True, "/sets"), (False, "")])
def test_where_data_are_optional_the_setting_is_not_asked(required: bool, given: str) -> None:
    @click.command()
    @data_option(required=required)
    def show(data: str | None) -> None:
        click.echo(data)

    assert CliRunner(env={"HWSNN_DATA": "/sets"}).invoke(show).stdout == f"{given}\n"


def test_training_by_name(cache: Path) -> None:
    put(cache, "train")
    labels = np.array([3, 9], np.uint8)
    (cache / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    data = training("mnist")
    assert data.images.shape == (2, *MODEL.input_shape)
    assert data.labels.tolist() == [3, 9]
