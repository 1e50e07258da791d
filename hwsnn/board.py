"""Opens a board by its address; ``docs/host.md`` lists the addresses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .build.boards import AxiBoard, board_names, load_board
from .errors import InputError
from .host.accelerator import Accelerator
from .model_file.by_name import load_model
from .progress import Stage, silent
from .spec import Network

SIMULATED = "zcu102"
"""The board whose design ``sim`` simulates by default."""
ANY_ZYNQ = "pynq"
"""The scheme of boards with a Zynq that need not have a name here."""


def open_board(
    address: str,
    model: Network | str | Path | None = None,
    *,
    board: str | None = None,
    timeout_s: float | None = None,
    baud: int | None = None,
    stage: Stage = silent,
) -> Accelerator:
    """The board at ``address``, which must hold ``model``: a network, a model file or a shipped model's name.

    ``address``: the name of a board with AXI, such as ``zcu102``, for what is loaded there, ``zcu102:FILE.bit`` to load
    that first, ``pynq`` and ``pynq:FILE.bit`` for any such board, whose addresses are in FILE.hwh, ``serial:PORT``, or
    ``sim:MODEL`` for a board's design in simulation, of a model that is named there or, with ``sim``, by ``model``.

    ``board``: the board with AXI that ``sim`` simulates (default: zcu102). ``timeout_s``: time-out of the next
    result, in place of the board's own. ``baud``: bits per second of a serial port (default: 2,000,000).
    ``stage`` is called with the name of each stage that takes long. Raises ``InputError`` if there is no
    such board, or it holds something else, and ``ToolError`` if a simulator cannot be built.
    """
    scheme, place = address_parts(address)
    if timeout_s is not None and not timeout_s > 0:
        raise InputError(f"{address}: the time-out must be more than 0 s, not {timeout_s:g}")
    return _opener(scheme)(_Request(address, place, model, board, timeout_s, baud, stage))


def address_parts(address: str) -> tuple[str, str]:
    """The scheme of ``address``, and what follows it, perhaps nothing. ``InputError`` if it is no board's."""
    scheme, colon, place = address.partition(":")
    if (scheme not in SCHEMES and not _has_axi(scheme)) or (colon and not place):
        raise _no_address(address)
    if scheme == "serial" and not place:
        raise InputError(f"{address}: lacks the port; such as serial:/dev/ttyUSB0")
    return scheme, place


@dataclass(frozen=True)
class _Request:
    """The arguments of ``open_board``; ``place`` is the address without its scheme."""

    address: str
    place: str
    model: Network | str | Path | None
    board: str | None
    timeout_s: float | None
    baud: int | None
    stage: Stage

    def network(self) -> Network:
        """The model that the board must hold."""
        if isinstance(self.model, Network):
            return self.model
        if self.model is None:
            raise InputError(
                f"{self.address}: say which model it holds: a .safetensors file, or the name of a shipped model"
            )
        return load_model(str(self.model))

    def refuse_baud(self) -> None:
        """Raise ``InputError`` if a baud rate was given."""
        if self.baud is not None:
            raise self.baud_error()

    def baud_error(self) -> InputError:
        """The error of a baud rate that is invalid, or not allowed with this address."""
        what = "bits per second are for a serial port only, and at least 1"
        return InputError(f"{self.address}: {what}; not {self.baud}")

    def refuse_board(self) -> None:
        """Raise ``InputError`` if a board to simulate was given."""
        if self.board is not None:
            raise InputError(f"{self.address}: board names what sim simulates, and is for sim only; not {self.board}")


_Opener = Callable[[_Request], Accelerator]


def _open_serial(request: _Request) -> Accelerator:
    from .host.serial.accelerator import ANSWER_S, BAUD, SerialAccelerator

    baud = BAUD if request.baud is None else request.baud
    if baud < 1:
        raise request.baud_error()
    request.refuse_board()
    return SerialAccelerator(request.place, baud, request.network(), request.timeout_s or ANSWER_S)


def _open_simulated(request: _Request) -> Accelerator:
    from .host.dma.accelerator import DmaAccelerator
    from .sim.board import RESULT_S, SimBus

    request.refuse_baud()
    board = load_board(request.board or SIMULATED, AxiBoard)
    if request.place and request.model is not None:
        raise InputError(f"{request.address}: names a model, as does MODEL; say it once, with the address sim")
    network = load_model(request.place) if request.place else request.network()
    return DmaAccelerator(SimBus(network, board, request.stage), network, request.timeout_s or RESULT_S)


def _open_pynq(board: AxiBoard | None, request: _Request) -> Accelerator:
    """Open this board, or, if it is None, whichever the program runs on."""
    from .host.dma.accelerator import RESULT_S, DmaAccelerator
    from .host.dma.pynq_bus import PynqBus

    request.refuse_baud()
    request.refuse_board()
    network = request.network()
    bitstream = Path(request.place) if request.place else None
    if bitstream is not None:
        request.stage("loading the bitstream")
    name, addresses = (ANY_ZYNQ, None) if board is None else (board.name, board.addresses)
    bus = PynqBus(name, addresses, bitstream)
    return DmaAccelerator(bus, network, request.timeout_s or RESULT_S)


SCHEMES: Mapping[str, _Opener] = {
    "serial": _open_serial,
    "sim": _open_simulated,
    ANY_ZYNQ: partial(_open_pynq, None),
}
"""The openers by scheme; the name of every board with AXI is a scheme too."""


def _has_axi(name: str) -> bool:
    return name in board_names() and isinstance(load_board(name), AxiBoard)


def _opener(scheme: str) -> _Opener:
    return SCHEMES.get(scheme) or partial(_open_pynq, load_board(scheme, AxiBoard))


def _no_address(address: str) -> InputError:
    boards = ", ".join(board_names(AxiBoard))
    hint = f"; perhaps serial:{address}?" if address and Path(address).exists() else ""
    return InputError(
        f"{address or '(nothing)'}: not an address of a board; those are serial:PORT, sim, or sim:MODEL where no model "
        f"is given, and BOARD or BOARD:FILE.bit with pynq for BOARD, or one of {boards}{hint}"
    )
