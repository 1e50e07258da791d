"""Boards: one file of data each, in the shipped folder ``boards/``. ``docs/boards.md`` says how to add one."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, overload

from hwsnn.errors import InputError
from hwsnn.files.shipped import folder

Resource = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Board:
    """What all boards have in common; each is of one of the kinds below.

    ``device`` is its FPGA's name in ``hwsnn.planner.devices``. ``platform`` makes its Amaranth platform, which knows
    the pins.
    ``clock_hz`` is the clock of the network: what it is built for where nobody says otherwise.
    """

    kind: ClassVar[str] = "board"

    name: str
    title: str
    device: str
    platform: Callable[[], Any]
    clock_hz: int

    @property
    def clock_mhz(self) -> float:
        """The clock of the network."""
        return self.clock_hz / 1e6


@dataclass(frozen=True, kw_only=True)
class SerialBoard(Board):
    """A board that a host reaches over a serial line; the platform's default clock is what ``clock_hz`` is made from.

    ``baud`` divides ``clock_hz`` evenly. ``uart`` is a resource with ``rx`` and ``tx``. The two ``leds`` change with
    every frame accepted, and with every packet refused. ``held_high`` names pins that the board wants at 1: resource,
    number, pin.
    """

    kind: ClassVar[str] = "board with a serial line"

    baud: int
    uart: Resource
    leds: tuple[Resource, Resource]
    held_high: tuple[tuple[str, int, str], ...] = ()

    def __post_init__(self) -> None:
        if self.clock_hz % self.baud:
            raise ValueError(f"baud must divide the clock of {self.clock_hz} Hz, not be {self.baud!r}")

    @property
    def divisor(self) -> int:
        """Clocks a bit of the serial line."""
        return self.clock_hz // self.baud


@dataclass(frozen=True, kw_only=True)
class NextpnrBoard(SerialBoard):
    """A serial board with an ECP5, built by Yosys and nextpnr. ``nextpnr``: the options that select the part."""

    kind: ClassVar[str] = "board with an ECP5"

    nextpnr: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class VivadoSerialBoard(SerialBoard):
    """A serial board with an UltraScale+ FPGA, built by Vivado."""

    kind: ClassVar[str] = "serial board that Vivado builds for"


@dataclass(frozen=True, kw_only=True)
class AxiBoard(Board):
    """A board with a Zynq UltraScale+, built by Vivado, whose processor reaches the accelerator over AXI.

    ``board_part`` is what Vivado calls the board, without the version: it knows how the processor is connected.
    ``word_bytes`` are the bytes of a word of the streams.
    """

    kind: ClassVar[str] = "board with AXI"

    board_part: str
    word_bytes: int = 8


B = TypeVar("B", bound=Board)


def board_names(kind: type[Board] = Board) -> list[str]:
    """The boards there are of a kind."""
    names = sorted(file.stem.replace("_", "-") for file in folder("boards").glob("[a-z]*.py"))
    return names if kind is Board else [name for name in names if isinstance(load_board(name), kind)]


@overload
def load_board(name: str) -> Board: ...


@overload
def load_board(name: str, kind: type[B]) -> B: ...


def load_board(name: str, kind: type[Board] = Board) -> Board:
    """The board ``name``, such as ``ulx3s-85f``. Raises ``InputError`` where there is none, or not of this kind."""
    if name not in board_names():
        raise InputError(f"{name}: no such board; the boards are {', '.join(board_names())}")
    file = folder("boards") / f"{name.replace('-', '_')}.py"
    spec = importlib.util.spec_from_file_location(f"boards.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {file}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    board: Board = module.BOARD
    if not isinstance(board, kind):
        raise InputError(f"{name}: is no {kind.kind}; such are {', '.join(board_names(kind)) or 'none'}")
    return board
