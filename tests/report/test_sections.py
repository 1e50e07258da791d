"""What the sections say is what the planner, the cycle model and the reference say."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.cycles import queue_depths
from hwsnn.data import Data, random_images
from hwsnn.folding.column_pairs import with_pixels
from hwsnn.model_file.by_name import load_model, model_path
from hwsnn.model_file.float_file import load as load_float
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import with_folds
from hwsnn.quantization.scaled import scaled_weights
from hwsnn.report import measured as measuring
from hwsnn.report.measured import Measured, measure
from hwsnn.report.page import Plot, Section
from hwsnn.report.sections import answers, firing, graph, resources, timeline, weights
from hwsnn.report.subject import STEADY, Subject, of_plan
from hwsnn.report.write import Contents, html_of, page_of
from hwsnn.spec import Network, largest_weight
from tests.report.conftest import FOLDS
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folds, random_network

DEVICE = DEVICES["xczu9eg"]


@pytest.fixture(scope="module")
def digits() -> Subject:
    network = load_model("digits")
    folding = queue_depths(network, FOLDS)
    return of_plan("digits", network, with_folds(network, DEVICE, FOLDS, folding), 150)


@pytest.fixture(scope="module")
def results() -> Measured:
    return measure(load_model("digits"), "digits", 60, (7,))


def test_costs_add_up(digits: Subject) -> None:
    _, taken = resources.plots(digits)
    total = taken.table.foot[0]
    for column in (1, 3, 5):
        assert sum(row[column] for row in taken.table.rows) == total[column]  # type: ignore[misc]
    assert total[1] == digits.plan.cost.lut


def test_cycles(digits: Subject) -> None:
    busy, _ = resources.plots(digits)
    assert {row[0]: row[1] for row in busy.table.rows} == dict(digits.plan.cycles.busy)
    assert max(row[2] for row in busy.table.rows) == 100  # type: ignore[type-var]


def test_the_graph_has_every_queue(digits: Subject) -> None:
    rows = {row[0]: row for row in graph.plot(digits).table.rows}
    folding = digits.plan.folding
    assert {name: row[10] for name, row in rows.items()} == dict(folding.fifo_depths)
    assert rows["conv2"][11] == f"columns {folding.column_depths['conv2']}"


def test_the_time_line_ends_with_the_latency(digits: Subject) -> None:
    line, cycles = digits.timeline, digits.plan.cycles
    assert line.results[0] == cycles.latency_cycles
    assert line.results[STEADY + 1] - line.results[STEADY] == cycles.cycles_per_frame
    first, steady = timeline.section(digits).blocks
    assert isinstance(first, Plot)
    assert isinstance(steady, Plot)
    rows = {row[0]: row for row in first.table.rows}
    assert rows["conv1"][3] == rows["pixels"][3] == 64
    for name, peak in cycles.fifo_peaks.items():
        assert rows[f"queue behind {name}"][6] == peak <= folding_depth(digits, name)


def folding_depth(subject: Subject, name: str) -> int:
    return subject.plan.folding.fifo_depths[name]


def test_clocks_within_columns() -> None:
    random = np.random.default_rng(2)
    spans = np.sort(random.choice(100, 20, replace=False)).reshape(-1, 2)
    edges = np.unique(random.integers(-10, 120, 15))
    inside = [sum(int(a <= clock < b) for a, b in spans) for clock in range(-10, 121)]
    expected = [sum(inside[low + 10 : high + 10]) for low, high in pairwise(edges)]
    assert timeline._inside(spans, edges).tolist() == expected


@pytest.mark.parametrize("name", ["digits", "mnist-first-spike-binary"])
def test_weights_before_and_after(name: str) -> None:
    path = model_path(name)
    network = load_model(name)
    for layer, scaled in scaled_weights(load_float(path.with_name(f"{name}-float.safetensors")), network).items():
        bits = next(each for _, each in network.populations() if each.name == layer).projections[0].weight_bits
        most = largest_weight(bits)
        if bits > 1:
            assert (np.rint(scaled.floats).clip(-most, most) == scaled.integers).all()
        else:
            assert (np.where(scaled.floats < 0, -1, 1) == scaled.integers).all()


def test_weights_of_another_network_are_not_shown(digits: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    assert digits.trained is not None
    assert weights.section(digits, None).blocks[0].kind == "plot"
    monkeypatch.setattr("hwsnn.report.subject.beside", lambda called: None)
    alone = of_plan("digits", digits.network, digits.plan, 150)
    assert alone.trained is None
    text = weights.section(alone, None).blocks[0]
    assert text.kind == "text"
    assert "--float FILE names it" in text.text  # type: ignore[union-attr]


def test_answers(digits: Subject, results: Measured) -> None:
    labels, network = results.labels, digits.network
    assert labels is not None
    assert (results.scores == reference.run(network, results.data.images).scores).all()
    matrix = answers.confusion(labels, results.predictions, network.classes)
    assert matrix.sum() == 60
    for label, answer in zip(labels, results.predictions, strict=True):
        matrix[label, answer] -= 1
    assert not matrix.any()
    others = [np.delete(scores, label).max() for scores, label in zip(results.scores, labels, strict=True)]
    assert results.margins.tolist() == [
        scores[label] - most for scores, label, most in zip(results.scores, labels, others, strict=True)
    ]
    wrong = np.flatnonzero(results.predictions != labels)
    assert sorted(results.worst) == wrong.tolist()
    assert ((results.margins < 0) <= (results.predictions != labels)).all()


def test_firing_is_that_of_the_trace(digits: Subject, results: Measured) -> None:
    spikes = reference.run(digits.network, results.data.images, trace=True).spikes
    for name, rates in results.rates.items():
        assert np.allclose(rates, spikes[name].mean(axis=(0, 1)).ravel())
    assert [sample.number for sample in results.samples] == [7]
    assert (results.samples[0].spikes["conv1"] == spikes["conv1"][7]).all()
    section = firing.section(digits, results)
    assert not any(block.kind == "text" for block in section.blocks)


def _planned(network: Network, seed: int) -> Subject:
    folds = random_folds(with_pixels(network, 1), seed)
    folding = queue_depths(network, folds)
    return of_plan("digits", network, with_folds(network, DEVICE, folds, folding), 100)


def _measured(network: Network, monkeypatch: pytest.MonkeyPatch, labelled: bool) -> Measured:
    images = random_images(network, 6, 0)
    labels = np.arange(6) % network.classes if labelled else None
    monkeypatch.setattr(measuring, "load", lambda *given: Data(images, labels))
    return measure(network, "random images")


@pytest.mark.parametrize(("made", "seed"), [(random_network, 0), (random_graph, 1), (random_graph, 2)])
def test_random_networks(made: object, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert callable(made)
    network: Network = made(seed)
    monkeypatch.setattr("hwsnn.report.subject.beside", lambda called: None)
    subject, found = _planned(network, seed), _measured(network, monkeypatch, labelled=seed != 1)
    for sample in found.samples:
        assert (sample.scores[-1] == found.scores[sample.number]).all()
    for index, layer in network.populations():
        seen = found.membranes[layer.name]
        reach = layer.membrane_range(network.largest_inputs(index), network.timesteps)
        assert reach.low <= seen.low <= seen.high <= reach.high or network.saturating(index)
    sections = page_of(Contents(subject, ("hwsnn report x",), found)).sections
    assert [section.key for section in sections] == [
        *("overview", "hardware", "timeline", "weights", "firing", "answers", "rasters")
    ]
    assert all(plot.table.rows for plot in _plots(sections))


def _plots(sections: tuple[Section, ...]) -> list[Plot]:
    return [block for section in sections for block in section.blocks if isinstance(block, Plot)]


def test_a_dead_layer_is_named(digits: Subject, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.zeros((4, *digits.network.frame_shape), np.uint8)
    monkeypatch.setattr(measuring, "load", lambda *given: Data(images, None, "black images"))
    found = measure(digits.network, "black")
    dead = [name for name, each in found.firing.items() if each.verdict == "dead"]
    assert dead
    text = html_of(Contents(digits, (), found))
    assert f"{dead[0]} is dead: hardly any of its neurons ever fires" in text
    assert "These are black images." in text
    assert "black holds no labels" in text
