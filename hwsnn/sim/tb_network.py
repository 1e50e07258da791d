"""The cocotb side of ``network_bench``: runs a whole network and compares every layer boundary, in order."""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from hwsnn.sim.agents import Checker, Driver, Monitor, Stalls, StreamPort, reset

IDLE_CLOCKS = 64
"""Cycles to simulate after the last result, so that surplus beats show."""
STALL_PROBABILITY = 0.2


@dataclass
class Boundary:
    """Monitor of a stream inside the design; its beats are compared bit by bit."""

    name: str
    port: StreamPort
    expected: list[int]
    seen: int = 0
    mismatches: int = 0
    first: int | None = None

    def take(self, beat: int) -> None:
        """Compare the next beat with the reference."""
        wrong = 1 if self.seen >= len(self.expected) else (beat ^ self.expected[self.seen]).bit_count()
        if wrong:
            self.mismatches += wrong
            if self.first is None:
                self.first = self.seen
        self.seen += 1


@dataclass
class Pass:
    """One run over all frames, with or without stalls."""

    boundaries: list[Boundary]
    pixel_clocks: list[int] = field(default_factory=list)
    result_clocks: list[int] = field(default_factory=list)
    stuck: bool = False

    def summary(self) -> dict[str, Any]:
        """The outcome, as JSON values."""
        return {
            "stuck": self.stuck,
            "first_pixel_clock": self.pixel_clocks[0] if self.pixel_clocks else None,
            "result_clocks": self.result_clocks,
            "boundaries": {b.name: {"mismatches": b.mismatches, "first": b.first} for b in self.boundaries},
        }


async def _run(dut: Any, job: dict[str, Any], arrays: dict[str, list[int]], stalls: list[Stalls], done: int) -> Pass:
    boundaries = [
        Boundary(name, StreamPort(dut, stream), arrays[f"boundary_{name}"])
        for name, stream in job["boundaries"].items()
    ]
    result = Boundary("result", StreamPort(dut, "result"), arrays["result"])
    outcome = Pass([*boundaries, result])
    driver = Driver(StreamPort(dut, "pixels"), arrays["pixels"], stalls[0], outcome.pixel_clocks)
    # The monitor's checker holds the stream's rules; the beats themselves are compared by the boundary.
    monitor = Monitor(result.port, Checker("result", iter(result.expected), len(result.expected)), stalls[1])
    clock = quiet = 0
    progress = Path(os.environ["HWSNN_PROGRESS"])
    while True:
        await RisingEdge(dut.clk)
        clock += 1
        moved = driver.edge(clock)
        for boundary in boundaries:
            if boundary.port.moves():
                boundary.take(boundary.port.beat())
                moved = True
        if monitor.edge(clock):
            moved = True
            result.take(monitor.last)
            outcome.result_clocks.append(clock)
            progress.write_text(str(done + result.seen))
        quiet = 0 if moved else quiet + 1
        if driver.done and result.seen >= len(result.expected) and quiet > IDLE_CLOCKS:
            break
        if quiet > job["stuck_clocks"]:
            outcome.stuck = True
            break
    for boundary in outcome.boundaries:
        missing = len(boundary.expected) - boundary.seen
        if missing > 0:
            boundary.mismatches += missing
            boundary.first = boundary.seen if boundary.first is None else boundary.first
    if monitor.checker.error is not None and not result.mismatches:
        raise AssertionError(monitor.checker.error)
    return outcome


@cocotb.test()
async def every_frame(dut: Any) -> None:
    """Runs all frames without stalls, then (where the job says so) with random stalls at both ends."""
    job = json.loads(Path(os.environ["HWSNN_JOB"]).read_text())
    arrays = {name: _integers(array) for name, array in np.load(job["beats"], allow_pickle=False).items()}
    Clock(dut.clk, 10, unit="ns").start()
    passes = []
    frames = len(arrays["result"])
    for number, probability in enumerate((0.0, STALL_PROBABILITY) if job["stalls"] else (0.0,)):
        await reset(dut)
        stalls = [Stalls(random.Random(f"{job['seed']}/{end}"), probability) for end in ("pixels", "result")]
        passes.append((await _run(dut, job, arrays, stalls, number * frames)).summary())
    Path(os.environ["HWSNN_RESULTS"]).write_text(json.dumps(passes))


def _integers(rows: Any) -> list[int]:
    """Each row of little-endian bytes as one integer."""
    return [int.from_bytes(row.tobytes(), "little") for row in rows]
