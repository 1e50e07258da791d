"""A real bitstream of a small network, by the real tools."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from hwsnn.model_file import integer_file
from tests.support.random_networks import random_network


def test_bitstream(tmp_path: Path) -> None:
    file, output = tmp_path / "model.safetensors", tmp_path / "results"
    integer_file.save(random_network(1), file)
    command = [sys.executable, "-m", "hwsnn", "build", str(file), "--board", "ulx3s-85f", "-o", str(output), "--json"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stderr
    fields = json.loads(outcome.stdout)
    report = json.loads((output / "build.json").read_text())
    assert {name: report[name] for name in fields} == fields
    assert fields["fmax_mhz"] > report["target_mhz"] >= 50
    assert 500 < fields["lut"] < 10_000
    assert 500 < fields["ff"] < 10_000
    bitstream = Path(fields["bitstream"]).read_bytes()
    # The preamble with which every ECP5 takes a bitstream, and the part this one is for.
    assert b"\xff\xff\xbd\xb3" in bitstream[:200]
    assert b"LFE5U-85F" in bitstream[:200]
    # The critical paths lie in parts that people know by name.
    assert "shell." in (output / "nextpnr.log").read_text()
