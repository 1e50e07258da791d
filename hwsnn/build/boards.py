"""Boards: one file of data each, in the shipped folder ``boards/``."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hwsnn.errors import InputError
from hwsnn.shipped import folder

Resource = tuple[str, int]


@dataclass(frozen=True)
class Board:
    """An ECP5 board that talks over a serial line. ``docs/boards.md`` says how to add one.

    ``device`` is its FPGA's name in ``hwsnn.devices``. ``platform`` makes its Amaranth platform, whose default clock
    feeds the PLL; ``nextpnr`` selects the part. ``baud`` divides ``clock_hz`` evenly. ``uart`` is a resource with
    ``rx`` and ``tx``. The two ``leds`` change with every frame accepted, and with every packet refused. ``held_high``
    names pins that the board wants at 1: resource, number, pin.
    """

    name: str
    title: str
    device: str
    platform: Callable[[], Any]
    nextpnr: tuple[str, ...]
    clock_hz: int
    baud: int
    uart: Resource
    leds: tuple[Resource, Resource]
    held_high: tuple[tuple[str, int, str], ...] = ()

    def __post_init__(self) -> None:
        if self.clock_hz % self.baud:
            raise ValueError(f"baud must divide the clock of {self.clock_hz} Hz, not be {self.baud!r}")

    @property
    def clock_mhz(self) -> float:
        """The system clock."""
        return self.clock_hz / 1e6

    @property
    def divisor(self) -> int:
        """Clocks a bit of the serial line."""
        return self.clock_hz // self.baud


def board_names() -> list[str]:
    """The boards there are."""
    return sorted(file.stem.replace("_", "-") for file in folder("boards").glob("[a-z]*.py"))


def load_board(name: str) -> Board:
    """The board ``name``, such as ``ulx3s-85f``. Raises ``InputError`` where there is none."""
    if name not in board_names():
        raise InputError(f"{name}: no such board; the boards are {', '.join(board_names())}")
    file = folder("boards") / f"{name.replace('-', '_')}.py"
    spec = importlib.util.spec_from_file_location(f"boards.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {file}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    board: Board = module.BOARD
    return board
