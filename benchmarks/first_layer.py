"""What more lanes in the first layer bring: cycles per frame, clock, frames per second and size, placed and routed.

    python benchmarks/first_layer.py digits ulx3s-85f 4 8 16

A place-and-route run for each number of lanes: minutes each. The other layers stay as they are chosen for the board.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from hwsnn.build.boards import NextpnrBoard, load_board
from hwsnn.build.open_flow import build
from hwsnn.model_file.by_name import load_model
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization, with_folds


def main(model: str, board_name: str, *lanes: str) -> None:
    """Print a line for each number of lanes."""
    network, board = load_model(model), load_board(board_name, NextpnrBoard)
    device = DEVICES[board.device]
    chosen = for_utilization(network, device).folding.layers
    first = network.layers[0].name
    print("lanes | cycles per frame | MHz | frames/s | LUT | FF | place and route, s")
    for count in map(int, lanes):
        plan = with_folds(network, device, {**chosen, first: replace(chosen[first], cout_par=count)})
        with tempfile.TemporaryDirectory() as folder:
            report = build(network, plan.folding, board, Path(folder))
        cycles = float(plan.cycles.cycles_per_frame)
        print(
            f"{count} | {cycles:g} | {report.fmax_mhz:.1f} | {report.fmax_mhz * 1e6 / cycles:,.0f} | {report.lut:,} | "
            f"{report.ff:,} | {report.stage_seconds['place and route']:.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
