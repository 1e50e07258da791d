"""The cycle model against the simulated hardware: cycles per frame, latency, and the clock of every result.

    python benchmarks/cycle_model.py mnist [folding.json]

Without a file, the folding that ``hwsnn generate`` would choose. To build a simulator takes seconds for a small network
and minutes for a large one. Exit status 1 where a clock differs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from hwsnn.cycles import queue_depths, result_clocks, simulate
from hwsnn.data import random_images
from hwsnn.model_file.by_name import load_model
from hwsnn.planner import plan
from hwsnn.planner.devices import DEVICES
from hwsnn.sim.network_bench import MEASURED_FRAMES, run_network


def main(model: str, folding_file: str | None = None) -> int:
    """Print what either says, and return the exit status."""
    network = load_model(model)
    device = next(iter(DEVICES.values()))
    chosen = (
        plan.from_file(network, device, Path(folding_file)) if folding_file else plan.for_utilization(network, device)
    )
    start = time.perf_counter()
    queue_depths(network, chosen.folding.layers)
    searched = time.perf_counter() - start
    start = time.perf_counter()
    cycles = simulate(network, chosen.folding)
    modelled = time.perf_counter() - start
    clocks = result_clocks(network, chosen.folding, MEASURED_FRAMES)
    start = time.perf_counter()
    images = random_images(network, MEASURED_FRAMES, 0)
    result = run_network(network, chosen.folding, images, stalls=False)
    simulated = time.perf_counter() - start
    print(f"{model}, slowest: {cycles.bottleneck}")
    print(f"queue depths found in {searched:.2f} seconds")
    print("          | cycles per frame | latency | seconds")
    print(f"model     | {float(cycles.cycles_per_frame):16g} | {cycles.latency_cycles:7} | {modelled:.2f}")
    print(f"simulated | {result.cycles_per_frame:16g} | {result.latency_cycles:7} | {simulated:.1f}")
    same = clocks == list(result.result_clocks)
    print(f"results of {len(clocks)} frames: {'every clock the same' if same else 'CLOCKS DIFFER'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
