"""``hwsnn verify`` and ``hwsnn bench``: their answers, their exit status, and what an interruption leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.build.tools import find
from hwsnn.cli import cli
from hwsnn.data import random_images
from hwsnn.files.cache import private_folder
from hwsnn.folding.folding import Folding
from hwsnn.model_file.integer_file import save
from hwsnn.rtl.network import Pipeline
from hwsnn.sim import network_bench
from hwsnn.spec import Network, Population
from tests.support.layers import renamed_layer, with_weights
from tests.support.random_networks import random_network
from tests.support.stage_lines import beside_stages

HWSNN = (sys.executable, "-m", "hwsnn")
VERIFY_KEYS = {
    *("frames", "layers", "spikes_compared", "mismatches", "differences", "cycles_per_frame", "latency_cycles"),
}
DIFFERENCE_KEYS = {"layer", "frame", "y", "x", "step", "channel", "expected", "found", "cycle", "kind", "stalls"}
LAST = "pixels__valid"
"""The name of the last layer."""
BENCH_KEYS = {
    *("hwsnn", "model", "device", "folding", "estimated_lut", "estimated_percent", "estimated_ff"),
    *("estimated_bram18", "limiting"),
    *("frames", "bits_compared", "mismatches", "first_mismatch", "cycles_per_frame", "latency_cycles"),
    *("clock_mhz", "fpga_fps", "cpu_fps", "cpu_name", "speedup", "busy", "load"),
    *("cycle_model", "rates", "cpu", "published"),
}


def network() -> Network:
    """Two layers, three input channels, 4-bit pixels; names that Verilog and the benches have uses for, too."""
    drawn = random_network(45)
    names = ("module", LAST)
    layers = tuple(renamed_layer(layer, name) for layer, name in zip(drawn.layers, names, strict=True))
    return replace(drawn, name="1.net-", layers=layers)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(network(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


ONE_DESIGN = ("--device", "lfe5u-85", "--max-lut", "2")
"""For every bench: its simulator is built once."""


def hwsnn(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HWSNN, *args], capture_output=True, text=True)


def test_verify_prints_one_object(model: Path) -> None:
    done = hwsnn("verify", str(model), "-n", "1", "--seed", "4294967295", "--json")
    assert (done.returncode, beside_stages(done.stderr), done.stdout.count("\n")) == (0, "", 1)
    fields = json.loads(done.stdout)
    assert fields.keys() == VERIFY_KEYS
    assert (fields["frames"], fields["layers"], fields["mismatches"]) == (1, 2, 0)


def test_verify_up_to_a_layer_into_a_folder(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "shown"
    done = hwsnn("verify", str(model), "-n", "1", "--until", "module", "--debug", str(folder))
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    assert ", 0 mismatches\n" in done.stdout
    assert "to the last of the output of module (simulated)" in done.stdout
    assert (folder / "first.json").read_text() == "null\n"
    with np.load(folder / "beats.npz", allow_pickle=False) as beats:
        assert (beats["expected_module"] == beats["found_module"]).all()
        assert "found_result" not in beats
    assert (folder / "dump.vcd").stat().st_size > 0


ODD = "a b$c#d'e%f:\u00fc"
"""A name with characters that makefiles and shells have uses for."""


def share_what_designs_share(cache: Path) -> None:
    """Copy it into an empty cache, as far as there is some: to make it takes most of a minute."""
    for part in (*private_folder("simulators").glob("*-*"), private_folder("tools") / "wasmtime"):
        if part.is_dir():
            shutil.copytree(part, cache / "hwsnn" / part.parent.name / part.name, dirs_exist_ok=True)


@pytest.mark.parametrize("empty", [False, pytest.param(True, marks=pytest.mark.long)])
def test_verify_in_folders_of_any_name_with_layers_of_any_name(tmp_path: Path, empty: bool) -> None:
    """Everything that is built or written lies in such folders; no tool takes a layer for what its name means to it."""
    folders = {name: tmp_path / ODD / name for name in ("XDG_CACHE_HOME", "HOME", "TMPDIR")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    if not empty:
        share_what_designs_share(folders["XDG_CACHE_HOME"])
    layers = tuple(
        renamed_layer(layer, name) for layer, name in zip(network().layers, ("randomize", "bool"), strict=True)
    )
    save(replace(network(), layers=layers), tmp_path / ODD / "m.safetensors")
    command = [*HWSNN, "verify", "m.safetensors", "-n", "1"]
    setting = os.environ | {name: str(folder) for name, folder in folders.items()}
    done = subprocess.run(command, cwd=tmp_path / ODD, env=setting, capture_output=True, text=True, check=False)
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    assert ", 0 mismatches\n" in done.stdout
    assert list(folders["TMPDIR"].iterdir()) == []


def test_verify_on_given_images(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=random_images(network(), 3, seed=1))
    done = hwsnn("verify", str(model), "--data", str(tmp_path / "data.npz"), "-n", "2")
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    assert done.stdout.startswith("2 frames, 2 layers, ")
    assert ", 0 mismatches\n" in done.stdout


def test_bench_prints_one_object(model: Path) -> None:
    done = hwsnn("bench", str(model), "-n", "2", "--clock-mhz", "50", *ONE_DESIGN, "--json")
    assert (done.returncode, beside_stages(done.stderr), done.stdout.count("\n")) == (0, "", 1)
    fields = json.loads(done.stdout)
    assert fields.keys() == BENCH_KEYS
    assert (fields["frames"], fields["mismatches"]) == (16, 0)
    assert fields["cycle_model"] == {
        "cycles_per_frame": fields["cycles_per_frame"],
        "latency_cycles": fields["latency_cycles"],
        "difference": None,
    }
    assumed, board = fields["rates"]
    assert (assumed["clock_mhz"], assumed["clock"], board["clock_mhz"], board["board"]) == (
        50,
        "assumed",
        80,
        "ulx3s-85f",
    )
    assert assumed["fps"] == fields["fpga_fps"] == 50e6 / fields["cycles_per_frame"]
    assert assumed["speedup"] == fields["speedup"] == assumed["fps"] / fields["cpu_fps"]
    assert fields["cpu_fps"] == max(figure["fps"] for figure in fields["cpu"]["figures"])
    assert fields["published"] == []


def test_bench_writes_its_figures_and_a_plot(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = hwsnn("bench", str(model), "-n", "17", *ONE_DESIGN, "-o", str(tmp_path / "out"))
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    assert "17 frames simulated back to back: " in done.stdout
    assert ", 0 mismatches\n" in done.stdout
    assert "by the cycle model: equal, at every result\n" in done.stdout
    assert "simulated cycles, assumed 150 MHz" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "bench.json",
        "index.html",
        "roofline.png",
        "roofline.svg",
    }
    written = json.loads((tmp_path / "out" / "bench.json").read_text())
    assert written.keys() == BENCH_KEYS
    assert written["estimated_percent"]["lut"] <= 2
    assert f"{written['cycles_per_frame']:,} cycles per frame, " in done.stdout


@pytest.mark.skipif(find("yosys").version.startswith("yowasp"), reason="takes minutes without a native Yosys")
def test_bench_counts_resources(model: Path) -> None:
    done = hwsnn("bench", str(model), "--max-lut", "2", "--synth", "--json")
    assert (done.returncode, beside_stages(done.stderr)) == (0, "")
    fields = json.loads(done.stdout)
    found = fields["synthesized"]
    assert {name: found["total"][name] for name in ("lut", "ff", "bram36", "dsp")}.items() <= fields.items()
    assert found["total"]["lut"] > found["layers"]["module"]["lut"] > found["layers"]["module"]["sums_lut"] > 0
    assert found["layers"]["module"]["synapses_per_cycle"] > 0


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_wrong_hardware_is_a_no(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The last layer's weights have the wrong sign in the hardware."""

    def spoiled(built: Network, folding: Folding) -> Pipeline:
        last = built.layers[-1]
        assert isinstance(last, Population)
        return Pipeline(
            replace(built, layers=(*built.layers[:-1], with_weights(last, -last.projection.weight))), folding
        )

    monkeypatch.setattr(network_bench, "Pipeline", spoiled)
    folder = tmp_path / "out"
    output = ["-o", str(folder)] if command == "bench" and find_spec("matplotlib") else []
    result = CliRunner().invoke(cli, [command, str(model), "--json", *output])
    assert result.exit_code == 1
    assert not folder.exists()
    assert result.stdout.count("\n") == 1
    fields = json.loads(result.stdout)
    assert fields["mismatches"] > 0
    if command == "verify":
        first = fields["differences"][0]
        assert first.keys() == DIFFERENCE_KEYS
        assert (first["layer"], first["frame"], first["kind"], first["stalls"]) == (LAST, 0, "wrong", False)
        words = CliRunner().invoke(cli, [command, str(model)]).stdout
        assert (
            f"The first difference of each layer; begin with {LAST}:\n  {LAST}: frame 0, row 0, column 0, step "
            in words
        )
    else:
        assert beside_stages(result.stderr).startswith("hwsnn: the hardware's results differ: ")


@pytest.mark.parametrize(("moment", "number"), [("Verilator", signal.SIGTERM), ("simulation", signal.SIGINT)])
def test_interrupted_verify_leaves_nothing(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    """The simulator's build and its run are sessions of their own, which no Ctrl-C of a terminal reaches."""
    mark = {"Verilator": "verilator_bin", "simulation": 'hwsnn.sim.child\0{"action": "run"'}[moment]
    scratch, cache = tmp_path / "scratch", tmp_path / "cache"
    scratch.mkdir()
    save(network(), tmp_path / "model.safetensors")
    environment = {**os.environ, "TMPDIR": str(scratch)}
    if moment == "Verilator":  # a cache of its own, so that there is something to build
        environment["XDG_CACHE_HOME"] = str(cache)
        share_what_designs_share(cache)
    with subprocess.Popen(
        [*HWSNN, "verify", "model.safetensors", "-n", "2000"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if any(mark in line for line in _living_with(str(scratch))):
                break
            time.sleep(0.01)
        process.send_signal(number)
        stdout, stderr = process.communicate()
    assert (process.returncode, stdout, beside_stages(stderr)) == (130, "", "hwsnn: interrupted\n")
    assert _living_with(str(scratch)) == []
    assert list(scratch.iterdir()) == []
    assert [path for path in cache.rglob("*") if path.name.endswith(".scratch")] == []


def _living_with(mark: str) -> list[str]:
    """The command lines of the processes whose environment holds ``mark``; zombies have none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            pass
    return found
