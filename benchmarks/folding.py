"""What more multipliers bring: clocks a frame, clock, frames a second and size, placed and routed.

    python benchmarks/folding.py digits ulx3s-85f 40 80 150

A place-and-route run for each number of multipliers, and a simulation of a few frames: minutes each.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from hwsnn.bench import fpga_fps
from hwsnn.build.boards import load_board
from hwsnn.build.ecp5 import build
from hwsnn.cli.common import load_model
from hwsnn.data import random_images
from hwsnn.fold import choose
from hwsnn.sim.network_bench import run_network


def main(model: str, board: str, *multipliers: str) -> None:
    """Print a line for each number of multipliers."""
    network = load_model(model)
    print("multipliers allowed | clocks a frame | MHz | frames/s | LUT | FF | DSP | place and route, s")
    for limit in map(int, multipliers):
        folding = choose(network, multipliers=limit)
        result = run_network(network, folding, random_images(network, 8, 0), stalls=False)
        with tempfile.TemporaryDirectory() as folder:
            report = build(network, folding, load_board(board), Path(folder))
        rate = fpga_fps(result.cycles_per_frame, report.fmax_mhz)
        print(
            f"{limit} | {result.cycles_per_frame:g} | {report.fmax_mhz:.1f} | {rate:,.0f} | {report.lut:,} | "
            f"{report.ff:,} | {report.dsp} | {report.stage_seconds['place and route']:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
