"""Frames/s of the simulated hardware at a stated clock, compared with this machine's CPU."""

from __future__ import annotations

from .cpu import Cpu, CpuFigure, cpu_figures, fastest, installed_version, this_cpu
from .rates import fpga_fps

__all__ = [
    "Cpu",
    "CpuFigure",
    "cpu_figures",
    "fastest",
    "fpga_fps",
    "installed_version",
    "this_cpu",
]
