"""Frames a second: simulated hardware at a stated clock, against the numpy reference on this machine's CPU."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from . import reference
from .spec import Network

REPEATS = 5
SECONDS_A_REPEAT = 0.5
LARGEST_BATCH = 20_000

Images = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Cpu:
    """The processor that the reference ran on; ``mhz`` is what the system says of its clock now, if it does."""

    name: str
    cores: int
    mhz: float | None

    def __str__(self) -> str:
        clock = f" at {self.mhz:,.0f} MHz" if self.mhz else ""
        return f"{self.name}, {self.cores} cores{clock}"


def this_cpu() -> Cpu:
    """The processor of this machine, as the system describes it."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name, mhz = platform.processor() or platform.machine(), None
    info = Path("/proc/cpuinfo")
    if info.is_file():
        fields = [line.split(":", 1) for line in info.read_text().splitlines() if ":" in line]
        values = {key.strip(): value.strip() for key, value in reversed(fields)}
        name = values.get("model name", name)
        mhz = float(values["cpu MHz"]) if "cpu MHz" in values else None
    return Cpu(name, cores, mhz)


def cpu_fps(network: Network, images: Images, progress: Callable[[int, int], None] = lambda done, total: None) -> float:
    """Frames a second of the reference on all cores: the median of ``REPEATS`` runs after a warm-up.

    The images are repeated until a run lasts about ``SECONDS_A_REPEAT``: a large batch is the CPU at its best.
    """
    batch = images
    while True:
        seconds = _seconds(network, batch)
        if seconds >= SECONDS_A_REPEAT / 2 or len(batch) >= LARGEST_BATCH:
            break
        wanted = int(len(batch) * min(max(SECONDS_A_REPEAT / max(seconds, 1e-6), 2), 16))
        batch = images[np.arange(min(wanted, LARGEST_BATCH)) % len(images)]
    rates = []
    for repeat in range(REPEATS):
        rates.append(len(batch) / _seconds(network, batch))
        progress(repeat + 1, REPEATS)
    return statistics.median(rates)


def _seconds(network: Network, images: Images) -> float:
    start = time.perf_counter()
    reference.run(network, images)
    return time.perf_counter() - start


def fpga_fps(cycles_per_frame: float, clock_mhz: float) -> float:
    """Frames a second at a clock: exact for measured clocks a frame, as sure as the clock is."""
    return clock_mhz * 1e6 / cycles_per_frame
