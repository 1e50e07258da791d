"""Frames a second: simulated hardware at a stated clock, against the best of this machine's CPU."""

from __future__ import annotations

from .cpu import Cpu, CpuFigure, cpu_figures, fastest, reference_fps, this_cpu, torch_version

__all__ = [
    "Cpu",
    "CpuFigure",
    "cpu_figures",
    "fastest",
    "fpga_fps",
    "reference_fps",
    "this_cpu",
    "torch_version",
]


def fpga_fps(cycles_per_frame: float, clock_mhz: float) -> float:
    """Frames a second at a clock: exact for measured clocks a frame, as sure as the clock is."""
    return clock_mhz * 1e6 / cycles_per_frame
