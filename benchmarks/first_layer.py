"""What more lanes in the first layer bring: clocks a frame, clock, frames a second and size, placed and routed.

    python benchmarks/first_layer.py digits ulx3s-85f 4 8 16

A place-and-route run for each number of lanes, and a simulation of a few frames: minutes each.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from hwsnn.bench import fpga_fps
from hwsnn.build.boards import load_board
from hwsnn.build.ecp5 import build
from hwsnn.cli.common import load_model
from hwsnn.data import random_images
from hwsnn.fold import choose
from hwsnn.sim.network_bench import run_network
from hwsnn.spec import LayerFold


def main(model: str, board: str, *lanes: str) -> None:
    """Print a line for each number of lanes."""
    network = load_model(model)
    chosen = choose(network)
    first = network.layers[0].name
    print("lanes | clocks a frame | MHz | frames/s | LUT | FF | DSP | place and route, s")
    for count in map(int, lanes):
        fold = LayerFold(chosen.layers[first].cin_par, count)
        folding = replace(chosen, layers={**chosen.layers, first: fold})
        result = run_network(network, folding, random_images(network, 8, 0), stalls=False)
        with tempfile.TemporaryDirectory() as folder:
            report = build(network, folding, load_board(board), Path(folder))
        rate = fpga_fps(result.cycles_per_frame, report.fmax_mhz)
        print(
            f"{count} | {result.cycles_per_frame:g} | {report.fmax_mhz:.1f} | {rate:,.0f} | {report.lut:,} | "
            f"{report.ff:,} | {report.dsp} | {report.stage_seconds['place and route']:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
