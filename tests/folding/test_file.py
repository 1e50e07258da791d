"""Foldings as files: written and read back, and refused in one line where they do not fit the network."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsnn.cycles import queue_depths
from hwsnn.errors import InputError
from hwsnn.folding.column_pairs import with_pixels
from hwsnn.folding.file import LARGEST_FILE, load, to_json
from hwsnn.folding.folding import edge_queues
from hwsnn.model_file.by_name import load_model
from hwsnn.spec import Encoder, Network
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folding, random_folds, random_network

NETWORK = next(
    network
    for network in map(random_network, range(1000))
    if [layer.name for layer in network.layers] == ["conv0", "last"] and not network.population(1).sliding
)
"""Two layers: conv0 and last, which is fully connected."""
FOLDING = random_folding(NETWORK, 1)


def _written(values: Any, folder: Path) -> Path:
    path = folder / "folding.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


@given(st.integers(0, 999), st.integers(0, 999))
def test_written_and_read_back(network_seed: int, folding_seed: int) -> None:
    network = random_network(network_seed)
    folding = random_folding(network, folding_seed)
    with tempfile.TemporaryDirectory() as folder:
        assert load(_written(to_json(folding), Path(folder)), network) == (folding.layers, folding, 1)


def test_depths_may_be_left_out(tmp_path: Path) -> None:
    layers = to_json(FOLDING)["layers"]
    assert load(_written({"layers": layers}, tmp_path), NETWORK) == (FOLDING.layers, None, 1)


def test_what_has_a_default_may_be_left_out(tmp_path: Path) -> None:
    values = {"layers": {name: {"cin_par": 2, "cout_par": 1} for name in FOLDING.layers}}
    layers, *_ = load(_written(values, tmp_path), NETWORK)
    assert {(fold.cin_par, fold.cout_par, fold.t_par, fold.sums) for fold in layers.values()} == {(2, 1, 1, "lut5")}


def test_a_network_without_convolutions_needs_no_column_depths(tmp_path: Path) -> None:
    network = next(
        network for network in map(random_network, range(100)) if not any(layer.sliding for layer in network.layers)
    )
    folding = random_folding(network, 0)
    values = to_json(folding)
    del values["column_depths"]
    assert load(_written(values, tmp_path), network)[1] == folding
    with pytest.raises(InputError, match=r"column_depths must be empty$"):
        load(_written(values | {"column_depths": {"last": 1}}, tmp_path), network)


def test_two_pixels_per_cycle(tmp_path: Path) -> None:
    network = load_model("digits")
    folding = queue_depths(network, random_folds(with_pixels(network, 2), 1), 2)
    path = _written(to_json(folding), tmp_path)
    assert load(path, network) == (folding.layers, folding, 2)
    with pytest.raises(InputError, match=rf"^{path}: .*: for two pixels per cycle "):
        load(path, replace(network, encoder=Encoder("uniform")))


def _with(**changes: Any) -> dict[str, Any]:
    """A good file, with ``changes`` to the fold of the first layer."""
    values = to_json(FOLDING)
    values["layers"]["conv0"] |= changes
    return values


GOOD = to_json(FOLDING)
ENTRIES = "a folding must have the entries layers and maybe pixels_per_cycle, fifo_depths, column_depths, edge_depths"
LAYERS = "layers must name conv0, last, and nothing else"
COLUMNS = "column_depths must name conv0, and nothing else"
FOLD = "layer 'last' must have cin_par and cout_par, and maybe t_par and sums"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("no JSON", "a folding must be a JSON file, as hwsnn generate writes one"),
        ("[" * 100_000, "a folding must be a JSON file, as hwsnn generate writes one"),
        (
            "[]",
            ENTRIES,
        ),
        (
            {},
            ENTRIES,
        ),
        (
            GOOD | {"more": 1},
            ENTRIES,
        ),
        (GOOD | {"layers": []}, LAYERS),
        (GOOD | {"layers": {"conv0": GOOD["layers"]["conv0"]}}, LAYERS),
        (GOOD | {"layers": GOOD["layers"] | {"pool": {}}}, LAYERS),
        (
            GOOD | {"layers": GOOD["layers"] | {"last": 3}},
            FOLD,
        ),
        (
            GOOD | {"layers": GOOD["layers"] | {"last": {"cin_par": 1}}},
            FOLD,
        ),
        (_with(speed=9), "layer 'conv0' must have cin_par and cout_par, and maybe t_par and sums"),
        (_with(cin_par=0), "layer 'conv0': cin_par must be an integer from 1 to 4096, not 0"),
        (_with(cout_par=1.0), "layer 'conv0': cout_par must be an integer from 1 to 4096, not 1.0"),
        (_with(t_par=True), "layer 'conv0': t_par must be an integer from 1 to 256, not True"),
        (_with(sums="fast"), "layer 'conv0': sums must be one of lut5, lut6, block, adders, not 'fast'"),
        (_with(sums=["lut5"]), "layer 'conv0': sums must be one of lut5, lut6, block, adders, not ['lut5']"),
        (_with(sums="x" * 5000), "layer 'conv0': sums must be one of lut5, lut6, block, adders, not 'xxxx"),
        (GOOD | {"fifo_depths": {"conv0": 1}}, "fifo_depths must name conv0, last, and nothing else"),
        (GOOD | {"column_depths": None}, COLUMNS),
        (
            {"layers": GOOD["layers"], "fifo_depths": GOOD["fifo_depths"]},
            COLUMNS,
        ),
        (
            GOOD | {"fifo_depths": {"conv0": 0, "last": 1}},
            "fifo depth behind layer 'conv0' must be an integer from 1 to 65536, not 0",
        ),
        (
            GOOD | {"column_depths": {"conv0": "2"}},
            "column depth of layer 'conv0' must be an integer from 1 to 65536, not '2'",
        ),
        (GOOD | {"pixels_per_cycle": 3}, "pixels per cycle must be an integer from 1 to 2, not 3"),
        (GOOD | {"pixels_per_cycle": True}, "pixels per cycle must be an integer from 1 to 2, not True"),
        (" " * LARGEST_FILE + "{}", "a folding must be at most 1,048,576 bytes, not 1,048,578"),
    ],
)
def test_refused_in_one_line(values: Any, message: str, tmp_path: Path) -> None:
    path = _written(values, tmp_path)
    with pytest.raises(InputError) as caught:
        load(path, NETWORK)
    text = str(caught.value)
    assert text.startswith(f"{path}: {message}")
    assert "\n" not in text
    assert len(text) < len(str(path)) + 300


def _recurrent(tmp_path: Path) -> tuple[Path, Network, dict[str, Any]]:
    network = next(n for n in map(random_graph, range(100)) if edge_queues(n) and n.population(0).recurrent)
    values = to_json(random_folding(network, 1))
    return tmp_path, network, values


def test_graphs_have_edge_depths(tmp_path: Path) -> None:
    folder, network, values = _recurrent(tmp_path)
    names = edge_queues(network)
    assert list(values["edge_depths"]) == names
    assert "edge_depths" not in GOOD
    assert load(_written(values, folder), network)[1] == random_folding(network, 1)
    with pytest.raises(InputError, match=rf"edge_depths must name {', '.join(names)}, and nothing else$"):
        load(_written({name: each for name, each in values.items() if name != "edge_depths"}, folder), network)
    values["edge_depths"][names[0]] = 0
    with pytest.raises(
        InputError, match=rf"edge depth of layer '{names[0]}' must be an integer from 1 to 65536, not 0$"
    ):
        load(_written(values, folder), network)
    with pytest.raises(InputError, match=r"edge_depths must be empty$"):
        load(_written(GOOD | {"edge_depths": {"last": 1}}, folder), NETWORK)


def test_a_recurrent_layer_takes_a_step_at_a_time(tmp_path: Path) -> None:
    folder, network, values = _recurrent(tmp_path)
    name = network.layers[0].name
    values["layers"][name]["t_par"] = 2
    with pytest.raises(InputError, match=rf"layer '{name}': t_par of the recurrent layer '{name}' must be 1, not 2$"):
        load(_written(values, folder), network)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"nothing\.json: no such folding; give a JSON file, as hwsnn generate writes one$"
    ):
        load(tmp_path / "nothing.json", NETWORK)
    with pytest.raises(
        InputError, match=r": is a folder, not a folding; give a JSON file, as hwsnn generate writes one$"
    ):
        load(tmp_path, NETWORK)


def test_not_even_text(tmp_path: Path) -> None:
    path = tmp_path / "folding.json"
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(InputError, match=r"a folding must be a JSON file"):
        load(path, NETWORK)
