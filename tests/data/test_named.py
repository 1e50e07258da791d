"""Named data sets: the list of them, and which one a word or a folder of several means."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.cli.completers import DATA_WORDS
from hwsnn.data import Wish, images, load, training
from hwsnn.data.frames import Frames, Shape
from hwsnn.data.idx import Split
from hwsnn.data.named import NamedData
from hwsnn.data.resolve import ANY, resolve
from hwsnn.data.sets import SETS, SHIPPED, word_of, words
from hwsnn.errors import InputError
from hwsnn.files.shipped import model_folders
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.data.test_data import idx
from tests.support.layers import dense_layer

SQUARE: Shape = (1, 28, 28)
ROWS: Shape = (2, 1, 5, 5)


def put(folder: Path, value: int = 0, split: str = "t10k", count: int = 3) -> Path:
    """Stand-ins for MNIST's or Fashion-MNIST's files of a split: every pixel is ``value``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{split}-images-idx3-ubyte").write_bytes(idx(np.full((count, 28, 28), value, np.uint8)))
    (folder / f"{split}-labels-idx1-ubyte").write_bytes(idx(np.zeros(count, np.uint8)))
    return folder


@pytest.fixture(autouse=True)
def nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache folder for data, not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("HWSNN_DATA", raising=False)
    return tmp_path / "cache" / "hwsnn" / "data"


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> NamedData:
    """A set ``rows`` of frames that change with time, made of MNIST's files, as ``mnist-events`` is."""

    def frames(folder: Path, split: Split) -> Frames:
        return Frames(folder, (4, *ROWS), lambda count: (np.full((count, *ROWS), 7, np.uint8), np.arange(count)))

    found = replace(SETS["mnist"], word="rows", shape=ROWS, frames=frames, models=("rows",))
    monkeypatch.setitem(SETS, "rows", found)
    return found


def network(name: str) -> Network:
    """A model of that name for 28x28 images."""
    weights = np.ones((10, 1, 28, 28), np.int64)
    layer = dense_layer("last", weights, np.zeros(10, np.int64), 8, Integrator(NoLeak(), 20))
    return Network(name, (1, 28, 28), 8, Encoder("direct"), 2, (layer,), "membrane")


def refusal(text: str, wish: Wish = ANY) -> str:
    with pytest.raises(InputError) as caught:
        resolve(text, "test", wish)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_list() -> None:
    assert all(word == found.word for word, found in SETS.items())
    assert words() == DATA_WORDS
    assert {form.word for found in SETS.values() for form in found.forms} == SETS.keys()
    for found in SETS.values():
        assert found.files or found.source
        assert bool(found.files) == bool(found.mirrors)
        assert all(mirror.endswith("/") for mirror in found.mirrors)


def test_the_page_has_every_word() -> None:
    """With the subfolder it is looked for in."""
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
    for word, found in SETS.items():
        assert f"| `{word}` | " in page
        assert all(f" | `{form.folder}` | " in page for form in found.forms)


def test_every_shipped_model_has_its_data() -> None:
    for name in model_folders():
        assert word_of(name) in {*SETS, *SHIPPED}, f"models/{name}: no set of hwsnn/data/sets.py is for it"


@pytest.mark.parametrize(
    ("model", "word"),
    [
        ("mnist", "mnist"),
        ("mnist-first-spike-binary", "mnist"),
        ("fashion", "fashion-mnist"),
        ("fashion-mnist-mine", "fashion-mnist"),
        ("cifar10-wide", "cifar10"),
        ("digits", "digits"),
        ("mnists", None),
        ("my-mnist", None),
    ],
)
def test_the_data_of_a_model_by_its_name(model: str, word: str | None) -> None:
    assert word_of(model) == word


def test_each_word_finds_its_own_folder(tmp_path: Path, nothing_fetched: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mnist, fashion = put(tmp_path / "sets" / "mnist", 1), put(nothing_fetched / "fashion-mnist", 2)
    monkeypatch.setenv("HWSNN_DATA", str(tmp_path / "sets"))
    assert resolve("mnist", "test").path == mnist
    assert resolve("fashion-mnist", "test").path == fashion
    assert images("fashion-mnist").images.max() == 2


def test_files_of_the_same_names_are_told_apart_by_their_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HWSNN_DATA may name the folder of one set: then it is not that of another whose files are called the same."""
    remedy = "`hwsnn data {0}` fetches them, or set HWSNN_DATA to a folder that holds them"
    for called, word, other in (
        ("mnist", "mnist", "fashion-mnist"),
        ("mine", "mnist", "fashion-mnist"),
        ("fashion-mnist", "fashion-mnist", "mnist"),
    ):
        folder = put(tmp_path / called)
        monkeypatch.setenv("HWSNN_DATA", str(folder))
        assert resolve(word, "test").path == folder
        assert refusal(other).startswith(f"{other}: no test data in ")
        assert refusal(other).endswith(f" or in HWSNN_DATA, {folder}; {remedy.format(other)}")


def test_a_model_gets_the_data_of_its_name(tmp_path: Path, rows: NamedData) -> None:
    """Though images of several sets have its size."""
    put(tmp_path / "mnist", 1)
    put(tmp_path / "fashion-mnist", 2)
    for name, value in (("mnist-wide", 1), ("fashion", 2)):
        assert load(str(tmp_path), network(name)).images.max() == value
    assert images(str(tmp_path), wish=Wish("fashion-mnist")).images.max() == 2
    several = (
        f"{tmp_path}: holds several data sets that may be meant: mnist, fashion-mnist; give the word of one, or its "
        f"folder, such as {tmp_path / 'mnist'}"
    )
    with pytest.raises(InputError) as caught:
        load(str(tmp_path), network("mine"))
    assert str(caught.value) == several
    assert refusal(str(tmp_path)) == several


def test_a_model_whose_data_are_not_there_gets_no_others(tmp_path: Path, rows: NamedData) -> None:
    put(tmp_path / "mnist")
    with pytest.raises(InputError) as caught:
        load(str(tmp_path), network("fashion"))
    assert str(caught.value) == (
        f"{tmp_path}: holds mnist, and not fashion-mnist, which is meant; give that word, or the folder of another, "
        f"such as {tmp_path / 'mnist'}"
    )
    assert "holds mnist, and not digits, which is meant" in refusal(str(tmp_path), Wish("digits", (1, 8, 8)))
    assert len(load(str(tmp_path / "mnist"), network("fashion")).images) == 3, "a folder of images is taken as it is"
    assert len(load(str(tmp_path), network("mine")).images) == 3, "there is no other set"


def test_the_only_set_of_the_right_shape(tmp_path: Path, rows: NamedData) -> None:
    """Also where the name of a model is that of a set of another shape."""
    put(tmp_path / "mnist", 1)
    for name in (None, "mnist", "rows"):
        assert resolve(str(tmp_path), "test", Wish(name, ROWS)).named is rows
    for name in (None, "mnist", "rows"):
        assert resolve(str(tmp_path), "test", Wish(name, SQUARE)).named is SETS["mnist"]
    assert resolve(str(tmp_path), "test").named is SETS["mnist"]
    put(tmp_path / "fashion-mnist", 2)
    assert resolve(str(tmp_path), "test", Wish(None, ROWS)).named is rows


def test_a_view_of_files_of_another_set(tmp_path: Path, rows: NamedData, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found wherever they are, and read only where it is meant."""
    folder = put(tmp_path / "own", 1)
    assert images(str(folder)).images.shape == (3, *SQUARE)
    assert images(str(folder), wish=Wish("rows")).images.shape == (4, *ROWS)
    monkeypatch.setenv("HWSNN_DATA", str(folder))
    assert images("rows").images.shape == (4, *ROWS)
    assert images("mnist").images.shape == (3, *SQUARE)


def test_limits_are_those_of_every_set(tmp_path: Path, rows: NamedData) -> None:
    folder = str(put(tmp_path / "own", 1))
    wish = Wish("rows")
    assert images(folder, limit=2, wish=wish).images.shape == (2, *ROWS)
    with pytest.raises(InputError, match=r"-n must be from 1 to 4, the images there are, not 5$"):
        images(folder, limit=5, wish=wish)
    assert training(str(put(tmp_path / "own", 1, "train")), 2, Wish("rows")).labels.tolist() == [0, 1]


def test_what_is_claimed_is_not_read(rows: NamedData) -> None:
    def never(count: int) -> tuple[np.ndarray, None]:
        raise AssertionError

    with pytest.raises(InputError, match="1,000,000 images of 50,000 bytes are too many at a time; take fewer with -n"):
        Frames(Path("x"), (1_000_000, 50_000, 1, 1), never).read(None, None)
    with pytest.raises(InputError, match="images are 1x5x5; the model takes 1x28x28"):
        Frames(Path("x"), (3, 1, 5, 5), never).read(None, SQUARE)


def test_a_folder_without_a_set(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        images(str(tmp_path))
    assert str(caught.value).startswith(
        f"{tmp_path}: holds no IDX test images; there must be t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz, or "
        "the folder of a named set (mnist, fashion-mnist, "
    )
