"""What a sweep is made of: the front, the points on disk, the networks and targets, the images, the table."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsnn import __version__, reference, spec
from hwsnn.data import LabelledData
from hwsnn.errors import InputError
from hwsnn.explore import images as explore_images
from hwsnn.explore import table, work
from hwsnn.explore.pareto import front
from hwsnn.explore.points import Accuracy, Design, Refusal, Result, Store, Task
from hwsnn.explore.space import data_hash, tasks, variants
from hwsnn.files.shipped import folder
from hwsnn.float_network import FloatIntegrator, FloatNetwork
from hwsnn.frontends.nir import reader
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.quantization.quantize import quantize
from tests.data.test_data import idx
from tests.support.layers import float_dense_layer
from tests.support.trained_networks import random_trained

DEVICE = DEVICES["xczu9eg"]
TRAINED = replace(random_trained(3), mean=None, std=None, input_scale=None)
DESIGN = Design(100.5, 228, 2000, 4000, 51, "conv1")
TASK = Task(8, 2, 100, {"model": "m", "device": "xczu9eg", "clocks": 100})

POINTS = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 3), min_size=width, max_size=width), min_size=1, max_size=30)
)


def beats(one: list[int], other: list[int]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


@given(POINTS)
def test_the_front_is_what_no_point_beats(points: list[list[int]]) -> None:
    unbeaten = [i for i, point in enumerate(points) if not any(beats(other, point) for other in points)]
    assert front(points) == [i for i in unbeaten if points[i] not in points[:i]]


@pytest.mark.parametrize("result", [Accuracy(9, 10), DESIGN, Refusal("too fast")])
def test_a_point_on_disk(tmp_path: Path, result: Result) -> None:
    store = Store(tmp_path / "sweep")
    assert store.get(TASK) is None
    store.put(TASK, result)
    assert Store(tmp_path / "sweep").get(TASK) == result
    assert store.get(replace(TASK, settings={"model": "another"})) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: "",
        lambda text: "\x00" * len(text),
        lambda text: "[" * 100_000,
        lambda text: text.replace("100.5", '"100.5"'),
        lambda text: text.replace("100.5", "-1.0"),
        lambda text: text.replace("100.5", "NaN"),
        lambda text: text.replace("2000", "2000.0"),
        lambda text: text.replace("2000", "true"),
        lambda text: text.replace('"lut"', '"luts"'),
        lambda text: text.replace('"design"', '"accuracy"'),
        lambda text: text.replace('"design"', '["design"]'),
        lambda text: text.replace("xczu9eg", "another"),
        lambda text: " " * 100_000 + text,
    ],
)
def test_a_damaged_point_is_not_there(tmp_path: Path, damage: object) -> None:
    store = Store(tmp_path)
    store.put(TASK, DESIGN)
    (file,) = (tmp_path / "points").iterdir()
    text = file.read_text()
    assert callable(damage)
    file.write_text(damage(text))
    assert file.read_text() != text
    assert store.get(TASK) is None
    store.put(TASK, DESIGN)
    assert file.read_text() == text


def test_places_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file; name a folder"):
        Store(tmp_path / "file")
    with pytest.raises(InputError, match="no such folder; make it first"):
        Store(tmp_path / "none" / "sweep")


def test_networks_and_their_tasks() -> None:
    found = variants(TRAINED, (3, 8), (1, 2), encoding="uniform")
    assert [(variant.timesteps, variant.weight_bits) for variant in found] == [(1, 3), (1, 8), (2, 3), (2, 8)]
    expected, _ = quantize(TRAINED, timesteps=2, encoding="uniform", bits=3)
    assert found[2].network.timesteps == 2
    assert found[2].model_hash == model_hash(expected) == model_hash(found[2].network)
    listed = tasks(found, DEVICE, [500, 900], "data")
    assert [(task.timesteps, task.weight_bits, task.clocks) for task in listed[:4]] == [
        (1, 3, None),
        (1, 3, 500),
        (1, 3, 900),
        (1, 8, None),
    ]
    assert len({task.key for task in listed}) == len(listed) == 12
    other = tasks(found, DEVICES["lfe5u-85"], [500, 900], "data")
    same = {task.key for task in listed} & {task.key for task in other}
    assert same == {task.key for task in listed if task.clocks is None}, "an accuracy needs no device"


def test_weights_of_one_bit_and_membranes_that_are_read() -> None:
    (variant,) = variants(TRAINED, (1,), (2,), encoding="uniform", readout="sum")
    assert variant.network.readout == "sum"
    assert {layer.projection.weight_bits for _, layer in variant.network.populations()} == {1}


def test_targets_go_from_the_pixels_to_the_smallest_design() -> None:
    digits = reader.read(folder("models") / "digits" / "digits.nir")
    for variant in variants(digits, (4,), (1, 3), encoding="uniform"):
        targets = [task.clocks for task in tasks([variant], DEVICE, 5, "data")[1:]]
        clocks = [task for task in targets if task is not None]
        assert clocks == sorted(clocks)
        # A beat per pixel and step arrives, and padding makes 10x10 pixels of 8x8.
        assert (clocks[0], len(clocks)) == (max(64 * variant.timesteps, 100), 5)
        assert isinstance(work.design(__version__, variant.network, DEVICE.name, clocks[0] - 1), Refusal)
        assert isinstance(work.design(__version__, variant.network, DEVICE.name, clocks[-1]), Design)


def test_what_a_worker_finds() -> None:
    (variant,) = variants(TRAINED, (8,), (2,), encoding="direct")
    network = variant.network
    images = np.random.default_rng(0).integers(0, 256, (20, *network.input_shape), np.uint8)
    answers = reference.run(network, images).predictions
    labels = np.where(np.arange(20) < 15, answers, (answers + 1) % network.classes)
    assert work.accuracy(__version__, network, LabelledData(images, labels)) == Accuracy(15, 20)
    with pytest.raises(InputError, match="a worker has hwsnn"):
        work.accuracy("0.0.0", network, LabelledData(images, labels))


def test_other_data_have_another_hash() -> None:
    images, labels = np.zeros((2, 1, 3, 3), np.uint8), np.array([0, 1])
    hashes = {
        data_hash(LabelledData(images, labels)),
        data_hash(LabelledData(images + np.uint8(1), labels)),
        data_hash(LabelledData(images, labels[::-1])),
        data_hash(LabelledData(images.reshape(2, 1, 9, 1), labels)),
    }
    assert len(hashes) == 4


@pytest.fixture
def data(tmp_path: Path) -> str:
    """IDX files: 12 training images of the pixel 0, 1, ..., and 5 test images of the pixel 100; labels 0."""
    height, width = TRAINED.input_shape[1:]
    for name, pixels in (("train", np.arange(12)), ("t10k", np.full(5, 100))):
        content = np.broadcast_to(pixels[:, None, None], (len(pixels), height, width))
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(content))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(np.zeros(len(pixels))))
    return str(tmp_path)


def test_training_images_are_the_default(data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = one_channel()
    monkeypatch.setattr(explore_images, "TAIL", 4)
    for part, limit, pixels, words in (
        (None, None, [8, 9, 10, 11], "the last 4 training images"),
        ("train-tail", 2, [8, 9], "the last 4 training images"),
        ("test", None, [100] * 5, "the test images"),
    ):
        found, which = explore_images.measured(data, network, part, limit)  # type: ignore[arg-type]
        assert found.images[:, 0, 0, 0].tolist() == pixels
        assert found.labels.tolist() == [0] * len(pixels)
        assert which == f"{words} of {data}"
    with pytest.raises(InputError, match="-n must be from 1 to 4, the last training images, not 5"):
        explore_images.measured(data, network, None, 5)


def test_test_images_are_never_taken_unasked(data: str) -> None:
    network = one_channel()
    for file in Path(data).glob("train-*"):
        file.unlink()
    with pytest.raises(InputError, match="holds no IDX train images"):
        explore_images.measured(data, network)


def test_labels_are_needed(data: str) -> None:
    network = one_channel()
    Path(data, "train-labels-idx1-ubyte").unlink()
    with pytest.raises(InputError, match="holds no labels"):
        explore_images.measured(data, network)


def one_channel() -> spec.Network:
    """A network for the images of ``data``."""
    _, height, width = TRAINED.input_shape
    weight = np.ones((3, 1, height, width))
    layer = float_dense_layer("last", weight, np.zeros(3), FloatIntegrator(1.0))
    network = FloatNetwork("one", (1, height, width), (layer,))
    return quantize(network, timesteps=1, encoding="direct")[0]


def test_rows() -> None:
    def task(bits: int, clocks: int | None) -> Task:
        return Task(bits, 2, clocks, {"model": f"m{bits}", "device": "xczu9eg", "clocks": clocks})

    slow = replace(DESIGN, cycles_per_frame=200.0, lut=1000)
    found = table.rows(
        [
            (task(8, None), Accuracy(9, 10)),
            (task(8, 100), DESIGN),
            (task(8, 50), Refusal("too fast")),
            (task(8, 200), slow),
            (task(4, None), Accuracy(8, 10)),
            (task(4, 200), slow),
        ],
        clock_mhz=100,
    )
    assert [(row.weight_bits, row.target_cycles, row.on_front) for row in found] == [
        (4, 200, False),
        (8, 100, True),
        (8, 200, True),
    ]
    assert (found[1].accuracy, found[1].images) == (0.9, 10)
    assert found[1].fps_at_assumed_clock == pytest.approx(1e8 / 100.5, abs=0.1)
    assert found[1].latency_us_at_assumed_clock == 2.28
    assert found[1].bram36_estimate == 25.5
    assert found[1].lut_percent_estimate == pytest.approx(100 * 2000 / DEVICE.lut, abs=0.01)


def test_csv(tmp_path: Path) -> None:
    found = table.rows([(TASK, DESIGN), (Task(8, 2, None, {"model": "m", "data": "d"}), Accuracy(1, 2))], clock_mhz=150)
    table.write_csv(tmp_path / "points.csv", found)
    with (tmp_path / "points.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert list(row) == list(table.Row.__annotations__)
    assert {"accuracy", "cycles_per_frame", "assumed_clock_mhz", "fps_at_assumed_clock", "lut_estimate"} < row.keys()
    assert (row["accuracy"], row["cycles_per_frame"], row["on_front"]) == ("0.5", "100.5", "1")
    assert json.loads(row["lut_estimate"]) == 2000
