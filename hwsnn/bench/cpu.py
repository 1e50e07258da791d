"""Frames/s of this machine's CPU: the numpy reference, and the network in PyTorch where that is installed."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .. import reference
from ..spec import Network

REPEATS = 5
SECONDS_A_REPEAT = 0.5
LARGEST_RUN = 20_000
"""Maximum images per repeat."""
SECONDS_A_BATCH_SIZE = 0.2
SMALLEST_BATCH, LARGEST_BATCH = 8, 4096
"""Largest batch size of PyTorch; batch sizes are powers of two."""
BATCH_NEURONS = 1 << 24
"""Maximum neurons of the largest layer times the batch size: a bound on memory."""

Images = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Cpu:
    """The processor of a figure.

    ``mhz``: its present clock, and ``load``: how many processes ran in the last minute on average, both as the system
    reports them, if it does.
    """

    name: str
    cores: int
    mhz: float | None
    load: float | None = None

    def __str__(self) -> str:
        clock = f" at {self.mhz:,.0f} MHz" if self.mhz else ""
        return f"{self.name}, {self.cores} cores{clock}"


@dataclass(frozen=True)
class CpuFigure:
    """Frames/s of one implementation on all cores."""

    name: str
    fps: float


def this_cpu() -> Cpu:
    """The processor of this machine, as the system describes it."""
    name, mhz = platform.processor() or platform.machine(), None
    info = Path("/proc/cpuinfo")
    if info.is_file():
        fields = [line.split(":", 1) for line in info.read_text().splitlines() if ":" in line]
        values = {key.strip(): value.strip() for key, value in reversed(fields)}
        name = values.get("model name", name)
        mhz = float(values["cpu MHz"]) if "cpu MHz" in values else None
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return Cpu(name, _cores(), mhz, load)


def torch_version() -> str | None:
    """The version of the installed PyTorch, without importing it; None if there is none."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def cpu_figures(
    network: Network, images: Images, progress: Progress = lambda done, total: None
) -> tuple[CpuFigure, ...]:
    """The numpy reference, and the same network in PyTorch where that is installed: medians of ``REPEATS`` runs each.

    The images are repeated until a run lasts about ``SECONDS_A_REPEAT``: the CPU is fastest with many at once.
    Raises ``RuntimeError`` if PyTorch's scores are not the reference's.
    """
    torch = torch_version()
    total = REPEATS * (1 if torch is None else 2)
    figures = [CpuFigure("numpy reference", reference_fps(network, images, lambda done, _: progress(done, total)))]
    if torch is not None:
        rate = torch_fps(network, images, lambda done, _: progress(REPEATS + done, total))
        figures.append(CpuFigure(f"PyTorch {torch}", rate))
    return tuple(figures)


def fastest(figures: tuple[CpuFigure, ...]) -> CpuFigure:
    """The CPU's frames/s: those of its fastest implementation."""
    return max(figures, key=lambda figure: figure.fps)


def reference_fps(network: Network, images: Images, progress: Progress = lambda done, total: None) -> float:
    """Frames/s of the reference on all cores."""
    return _median_rate(lambda some: reference.run(network, some), images, progress)


def torch_fps(network: Network, images: Images, progress: Progress = lambda done, total: None) -> float:
    """Frames/s of the network in PyTorch on all cores, at the fastest batch size.

    Raises ``RuntimeError`` if its scores are not the reference's.
    """
    import torch

    from .torch_network import TorchNetwork

    torch_network = TorchNetwork(network)
    threads = torch.get_num_threads()
    torch.set_num_threads(_cores())
    try:
        if not np.array_equal(torch_network.scores(images, SMALLEST_BATCH), reference.run(network, images).scores):
            raise RuntimeError("PyTorch's scores must be the reference's, but differ")
        largest = BATCH_NEURONS // max(math.prod(shape) for shape in network.shapes)
        batch = _best_batch(torch_network.scores, images, min(largest, LARGEST_BATCH))
        return _median_rate(lambda some: torch_network.scores(some, batch), images, progress)
    finally:
        torch.set_num_threads(threads)


def _best_batch(run: Callable[[Images, int], object], images: Images, largest: int) -> int:
    """The fastest power of two up to ``largest``; stops after two in a row are slower than the best so far."""
    best, best_rate, batch, slower = SMALLEST_BATCH, 0.0, SMALLEST_BATCH, 0
    while batch <= largest and slower < 2:
        some = _repeated(images, batch)
        run(some, batch)  # a first run at a new size also plans
        rate, spent = 0.0, 0.0
        while spent < SECONDS_A_BATCH_SIZE:
            seconds = _seconds(lambda: run(some, batch))  # noqa: B023
            rate, spent = max(rate, batch / seconds), spent + seconds
        best, best_rate, slower = (batch, rate, 0) if rate > best_rate else (best, best_rate, slower + 1)
        batch *= 2
    return best


def _median_rate(run: Callable[[Images], object], images: Images, progress: Progress) -> float:
    """Images/s of ``run``: the median of ``REPEATS``, after runs that warm up and find how many images to repeat."""
    some = images
    while True:
        seconds = _seconds(lambda: run(some))  # noqa: B023
        if seconds >= SECONDS_A_REPEAT / 2 or len(some) >= LARGEST_RUN:
            break
        wanted = int(len(some) * min(max(SECONDS_A_REPEAT / max(seconds, 1e-6), 2), 16))
        some = _repeated(images, min(wanted, LARGEST_RUN))
    rates = []
    for repeat in range(REPEATS):
        rates.append(len(some) / _seconds(lambda: run(some)))
        progress(repeat + 1, REPEATS)
    return statistics.median(rates)


def _repeated(images: Images, count: int) -> Images:
    """``count`` images, cycling through ``images``."""
    return images[np.arange(count) % len(images)]


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
