"""The simulated event camera against its equations, event by event, and a user's events as time steps."""

from __future__ import annotations

import gzip
import hashlib
import math
from pathlib import Path

import numpy as np
import pytest

from hwsnn.data import events, training
from hwsnn.data.events import encode, simulated
from hwsnn.errors import InputError


def bars() -> np.ndarray:
    """A bright bar, a faint one, and noise: images (3, 28, 28)."""
    images = np.zeros((3, 28, 28), np.uint8)
    images[0, 10:18, 12:15] = 255
    images[1, 13, 4:24] = 40
    images[2] = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    return images


def test_every_event_is_that_of_the_equations() -> None:
    """Written out pixel by pixel; levels differ by rounding, so what is nearer than that to a threshold may differ."""
    images = bars()
    found = simulated(images, "train", events.SUB_STEPS)
    keys = events._keys("train", 0, len(images))
    path = events._path(keys) / events.FINE
    background = np.zeros_like(found)
    events._add_background(keys, background)
    to_on, to_off = (limits / events.LEVELS for limits in events._thresholds())
    checked = close = 0
    for n, image in enumerate(images / 255.0):
        for y, x in np.random.default_rng(n).integers(0, 34, (150, 2)).tolist():

            def intensity(y: float, x: float, image: np.ndarray = image) -> float:
                """Bilinear; 0 around the image."""
                total = 0.0
                for i in (math.floor(y), math.floor(y) + 1):
                    for j in (math.floor(x), math.floor(x) + 1):
                        if 0 <= i < 28 and 0 <= j < 28:
                            total += (1 - abs(y - i)) * (1 - abs(x - j)) * image[i, j]
                return total

            levels = [math.log(intensity(y - down, x - right) + 1 / 16) for down, right in path[:, :, n].tolist()]
            reference = levels[0]
            for k, level in enumerate(levels[1:]):
                change = level - reference
                if min(abs(change - to_on[y, x]), abs(change - to_off[y, x])) < 2 / events.LEVELS:
                    close += 1
                    break  # either may be right, and decides what follows
                expected = [change <= to_off[y, x], change >= to_on[y, x]]
                expected = [
                    event or bool(noise) for event, noise in zip(expected, background[n, k, :, y, x], strict=True)
                ]
                assert found[n, k, :, y, x].tolist() == expected, (n, k, y, x)
                if change >= to_on[y, x] or change <= to_off[y, x]:
                    reference = level
                checked += 1
    assert checked > 9_000
    assert close < 60


def test_the_same_events_on_any_machine() -> None:
    digest = hashlib.sha256(simulated(bars(), "test", 6, first=9_997).tobytes()).hexdigest()
    assert digest == "06395abbf15c33819c1460acf964a470ad60a5892ef673e6cad01b8c7957984f"


def test_an_image_has_its_events_whatever_is_read_beside_it() -> None:
    images = np.repeat(bars(), 100, axis=0)
    together = simulated(images, "train", 6)
    assert np.array_equal(simulated(images[150:153], "train", 6, first=150), together[150:153])
    assert not np.array_equal(together[0], together[1]), "the same image moves another way at another index"
    assert not np.array_equal(simulated(images[:1], "test", 6), together[:1])


@pytest.mark.parametrize("timesteps", [1, 5, 6, 24])
def test_steps_collect_the_sub_steps(timesteps: int) -> None:
    finest = simulated(bars(), "train", 24)
    collected = np.zeros((len(finest), timesteps, *finest.shape[2:]), np.uint8)
    for k in range(24):
        collected[:, k * timesteps // 24] |= finest[:, k]
    assert np.array_equal(simulated(bars(), "train", timesteps), collected)


def test_a_dark_image_gives_background_activity_alone() -> None:
    found = simulated(np.zeros((200, 28, 28), np.uint8), "train", 24)
    assert 28 < found.sum() / 200 < 36, "64 events that happen with probability 1/2"
    assert 0.45 < found[:, :, 1].sum() / found.sum() < 0.55


def test_the_camera_comes_back_to_where_it_started() -> None:
    path = events._path(events._keys("train", 0, 1000))
    assert np.array_equal(path[0], path[-1])
    corners = path[[0, 8, 16]] / events.FINE - np.array(events.CORNERS)[:, :, None]
    assert abs(corners).max() == 1
    assert corners.min() == -1
    assert abs(np.diff(path, axis=0)).max() <= 8 / 8 * events.FINE


def test_thresholds_differ_from_pixel_to_pixel() -> None:
    for limits in events._thresholds():
        relative = abs(limits) / (events.LEVELS * events.THRESHOLD)
        assert abs(relative.mean() - 1) < 0.02
        assert abs(relative.std() - events.MISMATCH) < 0.01
        assert relative.min() > 0.4


@pytest.mark.parametrize(
    ("images", "timesteps", "message"),
    [
        (np.zeros((1, 27, 28), np.uint8), 6, r"images must be uint8 \(N, 28, 28\), not uint8 \(1, 27, 28\)"),
        (np.zeros((1, 28, 28)), 6, r"images must be uint8 \(N, 28, 28\), not float64"),
        (bars(), 0, "timesteps must be from 1 to 24, not 0"),
        (bars(), 25, "timesteps must be from 1 to 24, not 25"),
    ],
)
def test_wrong_images(images: np.ndarray, timesteps: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        simulated(images, "train", timesteps)


def idx_folder(folder: Path, side: int = 28) -> Path:
    """Five random training images, and their labels, as MNIST's files."""
    images = np.random.default_rng(1).integers(0, 256, (5, side, side), np.uint8)
    header = bytes((0, 0, 8, 3)) + b"".join(extent.to_bytes(4, "big") for extent in images.shape)
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + images.tobytes()))
    (folder / "train-labels-idx1-ubyte").write_bytes(bytes((0, 0, 8, 1, 0, 0, 0, 5, 3, 1, 4, 1, 5)))
    return folder


def test_the_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSNN_DATA", str(idx_folder(tmp_path)))
    found, images = training("mnist-events"), training("mnist").images
    assert np.array_equal(found.images, simulated(images[:, 0], "train", 6))
    assert found.labels.tolist() == [3, 1, 4, 1, 5]
    assert np.array_equal(training("mnist-events", 2).images, found.images[:2])


def test_other_images_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWSNN_DATA", str(idx_folder(tmp_path, side=27)))
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz: images are 27x27; .* camera takes 28x28"):
        training("mnist-events")


def test_own_events() -> None:
    frame = encode(
        [10, 19.9, 20, 30, 12], [0, 1, 2, 3, 0], [4, 4, 4, 0, 4], [1, 1, 0, True, 1], timesteps=2, height=5, width=4
    )
    assert frame.shape == (2, 2, 5, 4)
    assert np.argwhere(frame).tolist() == [[0, 1, 4, 0], [0, 1, 4, 1], [1, 0, 4, 2], [1, 1, 0, 3]]
    assert frame.max() == 1


def test_own_time() -> None:
    frame = encode([5, 39], [0, 0], [0, 0], [0, 0], timesteps=4, start=0, duration=80)
    assert frame[:, 0, 0, 0].tolist() == [1, 1, 0, 0]
    assert encode([7], [0], [0], [0], timesteps=3)[:, 0, 0, 0].tolist() == [1, 0, 0]
    assert not encode([], [], [], [], timesteps=3).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": [34]}, "x must be from 0 to 33, not 34 to 34"),
        ({"y": [-1]}, "y must be from 0 to 33, not -1 to -1"),
        ({"p": [2]}, "p must be from 0 to 1, not 2 to 2"),
        ({"t": [1, 2]}, r"t, x, y and p must be lists of equal lengths, not of shapes \(2,\), \(1,\)"),
        ({"timesteps": 0}, "timesteps must be 1 or more, not 0"),
        ({"start": 2.0, "duration": 9.0}, r"t must be from 2.0 to 11.0, not 1.0 to 1.0"),
    ],
)
def test_wrong_events(change: dict[str, object], message: str) -> None:
    arguments: dict[str, object] = {"t": [1], "x": [1], "y": [1], "p": [1], "timesteps": 2}
    with pytest.raises(ValueError, match=message):
        encode(**{**arguments, **change})  # type: ignore[arg-type]


def test_the_example() -> None:
    import doctest

    assert doctest.testmod(events).attempted == 2
    assert doctest.testmod(events).failed == 0
