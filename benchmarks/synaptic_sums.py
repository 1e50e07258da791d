"""What the forms of a synaptic sum cost on two families: the figures of docs/decisions/0001-synaptic-sums.md.

    python benchmarks/synaptic_sums.py [ROWS ...]

Random normal 8-bit weights, four output lanes; a layer of spikes (36 inputs a clock) and one of 8-bit pixels (9 inputs
a clock), for each number of rows of weights (groups times folds). One Yosys run a figure: seconds each.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from amaranth.back import verilog

from hwsnn.build.process import run_tool
from hwsnn.build.tools import find
from hwsnn.rtl import synapses

LANES = 4
INPUTS = {1: 36, 8: 9}
FAMILIES = {"ECP5": "synth_ecp5 -top top", "UltraScale+": "synth_xilinx -family xcup -flatten -top top"}


def weights(rows: int, input_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Random weights (G, F, lanes, L), as many groups as folds or twice as many, and biases."""
    random = np.random.default_rng(1)
    folds = 1 << ((rows.bit_length() - 1) // 2)
    shape = (-(-rows // folds), folds, LANES, INPUTS[input_bits])
    made = np.clip(np.rint(random.normal(0, 127 / 3, shape)), -127, 127).astype(np.int64)
    return made, random.integers(-300, 301, (shape[0], LANES))


def cells(component: synapses.Synapses, command: str) -> dict[str, int]:
    """The cells that Yosys makes of a component, by type."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "top.v").write_text(verilog.convert(component, name="top", emit_src=False))
        # Yosys mixes up the wire "o__payload[0]", a whole element, with bit 0 of the port: it may not see such names.
        script = f"read_verilog top.v; rename -hide */w:*; {command}; tee -q -o cells.json stat -json"
        run_tool(find("yosys"), ["-q", "-p", script], folder, folder / "yosys.log")
        counts: dict[str, int] = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    return counts


def summary(counts: dict[str, int]) -> str:
    """Look-up tables, flip-flops, block memories (of 18 kbit) and multipliers."""
    sizes = {"CCU2C": 2, "TRELLIS_DPR16X4": 4, "RAMB36E2": 2}

    def total(pattern: str) -> int:
        return sum(n * sizes.get(name, 1) for name, n in counts.items() if re.fullmatch(pattern, name))

    kinds = (r"LUT\d|CCU2C|TRELLIS_DPR16X4", r"TRELLIS_FF|FD.E", r"DP16KD|PDPW16KD|RAMB\d+E2", r"MULT18X18D|DSP48E2")
    return " ".join(f"{total(pattern):>6}" for pattern in kinds)


def _constant(bits: int, rows: int) -> int:
    return bits


def main(*rows_wanted: str) -> None:
    """Print a line for each form of each layer."""
    rule, largest = synapses.bits_per_table, synapses.MAX_LOGIC_ROWS
    print(
        f"{'rows':>4} {'input':>6} {'form':<32}" + "".join(f"{name + ': LUT, FF, BRAM, DSP':<32}" for name in FAMILIES)
    )
    for input_bits in INPUTS:
        for rows in map(int, rows_wanted or ("1", "2", "4", "8", "16", "32", "64", "128", "256", "512")):
            row_bits = (rows - 1).bit_length()
            wanted = rule(rows), rows <= largest
            forms = [(f"table, logic, {a} address bits", a - row_bits, 1 << 20) for a in (4, 5, 6) if a > row_bits]
            forms += [("table, block memory", 9 - row_bits, 0)] if row_bits < 9 else []
            forms += [("gates, logic", 0, 1 << 20)] if rows <= 16 else [("gates, block memory", 0, 0)]
            for name, bits, logic_rows in forms:
                mark = " *" if (bits, logic_rows > 0) == wanted else ""
                synapses.bits_per_table, synapses.MAX_LOGIC_ROWS = partial(_constant, bits), logic_rows
                component = synapses.Synapses(*weights(rows, input_bits), input_bits, 28)
                figures = [summary(cells(component, command)) for command in FAMILIES.values()]
                synapses.bits_per_table, synapses.MAX_LOGIC_ROWS = rule, largest
                kind = "pixels" if input_bits > 1 else "spikes"
                print(f"{rows:>4} {kind} {name + mark:<32}" + "".join(f"{f:<32}" for f in figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
