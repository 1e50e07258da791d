"""Every test image through the simulated hardware, every layer boundary compared with the reference.

    python benchmarks/whole_test_set.py MODEL DATA [--fold FILE] [--chunk 500] [--workers 2]

Images run back to back in chunks, each from a reset, without stalls; several chunks at a time. For mnist at one pixel a
clock the simulator takes minutes to build, and 10,000 images some more.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hwsnn.bench import this_cpu
from hwsnn.data import load
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization, from_file
from hwsnn.rtl.network import Pipeline
from hwsnn.sim.network_bench import NetworkResult, run_network
from hwsnn.verilog.emit import to_verilog


def main() -> None:
    """Run all chunks and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--fold", type=Path, help="a folding.json; without it the design that hwsnn generate makes")
    parser.add_argument("--chunk", type=int, default=500)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    network = load_model(options.model)
    device = DEVICES["xczu9eg"]
    plan = from_file(network, device, options.fold) if options.fold else for_utilization(network, device)
    images = load(options.data, network).images
    start = time.monotonic()
    verilog = to_verilog(Pipeline(network, plan.folding), model_hash(network))
    generated = time.monotonic()
    # The first image builds the simulator for all.
    run_network(network, plan.folding, images[:1], stalls=False, verilog=verilog)
    built = time.monotonic()

    def chunk(first: int) -> NetworkResult:
        part = images[first : first + options.chunk]
        result = run_network(network, plan.folding, part, stalls=False, verilog=verilog)
        print(f"images {first} to {first + len(part) - 1}: {result.mismatches} mismatches", flush=True)
        return result

    with ThreadPoolExecutor(options.workers) as pool:
        results = list(pool.map(chunk, range(0, len(images), options.chunk)))
    done = time.monotonic()
    print(
        json.dumps(
            {
                "model": network.name,
                "sha256": model_hash(network),
                "images": len(images),
                "bits_compared": sum(result.spikes_compared for result in results),
                "mismatches": sum(result.mismatches for result in results),
                "cycles_per_frame": sorted({float(result.cycles_per_frame) for result in results}),
                "seconds": {
                    "Verilog": round(generated - start, 1),
                    "simulator": round(built - generated, 1),
                    "images": round(done - built, 1),
                },
                "workers": options.workers,
                "machine": str(this_cpu()),
            }
        )
    )


if __name__ == "__main__":
    main()
