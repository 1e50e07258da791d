"""The clock rule's checker on a design of which the longest paths are known."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hwsnn.build.analysis.clock_rule import LIMIT, TimedPath, longest_paths, synthesize
from hwsnn.errors import ToolError

DESIGN = """
module design(input clk, input [127:0] in, input [9:0] place, output [511:0] out, output through);
  reg [127:0] a, b, c;
  reg [31:0] small [31:0];
  reg [31:0] large [1023:0];
  reg [31:0] large_read, delay1, delay2, delay3, product_xor, multiplied, summed;
  reg three_inputs, seven_inputs, two_luts, three_luts, enabled, cleared, constant;
  reg [24:0] adder_25, adder_24_carry;
  reg [23:0] adder_24, mux_adder_24, adder_24_mux, lut_adder_24, small_adder_24, large_adder_24;
  reg [23:0] delayed_adder_24, shifted_adder_24;
  reg [8:0] adder_9;
  reg [7:0] adder_8, adder_8_mux, lut_adder_8, small_adder_8, two_adders_8, large_lut, carried;
  reg less_24, less_64, less_8_lut, less_16_lut, small_lut;
  wire [7:0] carry, sum, shifted;
  wire inner_out;
  always @(posedge clk) begin
    a <= in; b <= a; c <= b;
    three_inputs <= ^a[2:0];
    seven_inputs <= ^a[6:0];
    two_luts <= ^a[15:0];
    three_luts <= ^a[99:0];
    if (^a[99:0]) enabled <= b[1];
    if (^a[99:0]) cleared <= 0; else cleared <= b[1] ^ b[2];
    adder_8 <= a[7:0] + b[7:0];
    adder_9 <= a[8:0] + b[8:0];
    adder_24 <= a[23:0] + b[23:0];
    adder_25 <= a[24:0] + b[24:0];
    adder_24_carry <= {1'b0, a[23:0]} + {1'b0, b[23:0]};
    mux_adder_24 <= (c[0] ? a[23:0] : c[23:0]) + b[23:0];
    adder_24_mux <= c[0] ? a[23:0] - b[23:0] : c[23:0];
    adder_8_mux <= c[0] ? a[7:0] - b[7:0] : c[7:0];
    lut_adder_24 <= (^c[45:40] ? a[23:0] : c[23:0]) + b[23:0];
    lut_adder_8 <= (^c[45:40] ? a[7:0] : c[7:0]) + b[7:0];
    two_adders_8 <= (a[7:0] + b[7:0]) + c[7:0];
    less_24 <= a[23:0] < b[23:0];
    less_64 <= a[63:0] < b[63:0];
    less_8_lut <= c[0] ^ (a[7:0] < b[7:0]);
    less_16_lut <= c[0] ^ (a[15:0] < b[15:0]);
    if (in[0]) small[place[4:0]] <= a[31:0];
    small_lut <= small[c[4:0]][0] ^ a[0];
    small_adder_8 <= small[c[4:0]][7:0] + b[7:0];
    small_adder_24 <= small[c[4:0]][23:0] + b[23:0];
    if (in[1]) large[place] <= a[31:0];
    large_read <= large[b[9:0]];
    large_lut <= large_read[7:0] ^ b[7:0];
    large_adder_24 <= large_read[23:0] + b[23:0];
    delay1 <= in; delay2 <= delay1; delay3 <= delay2;
    delayed_adder_24 <= delay3[23:0] + b[23:0];
    shifted_adder_24 <= {a[15:0], shifted} + b[23:0];
    product_xor <= (a[15:0] * b[15:0]) ^ c[31:0];
    multiplied <= b[15:0] * c[15:0]; summed <= multiplied;
    carried <= carry;
    constant <= 1;
  end
  generate genvar i;
    for (i = 0; i < 8; i = i + 1)
      SRL16E shift(.Q(shifted[i]), .A0(1'b1), .A1(1'b1), .A2(1'b1), .A3(1'b1), .CE(1'b1), .CLK(clk), .D(in[i]));
  endgenerate
  CARRY8 chain(.O(sum), .CO(carry), .CI(1'b0), .CI_TOP(1'b0), .DI(b[47:40]), .S(a[47:40]));
  part inner(clk, in[70:64], inner_out);
  assign through = in[126] ^ in[125];
  assign out = {three_inputs, seven_inputs, two_luts, three_luts, enabled, cleared, adder_8, adder_9, adder_24,
    adder_25, adder_24_carry, mux_adder_24, adder_24_mux, adder_8_mux, lut_adder_24, lut_adder_8, two_adders_8, less_24,
    less_64, less_8_lut, less_16_lut, small_lut, small_adder_8, small_adder_24, large_lut, large_adder_24,
    delayed_adder_24, shifted_adder_24, product_xor, summed, carried, sum, inner_out, constant};
endmodule
module part(input clk, input [6:0] i, output o);
  reg [6:0] held;
  reg last;
  assign o = last;
  always @(posedge clk) begin held <= ~i; last <= held[0] ^ held[1]; end
endmodule
"""

LENGTHS = {
    "three_inputs": 1,
    "seven_inputs": 1,
    "two_luts": 2,
    "three_luts": 3,
    "enabled CE": 3,
    "cleared R": 3,
    "adder_8": 1,
    "adder_9": 2,
    "adder_24": 2,
    "adder_25": 3,
    "adder_24_carry": 3,
    "mux_adder_24": 2,
    "adder_24_mux": 3,
    "adder_8_mux": 2,
    "lut_adder_24": 3,
    "lut_adder_8": 2,
    "two_adders_8": 2,
    "less_24": 2,
    "less_64": 3,
    "less_8_lut": 2,
    "less_16_lut": 3,
    "small_lut": 2,
    "small_adder_8": 2,
    "small_adder_24": 3,
    "large_lut": 2,
    "large_adder_24": 3,
    "delayed_adder_24": 2,
    "shifted_adder_24": 3,
    "product_xor": 5,
    "multiplied": 2,
    "carried": 1,
    "through": 1,
    "inner.last": 1,
}


def bits_left_out(name: str) -> str:
    return re.sub(r"\[\d+\]", "", name)


@pytest.fixture(scope="module")
def paths() -> list[TimedPath]:
    return longest_paths(synthesize(DESIGN, "design"), DESIGN)


@pytest.mark.parametrize("end", LENGTHS)
def test_length(paths: list[TimedPath], end: str) -> None:
    found = [path for path in paths if bits_left_out(path.end) == end]
    assert max(path.length for path in found) == LENGTHS[end], found


def test_constants_end_no_path(paths: list[TimedPath]) -> None:
    assert "constant" not in {bits_left_out(path.end) for path in paths}


def test_where_a_path_leads(paths: list[TimedPath]) -> None:
    lasts = {path.end: path for path in paths}
    assert bits_left_out(lasts["inner.last"].start) == "inner.held"
    assert lasts["inner.last"].component == "inner"
    assert lasts["inner.last"].passes == ("LUT",)
    assert lasts["adder_25[24]"].passes == ("adder of 25",)
    assert lasts["through"].start == "in"
    assert lasts["small_lut"].passes == ("LUT RAM", "LUT")


def test_the_longest_come_first(paths: list[TimedPath]) -> None:
    lengths = [path.length for path in paths]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > LIMIT


def cell(kind: str, **pins: list[int | str]) -> dict[str, Any]:
    directions = {pin: "output" if pin in ("O", "Q") else "input" for pin in pins}
    return {"type": kind, "parameters": {}, "port_directions": directions, "connections": pins}


def netlist(**cells: dict[str, Any]) -> dict[str, Any]:
    return {"ports": {}, "cells": cells, "netnames": {"x": {"hide_name": 0, "bits": [2], "attributes": {}}}}


def test_loop() -> None:
    loop = netlist(one=cell("LUT1", I0=[2], O=[3]), two=cell("INV", I=[3], O=[2]))
    with pytest.raises(ToolError, match=r"^the netlist has a loop without a register: x$"):
        longest_paths(loop)


def test_unknown_cell() -> None:
    with pytest.raises(ToolError, match=r"^the clock rule knows no cell of the kind LDCE \(latch\)$"):
        longest_paths(netlist(latch=cell("LDCE", D=[2], Q=[3])))
