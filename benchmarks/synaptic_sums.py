"""What the tables of a synaptic sum cost on two families: the figures of docs/decisions/0001-synaptic-sums.md.

    python benchmarks/synaptic_sums.py [ROWS ...]

Random normal 8-bit weights, four output lanes; a layer of spikes (36 inputs a clock) and one of 8-bit pixels (9 inputs
a clock), for each number of rows of weights (groups times folds). One Yosys run a figure: seconds each.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path

import numpy as np

from hwsnn.build.process import run_tool
from hwsnn.build.tools import find
from hwsnn.folding.distributed_arithmetic import bits_per_table, in_block_memory
from hwsnn.folding.folding import Sums
from hwsnn.folding.synaptic_sums import SynapticSums
from hwsnn.rtl.compute.synapses import Synapses
from hwsnn.verilog.emit import verilog_text

LANES = 4
INPUTS = {1: 36, 8: 9}
TABLES: tuple[Sums, ...] = ("lut5", "lut6", "block")
CURRENT_BITS = 28
FAMILIES = {"ECP5": "synth_ecp5 -top top", "UltraScale+": "synth_xilinx -family xcup -flatten -top top"}


def weights(rows: int, input_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """Random weights (1, G, F, lanes, L), as many groups as folds or twice as many, and biases (G, lanes)."""
    random = np.random.default_rng(1)
    folds = 1 << ((rows.bit_length() - 1) // 2)
    shape = (1, -(-rows // folds), folds, LANES, INPUTS[input_bits])
    made = np.clip(np.rint(random.normal(0, 127 / 3, shape)), -127, 127).astype(np.int64)
    return made, random.integers(-300, 301, (shape[1], LANES))


def forms(rows: int) -> dict[str, Sums]:
    """The forms that differ at so many rows, in words."""
    named: dict[str, Sums] = {}
    for sums in TABLES:
        bits, where = bits_per_table(rows, sums), "block memory" if in_block_memory(rows, sums) else sums
        named.setdefault(f"tables of {bits} input bits, {where}" if bits else f"gates, {where}", sums)
    return named


def cells(component: Synapses, command: str) -> dict[str, int]:
    """The cells that Yosys makes of a component, by type."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "top.v").write_text(verilog_text(component, "top"))
        script = f"read_verilog top.v; {command}; tee -q -o cells.json stat -json"
        run_tool(find("yosys"), ["-q", "-p", script], folder, folder / "yosys.log")
        counts: dict[str, int] = json.loads((folder / "cells.json").read_text())["design"]["num_cells_by_type"]
    return counts


def summary(counts: dict[str, int]) -> str:
    """Look-up tables, flip-flops and block memories (of 18 kbit)."""
    sizes = {"CCU2C": 2, "TRELLIS_DPR16X4": 4, "RAMB36E2": 2}

    def total(pattern: str) -> int:
        return sum(n * sizes.get(name, 1) for name, n in counts.items() if re.fullmatch(pattern, name))

    kinds = (r"LUT\d|CCU2C|TRELLIS_DPR16X4", r"TRELLIS_FF|FD.E", r"DP16KD|PDPW16KD|RAMB\d+E2")
    return " ".join(f"{total(pattern):>6}" for pattern in kinds)


def main(*rows_wanted: str) -> None:
    """Print a line for each form of each layer."""
    print(f"{'rows':>4} {'input':>6} {'form':<36}" + "".join(f"{name + ': LUT, FF, BRAM':<26}" for name in FAMILIES))
    for input_bits in INPUTS:
        kind = "pixels" if input_bits > 1 else "spikes"
        for rows in map(int, rows_wanted or ("1", "2", "4", "8", "16", "32", "64", "128", "256", "512")):
            for name, sums in forms(rows).items():
                component = Synapses(
                    SynapticSums(*weights(rows, input_bits), (1 << input_bits) - 1, sums), CURRENT_BITS
                )
                figures = [summary(cells(component, command)) for command in FAMILIES.values()]
                print(f"{rows:>4} {kind} {name:<36}" + "".join(f"{figure:<26}" for figure in figures), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
