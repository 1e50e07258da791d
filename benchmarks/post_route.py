"""The post-route clock of a model, by the open tools, with several seeds of the placer: it varies by 10 to 20 %.

    python benchmarks/post_route.py MODEL BOARD [SEEDS]

The design is the one that `hwsnn build MODEL --board BOARD` makes, synthesized once; nextpnr runs with the seeds 1 to
SEEDS (default: 5), one after the other.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from hwsnn.build import tools
from hwsnn.build.boards import NextpnrBoard, load_board
from hwsnn.build.nextpnr import REPORT, place_and_route, write_design
from hwsnn.build.open_flow import family_of
from hwsnn.build.process import run_tool
from hwsnn.build.report import parse_routed
from hwsnn.build.serial_top import TOP, serial_top
from hwsnn.model_file.by_name import load_model
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization


def main(model: str, board_name: str, seeds: str = "5") -> None:
    """Print a line per seed, and the median."""
    network, board = load_model(model), load_board(board_name, NextpnrBoard)
    plan, family, clocks = for_utilization(network, DEVICES[board.device]), family_of(board), []
    yosys, nextpnr = tools.find("yosys"), tools.find(family.nextpnr)
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_design(serial_top(network, plan.folding, board), board, family, folder)
        run_tool(yosys, ["-q", f"{TOP}.ys"], folder, folder / "yosys.log")
        for seed in range(1, int(seeds) + 1):
            start = time.monotonic()
            place_and_route(nextpnr, board, family, folder, folder / "nextpnr.log", seed=seed)
            routed = parse_routed(folder / REPORT, board.clock_mhz, family.cells)
            clocks.append(routed.fmax_mhz)
            print(f"seed {seed}: {clocks[-1]:.1f} MHz, {time.monotonic() - start:.0f} s", flush=True)
    print(f"{network.name} on {board.name}: median {statistics.median(clocks):.1f} MHz of {len(clocks)} seeds")


if __name__ == "__main__":
    main(*sys.argv[1:])
