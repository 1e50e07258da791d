"""The cocotb side of ``network_bench``: runs a whole network, and records the beats at every layer boundary."""

from __future__ import annotations

import json
import math
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotb.utils import get_sim_time

from hwsnn.sim.agents import Checker, Driver, Monitor, Stalls, StreamPort, reset

IDLE_CLOCKS = 64
"""Cycles to simulate after the last result, so that surplus beats show."""
STALL_PROBABILITY = 0.2


class AnyBeats(Checker):
    """Takes any beats: they are recorded, and compared afterwards."""

    def take(self, beat: int) -> None:
        """Count one more beat."""
        self.seen += 1


@dataclass
class Recorder:
    """The beats that moved on a stream of the design, each of ``width`` bytes, and the cycle of each."""

    port: StreamPort
    width: int
    beats: list[int] = field(default_factory=list)
    clocks: list[int] = field(default_factory=list)

    def edge(self, clock: int) -> bool:
        """Act at a clock edge. Returns whether a beat moved."""
        moved = self.port.moves()
        if moved:
            self.beats.append(self.port.beat())
            self.clocks.append(clock)
        return moved

    def arrays(self) -> tuple[Any, Any]:
        """The beats as (beats, bytes), little-endian, and their cycles."""
        packed = b"".join(beat.to_bytes(self.width, "little") for beat in self.beats)
        return np.frombuffer(packed, np.uint8).reshape(-1, self.width), np.array(self.clocks, np.int64)


@dataclass
class Pass:
    """One run over all frames, with or without stalls. ``start``: time at which cycle 0 is, in steps of 1 ps."""

    start: int
    recorders: dict[str, Recorder]
    pixel_clocks: list[int] = field(default_factory=list)
    stuck: bool = False
    broken: str | None = None

    def summary(self) -> dict[str, Any]:
        """The outcome without the beats, as JSON values."""
        first = self.pixel_clocks[0] if self.pixel_clocks else 0
        return {"start": self.start, "stuck": self.stuck, "broken": self.broken, "first_pixel_clock": first}


async def _run(dut: Any, job: dict[str, Any], pixels: list[int], stalls: list[Stalls], done: int) -> Pass:
    streams = job["streams"].items()
    recorders = {name: Recorder(StreamPort(dut, stream), width) for name, (stream, width) in streams}
    outcome = Pass(int(get_sim_time("step")), recorders)
    end = math.inf if job["end_ps"] is None else (job["end_ps"] - outcome.start) / job["clock_ps"]
    driver = Driver(StreamPort(dut, "pixels"), pixels, stalls[0], outcome.pixel_clocks)
    # It sees to the rules of the stream; the beats themselves are compared afterwards.
    monitor = Monitor(StreamPort(dut, "result"), AnyBeats("result", iter(()), 0), stalls[1])
    *_, last = recorders.values()
    clock = quiet = 0
    progress = Path(os.environ["HWSNN_PROGRESS"])
    while clock < end:
        await RisingEdge(dut.clk)
        clock += 1
        moved = driver.edge(clock)
        for recorder in recorders.values():
            moved |= recorder.edge(clock)
        if monitor.edge(clock):
            moved = True
            progress.write_text(str(done + len(monitor.clocks)))
        quiet = 0 if moved else quiet + 1
        if driver.done and len(last.beats) >= job["last_beats"] and quiet > IDLE_CLOCKS:
            break
        if quiet > job["stuck_clocks"]:
            outcome.stuck = True
            break
    outcome.broken = monitor.checker.error
    return outcome


@cocotb.test()
async def every_frame(dut: Any) -> None:
    """Runs all frames without stalls, then (where the job says so) with random stalls at both ends."""
    folder = Path(os.environ["HWSNN_BENCH"])
    job = json.loads((folder / "job.json").read_text())
    pixels = [int.from_bytes(row.tobytes(), "little") for row in np.load(folder / "pixels.npy", allow_pickle=False)]
    Clock(dut.clk, job["clock_ps"], unit="step").start()
    summaries, found = [], {}
    for number, probability in enumerate((0.0, STALL_PROBABILITY) if job["stalls"] else (0.0,)):
        await reset(dut)
        stalls = [Stalls(random.Random(f"{job['seed']}/{end}"), probability) for end in ("pixels", "result")]
        outcome = await _run(dut, job, pixels, stalls, number * job["frames"])
        summaries.append(outcome.summary())
        for name, recorder in outcome.recorders.items():
            found[f"beats_{number}_{name}"], found[f"clocks_{number}_{name}"] = recorder.arrays()
    np.savez(folder / "beats.npz", **found)
    (folder / "passes.json").write_text(json.dumps(summaries))
