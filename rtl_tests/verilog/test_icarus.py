"""Icarus Verilog, which takes every name and width as the standard says, reads the Verilog and simulates it alike."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from hwsnn.data import load
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.reference import run
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import TOP, to_verilog

FRAMES = 4
BENCH = f"""
module bench;
  reg clk = 0;
  reg rst = 1;
  reg [7:0] pixels [0:{FRAMES * 64 - 1}];
  integer sent = 0;
  integer cycle = 0;
  wire valid = ~rst & sent < {FRAMES * 64};
  wire ready;
  wire result_valid;
  wire [133:0] result;
  {TOP} network (
    .clk(clk), .rst(rst), .pixels__payload(pixels[sent]), .pixels__valid(valid), .pixels__ready(ready),
    .result__payload(result), .result__valid(result_valid), .result__ready(1'b1)
  );
  always #5 clk = ~clk;
  initial begin
    $readmemh("pixels.hex", pixels);
    #22 rst = 0;
  end
  always @(posedge clk) begin
    cycle <= cycle + 1;
    if (valid & ready) sent <= sent + 1;
    if (~rst & result_valid) $display("%h", result);
    if (cycle == 1000) $finish;
  end
endmodule
"""


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="no Icarus Verilog (Debian, Ubuntu: apt install iverilog)")
def test_icarus_computes_what_the_reference_does(tmp_path: Path) -> None:
    network = load_model("digits")
    images = load("digits", network, FRAMES).images
    text = to_verilog(Pipeline(network, for_utilization(network, DEVICES["xczu9eg"]).folding), model_hash(network))
    (tmp_path / "digits.v").write_text(text)
    (tmp_path / "bench.v").write_text(BENCH)
    (tmp_path / "pixels.hex").write_text("\n".join(f"{pixel:02x}" for pixel in images.reshape(-1)))
    command = ("iverilog", "-g2001", "-Wall", "-s", "bench", "-o", "bench.vvp", "bench.v", "digits.v")
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    done = subprocess.run(("vvp", "-n", "bench.vvp"), cwd=tmp_path, capture_output=True, text=True, check=True)
    results = [int(line, 16) for line in done.stdout.splitlines() if "finish" not in line]
    outcome = run(network, images)
    assert [result & 15 for result in results] == outcome.predictions.tolist()
    bits = network.score_bits
    found = [[result >> 4 + bits * each & (1 << bits) - 1 for each in range(10)] for result in results]
    assert found == (outcome.scores & (1 << bits) - 1).tolist()
