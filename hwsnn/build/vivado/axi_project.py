"""The project of a board whose processor reaches the accelerator over AXI."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from hwsnn.build.boards import AxiBoard
from hwsnn.build.c_header import FILE as HEADER
from hwsnn.build.c_header import c_header
from hwsnn.build.deployment.folder import Deployment
from hwsnn.build.frame_memory import require_frame_memory
from hwsnn.build.processing_systems import ProcessingSystem
from hwsnn.errors import InputError
from hwsnn.interface import registers
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.plan import Plan
from hwsnn.progress import StageProgress
from hwsnn.rtl.axi.shell import ACCELERATOR, AxiShell
from hwsnn.rtl.axi.store_and_forward import memory_size
from hwsnn.rtl.network import Pipeline
from hwsnn.spec import Network
from hwsnn.verilog.emit import to_verilog
from hwsnn.verilog.manifest import manifest

from . import tcl
from .project import Project, write_json
from .saif import Activity, Stimulus, record

DESIGN = "hwsnn"
"""Name of the block design and of Vivado's project."""
ACTIVITY = "activity.saif"
LEVELS = ("testbench", f"{DESIGN}_wrapper", f"{DESIGN}_i", "accelerator", "inst")
"""The instances around the accelerator and its own, as Vivado makes them, below a test bench as simulators have it."""
STRIPPED = "/".join(LEVELS[:2])
"""The prefix of names in the activity file that is not in Vivado's design."""
PATIENCE = 4
"""The simulation's time-out for a result, as a multiple of the cycle model's, and a cycle for each word of a frame."""
ACCESS = {"constant": "read-only", "status": "read-only", "control": "write-only", "counter": "read-only"}

CROSSINGS = """\
# The accelerator's two clocks have nothing to do with each other: what crosses goes through registers that settle,
# marked ASYNC_REG in the Verilog. All bits of a Gray code must arrive within one period of the faster clock.
set_max_delay -datapath_only -from [get_clocks {bus}] -to [get_clocks {pipeline}*] {period:.3f}
set_max_delay -datapath_only -from [get_clocks {pipeline}*] -to [get_clocks {bus}] {period:.3f}
"""


class AxiProject(Project):
    """An IP core of the accelerator, in a block design with the board's processing system and a DMA.

    With a ``stimulus``, the switching activity that it causes is recorded for the power report.
    """

    scripts = ("package_ip.tcl", "block_design.tcl", "implement.tcl", "hand_off.tcl")
    endings = (".bit", ".hwh", "-hardware.xsa")
    cell = LEVELS[3]
    pipeline_clock = "clk_out1_"

    def __init__(
        self,
        network: Network,
        plan: Plan,
        board: AxiBoard,
        clock_mhz: float,
        stimulus: Stimulus | None = None,
        deployment: Deployment | None = None,
    ) -> None:
        slowest, fastest = (hertz / 1e6 for hertz in board.processing_system.mmcm.output_hz)
        if not slowest <= clock_mhz <= fastest:
            raise InputError(f"--clock-mhz must be from {slowest:g} to {fastest:g} on {board.title}, not {clock_mhz:g}")
        super().__init__(network, plan, board, clock_mhz, deployment)
        self._board, self._stimulus = board, stimulus

    @property
    def _use_bitstream(self) -> str:
        return f"copy {self.result}.bit and {self.result}.hwh from it to the board"

    def _write_sources(self, folder: Path, progress: StageProgress) -> Activity | None:
        network, digest = self.network, model_hash(self.network)
        word_bytes, size = self._board.word_bytes, registers.frame_bytes(network)
        require_frame_memory(network, self._board, *memory_size(word_bytes, size, network.pixel_bits))
        progress("Verilog", 0, 1)
        try:
            shell = AxiShell(network, Pipeline(network, self.plan.folding), digest, word_bytes)
        except ValueError as error:
            raise InputError(f"{network.name}: not buildable for {self.board.title}: {error}") from None
        verilog = to_verilog(shell, digest, ACCELERATOR)
        self._write_verilog(folder, ACCELERATOR, verilog)
        (folder / HEADER).write_text(c_header(network, digest, word_bytes, self._board.addresses))
        period = 1000 / max(self._board.bus_mhz, self.clock_mhz)
        constraints = CROSSINGS.format(
            bus=self._board.processing_system.clock_name, pipeline=self.pipeline_clock, period=period
        )
        (folder / "crossings.xdc").write_text(constraints)
        self._write_settings(folder, self._words(digest), {"registers": tcl.table(_register_rows())})
        progress("Verilog", 1, 1)
        activity = self._record(verilog, folder / ACTIVITY, progress)
        write_json(folder / "manifest.json", self._manifest(activity))
        return activity

    def _record(self, verilog: str, file: Path, progress: StageProgress) -> Activity | None:
        if self._stimulus is None:
            return None
        clocks, words = self.plan.cycles, -(-registers.frame_bytes(self.network) // self._board.word_bytes)
        patience = PATIENCE * (int(clocks.cycles_per_frame + clocks.latency_cycles) + words)
        speeds = (self._board.bus_mhz, self.clock_mhz)
        return record(verilog, self.network, self._stimulus, speeds, patience, LEVELS, file, progress)

    def _words(self, digest: str) -> dict[str, tcl.Value]:
        board = self._board
        return _processing_system_words(board.processing_system, board.bus_mhz) | {
            "design": DESIGN,
            "board_part": board.board_part,
            "board_connections": [text for connection in board.board_connections for text in connection],
            "top": ACCELERATOR,
            "description": f"Spiking network {self.network.name}, sha256 {digest}",
            "pipeline_mhz": self.clock_mhz,
            "word_bits": 8 * board.word_bytes,
            "registers_base": hex(board.addresses.registers),
            "dma_base": hex(board.addresses.dma),
            "window": hex(board.addresses.window),
            "activity": ACTIVITY if self._stimulus else "",
            "activity_path": STRIPPED,
        }

    def _manifest(self, activity: Activity | None) -> dict[str, Any]:
        """The network's manifest, with the accelerator's ports in place of the pipeline's."""
        network, word_bytes, addresses = self.network, self._board.word_bytes, self._board.addresses
        channels, height, width = network.input_shape
        return manifest(network, self.plan.folding, self.plan.cycles) | {
            "top": ACCELERATOR,
            "board": self.board.name,
            "interface": {"version": registers.INTERFACE_VERSION, "described_in": "docs/axi.md"},
            "clock": {
                "bus": {"port": "aclk", "mhz": self._board.bus_mhz},
                "pipeline": {"port": "pipeline_clk", "mhz": self.clock_mhz},
            },
            "reset": {"port": "aresetn", "active": "low", "synchronous": True},
            "streams": {
                "s_axis": {
                    "direction": "in",
                    "word_bytes": word_bytes,
                    "bytes_per_frame": registers.frame_bytes(network),
                    "order": {
                        "height": height,
                        "width": width,
                        "steps": registers.frame_steps(network),
                        "channels": channels,
                    },
                },
                "m_axis": {
                    "direction": "out",
                    "word_bytes": word_bytes,
                    "bytes_per_result": registers.result_bytes(network),
                    "scores": network.classes,
                },
            },
            "addresses": {"registers": hex(addresses.registers), "dma": hex(addresses.dma)},
            "activity": None if activity is None else {"file": ACTIVITY} | asdict(activity),
        }


def _processing_system_words(system: ProcessingSystem, bus_mhz: int) -> dict[str, tcl.Value]:
    """The settings that block_design.tcl has of the processing system."""
    settings = {**system.settings, system.clock_mhz: bus_mhz}
    return {
        "ps_core": system.core,
        "ps_preset": [text for pair in system.preset.items() for text in pair],
        "ps_settings": [entry for name, value in settings.items() for entry in (f"CONFIG.{name}", value)],
        "ps_clock": system.clock,
        "ps_reset": system.reset,
        "ps_registers": system.registers.interface,
        "ps_registers_clock": system.registers.clock,
        "ps_memory": system.memory.interface,
        "ps_memory_clock": system.memory.clock,
        "ps_segments": system.segments,
        "ps_dma_bits": system.dma_bits,
    }


def _register_rows() -> list[list[str | int]]:
    """For the IP core's address map: name, offset, bits, access, description. Its registers have 32 bits each."""
    rows: list[list[str | int]] = []
    for register in registers.REGISTERS:
        for part in range(register.size // registers.REGISTER_BYTES):
            name = register.name + ("_HIGH" if part else "")
            offset = f"0x{register.offset + part * registers.REGISTER_BYTES:03X}"
            text = register.text + (", high word" if part else "")
            rows.append([name, offset, 8 * registers.REGISTER_BYTES, ACCESS[register.kind], text])
    return rows
