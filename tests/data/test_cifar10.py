"""CIFAR-10, original or as a lossy copy, and everything that can be wrong with its files; all are made here."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.data import cifar10, cifar10_jpeg, images, training
from hwsnn.data.resolve import resolve
from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import save
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer
from tests.support.stage_lines import beside_stages

Image = pytest.importorskip("PIL.Image")

PER_FILE = 3
NAMES = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
RECORDS = np.random.default_rng(0).integers(0, 256, (len(NAMES), PER_FILE, 3073), np.uint8)
RECORDS[:, :, 0] %= 10


def refusal(folder: Path, split: str = "test", limit: int | None = None) -> str:
    with pytest.raises(InputError) as caught:
        images(str(folder), split, limit)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def packed(files: Mapping[str, bytes]) -> bytes:
    """An archive like CIFAR-10's."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Stand-ins for the six files, which are the right ones in this test."""
    found = {name: records.tobytes() for name, records in zip(NAMES, RECORDS, strict=True)}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    test = {"test_batch.bin": sums.pop("test_batch.bin")}
    monkeypatch.setattr(cifar10, "TRAINING", sums)
    monkeypatch.setattr(cifar10, "TEST", test)
    monkeypatch.setattr(cifar10, "SUMS", {"train": sums, "test": test})
    monkeypatch.setattr(cifar10, "PER_FILE", PER_FILE)
    return found


def archive(folder: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``content`` as the archive, which is the right one in this test."""
    sum_of = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(cifar10, "ARCHIVE", replace(cifar10.ARCHIVE, size=len(content), sha256=sum_of))
    (folder / "cifar-10-binary.tar.gz").write_bytes(content)
    return folder


@pytest.mark.parametrize("form", [".", "cifar-10-batches-bin", "archive"])
def test_the_originals(tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    if form == "archive":
        archive(tmp_path, packed({"batches.meta.txt": b"airplane\n"} | files), monkeypatch)
    else:
        (tmp_path / form).mkdir(exist_ok=True)
        for name, content in files.items():
            (tmp_path / form / name).write_bytes(content)
    pixels = RECORDS[:, :, 1:].reshape(-1, 3, 32, 32)
    train, test = training(str(tmp_path)), images(str(tmp_path))
    assert (train.images == pixels[:15]).all()
    assert (train.labels == RECORDS[:5, :, 0].ravel()).all()
    assert (test.images == pixels[15:]).all()
    assert test.labels is not None
    assert test.labels.tolist() == RECORDS[5, :, 0].tolist()
    assert (train.remark, test.remark) == ("", "")
    few = training(str(tmp_path), 4)
    assert (few.images == pixels[:4]).all()
    assert few.labels.tolist() == train.labels[:4].tolist()
    assert "-n must be from 1 to 15" in refusal(tmp_path, "train", 16)


def test_the_true_sums_are_of_what_is_published() -> None:
    assert set(cifar10.TRAINING) | set(cifar10.TEST) == set(NAMES)
    assert (cifar10.RECORD * cifar10.PER_FILE, cifar10.ARCHIVE.size) == (30_730_000, 170_052_171)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content[:-1], "ends early; it must go on for 1 bytes"),
        (lambda content: content + b"0", "is not CIFAR-10's file of that name; its SHA-256 must be "),
        (lambda content: content[::-1], "is not CIFAR-10's file of that name; its SHA-256 must be "),
    ],
)
def test_a_wrong_file(tmp_path: Path, files: dict[str, bytes], change: object, message: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_bytes(change(content) if name == "data_batch_2.bin" else content)  # type: ignore[operator]
    assert refusal(tmp_path, "train").startswith(f"{tmp_path / 'data_batch_2.bin'}: {message}")
    assert len(training(str(tmp_path), PER_FILE).images) == PER_FILE, "the first file is right"
    assert len(images(str(tmp_path)).images) == PER_FILE


def test_a_wrong_archive_is_not_unpacked(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = packed(files)
    path = archive(tmp_path, content, monkeypatch) / "cifar-10-binary.tar.gz"
    monkeypatch.setattr(tarfile, "open", None)
    for wrong, message in (
        (content + b"0", f"is not CIFAR-10's archive; it must be {len(content)} bytes long, not {len(content) + 1}"),
        (content[:-1] + b"1", "is not CIFAR-10's file of that name; its SHA-256 must be "),
    ):
        path.write_bytes(wrong)
        assert refusal(tmp_path).startswith(f"{path}: {message}")


def jpeg(colour: int, size: tuple[int, int] = (32, 32), mode: str = "RGB") -> bytes:
    made = io.BytesIO()
    Image.new(mode, size, (colour, 0, 255 - colour) if mode == "RGB" else colour).save(made, "JPEG", quality=75)
    return made.getvalue()


def copy(folder: Path, members: Mapping[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "images.zip", "w", kind) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return folder


COPY = {
    **{f"train/truck/{name}.jpg": jpeg(value) for name, value in (("b", 120), ("a", 110), ("c", 130))},
    **{f"train/airplane/{name}.jpg": jpeg(value) for name, value in (("9", 20), ("1", 10))},
    "train/cat/x.jpeg": jpeg(60),
    "train/README.txt": b"no image",
    "train/lion/a.jpg": b"no class",
    "test/ship/0.jpg": jpeg(200),
    "test/bird/0.jpg": jpeg(90, mode="L"),
}


def test_the_copy(tmp_path: Path) -> None:
    """In turn an image of each class, in CIFAR-10's order of classes, whatever the order of the archive."""
    train = training(str(copy(tmp_path, COPY)))
    assert train.images.shape == (6, 3, 32, 32)
    assert train.labels.tolist() == [0, 3, 9, 0, 9, 9]
    red = train.images[:, 0].mean((1, 2))
    assert np.abs(red - [10, 60, 110, 20, 120, 130]).max() < 4
    blue = train.images[:, 2].mean((1, 2))
    assert np.abs(blue - (255 - red)).max() < 8
    test = images(str(tmp_path))
    assert test.labels is not None
    assert test.labels.tolist() == [2, 8]
    assert np.abs(test.images[0].astype(int) - 90).max() < 4, "an image without colours has all three alike"
    assert train.remark == test.remark == "lossy JPEG copies of CIFAR-10's images, not the originals"
    assert training(str(tmp_path), 2).labels.tolist() == [0, 3]


def test_a_limit_of_the_copy_decodes_no_further(tmp_path: Path) -> None:
    copy(tmp_path, COPY | {"train/truck/c.jpg": b"damaged"})
    assert len(training(str(tmp_path), 5).images) == 5
    assert refusal(tmp_path, "train").startswith(
        f"{tmp_path / 'images.zip'}: 'train/truck/c.jpg' is not a usable JPEG image ("
    )


def png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (32, 32)).save(made, "PNG")
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a usable JPEG image (cannot identify image file"),
        (jpeg(1)[:400], "is not a usable JPEG image ("),
        (png(), "is not a usable JPEG image (cannot identify image file"),
        (jpeg(1, (32, 31)), "is not a usable JPEG image (it is 32x31, and must be 32x32)"),
        (jpeg(1, (5000, 5000), "L")[:60_000], "is not a usable JPEG image (it is 5000x5000, and must be 32x32)"),
        (jpeg(1) + bytes(1 << 16), "must be at most 65,536 bytes long, and is longer"),
    ],
)
def test_a_bad_image(tmp_path: Path, content: bytes, message: str) -> None:
    copy(tmp_path, {"test/dog/0.jpg": content})
    found = refusal(tmp_path)
    assert found.startswith(f"{tmp_path / 'images.zip'}: 'test/dog/0.jpg' {message}")


def test_a_bad_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copy(tmp_path, {"test/dog/0.jpg": jpeg(1)}, zipfile.ZIP_BZIP2) / "images.zip"
    assert "'test/dog/0.jpg' must be stored or deflated, not packed in another way" in refusal(tmp_path)
    copy(tmp_path, {"train/dog/0.jpg": jpeg(1)})
    assert refusal(tmp_path) == f"{path}: holds no images; there must be at least one"
    whole = path.read_bytes()
    for damaged in (b"", b"no archive", whole[:-30]):
        path.write_bytes(damaged)
        assert refusal(tmp_path, "train").startswith(f"{path}: not readable (")
    path.write_bytes(whole)
    monkeypatch.setattr(cifar10_jpeg, "MOST_LISTED", 40)
    assert refusal(tmp_path, "train") == f"{path}: not readable (it lists too many members)"


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy(tmp_path, COPY)
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setattr("hwsnn.packages.module_file", lambda module: None)
    message = refusal(tmp_path)
    assert message.startswith(f"pillow: not found, which decodes the images in {tmp_path / 'images.zip'}; ")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A folder of data sets, which HWSNN_DATA names, and the one that ``hwsnn data`` fetches to."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HWSNN_DATA", str(tmp_path / "sets"))
    return tmp_path / "sets", tmp_path / "cache" / "hwsnn" / "data"


def test_originals_come_first(
    places: tuple[Path, Path], files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    sets, fetched = places
    lossy = copy(sets / "cifar10-jpeg", COPY)
    assert resolve("cifar10", "test").path == lossy
    assert images("cifar10").remark
    assert images(str(sets)).remark
    original = fetched / "cifar10"
    original.mkdir(parents=True)
    archive(original, packed(files), monkeypatch)
    assert resolve("cifar10", "test").path == original
    assert not images("cifar10").remark
    beside = sets / "cifar10"
    beside.mkdir()
    archive(beside, packed(files), monkeypatch)
    assert resolve("cifar10", "test").path == beside
    assert resolve(str(sets), "test").path == beside


@pytest.fixture
def model(tmp_path: Path) -> str:
    weights = np.random.default_rng(1).integers(-3, 4, (10, 3, 32, 32))
    layer = dense_layer("last", weights, np.zeros(10, np.int64), 8, Integrator(NoLeak(), 30))
    network = Network("cifar10-small", (3, 32, 32), 8, Encoder("direct"), 2, (layer,), "membrane")
    save(network, tmp_path / "model.safetensors")
    return str(tmp_path / "model.safetensors")


def test_a_run_says_what_the_images_are(places: tuple[Path, Path], model: str) -> None:
    copy(places[0] / "cifar10-jpeg", COPY)

    def run(*options: str) -> str:
        result = CliRunner().invoke(cli, ["run", model, *options], prog_name="hwsnn")
        assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
        return result.stdout

    note = "note: these are lossy JPEG copies of CIFAR-10's images, not the originals"
    for options in ((), ("--data", "cifar10"), ("--data", str(places[0] / "cifar10-jpeg"))):
        first, second = run(*options).splitlines()
        assert first.startswith("2 images: ")
        assert second == note
    assert json.loads(run("--json"))["remark"] == "lossy JPEG copies of CIFAR-10's images, not the originals"
