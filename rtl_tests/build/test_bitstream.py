"""Real bitstreams, by the real tools."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hwsnn.build.bitstream import part_of
from hwsnn.model_file import integer_file
from tests.build.test_boards import tiny_network
from tests.support.random_networks import random_network


def built(model: str | Path, board: str, output: Path) -> dict[str, Any]:
    """What ``hwsnn build`` says of it, as ``build.json`` beside the bitstream does."""
    command = [sys.executable, "-m", "hwsnn", "build", str(model), "--board", board, "-o", str(output), "--json"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    fields: dict[str, Any] = json.loads(outcome.stdout)
    report = json.loads((output / "build.json").read_text())
    assert {name: report[name] for name in fields} == fields
    assert fields["fmax_mhz"] > report["target_mhz"] >= 50
    # The critical paths lie in parts that people know by name.
    assert "shell." in (output / "nextpnr.log").read_text()
    return fields


def test_bitstream(tmp_path: Path) -> None:
    integer_file.save(random_network(1), tmp_path / "model.safetensors")
    fields = built(tmp_path / "model.safetensors", "ulx3s-85f", tmp_path / "results")
    assert 500 < fields["lut"] < 10_000
    assert 500 < fields["ff"] < 10_000
    bitstream = Path(fields["bitstream"]).read_bytes()
    # The preamble with which every ECP5 takes a bitstream, and the part this one is for.
    assert b"\xff\xff\xbd\xb3" in bitstream[:200]
    assert b"LFE5U-85F" in bitstream[:200]


def test_bitstream_for_gowin(tmp_path: Path) -> None:
    """Of a network that is little more than its link: nextpnr is slower for this FPGA."""
    integer_file.save(tiny_network(), tmp_path / "model.safetensors")
    fields = built(tmp_path / "model.safetensors", "tangnano20k", tmp_path / "results")
    assert 500 < fields["lut"] < 5_000
    assert 500 < fields["ff"] < 5_000
    assert part_of(Path(fields["bitstream"])) == "GW2A-18"


@pytest.mark.long
def test_digits_for_gowin(tmp_path: Path) -> None:
    fields = built("digits", "tangnano20k", tmp_path / "results")
    assert fields["bram"] <= 46
    assert fields["ff"] <= 15_552
    assert part_of(Path(fields["bitstream"])) == "GW2A-18"
