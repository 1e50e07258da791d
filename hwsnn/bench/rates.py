"""Frames/s of simulated hardware: simulated cycles at clock frequencies that were not measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hwsnn.planner.devices import Device

from ..build.boards import board_names, load_board


@dataclass(frozen=True)
class Clock:
    """A clock frequency. ``board``: the board whose designs run at it; None if it is only assumed."""

    mhz: float
    board: str | None = None

    def __str__(self) -> str:
        if self.board is None:
            return f"assumed {self.mhz:g} MHz"
        return f"{self.mhz:g} MHz of board {self.board}, timing not checked"


@dataclass(frozen=True)
class Rate:
    """Simulated cycles converted at a clock. ``fps``: frames/s; ``latency_us``: microseconds, of a single frame."""

    clock: Clock
    fps: float
    latency_us: float

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values; ``clock`` says that it was not measured."""
        return {
            "clock_mhz": self.clock.mhz,
            "clock": "assumed" if self.clock.board is None else "of the board, timing not checked",
            "board": self.clock.board,
            "fps": self.fps,
            "latency_us": self.latency_us,
        }


def clocks(device: Device, assumed_mhz: float) -> tuple[Clock, ...]:
    """The assumed clock, and the clocks of the boards with the device; each frequency once."""
    boards = [board for board in map(load_board, board_names()) if board.device == device.name]
    found = [Clock(assumed_mhz), *(Clock(board.clock_mhz, board.name) for board in boards)]
    first = {clock.mhz: clock for clock in reversed(found)}
    return tuple(clock for clock in found if first[clock.mhz] is clock)


def rate(cycles_per_frame: float, latency_cycles: int, clock: Clock) -> Rate:
    """Convert cycles to a rate at a given clock."""
    return Rate(clock, fpga_fps(cycles_per_frame, clock.mhz), latency_cycles / clock.mhz)


def fpga_fps(cycles_per_frame: float, clock_mhz: float) -> float:
    """Frames/s at a clock: clock frequency divided by cycles per frame."""
    return clock_mhz * 1e6 / cycles_per_frame
