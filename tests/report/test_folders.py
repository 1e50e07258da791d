"""What other commands left in folders: shown, and refused in one line where it cannot be."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from vcd import VCDWriter

from hwsnn.cli import cli
from hwsnn.cycles import queue_depths
from hwsnn.errors import InputError
from hwsnn.explore.table import Row, write_csv
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import with_folds
from hwsnn.report.build_folder import read_build
from hwsnn.report.debug_folder import read_debug
from hwsnn.report.exploration import read_exploration
from hwsnn.report.page import Page, render
from hwsnn.report.sections import building, explored, mismatch
from hwsnn.report.subject import of_plan
from hwsnn.sim.differences import Difference
from hwsnn.sim.recording import CLOCK_PS
from tests.report.conftest import FOLDS

HOSTILE = "<script>alert(1)</script>"
BUILD = {
    "bitstream": "out/digits.bit",
    "board": HOSTILE,
    "model_sha256": "",
    "target_mhz": 80.0,
    "fmax_mhz": 100.0,
    "timing_met": True,
    "lut": 10,
    "ff": 20,
    "bram": 3,
    "dsp": 0,
    "available": {"lut": 100, "ff": 100, "bram": 10, "dsp": 0},
    "stage_seconds": {"synthesis": 12.5},
    "versions": {HOSTILE: HOSTILE},
}
PATHS = [
    {
        "from": HOSTILE,
        "to": "posedge clk",
        "path": [{"type": "logic", "delay": 1.5}, {"type": "routing", "delay": 2.25}, {"type": "setup", "delay": 0.25}],
    }
]


def _build(folder: Path, **changes: Any) -> Path:
    values = BUILD | {"model_sha256": model_hash(load_model("digits"))} | changes
    (folder / "build.json").write_text(json.dumps(values))
    (folder / "timing.json").write_text(json.dumps({"critical_paths": PATHS, "slacks": {"setup": {"worst_ns": 0.5}}}))
    return folder


def _html(section: Any) -> str:
    return render(Page("page", "", (section,), ""))


def test_a_build(tmp_path: Path) -> None:
    network = load_model("digits")
    subject = of_plan(
        "digits", network, with_folds(network, DEVICES["lfe5u-85"], FOLDS, queue_depths(network, FOLDS)), 80
    )
    (_build(tmp_path) / "power.json").write_text(
        json.dumps({"total_w": 0.5, "accelerator_w": None, "confidence": "Low"})
    )
    build = read_build(tmp_path, subject.sha256)
    assert build.slack_ns == pytest.approx(12.5 - 10)
    (path,) = build.paths
    assert (path.logic_ns, path.routing_ns) == (1.75, 2.25)
    assert build.power == {"total_w": 0.5}
    text = _html(building.section(subject, build))
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text
    for said in ("100.0 MHz", "+2.50 ns", "1,000,000", "0.5 W", "4"):
        assert said in text
    missed = building.section(subject, replace(build, timing_met=False))
    assert "misses its clock" in _html(missed)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_sha256": "ab" * 32}, "must be of this model, {}, not of abababababababab; build it with hwsnn build"),
        ({"lut": "many"}, "lut must be a number, not 'many'"),
        ({"fmax_mhz": float("nan")}, "fmax_mhz must be a number, not 'nan'"),
        ({"fmax_mhz": -1}, "clocks must be above 0, not 80 and -1"),
        ({"available": []}, "available must be an object, not '[]'"),
        ({"board": None}, "board must be text, not 'None'"),
    ],
)
def test_builds_that_cannot_be(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    sha256 = model_hash(load_model("digits"))
    with pytest.raises(InputError) as refused:
        read_build(_build(tmp_path, **changes), sha256)
    assert str(refused.value) == f"{tmp_path / 'build.json'}: {message.format(sha256[:16])}"


def test_no_json(tmp_path: Path) -> None:
    (tmp_path / "build.json").write_text("{" * 100_000)
    with pytest.raises(InputError, match=r"build.json: must be JSON; give a folder that hwsnn build wrote"):
        read_build(tmp_path, "")


def _rows() -> list[Row]:
    return [
        Row(
            bits,
            steps,
            0.5 + bits / 20,
            100,
            64,
            100.0,
            200,
            150.0,
            1.5e6,
            1.33,
            "xczu9eg",
            1000 * bits,
            1.0,
            9,
            1.5,
            HOSTILE,
            "",
            bits > 2,
        )
        for bits in (2, 4, 8)
        for steps in (1, 2)
    ]


def test_a_sweep(tmp_path: Path) -> None:
    write_csv(tmp_path / "points.csv", _rows())
    assert read_exploration(tmp_path) == _rows()
    section = explored.section(read_exploration(tmp_path))
    accuracy, every, front = section.blocks
    assert accuracy.table.rows == (("T = 1", 60.0, 70.0, 90.0), ("T = 2", 60.0, 70.0, 90.0))  # type: ignore[union-attr]
    assert [len(block.table.rows) for block in (every, front)] == [6, 4]  # type: ignore[union-attr]
    assert HOSTILE not in _html(section)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a design at least, not none"),
        ("weight_bits\n8\n", "line 2 must have the columns that hwsnn explore writes"),
        (b"\xff\xfe\x00", "must be a table as hwsnn explore writes it"),
    ],
)
def test_sweeps_that_cannot_be(tmp_path: Path, text: str | bytes, message: str) -> None:
    (tmp_path / "points.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=f"points.csv: {message}; give a folder that hwsnn explore wrote into"):
        read_exploration(tmp_path)


def test_figures_that_cannot_be(tmp_path: Path) -> None:
    write_csv(tmp_path / "points.csv", [replace(_rows()[0], accuracy=1.5)])
    with pytest.raises(InputError, match="line 2 must have figures that can be"):
        read_exploration(tmp_path)


DIFFERENCE = Difference("conv1", 0, 0, 1, 0, 1, 1, 0, 30, "wrong", False)


def _debug(folder: Path, difference: Difference | None = DIFFERENCE) -> Path:
    """Two layers of 20 beats, of which conv1's second has a spike too few in its number 1, and the last is missing."""
    at = 40 * CLOCK_PS
    shown = None if difference is None else asdict(difference) | {"time_ps": at, "window_ps": [0, 2 * at]}
    (folder / "first.json").write_text(json.dumps(shown))
    expected = np.ones((20, 1, 3), np.uint8)
    found = expected[:19].copy()
    found[1, 0, 1] = 0
    np.savez_compressed(
        folder / "beats.npz",
        expected_conv1=expected,
        found_conv1=found,
        cycle_conv1=np.arange(29, 48),
        expected_dense1=expected,
        found_dense1=expected,
        cycle_dense1=np.arange(40, 60),
    )
    with (folder / "dump.vcd").open("w") as file, VCDWriter(file, timescale="1 ps") as writer:
        signals = {
            f"{stream}__{name}": writer.register_var("hwsnn_network", f"{stream}__{name}", "wire", 1)
            for stream in ("conv1_layer_o", "pixels")
            for name in ("valid", "ready")
        }
        writer.register_var("hwsnn_network.inside", "other__valid", "wire", 1)
        for cycle in range(80):
            writer.change(signals["conv1_layer_o__valid"], cycle * CLOCK_PS, cycle % 2)
            writer.change(signals["conv1_layer_o__ready"], cycle * CLOCK_PS, cycle < 40)
            writer.change(signals["pixels__valid"], cycle * CLOCK_PS, 0)
            writer.change(signals["pixels__ready"], cycle * CLOCK_PS, 1)
    return folder


def test_a_first_difference(tmp_path: Path) -> None:
    debug = read_debug(_debug(tmp_path))
    assert debug.first == DIFFERENCE
    conv, dense = debug.beats.values()
    assert (conv.first, conv.differing, dense.first, dense.differing) == (1, 1, None, 0)
    pixels, wave = debug.waves
    assert (pixels.name, wave.name) == ("pixels", "conv1_layer_o")
    assert set(pixels.valid) == {0}
    assert set(pixels.ready) == {1}
    assert wave.valid.tolist() == [cycle % 2 for cycle in 40 + debug.cycles]
    assert wave.ready.tolist() == [int(cycle < 40) for cycle in 40 + debug.cycles]
    section = mismatch.section(debug)
    text = _html(section)
    assert "conv1: frame 0, row 0, column 1, step 0, channel 1: expected 1, found 0 (cycle 30)" in text
    beats = next(block for block in section.blocks if block.kind == "plot")
    assert {row[0]: row[2] for row in beats.table.rows}["1"] == "1: 1 not 0"  # type: ignore[union-attr]
    layers = next(block for block in section.blocks if block.kind == "data")
    assert layers.table.rows[0] == ("conv1", 20, 19, 1, 1, 30)  # type: ignore[union-attr]


def test_no_difference(tmp_path: Path) -> None:
    debug = read_debug(_debug(tmp_path, None))
    assert debug.first is None
    assert debug.cycles[-1] == 0
    assert "no number differs" in _html(mismatch.section(debug))


def test_a_hostile_folder(tmp_path: Path) -> None:
    _debug(tmp_path, replace(DIFFERENCE, layer=HOSTILE))
    names = {f"{kind}_{HOSTILE}": np.ones((2, 1, 1), np.uint8) for kind in ("expected", "found", "cycle")}
    names[f"found_{HOSTILE}"] = np.zeros((2, 1, 1), np.uint8)
    np.savez(tmp_path / "beats.npz", **names)  # type: ignore[arg-type]
    text = _html(mismatch.section(read_debug(tmp_path)))
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("first.json", "[]", "layer must be text, not 'None'"),
        ("first.json", '{"layer": "a", "kind": "wrong", "frame": "x"}', "frame must be a number, not 'x'"),
        ("beats.npz", "no", "not an .npz file"),
        ("dump.vcd", "$scope", "must be waveforms (VCD)"),
    ],
)
def test_folders_that_cannot_be(tmp_path: Path, name: str, content: str, message: str) -> None:
    (_debug(tmp_path) / name).write_text(content)
    with pytest.raises(InputError) as refused:
        read_debug(tmp_path)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_pickles(tmp_path: Path) -> None:
    np.savez(_debug(tmp_path) / "beats.npz", expected_a=np.array([print]), found_a=np.zeros(1), cycle_a=np.zeros(1))
    with pytest.raises(InputError, match="expected_a, found_a and cycle_a must be integers"):
        read_debug(tmp_path)


def _report(*words: str) -> Result:
    return CliRunner().invoke(cli, ["report", *words])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("digits", "-n", "3"), "-n and --sample need --data"),
        (("digits", "--sample", "3"), "-n and --sample need --data"),
        (("nowhere",), "nowhere: no such model file; give a .safetensors file, or the name of a shipped model"),
        (
            ("digits", "--build", "nowhere"),
            "nowhere/build.json: no such report of a build; give a folder that hwsnn build",
        ),
        (("digits", "--explore", "nowhere"), "nowhere/points.csv: no such table of a sweep; give a folder that hwsnn"),
        (
            ("digits", "--debug", "nowhere"),
            "nowhere/first.json: no such first difference; give a folder that hwsnn verify",
        ),
        (("digits", "--compare", ""), "'--compare': must name something, not be empty"),
        (("digits", "--fold", "FOLD", "--compare", "other.json"), "other.json: no such folding"),
        (("digits", "--fold", "FOLD", "--float", "no.safetensors"), "no.safetensors: "),
        (("digits", "--fold", "FOLD", "--data", "digits", "--sample", "360"), "digits: --sample must be from 0 to 359"),
    ],
)
def test_refusals(tmp_path: Path, fold_file: Path, words: tuple[str, ...], message: str) -> None:
    given = [str(fold_file) if word == "FOLD" else word for word in words]
    done = _report(*given, "-o", str(tmp_path / "out"))
    assert done.exit_code == 2
    last = done.stderr.splitlines()[-1]
    assert message in last
    assert list(tmp_path.iterdir()) == []


def test_the_float_network_of_another_model(tmp_path: Path, fold_file: Path) -> None:
    other = Path(__file__).parents[2] / "models" / "mnist_small" / "mnist-small-float.safetensors"
    done = _report("digits", "--fold", str(fold_file), "--float", str(other), "-o", str(tmp_path / "out"))
    assert done.exit_code == 2
    assert "must be the float network that digits was made of" in done.stderr
