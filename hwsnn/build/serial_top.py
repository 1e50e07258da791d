"""The top of a bitstream: clock, reset and pins around a serial shell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module, Value
from amaranth.lib import io

from hwsnn.errors import InputError
from hwsnn.folding.folding import Folding
from hwsnn.interface.serial_protocol import frame_payload_bytes
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.network import Pipeline
from hwsnn.rtl.serial.frame_buffer import memory_size
from hwsnn.rtl.serial.shell import SerialShell
from hwsnn.spec import Network
from hwsnn.verilog.emit import Modular
from hwsnn.verilog.modules import ModuleSet

from .boards import Ecp5Board, GowinBoard, SerialBoard, VivadoSerialBoard
from .frame_memory import require_frame_memory
from .system_clock import ecp5_clock, gowin_clock, ultrascale_clock

TOP = "hwsnn"
"""The name of the top module."""
CLOCKS: dict[type[SerialBoard], Callable[[Module, Value, int, int], None]] = {
    Ecp5Board: ecp5_clock,
    GowinBoard: gowin_clock,
    VivadoSerialBoard: ultrascale_clock,
}
"""The clock generator of each kind of board."""


class SerialTop(Elaboratable):  # type: ignore[misc]
    """A shell on a board: the system clock is made from the oscillator, and reset lasts until it is stable.

    Parameters
    ----------
    board : the source of clock and pins.
    shell : made for the board's divisor.
    """

    def __init__(self, board: SerialBoard, shell: SerialShell) -> None:
        self._board, self._shell = board, shell

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.shell = shell = self._shell
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.domains.sync = ClockDomain()
        make_clock = CLOCKS[type(self._board)]
        make_clock(m, oscillator.i, int(platform.default_clk_frequency), self._board.clock_hz)
        uart = platform.request(*self._board.uart, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [shell.rx.eq(rx.i), tx.o.eq(shell.tx)]
        for index, (resource, value) in enumerate(zip(self._board.leds, (shell.accepted, shell.refused), strict=True)):
            m.submodules[f"led_{index}"] = led = io.Buffer("o", platform.request(*resource, dir="-"))
            m.d.comb += led.o.eq(value)
        for name, number, pin in self._board.held_high:
            port = getattr(platform.request(name, number, dir="-"), pin)
            m.submodules[f"{name}_{pin}"] = held = io.Buffer("o", port)
            m.d.comb += held.o.eq(1)
        return m


def serial_top(network: Network, folding: Folding, board: SerialBoard) -> SerialTop:
    """The top component of ``network`` for ``board``. Raises ``InputError`` if it cannot be built."""
    try:
        require_frame_memory(network, board, *memory_size(frame_payload_bytes(network), network.pixel_bits))
        shell = SerialShell(network, Pipeline(network, folding), board.divisor, model_hash(network))
    except ValueError as error:
        raise InputError(f"{network.name}: not buildable for {board.title}: {error}") from None
    return SerialTop(board, shell)


def platform_files(top: SerialTop, board: SerialBoard, **options: Any) -> tuple[ModuleSet, dict[str, str]]:
    """The modules in ``top``, and ``top`` itself, pins and clocks as Amaranth's platform writes them, by file name;
    ``options``: its own."""
    modular = Modular(top)
    files = board.platform().prepare(modular, TOP, emit_src=False, **options).files
    texts = {name: content if isinstance(content, str) else content.decode() for name, content in files.items()}
    return modular.modules, texts
