"""Boards: one file of data each, shipped in ``boards/`` or anywhere else; see ``docs/boards/README.md``."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar, overload

from hwsnn.errors import InputError, reason
from hwsnn.files.atomic import require_file
from hwsnn.files.shipped import folder
from hwsnn.interface.addresses import AddressMap
from hwsnn.interface.power import Supply
from hwsnn.planner.devices import DEVICES

from .pll import ECP5, MMCM, RPLL, Pll
from .processing_systems import PS8, ProcessingSystem

Resource = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Board:
    """The fields that all boards have; each board is of one of the kinds below.

    ``device``: the name of its FPGA in ``hwsnn.planner.devices``. ``clock_hz``: the default clock of the network.
    """

    kind: ClassVar[str] = "board"

    name: str
    title: str
    device: str
    clock_hz: int

    @property
    def clock_mhz(self) -> float:
        """The clock of the network."""
        return self.clock_hz / 1e6


@dataclass(frozen=True, kw_only=True)
class SerialBoard(Board):
    """A board that a host reaches over a serial line.

    ``platform`` makes its Amaranth platform, which knows the pins; ``clock_hz`` is made from its default clock.
    ``baud`` divides ``clock_hz`` evenly. ``uart`` is a resource with ``rx`` and ``tx``. The two ``leds`` change with
    every frame accepted, and with every packet refused. ``held_high`` names pins that the board wants at 1: resource,
    number, pin. ``loader``: openFPGALoader's name of the board; None if it does not load it. ``starts_from_flash``: it
    also writes the flash memory from which the FPGA starts at power-on.
    """

    kind: ClassVar[str] = "board with a serial line"
    bitstream_ending: ClassVar[str] = ".bit"

    platform: Callable[[], Any]
    baud: int
    uart: Resource
    leds: tuple[Resource, Resource]
    held_high: tuple[tuple[str, int, str], ...] = ()
    loader: str | None = None
    starts_from_flash: bool = False

    def __post_init__(self) -> None:
        if self.clock_hz % self.baud:
            raise ValueError(f"baud must divide the clock of {self.clock_hz} Hz, not be {self.baud!r}")

    @property
    def divisor(self) -> int:
        """Cycles per bit of the serial line."""
        return self.clock_hz // self.baud

    @property
    def fpga(self) -> str:
        """The FPGA, without package and speed, as bitstreams name it."""
        return str(self.platform().device)


@dataclass(frozen=True, kw_only=True)
class NextpnrBoard(SerialBoard):
    """A serial board that Yosys and nextpnr build for: one of the next two kinds."""

    kind: ClassVar[str] = "board that Yosys and nextpnr build for"


@dataclass(frozen=True, kw_only=True)
class Ecp5Board(NextpnrBoard):
    """A serial board with an ECP5. ``nextpnr``: the options that select the part."""

    kind: ClassVar[str] = "board with an ECP5"

    nextpnr: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class GowinBoard(NextpnrBoard):
    """A serial board with a Gowin GW2A, or a GW2AR, which has SDRAM as well.

    ``platform`` makes a ``GowinPlatform``. ``die``: the name of its FPGA in Project Apicula, such as GW2A-18C.
    """

    kind: ClassVar[str] = "board with a GW2A"
    bitstream_ending: ClassVar[str] = ".fs"

    die: str

    @property
    def part(self) -> str:
        """Gowin's name of the FPGA, with package and speed."""
        return str(self.platform().part)

    @property
    def fpga(self) -> str:
        """The FPGA as bitstreams name it, which is the same for all its versions."""
        return self.die.rstrip("C")


@dataclass(frozen=True, kw_only=True)
class VivadoSerialBoard(SerialBoard):
    """A serial board with an UltraScale+ FPGA, built by Vivado."""

    kind: ClassVar[str] = "serial board that Vivado builds for"

    @property
    def part(self) -> str:
        """Vivado's name of the FPGA, with package and speed."""
        platform = self.platform()
        return f"{platform.device}-{platform.package}-{platform.speed}"


@dataclass(frozen=True, kw_only=True)
class AxiBoard(Board):
    """A board with a Zynq, built by Vivado, whose processor reaches the accelerator over AXI.

    ``part``: Vivado's name of the FPGA, with package and speed. ``board_part``: its name of the board, without the
    version; Vivado's board files set up the processor. ``board_connections``: of a module on a carrier card, each
    connector and what Vivado calls its counterpart, with the version. ``processing_system``: its kind. ``bus_mhz``: the
    clock of all AXI ports. ``word_bytes``: bytes per word of the streams. ``supplies``: what its power monitors
    measure.
    """

    kind: ClassVar[str] = "board with AXI"

    part: str
    board_part: str
    board_connections: tuple[tuple[str, str], ...] = ()
    processing_system: ProcessingSystem = PS8
    bus_mhz: int = 100
    word_bytes: int = 8
    supplies: tuple[Supply, ...] = ()

    @property
    def addresses(self) -> AddressMap:
        """Addresses of the accelerator and its DMA, for the processor."""
        return self.processing_system.addresses


B = TypeVar("B", bound=Board)

CLOCK_SOURCES: dict[type[Board], Pll] = {Ecp5Board: ECP5, GowinBoard: RPLL, VivadoSerialBoard: MMCM}
"""The PLL that makes a board's clock from its oscillator; the processor of an ``AxiBoard`` provides a clock."""


def board_names(kind: type[Board] = Board) -> list[str]:
    """The shipped boards of a kind."""
    names = sorted(file.stem.replace("_", "-") for file in folder("boards").glob("[a-z]*.py"))
    return names if kind is Board else [name for name in names if isinstance(load_board(name), kind)]


@overload
def load_board(text: str) -> Board: ...


@overload
def load_board(text: str, kind: type[B]) -> B: ...


def load_board(text: str, kind: type[Board] = Board) -> Board:
    """The board that ``text`` names: a shipped one, such as ``ulx3s-85f``, or any other file, ``path/board.py``.

    The file is run: it is Python like any other. Raises ``InputError`` if there is no such board, if that of the
    file cannot be built for, or if it is not of this kind.
    """
    if text.endswith(".py"):
        board = _load_own(text)
    elif text in board_names():
        board = _run(folder("boards") / f"{text.replace('-', '_')}.py")
    else:
        names = ", ".join(board_names())
        raise InputError(f"{text}: no such board; the boards are {names}, or give the .py file of your own")
    if not isinstance(board, kind):
        raise InputError(f"{text}: is no {kind.kind}; such are {', '.join(board_names(kind)) or 'none'}")
    return board


def check_board(board: Board) -> None:
    """Ask for the board's FPGA, pins and clock as a build does, without any tool.

    Raises ``TypeError`` or ``ValueError`` if it cannot be built for, and Amaranth's errors if pins are missing.
    """
    if type(board) not in (*CLOCK_SOURCES, AxiBoard):
        kinds = ", ".join(kind.__name__ for kind in (*CLOCK_SOURCES, AxiBoard))
        raise TypeError(f"BOARD must be one of {kinds}, not a {type(board).__name__}")
    if not re.fullmatch(r"[a-z][a-z0-9-]*", board.name):
        raise ValueError(f"name must be of the form abc-12, as files are named by it, not {board.name!r}")
    if board.device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, not {board.device!r}")
    if isinstance(board, AxiBoard) and board.processing_system.family != DEVICES[board.device].family:
        raise ValueError(
            f"processing_system must be that of the {board.device}: PS7 of a Zynq-7000, PS8 of an UltraScale+"
        )
    if isinstance(board, SerialBoard):
        platform = board.platform()
        CLOCK_SOURCES[type(board)].setting(int(platform.default_clk_frequency), board.clock_hz)
        leds = [(resource, ()) for resource in board.leds]
        held = [((name, number), (pin,)) for name, number, pin in board.held_high]
        for resource, pins in ((board.uart, ("rx", "tx")), *leds, *held):
            port = platform.request(*resource, dir="-")
            for pin in pins:
                getattr(port, pin)


def _load_own(text: str) -> Board:
    """The board of a file outside the package."""
    file = Path(text)
    require_file(file, "board file", "give a .py file with a BOARD (docs/boards/README.md)", called=text)
    try:
        board = _run(file)
        check_board(board)
    except Exception as error:  # whatever the file raises
        raise InputError(f"{text}: cannot be used as a board ({type(error).__name__}: {reason(error)})") from error
    return board


def _run(file: Path) -> Board:
    """``BOARD`` of a Python file."""
    spec = importlib.util.spec_from_file_location(f"boards.{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {file}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    board = getattr(module, "BOARD", None)
    if not isinstance(board, Board):
        raise TypeError(f"BOARD must be a board of hwsnn.build.boards, not {board!r}")
    return board
