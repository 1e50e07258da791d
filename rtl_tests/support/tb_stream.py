"""The cocotb side of ``stream_bench``: drives and checks every case of the design at once."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from hwsnn.sim.agents import Checker, Driver, Monitor, Stalls, StreamPort, reset

IDLE_CLOCKS = 64
"""Cycles to simulate after the last expected beat, so that surplus beats show."""
STUCK_CLOCKS = 4096
"""Cycles without any beat after which a case counts as stuck."""


async def _run(dut: Any, index: int, inputs: list[int], outputs: list[int], stalls: list[Stalls]) -> dict[str, Any]:
    driver = Driver(StreamPort(dut, f"case{index}_i"), inputs, stalls[0])
    checker = Checker("o", iter(outputs), len(outputs))
    monitor = Monitor(StreamPort(dut, f"case{index}_o"), checker, stalls[1])
    clock = quiet = 0
    while checker.error is None:
        await RisingEdge(dut.clk)
        clock += 1
        moved = driver.edge(clock) | monitor.edge(clock)
        quiet = 0 if moved else quiet + 1
        if driver.done and checker.done and quiet > IDLE_CLOCKS:
            break
        if quiet > STUCK_CLOCKS:
            checker.error = f"stuck after {len(driver.clocks)} beats in and {checker.seen} of {checker.count} out"
    return {"error": checker.error, "input_clocks": driver.clocks, "output_clocks": monitor.clocks}


@cocotb.test()
async def every_case(dut: Any) -> None:
    """Runs every case without stalls, then with stalls, and writes the results."""
    job = json.loads(Path(os.environ["HWSNN_JOB"]).read_text())
    Clock(dut.clk, 10, unit="ns").start()
    passes: list[list[dict[str, Any]]] = []
    for probability in (0.0, 0.3):
        await reset(dut)
        tasks = []
        for index, (inputs, outputs, flows) in enumerate(job["cases"]):
            generator = random.Random(f"{job['seed']}/{index}")
            stalls = [Stalls(generator, probability), Stalls(generator, 0.0 if flows else probability)]
            tasks.append(cocotb.start_soon(_run(dut, index, inputs, outputs, stalls)))
        passes.append([await task for task in tasks])
    for unstalled, stalled in zip(*passes, strict=True):
        if unstalled["error"] is None and stalled["error"] is not None:
            unstalled["error"] = f"with stalls: {stalled['error']}"
    Path(os.environ["HWSNN_RESULTS"]).write_text(json.dumps(passes[0]))
