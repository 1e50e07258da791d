"""Graphs of shared adders: for which layers there are any, and what there is without da4ml or a cache."""

from __future__ import annotations

import json
from math import isqrt
from pathlib import Path

import numpy as np
import pytest

import hwsnn
from hwsnn.errors import InputError
from hwsnn.folding import shared_adders
from hwsnn.folding.adder_graph import Adder, AdderGraph, Total
from hwsnn.folding.fold_shape import fold_of_adders, fold_shapes
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.shared_adders import MOST_WORK, adder_graph, has_solver
from hwsnn.planner import plan
from hwsnn.planner.devices import DEVICES
from hwsnn.spec import Integrator, NoLeak, Population
from hwsnn.spec.limits import MAX_PIXEL_BITS, MAX_WEIGHT_BITS
from tests.support.layers import conv_layer, dense_layer

WEIGHTS = np.array([[3, 5, -7, 0], [6, 10, 1, 0], [0, 0, 0, 0]])
needs_solver = pytest.mark.skipif(not has_solver(), reason="needs da4ml")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, in memory too, and where its graphs will be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir(mode=0o700)
    shared_adders._graph.cache_clear()
    return tmp_path / "cache" / "hwsnn" / "adders"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of da4ml than ours, which is as good as none."""
    monkeypatch.setattr("importlib.metadata.version", lambda package: "0.5.9")


def test_a_wrong_graph_is_refused() -> None:
    right = AdderGraph(np.array([[3, 1]]), 1, [Adder(0, 0, 1, False), Adder(2, 1, 0, False)], [Total(3)])
    assert (right.depth, right.bounds(3)) == (2, (0, 4))
    with pytest.raises(ValueError, match="and give others"):
        AdderGraph(right.weights, 1, right.adders, [Total(2)])
    with pytest.raises(ValueError, match="must add nodes before it"):
        AdderGraph(right.weights, 1, [Adder(0, 2, 0, False)], [Total(2)])


@needs_solver
def test_a_graph_is_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = adder_graph(WEIGHTS, 255)
    assert found.totals[2] == Total(None)
    assert len(list(folder.iterdir())) == 1
    shared_adders._graph.cache_clear()
    monkeypatch.setattr(shared_adders, "has_solver", lambda: False)
    again = adder_graph(WEIGHTS, 255)
    assert (list(again.adders), list(again.totals)) == (list(found.adders), list(found.totals))


@needs_solver
@pytest.mark.parametrize("damage", ["", "[]", '{"adders": [], "totals": [[0, 0, false]]}', '{"adders": [3]}'])
def test_a_damaged_file_is_made_again(folder: Path, damage: str) -> None:
    found = adder_graph(WEIGHTS, 255)
    (file,) = folder.iterdir()
    whole = file.read_text()
    file.write_text(damage)
    shared_adders._graph.cache_clear()
    assert list(adder_graph(WEIGHTS, 255).adders) == list(found.adders)
    assert file.read_text() == whole


@needs_solver
def test_a_graph_that_cannot_be_kept_is_found_all_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = adder_graph(WEIGHTS, 255).adders
    (file,) = folder.iterdir()
    file.unlink()
    file.mkdir()  # in its place
    for cache in (folder.parent.parent, folder / "nowhere" / "cache"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
        shared_adders._graph.cache_clear()
        assert adder_graph(WEIGHTS, 255).adders == kept


def _layers() -> list[tuple[Population, str | None]]:
    """Layers, and why they cannot share adders."""
    neuron = Integrator(NoLeak(), 20)

    def zeros(outputs: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.zeros(outputs, np.int64)

    def conv(outputs: int, channels: int, size: int, groups: int = 1) -> Population:
        weight = np.ones((outputs, channels // groups, size, size), int)
        return conv_layer("conv", weight, zeros(outputs), 4, neuron, groups=groups)

    positions = dense_layer("dense", np.ones((7, 5, 2, 2), int), zeros(7), 4, neuron)
    return [
        (conv(7, 5, 3), None),
        (conv(32, 32, 3, groups=32), None),
        (dense_layer("dense", np.ones((7, 5, 1, 1), int), zeros(7), 4, neuron), None),
        (positions, "in every cycle, so cin_par 5 and cout_par 7, and inputs of one position$"),
        (conv(64, 64, 3), "at most 131,072, .*, not 36,864 weights times 576 inputs in layer 'conv'$"),
    ]


@pytest.mark.parametrize(("layer", "message"), _layers())
def test_which_layers_can_share(layer: Population, message: str | None) -> None:
    fold = fold_of_adders(layer)
    channels = layer.projections[0].weight.shape[1]
    whole = LayerFold(channels, layer.out_channels, sums="adders")
    if message is None:
        assert fold == whole
        with pytest.raises(ValueError, match="in every cycle"):
            fold_shapes(layer, LayerFold(channels, layer.out_channels - 1, sums="adders"))
    else:
        assert fold is None
        with pytest.raises(ValueError, match=f"^sums of adders must .*{message}"):
            fold_shapes(layer, whole)


def test_single_precision_is_exact() -> None:
    """One output of as many inputs as there can be."""
    assert isqrt(MOST_WORK) << MAX_PIXEL_BITS + MAX_WEIGHT_BITS - 1 < 1 << 24


@pytest.mark.usefixtures("without")
def test_tables_where_there_is_no_solver(folder: Path) -> None:
    found = plan.for_utilization(hwsnn.load("mnist-small"), DEVICES["lfe5u-85"])
    assert all(fold.sums != "adders" for fold in found.folding.layers.values())
    assert not folder.exists()


@needs_solver
def test_adders_for_pixels_where_there_is_one() -> None:
    """On the ECP5; tables in the many block memories of an XCZU9EG take less."""
    found = plan.for_utilization(hwsnn.load("mnist-small"), DEVICES["lfe5u-85"])
    assert [fold.sums == "adders" for fold in found.folding.layers.values()] == [True, False, False, False]


@pytest.mark.usefixtures("without")
def test_a_file_of_adders_without_a_solver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = "da4ml==0.6.0; platform_machine != 'armv7l' and extra == 'adders'"
    monkeypatch.setattr("importlib.metadata.requires", lambda package: [extra])
    network = hwsnn.load("digits")
    layers = {layer.name: {"cin_par": 1, "cout_par": 1} for _, layer in network.populations()}
    first = network.population(0)
    layers[first.name] = {"cin_par": 1, "cout_par": first.out_channels, "sums": "adders"}  # type: ignore[dict-item]
    path = tmp_path / "folding.json"
    path.write_text(json.dumps({"layers": layers}))
    with pytest.raises(InputError) as caught:
        plan.from_file(network, DEVICES["xczu9eg"], path)
    needs = "sums of adders need da4ml 0.6.0; in hwsnn's checkout, pip install -e '.[adders]', or choose other sums"
    assert str(caught.value) == f"{path}: {needs}"
