"""What was measured of the hardware in simulation, and of this machine's CPU, as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from hwsnn.bench.cpu import Cpu, CpuFigure, fastest
from hwsnn.bench.report import LayerSize
from hwsnn.build.analysis.resources import Resources
from hwsnn.sim.network_bench import NetworkResult


@dataclass(frozen=True)
class Benchmarked:
    """``simulated``: the hardware beside the reference. ``cpu``: this one. ``resources``, ``sizes``: by synthesis."""

    simulated: NetworkResult
    cpu: Cpu
    figures: tuple[CpuFigure, ...]
    resources: Resources | None = None
    sizes: dict[str, LayerSize] | None = None

    @property
    def fastest(self) -> CpuFigure:
        """The CPU's fastest implementation."""
        return fastest(self.figures)
