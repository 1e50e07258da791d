"""Data files: the three kinds, and everything that can be wrong with them."""

from __future__ import annotations

import gzip
import io
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hwsnn.data import images as read_images
from hwsnn.data import load, training
from hwsnn.errors import InputError
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer

COUNT, HEIGHT, WIDTH, CLASSES = 6, 3, 4, 5
IMAGES = np.random.default_rng(0).integers(0, 256, (COUNT, HEIGHT, WIDTH), np.uint8)
LABELS = np.array([0, 4, 2, 2, 1, 3], np.uint8)


def network(channels: int = 1, pixel_bits: int = 8) -> Network:
    shape = (channels, HEIGHT, WIDTH)
    layer = dense_layer(
        "last", np.ones((CLASSES, *shape), np.int64), np.zeros(CLASSES, np.int64), 8, Integrator(NoLeak(), 20)
    )
    return Network("test", shape, pixel_bits, Encoder("direct"), 2, (layer,), "membrane")


def idx(array: np.ndarray) -> bytes:
    header = bytes((0, 0, 8, array.ndim)) + b"".join(extent.to_bytes(4, "big") for extent in array.shape)
    return header + array.astype(np.uint8).tobytes()


def idx_folder(folder: Path, images: bytes | None = None, labels: bytes | None = None, packed: bool = False) -> str:
    images = idx(IMAGES) if images is None else images
    pack, ending = (gzip.compress, ".gz") if packed else (bytes, "")
    (folder / f"t10k-images-idx3-ubyte{ending}").write_bytes(pack(images))
    if labels is not None:
        (folder / f"t10k-labels-idx1-ubyte{ending}").write_bytes(pack(labels))
    return str(folder)


def npz(folder: Path, **arrays: np.ndarray) -> str:
    with (folder / "data.npz").open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]  # its stub takes the arrays for its option
    return str(folder / "data.npz")


def refusal(text: str, *args: object, **options: object) -> str:
    """The one line of the ``InputError`` that loading gives."""
    with pytest.raises(InputError) as caught:
        load(text, *(args or (network(),)), **options)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.count("\n") == 0
    assert message.startswith(text)
    return message


@pytest.mark.parametrize("packed", [False, True])
def test_idx(tmp_path: Path, packed: bool) -> None:
    data = load(idx_folder(tmp_path, labels=idx(LABELS), packed=packed), network())
    assert (data.images == IMAGES[:, np.newaxis]).all()
    assert data.images.dtype == np.uint8
    assert data.labels is not None
    assert data.labels.tolist() == LABELS.tolist()
    assert data.labels.dtype == np.int64


def test_idx_with_a_dot_in_its_names(tmp_path: Path) -> None:
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx(IMAGES))
    assert len(load(str(tmp_path), network()).images) == COUNT


def test_idx_without_labels(tmp_path: Path) -> None:
    assert load(idx_folder(tmp_path), network()).labels is None


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.uint64])
def test_npz(tmp_path: Path, dtype: type[np.integer]) -> None:
    data = load(npz(tmp_path, x=IMAGES, y=LABELS.astype(dtype)), network())
    assert (data.images == IMAGES[:, np.newaxis]).all()
    assert data.labels is not None
    assert data.labels.tolist() == LABELS.tolist()
    assert data.labels.dtype == np.int64


def test_npz_with_channels_and_without_labels(tmp_path: Path) -> None:
    images = np.stack([IMAGES, IMAGES[::-1]], axis=1)
    data = load(npz(tmp_path, x=images), network(channels=2))
    assert (data.images == images).all()
    assert data.labels is None


@pytest.mark.parametrize("kind", ["idx", "npz"])
def test_limit(tmp_path: Path, kind: str) -> None:
    where = idx_folder(tmp_path, labels=idx(LABELS)) if kind == "idx" else npz(tmp_path, x=IMAGES, y=LABELS)
    data = load(where, network(), 2)
    assert (data.images == IMAGES[:2, np.newaxis]).all()
    assert data.labels is not None
    assert data.labels.tolist() == [0, 4]
    assert len(load(where, network(), COUNT).images) == COUNT
    assert "-n must be from 1 to 6" in refusal(where, network(), COUNT + 1)
    assert "-n must be from 1 to 6" in refusal(where, network(), 0)


def test_a_limit_reads_no_further(tmp_path: Path) -> None:
    """Damage behind the images that are asked for does not matter to them."""
    where = idx_folder(tmp_path, images=idx(IMAGES)[:-1])
    assert len(load(where, network(), COUNT - 1).images) == COUNT - 1
    assert "ends early" in refusal(where)


def test_a_limit_of_npz_reads_no_further(tmp_path: Path) -> None:
    images = np.arange(2000 * HEIGHT * WIDTH).astype(np.uint8).reshape(-1, HEIGHT, WIDTH)
    where = npz(tmp_path, x=images)
    whole = bytearray(Path(where).read_bytes())
    whole[whole.index(images.tobytes()) + images.nbytes - 1] ^= 1
    Path(where).write_bytes(whole)
    assert (load(where, network(), 1000).images == images[:1000, np.newaxis]).all()
    assert "Bad CRC-32" in refusal(where)


def train_folder(folder: Path, images: np.ndarray, labels: np.ndarray | None) -> str:
    (folder / "train-images-idx3-ubyte").write_bytes(idx(images))
    if labels is not None:
        (folder / "train-labels-idx1-ubyte").write_bytes(idx(labels))
    return str(folder)


def test_splits(tmp_path: Path) -> None:
    """Each of its own files; images need no model, whose size they would have to have."""
    idx_folder(tmp_path, labels=idx(LABELS))
    where = train_folder(tmp_path, IMAGES[::-1, :-1], LABELS[::-1] + 200)
    for data in (training(where), read_images(where, "train")):
        assert (data.images == IMAGES[::-1, np.newaxis, :-1]).all()
        assert data.labels is not None
        assert data.labels.tolist() == (LABELS[::-1].astype(int) + 200).tolist()
        assert data.labels.dtype == np.int64
    for data in (read_images(where), read_images(where, "test")):
        assert (data.images == IMAGES[:, np.newaxis]).all()
        assert data.labels is not None
        assert data.labels.tolist() == LABELS.tolist()
    assert len(training(where, 2).images) == len(training(where, 2).labels) == 2


def test_training_needs_labels(tmp_path: Path) -> None:
    where = train_folder(tmp_path, IMAGES, None)
    assert read_images(where, "train").labels is None
    with pytest.raises(InputError, match="holds no IDX train labels; there must be train-labels-idx1-ubyte or"):
        training(where)


def test_what_has_no_training_split(tmp_path: Path) -> None:
    for text in ("digits", npz(tmp_path, x=IMAGES, y=LABELS)):
        with pytest.raises(InputError, match=f"^{text}: has no training split; give a folder of IDX files, or a"):
            training(text)
    with pytest.raises(InputError, match="holds no IDX train images; there must be train-images-idx3-ubyte or"):
        training(idx_folder(tmp_path))


@pytest.mark.parametrize("shape", [(COUNT, 0, 4), (COUNT, 3, 0)])
def test_images_without_pixels(tmp_path: Path, shape: tuple[int, ...]) -> None:
    nothing = np.zeros(shape, np.uint8)
    for text in (train_folder(tmp_path, nothing, LABELS), npz(tmp_path, x=nothing)):
        with pytest.raises(InputError, match="they must have pixels"):
            read_images(text, "train" if text == str(tmp_path) else "test")


def test_missing(tmp_path: Path) -> None:
    assert "no such data; give" in refusal(str(tmp_path / "nowhere"))
    assert "holds no IDX test images" in refusal(str(tmp_path))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (b"", "ends early"),
        (idx(IMAGES)[:3], "ends early"),
        (idx(IMAGES)[:10], "ends early"),
        (idx(IMAGES)[:-1], "ends early; it must go on for 1 bytes"),
        (idx(IMAGES) + b"0", "has data after its 6 entries"),
        (b"random bytes, nothing else", "must start with the bytes 00 00 08 03 (IDX), not 72 61 6e 64"),
        (idx(LABELS), "must start with"),
        (bytes((0, 0, 13, 3)) + idx(IMAGES)[4:], "must start with"),
        (idx(IMAGES[:0]), "holds no images"),
        (idx(IMAGES.transpose(0, 2, 1)), "images are 1x4x3; the model takes 1x3x4 (channels, height, width)"),
        (b"\0\0\x08\x03" + b"\xff" * 12 + b"1" * 99, "images are 1x4294967295x4294967295; the model takes 1x3x4"),
        (b"\0\0\x08\x03" + b"\xff" * 4 + idx(IMAGES)[8:], "4,294,967,295 images of 12 bytes are too many at a time"),
        (b"\0\0\x08\x03" + b"\0\0\xff\xff" + idx(IMAGES)[8:], "ends early"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_bad_idx_images(tmp_path: Path, images: bytes, message: str, packed: bool) -> None:
    assert message in refusal(idx_folder(tmp_path, images=images, packed=packed))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (b"", "ends early"),
        (idx(LABELS)[:-1], "ends early"),
        (idx(IMAGES), "must start with the bytes 00 00 08 01"),
        (idx(LABELS[:-1]), "holds 5 labels; there must be one for each of 6 images"),
        (idx(LABELS + 1), "holds the label 5; the model's classes are 0 to 4"),
    ],
)
def test_bad_idx_labels(tmp_path: Path, labels: bytes, message: str) -> None:
    assert message in refusal(idx_folder(tmp_path, labels=labels))


@pytest.mark.parametrize(
    "damaged", [b"", b"random bytes", gzip.compress(idx(IMAGES), mtime=0)[:30], b"\x1f\x8b" + b"\0" * 40]
)
def test_bad_gzip(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(damaged)
    refusal(str(tmp_path))


def test_wrong_checksum_of_gzip(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(idx(IMAGES)))
    packed[-8] ^= 1
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(packed)
    assert "CRC check failed" in refusal(str(tmp_path))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"y": LABELS}, "lacks the array x"),
        ({"x": IMAGES / 255}, "x must be uint8 of shape (N,1,3,4), not float64 of shape (6, 3, 4)"),
        ({"x": IMAGES.astype(np.int64)}, "not int64"),
        ({"x": IMAGES[0]}, "images are 4; the model takes 1x3x4 (channels, height, width)"),
        ({"x": IMAGES[0, 0, 0]}, "x must be uint8 of shape (N,1,3,4), not uint8 of shape ()"),
        ({"x": IMAGES[:, 0, 0]}, "images are single values; the model takes 1x3x4"),
        ({"x": IMAGES[:0]}, "holds no images"),
        ({"x": IMAGES.transpose(0, 2, 1)}, "images are 4x3; the model takes 1x3x4 (channels, height, width)"),
        (
            {"x": IMAGES[:, np.newaxis].repeat(2, 1)},
            "images are 2x3x4; the model takes 1x3x4 (channels, height, width)",
        ),
        ({"x": IMAGES, "y": LABELS[:-1]}, "y must be 6 integers, one per image, not uint8 of shape (5,)"),
        ({"x": IMAGES, "y": LABELS.astype(float)}, "y must be 6 integers"),
        ({"x": IMAGES, "y": LABELS[:, np.newaxis]}, "y must be 6 integers"),
        ({"x": IMAGES, "y": LABELS.astype(int) - 1}, "holds the label -1; the model's classes are 0 to 4"),
        ({"x": IMAGES, "y": LABELS.astype(np.uint64) + 2**63}, "holds the label 9223372036854775808"),
    ],
)
def test_bad_npz_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    assert message in refusal(npz(tmp_path, **arrays))


def test_pixels_above_the_largest(tmp_path: Path) -> None:
    where = npz(tmp_path, x=IMAGES // 16)
    assert load(where, network(pixel_bits=4)).images.max() == 15
    assert "holds a pixel of 15; the model's 3-bit pixels go to 7" in refusal(where, network(pixel_bits=3))


def archive(folder: Path, content: bytes, claimed: int | None = None, kind: int = zipfile.ZIP_DEFLATED) -> str:
    """An archive whose x.npy is ``content``, of ``claimed`` bytes by its list."""
    path = folder / "data.npz"
    with zipfile.ZipFile(path, "w", kind) as made:
        made.writestr("x.npy", content)
        if claimed is not None:
            made.infolist()[0].file_size = claimed
    return str(path)


def header(shape: str, version: int = 1, length: int | None = None) -> bytes:
    """What stands before an array of ``shape``; ``length``: what it says of its own, where that is not so."""
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes((version, 0)) + (length or len(text)).to_bytes(2 * version, "little") + text


def starting(shape: str) -> bytes:
    return header(shape) + IMAGES.tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello, not an array", "the header of x"),
        (b"", "the header of x"),
        (starting("(6, 3, 4), \n"), "the header of x"),  # the expression breaks off
        (header("(6, 3, 4), \n")[:-2] + IMAGES.tobytes(), "the header of x"),
        (starting("(-6, 3, 4)"), "x has a shape that cannot be"),
        (starting("(0x" + 5000 * "f" + ", 3, 4)"), "x has a shape that cannot be"),
        (starting("(" * 300 + ")" * 300), "the header of x"),
        (starting("-" * 9000 + "1"), "the header of x"),
        (starting("(6, 3)"), "x is not as long as its shape (6, 3) says"),
        (starting("(7, 3, 4)"), "x is not as long as its shape (7, 3, 4) says"),
        (header("(6, 3, 4)", 2, 1 << 31) + bytes(1 << 20), "the header of x"),
        (header("(6, 3, 4)", 3) + IMAGES.tobytes(), "the header of x"),
    ],
)
def test_bad_npy_headers(tmp_path: Path, content: bytes, message: str) -> None:
    assert f"not a readable .npz file ({message}" in refusal(archive(tmp_path, content))


@pytest.mark.parametrize("shape", ["(1048577, 3, 4)", "(100000, 100, 1000)", "(281474976710656, 3, 4)"])
def test_bombs_are_refused_by_what_they_claim(tmp_path: Path, shape: str) -> None:
    """By their header, before there is memory for them; as many as are asked for are taken."""
    count, height, width = (int(extent) for extent in shape.strip("()").split(","))
    size = height * width
    start = header(shape)
    where = archive(tmp_path, start + bytes(3 * size), len(start) + count * size)
    tracemalloc.start()
    with pytest.raises(InputError, match=rf"{count:,} images of {size:,} bytes are too many at a time; take fewer"):
        read_images(where)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20
    assert read_images(where, limit=2).images.shape == (2, 1, height, width)


def test_other_compressions_are_refused(tmp_path: Path) -> None:
    """They unpack what they like at once: here 2,000 times what is there."""
    message = "x is packed in another way than NumPy does"
    for kind in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert message in refusal(archive(tmp_path, starting("(6, 3, 4)") + bytes(1 << 20), kind=kind))


def test_archives_of_too_many_members_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as made:
        for number in range(20_000):
            made.writestr(f"{number:09}", b"")
    assert "not a readable .npz file (it lists too many members)" in refusal(str(tmp_path / "data.npz"))


def test_an_npz_of_columns(tmp_path: Path) -> None:
    data = load(npz(tmp_path, x=np.asfortranarray(IMAGES), y=LABELS.astype(">i4")), network(), 4)
    assert (data.images == IMAGES[:4, np.newaxis]).all()
    assert data.labels is not None
    assert data.labels.tolist() == LABELS[:4].tolist()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"random bytes", pickle.dumps([1, 2]), idx(IMAGES)])
def test_not_an_npz(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.npz").write_bytes(content)
    assert "not an .npz file" in refusal(str(tmp_path / "data.npz"))


def test_npy_is_not_npz(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", IMAGES)
    assert "not an .npz file" in refusal(str(tmp_path / "x.npy"))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.array([_Touch(tmp_path / "touched")], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(tmp_path / "data.npz", "w") as archive:
        archive.writestr("x.npy", stream.getvalue())
    assert "x must be uint8" in refusal(str(tmp_path / "data.npz"))
    assert not (tmp_path / "touched").exists()


class _Touch:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("kind", ["npz", "compressed npz", "idx", "packed idx"])
def test_damage_anywhere_is_one_line_or_harmless(tmp_path: Path, kind: str) -> None:
    if "npz" in kind:
        where = Path(npz(tmp_path, x=IMAGES, y=LABELS))
        if kind.startswith("compressed"):
            np.savez_compressed(where, x=IMAGES, y=LABELS)
        file = where
    else:
        where = Path(idx_folder(tmp_path, labels=idx(LABELS), packed="packed" in kind))
        file = next(where.glob("t10k-images*"))
    whole = file.read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(150):
        damaged = bytearray(whole[: random.integers(len(whole))] if random.random() < 0.3 else whole)
        for at in random.integers(0, max(len(damaged), 1), random.integers(1, 4)) if damaged else ():
            damaged[at] = random.integers(256)
        file.write_bytes(damaged)
        try:
            load(str(where), network())
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017  (harmless damage is no error)
    assert refused > 20
