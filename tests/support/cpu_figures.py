"""Figures of a CPU that nobody measured."""

from __future__ import annotations

from hwsnn.bench import CpuFigure


def cpu_figure(name: str, fps: float, others: float | None = 0.0, cores: int = 2) -> CpuFigure:
    return CpuFigure(fps=fps, cores_used=1.9, cores_used_by_others=others, name=name, cores=cores)
