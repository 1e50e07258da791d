"""Frames/s of this machine's CPU: the numpy reference, and compiled code and PyTorch where they are installed."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from .. import reference
from ..progress import CountProgress, silent
from ..reference import usable_cores
from ..spec import Network
from ..spec.integers import Images, Int64Array
from . import timing
from .timing import Timing, best_batch, deadline, timed

BUSY = 0.1
"""Part of the cores that others use on average, from which on a figure is not to be trusted."""
MOST_CHECKED = 64
SECONDS_TO_CHECK = 1.0
"""Maximum images on which scores are compared with the reference's, and how long that may take the reference."""
SMALLEST_BATCH, LARGEST_BATCH = 8, 4096
"""Batch sizes of PyTorch; they are powers of two."""
BATCH_NEURONS = 1 << 24
"""Maximum neurons of the largest layer times the batch size: a bound on memory."""

Measure = Callable[[CountProgress], Timing]


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
class CpuFigure(Timing):
    """Frames/s of one implementation on all cores, ``name``, as it was timed. ``cores``: how many there are."""

    name: str
    cores: int

    @property
    def busy(self) -> bool:
        """Whether others took so much of the cores that the CPU looks slower than it is."""
        return self.cores_used_by_others is not None and self.cores_used_by_others > BUSY * self.cores

    @property
    def use(self) -> str:
        """How much of the cores the implementation and all else used, in words."""
        of = f"{self.cores_used:.2f} of {self.cores} cores used"
        if self.cores_used_by_others is None:
            return f"{of}; by others: not known"
        remark = ": busy, the ratio is not to be trusted" if self.busy else ""
        return f"{of}, {self.cores_used_by_others:.2f} by others{remark}"


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
    return Cpu(name, usable_cores(), mhz, load)


def installed_version(package: str) -> str | None:
    """The version of an installed package, without importing it; None if there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def cpu_figures(network: Network, images: Images, progress: CountProgress = silent) -> tuple[CpuFigure, ...]:
    """The numpy reference, and the same network in compiled code and in PyTorch where those are installed.

    Each takes less than a minute, on a busy machine too. Raises ``RuntimeError`` if the scores of another than the
    reference are not the reference's.
    """
    figures: list[CpuFigure] = []
    numba, torch = installed_version("numba"), installed_version("torch")
    total = (1 + (numba is not None) + (torch is not None)) * timing.REPEATS

    def add(name: str, measure: Measure) -> None:
        before = len(figures) * timing.REPEATS
        found = measure(lambda done, _: progress(before + done, total))
        figures.append(CpuFigure(**asdict(found), name=name, cores=usable_cores()))

    add("numpy reference", lambda progress: _reference(network, images, progress))
    some = images[: max(1, min(MOST_CHECKED, int(figures[0].fps * SECONDS_TO_CHECK)))]
    expected = reference.run(network, some).scores
    if numba is not None:
        add(f"compiled, numba {numba}", lambda progress: _compiled(network, images, some, expected, progress))
    if torch is not None:
        add(f"PyTorch {torch}", lambda progress: _torch(network, images, some, expected, progress))
    return tuple(figures)


def fastest(figures: tuple[CpuFigure, ...]) -> CpuFigure:
    """The CPU's figure: that of its fastest implementation."""
    return max(figures, key=lambda figure: figure.fps)


def _reference(network: Network, images: Images, progress: CountProgress) -> Timing:
    return timed(lambda some: reference.run(network, some), images, progress, deadline())


def _compiled(network: Network, images: Images, some: Images, expected: Int64Array, progress: CountProgress) -> Timing:
    from ..compiled import CompiledNetwork

    compiled = CompiledNetwork(network)
    _require_equal("compiled code", compiled.scores(some), expected)  # what is not in the cache is compiled here
    return timed(compiled.scores, images, progress, deadline())


def _torch(network: Network, images: Images, some: Images, expected: Int64Array, progress: CountProgress) -> Timing:
    """PyTorch on all cores, at the fastest batch size."""
    import torch

    from .torch_network import TorchNetwork

    until = deadline()
    torch_network = TorchNetwork(network)
    threads = torch.get_num_threads()
    torch.set_num_threads(usable_cores())
    try:
        _require_equal("PyTorch", torch_network.scores(some, SMALLEST_BATCH), expected)
        largest = min(LARGEST_BATCH, BATCH_NEURONS // max(math.prod(shape) for shape in network.shapes))
        batch = best_batch(torch_network.scores, images, SMALLEST_BATCH, largest, until)
        return timed(lambda part: torch_network.scores(part, batch), images, progress, until)
    finally:
        torch.set_num_threads(threads)


def _require_equal(name: str, scores: Int64Array, expected: Int64Array) -> None:
    if not np.array_equal(scores, expected):
        raise RuntimeError(f"{name} must give the reference's scores, but gives others")
