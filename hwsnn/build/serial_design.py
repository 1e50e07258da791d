"""Sources of a serial design for Vivado: the Verilog of a network with its link, clock and pins."""

from __future__ import annotations

from importlib.metadata import version

from hwsnn.folding.folding import Folding
from hwsnn.model_file.integer_file import model_hash
from hwsnn.spec import Network
from hwsnn.verilog.emit import WAIVERS, text_of
from hwsnn.verilog.layout import comment
from hwsnn.version import __version__

from .boards import VivadoSerialBoard
from .serial_top import TOP, platform_files, serial_top

SYSTEM_CLOCK = "system_clock"
"""Name of the MMCM's clock in the constraints."""
CONSTRAINTS = f"create_generated_clock -name {SYSTEM_CLOCK} [get_pins mmcm/CLKOUT0]"


def serial_design(network: Network, folding: Folding, board: VivadoSerialBoard) -> dict[str, str]:
    """The files ``hwsnn.v``, whose top is ``hwsnn``, and ``hwsnn.xdc``, pins and clocks, by name.

    Raises ``InputError`` if the serial protocol cannot carry the network's frames, and as ``from_rtlil`` does.
    """
    modules, files = platform_files(serial_top(network, folding, board), board, add_constraints=CONSTRAINTS)
    header = [
        f"hwsnn {__version__}, Amaranth {version('amaranth')}",
        f"model sha256 {model_hash(network)}",
        f"For {board.title}: pins and clocks are in {TOP}.xdc, the serial line follows docs/link.md.",
    ]
    verilog = comment(header) + WAIVERS + "\n" + text_of(modules, TOP, files[f"{TOP}.il"])
    return {f"{TOP}.v": verilog, f"{TOP}.xdc": files[f"{TOP}.xdc"] + "\n"}
