"""Frames a second of simulated hardware: clocks that were counted, at clock frequencies that nobody measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hwsnn.planner.devices import Device

from ..build.boards import board_names, load_board


@dataclass(frozen=True)
class Clock:
    """A clock frequency. ``board``: whose designs run at it; None where it is only assumed."""

    mhz: float
    board: str | None = None

    def __str__(self) -> str:
        if self.board is None:
            return f"assumed {self.mhz:g} MHz"
        return f"{self.mhz:g} MHz of board {self.board}, timing not checked"


@dataclass(frozen=True)
class Rate:
    """What simulated clocks come to at a clock. ``fps``: frames a second; ``latency_us``: of a frame alone."""

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
    """The assumed clock, and those of the boards that have the device; each frequency once."""
    boards = [board for board in map(load_board, board_names()) if board.device == device.name]
    found = [Clock(assumed_mhz), *(Clock(board.clock_mhz, board.name) for board in boards)]
    first = {clock.mhz: clock for clock in reversed(found)}
    return tuple(clock for clock in found if first[clock.mhz] is clock)


def rate(clocks_per_frame: float, latency_clocks: int, clock: Clock) -> Rate:
    """Clocks at a clock frequency: as sure as that is."""
    return Rate(clock, fpga_fps(clocks_per_frame, clock.mhz), latency_clocks / clock.mhz)


def fpga_fps(clocks_per_frame: float, clock_mhz: float) -> float:
    """Frames a second at a clock: exact for measured clocks a frame, as sure as the clock is."""
    return clock_mhz * 1e6 / clocks_per_frame
