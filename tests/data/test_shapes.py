"""The shapes of images in data files: whatever has the model's extents other than 1, in their order."""

from __future__ import annotations

import tracemalloc
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn.data import images as read_images
from hwsnn.data import load, random_images
from hwsnn.errors import InputError
from hwsnn.spec import Encoder, EncoderKind, Integrator, Network, NoLeak
from tests.support.layers import dense_layer

COUNT = 6


def network(shape: tuple[int, int, int], steps: int = 5, kind: EncoderKind = "steps", pixel_bits: int = 8) -> Network:
    layer = dense_layer("last", np.ones((3, *shape), np.int64), np.zeros(3, np.int64), 8, Integrator(NoLeak(), 32))
    return Network("test", shape, pixel_bits, Encoder(kind), steps, (layer,), "membrane")


def frames(model: Network) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (COUNT, *model.frame_shape), np.uint8)


def npz(folder: Path, x: np.ndarray) -> str:
    np.savez(folder / "data.npz", x=x)
    return str(folder / "data.npz")


VECTOR, IMAGE, GREY, PIXEL = (7, 1, 1), (2, 3, 4), (1, 3, 4), (1, 1, 1)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (network(VECTOR), (5, 7)),
        (network(VECTOR), (5, 7, 1)),
        (network(VECTOR), (5, 7, 1, 1)),
        (network(VECTOR), (5, 1, 1, 7)),
        (network(VECTOR), (1, 5, 1, 7, 1, 1)),
        (network(IMAGE), (5, 2, 3, 4)),
        (network(GREY), (5, 3, 4)),
        (network(GREY), (5, 1, 3, 4)),
        (network(PIXEL), (5,)),
        (network(PIXEL, 1), ()),
        (network(VECTOR, 1), (7,)),
        (network(VECTOR, kind="direct"), (7,)),
        (network(VECTOR, kind="uniform"), (7, 1, 1)),
        (network(GREY, kind="direct"), (3, 4)),
        (network(GREY, kind="direct"), (3, 4, 1)),
        (network(IMAGE, kind="latency"), (2, 3, 4)),
        (network((1, 1, 12), kind="direct"), (3, 4)),
        (network((12, 1, 1), kind="direct"), (3, 2, 2)),
        (network((12, 1, 1)), (5, 1, 3, 4)),
    ],
    ids=lambda each: str(each) if isinstance(each, tuple) else f"{each.encoder.kind} {each.frame_shape}",
)
@pytest.mark.parametrize("by_column", [False, True])
def test_any_ones(model: Network, shape: tuple[int, ...], by_column: bool, tmp_path: Path) -> None:
    wanted = frames(model)
    given = wanted.reshape(COUNT, *shape)
    where = npz(tmp_path, np.asfortranarray(given) if by_column else given)
    for limit in (None, 4):
        found = load(where, model, limit).images
        assert found.dtype == np.uint8
        assert np.array_equal(found, wanted[:limit])


@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        (network(VECTOR), (7, 5), "images are 7x5; the model takes 5x7x1x1 (steps, channels, height, width)"),
        (network(VECTOR), (4, 7), "images are 4x7; the model takes 5x7x1x1 (steps, channels, height, width)"),
        (network(VECTOR), (5, 8), "images are 5x8; the model takes 5x7x1x1"),
        (network(VECTOR), (35,), "images are 35; the model takes 5x7x1x1"),
        (network(VECTOR), (5, 0), "images are 5x0; the model takes 5x7x1x1"),
        (network(IMAGE), (2, 5, 3, 4), "images are 2x5x3x4; the model takes 5x2x3x4"),
        (network(IMAGE), (2, 3, 4), "images are 2x3x4; the model takes 5x2x3x4"),
        (network(IMAGE, kind="direct"), (5, 2, 3, 4), "images are 5x2x3x4; the model takes 2x3x4 (channels, height"),
        (network(IMAGE, kind="direct"), (6, 4), "images are 6x4; the model takes 2x3x4"),
    ],
)
def test_other_extents(model: Network, shape: tuple[int, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load(npz(tmp_path, np.zeros((COUNT, *shape), np.uint8)), model)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pixels_above_the_largest_and_other_types(tmp_path: Path) -> None:
    model = network(VECTOR, pixel_bits=3)
    x = np.zeros((COUNT, 5, 7), np.uint8)
    x[5, 4, 6] = 8
    with pytest.raises(InputError, match=r"holds a pixel of 8; the model's 3-bit pixels go to 7$"):
        load(npz(tmp_path, x), model)
    assert load(npz(tmp_path, x), model, limit=5).images.max() == 0
    with pytest.raises(InputError, match=r"x must be uint8 of shape \(N,5,7,1,1\), not int16 of shape \(6, 5, 7\)$"):
        load(npz(tmp_path, x.astype(np.int16)), model)


def test_without_a_model(tmp_path: Path) -> None:
    for shape, taken in (((3, 4), (1, 3, 4)), ((2, 3, 4), (2, 3, 4)), ((5, 2, 3, 4), (5, 2, 3, 4))):
        assert read_images(npz(tmp_path, np.zeros((COUNT, *shape), np.uint8))).images.shape == (COUNT, *taken)
    message = r"x must be uint8 of shape \(N,H,W\), \(N,C,H,W\) or \(N,T,C,H,W\), not uint8 of shape \(6, 7\)$"
    with pytest.raises(InputError, match=message):
        read_images(npz(tmp_path, np.zeros((COUNT, 7), np.uint8)))


@pytest.mark.parametrize("kind", ["direct", "steps"])
def test_random_images_reach_both_ends(kind: EncoderKind) -> None:
    model = network(IMAGE, kind=kind, pixel_bits=3)
    found = random_images(model, 50, seed=1)
    assert found.shape == (50, *model.frame_shape)
    assert found.dtype == np.uint8
    assert set(np.unique(found)) == set(range(8))
    assert (found == random_images(model, 50, seed=1)).all()
    assert (found != random_images(model, 50, seed=2)).any()
    assert len(np.unique(found[:, 0], axis=0)) == 50, "each step has values of its own"


def test_rows_as_steps(tmp_path: Path) -> None:
    """IDX images are taken by the same rule: here every row is the vector of a step."""
    x = np.random.default_rng(1).integers(0, 256, (COUNT, 5, 7), np.uint8)
    header = bytes((0, 0, 8, 3)) + b"".join(extent.to_bytes(4, "big") for extent in x.shape)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(header + x.tobytes())
    assert np.array_equal(load(str(tmp_path), network(VECTOR)).images, x[..., None, None])
    with pytest.raises(InputError, match=r"images are 1x5x7; the model takes 7x5x1x1 \(steps, channels, height, width"):
        load(str(tmp_path), network((5, 1, 1), 7))


def test_what_is_claimed_is_not_allocated(tmp_path: Path) -> None:
    """20,000 frames of 70,000 bytes, by the header; four of them are there, and are taken."""
    model = replace(network((700, 1, 1)), timesteps=100)
    text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (20000, 100, 700), }\n"
    start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    with zipfile.ZipFile(tmp_path / "data.npz", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("x.npy", start + bytes(4 * 70_000))
        made.infolist()[0].file_size = len(start) + 20_000 * 70_000
    tracemalloc.start()
    with pytest.raises(InputError, match="20,000 images of 70,000 bytes are too many at a time; take fewer with -n"):
        load(str(tmp_path / "data.npz"), model)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 << 20
    assert load(str(tmp_path / "data.npz"), model, limit=4).images.shape == (4, 100, 700, 1, 1)
