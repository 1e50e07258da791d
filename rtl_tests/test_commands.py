"""``hwsnn verify`` and ``hwsnn bench``: their answers, their exit status, and what an interruption leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.data import random_images
from hwsnn.model import save
from hwsnn.random_networks import random_network
from hwsnn.rtl.network import Pipeline
from hwsnn.sim import network_bench
from hwsnn.spec import Dense, Folding, Network

HWSNN = (sys.executable, "-m", "hwsnn")
VERIFY_KEYS = {"frames", "layers", "spikes_compared", "mismatches", "cycles_per_frame", "latency_cycles"}
BENCH_KEYS = {"cycles_per_frame", "latency_cycles", "clock_mhz", "fpga_fps", "cpu_fps", "cpu", "speedup"}


def network() -> Network:
    """Two layers, three input channels, 4-bit pixels; names that Verilog and the benches have uses for, too."""
    drawn = random_network(45)
    names = ("module", "pixels__valid")
    layers = tuple(replace(layer, name=name) for layer, name in zip(drawn.layers, names, strict=True))
    return replace(drawn, name="1.net-", layers=layers)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(network(), tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def hwsnn(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*HWSNN, *args], capture_output=True, text=True)


def test_verify_prints_one_object(model: Path) -> None:
    done = hwsnn("verify", str(model), "-n", "1", "--seed", "4294967295", "--json")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    fields = json.loads(done.stdout)
    assert fields.keys() == VERIFY_KEYS
    assert (fields["frames"], fields["layers"], fields["mismatches"]) == (1, 2, 0)


def test_verify_on_given_images(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", x=random_images(network(), 3, seed=1))
    done = hwsnn("verify", str(model), "--data", str(tmp_path / "data.npz"), "-n", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("2 frames, 2 layers, ")
    assert ", 0 mismatches\n" in done.stdout


def test_bench_prints_one_object(model: Path) -> None:
    done = hwsnn("bench", str(model), "-n", "2", "--clock-mhz", "50", "--json")
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 1)
    fields = json.loads(done.stdout)
    assert fields.keys() == BENCH_KEYS
    assert fields["fpga_fps"] == 50e6 / fields["cycles_per_frame"]
    assert fields["speedup"] == fields["fpga_fps"] / fields["cpu_fps"]


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_wrong_hardware_is_a_no(model: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The last layer's weights have the wrong sign in the hardware."""

    def spoiled(built: Network, folding: Folding) -> Pipeline:
        last = built.layers[-1]
        assert isinstance(last, Dense)
        return Pipeline(replace(built, layers=(*built.layers[:-1], replace(last, weight=-last.weight))), folding)

    monkeypatch.setattr(network_bench, "Pipeline", spoiled)
    result = CliRunner().invoke(cli, [command, str(model), "--json"])
    assert result.exit_code == 1
    assert result.stdout.count("\n") == 1
    fields = json.loads(result.stdout)
    if command == "verify":
        assert fields["mismatches"] > 0
    else:
        assert result.stderr.startswith("hwsnn: the hardware's answers differ: ")


@pytest.mark.parametrize(("moment", "number"), [("Verilator", signal.SIGTERM), ("simulation", signal.SIGINT)])
def test_interrupted_verify_leaves_nothing(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    """The simulator's build and its run are sessions of their own, which no Ctrl-C of a terminal reaches."""
    mark = {"Verilator": "verilator_bin", "simulation": '-m\0hwsnn.sim.child\0{"action": "run"'}[moment]
    scratch, cache = tmp_path / "scratch", tmp_path / "cache"
    scratch.mkdir()
    save(network(), tmp_path / "model.safetensors")
    environment = {**os.environ, "TMPDIR": str(scratch)}
    if moment == "Verilator":  # a cache of its own, so that there is something to build
        environment["XDG_CACHE_HOME"] = str(cache)
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
    assert (process.returncode, stdout, stderr) == (130, "", "hwsnn: interrupted\n")
    assert _living_with(str(scratch)) == []
    assert list(scratch.iterdir()) == []
    assert [path for path in cache.rglob("*") if path.name.startswith(("building-", "keeping-"))] == []


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
