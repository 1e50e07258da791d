"""``hwsnn inspect``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.model_file.integer_file import model_hash, save
from hwsnn.spec import (
    ChannelLeak,
    Encoder,
    Integrator,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    NoLeak,
    ShiftLeak,
    SynapticCurrent,
    Window,
)
from tests.model_file.small_networks import joined
from tests.support.layers import conv_layer, dense_layer
from tests.support.terminal import on_a_terminal

POOL = Window((2, 3), (1, 1))


def network() -> Network:
    def ones(*shape: int) -> np.ndarray:
        return np.ones(shape, np.int64)

    first = Neuron(np.array([300, 4000]), ShiftLeak(2), "subtract", 14, np.array([299, 4000]))
    second = Neuron(np.array([5, 5, 5]), MultiplyLeak(9, 4), "zero", 8)
    return Network(
        "shown",
        (1, 8, 9),
        7,
        Encoder("poisson", 77),
        3,
        (
            conv_layer("conv", ones(2, 1, 3, 2) * 7, ones(2), 4, first, (1, 2), (1, 0)),
            MaxPool("pool", (2, 2), (2, 2), "winner"),
            dense_layer("hidden", ones(3, 2, 4, 2), ones(3), 8, second),
            dense_layer("last", ones(4, 3, 1, 1), ones(4), 8, Integrator(NoLeak(), 3)),
        ),
        "membrane",
    )


def inspected(tmp_path: Path, *options: str) -> str:
    save(network(), tmp_path / "model.safetensors")
    result = CliRunner().invoke(cli, ["inspect", str(tmp_path / "model.safetensors"), *options])
    assert result.exit_code == 0
    assert result.stderr == ""
    return result.stdout


def test_json(tmp_path: Path) -> None:
    fields = json.loads(inspected(tmp_path, "--json"))
    conv, pool, hidden, last = fields.pop("layers")
    assert fields == {
        "name": "shown",
        "hash": model_hash(network()),
        "input_shape": [1, 8, 9],
        "pixel_bits": 7,
        "encoding": "poisson",
        "seed": 77,
        "timesteps": 3,
        "readout": "membrane",
        "classes": 4,
        "score_bits": 3,
        "parameters": 18 + 54 + 16,
        "synapses": 384 + 48 + 12,
    }
    assert conv == {
        "name": "conv",
        "type": "conv",
        "output_shape": [2, 8, 4],
        "window": [3, 2],
        "stride": [1, 2],
        "padding": [1, 0],
        "parameters": 12 + 2 + 2 + 2,
        "synapses": 12 * 8 * 4,
        "weight_bits": 4,
        "gain": None,
        "fraction_bits": 0,
        "current_bits": 7,
        "membrane_bits": 14,
        "can_saturate": False,
        "leak": "v - (v >> 2)",
        "beta": 0.75,
        "synapse": None,
        "spikes": 1,
        "once": False,
        "initial": None,
        "floor": None,
        "reset": "subtract",
        "threshold": [300, 4000],
        "sub": [299, 4000],
    }
    assert pool == {
        "name": "pool",
        "type": "maxpool",
        "output_shape": [2, 4, 2],
        "window": [2, 2],
        "stride": [2, 2],
        "mode": "winner",
        "parameters": 0,
        "synapses": 0,
    }
    assert (hidden["leak"], hidden["reset"], hidden["threshold"]) == ("(v * 9) >> 4", "zero", [5, 5])
    assert hidden["sub"] is last["sub"] is None
    assert (last["leak"], last["reset"], last["threshold"], last["can_saturate"]) == ("no leak", None, None, True)


def test_table(tmp_path: Path) -> None:
    text = inspected(tmp_path)
    assert "shown: 1x8x9 pixels of 7 bits, poisson encoding (seed 77), 3 time steps, membrane readout" in text
    assert "88 parameters, 444 synapses per time step" in text
    lines = [[cell.strip() for cell in line.split("│")][1:-1] for line in text.splitlines() if line.startswith("│")]
    assert lines == [
        ["conv", "conv 3x2, stride 1x2, padding 1x0", "2x8x4", "18", "384"],
        ["pool", "maxpool 2x2, stride 2x2, winner", "2x4x2", "", ""],
        ["hidden", "dense", "3x1x1", "54", "48"],
        ["last", "dense", "4x1x1", "16", "12"],
        ["conv", "v - (v >> 2)", "subtract 299 to 4,000", "4", "7", "14", "300 to 4,000"],
        ["hidden", "(v * 9) >> 4", "zero", "8", "6", "8", "5"],
        ["last", "no leak", "never fires", "8", "4", "3 (saturates)", ""],
    ]


def test_all_that_a_neuron_can_have(tmp_path: Path) -> None:
    ones = np.ones(2, np.int64)
    synapse = SynapticCurrent(MultiplyLeak(3, 2), 12)
    leak = ChannelLeak(np.array([5, 8]), 3)
    first = Neuron(2 * ones, leak, "subtract", 14, ones, synapse, 3 * ones, -ones, np.array([[4, 5], [6, 7]]))
    pooled = conv_layer("conv", np.ones((2, 1, 2, 2), int), ones, 1, first, gain=2 * ones, fraction_bits=3, pool=POOL)
    once = Neuron(ones, NoLeak(), "none", 14, once=True)
    layers = (pooled, dense_layer("last", np.ones((2, 2, 1, 1), int), ones, 2, once))
    shown = Network("shown", (1, 3, 4), 3, Encoder("steps"), 5, layers, "first")
    save(shown, tmp_path / "all.safetensors")
    result = CliRunner().invoke(cli, ["inspect", str(tmp_path / "all.safetensors")])
    assert "1x3x4 values per step of 3 bits, steps encoding, 5 time steps, first readout" in result.stdout
    text = " ".join(result.stdout.replace("│", " ").split())
    assert "conv 2x2, max-pool 2x3 of currents, stride 1x1" in text
    as_json = CliRunner().invoke(cli, ["inspect", str(tmp_path / "all.safetensors"), "--json"])
    fields = json.loads(as_json.stdout)["layers"]
    assert fields[0]["beta"] == [0.625, 1.0]
    assert fields[0]["synapse"] == {"leak": "(v * 3) >> 2", "alpha": 0.75, "bits": 12}
    assert (fields[0]["spikes"], fields[0]["threshold_2"], fields[0]["threshold_3"]) == (3, [4, 5], [6, 7])
    assert (fields[0]["initial"], fields[0]["floor"]) == ([3, 3], [-1, -1])
    assert (fields[0]["gain"], fields[0]["fraction_bits"]) == ([2, 2], 3)
    assert fields[0]["pool"] == {"window": [2, 3], "stride": [1, 1]}
    assert fields[0]["synapses"] == 8 * 2 * 3
    assert fields[1]["once"] is True
    for word in ("up to 3 spikes", "from 3", "at least -1", "none, once"):
        assert word in text


def test_a_graph(tmp_path: Path) -> None:
    save(joined(), tmp_path / "joined.safetensors")
    text = CliRunner().invoke(cli, ["inspect", str(tmp_path / "joined.safetensors")]).stdout.splitlines()
    assert text[2:9] == [
        "*    pixels  2x4x4",
        "*    a       2x4x4 from pixels",
        "+-@  b       2x4x4 from a, itself",
        "*-+  c       2x4x4 from a, b",
        "| *  d       2x2x2 from b",
        "*-'  last    3x1x1 from c, d",
        "(* a layer, @ one that takes its own spikes of the step before, + a branch, ' a join)",
    ]
    lines = [[cell.strip() for cell in line.split("│")][1:-1] for line in text if line.startswith("│")]
    assert lines[:7] == [
        ["a", "conv 3x3, padding 1x1", "2x4x4", "40", "576"],
        ["b", "conv 3x3, padding 1x1", "2x4x4", "44", "640"],
        ["", "conv 1x1 of its own spikes", "", "", ""],
        ["c", "sum of a, b", "2x4x4", "", ""],
        ["d", "maxpool 2x2, stride 2x2, or from b", "2x2x2", "", ""],
        ["last", "dense from c", "3x1x1", "123", "120"],
        ["", "dense", "", "", ""],
    ]


def test_a_graph_as_json(tmp_path: Path) -> None:
    save(joined(), tmp_path / "joined.safetensors")
    result = CliRunner().invoke(cli, ["inspect", str(tmp_path / "joined.safetensors"), "--json"])
    a, b, c, d, last = json.loads(result.stdout)["layers"]
    assert (a["type"], "projections" in a, "source" in a) == ("conv", False, False)
    assert b["type"] == "population"
    forward, own = b["projections"]
    assert (forward["type"], forward["window"], forward["synapses"]) == ("conv", [3, 3], 36 * 16)
    assert (own["source"], own["delay"], own["window"], own["synapses"]) == ("b", 1, [1, 1], 4 * 16)
    assert (b["parameters"], b["synapses"]) == (36 + 4 + 2 + 2, 640)
    assert (c["type"], c["sources"], c["parameters"]) == ("sum", ["a", "b"], 0)
    assert (d["source"], d["window"]) == ("b", [2, 2])
    assert [part.get("source") for part in last["projections"]] == ["c", None]
    assert {part["weight_bits"] for part in last["projections"]} == {8}


@pytest.mark.parametrize("width", [40, 80])
def test_narrow_terminals_cut_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    on_a_terminal(monkeypatch, width)
    text = inspected(tmp_path)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_the_shipped_model() -> None:
    result = CliRunner().invoke(cli, ["inspect", "digits", "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["input_shape"] == [1, 8, 8]
