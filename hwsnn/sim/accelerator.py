"""A Zynq board's accelerator as a simulator: the Verilog and the folds of its bitstream."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwsnn.build.boards import AxiBoard
from hwsnn.cycles import simulate
from hwsnn.folding.folding import Folding
from hwsnn.interface.registers import frame_bytes
from hwsnn.model_file.integer_file import model_hash
from hwsnn.packages import require
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.progress import Stage, silent
from hwsnn.rtl.axi.shell import ACCELERATOR, AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.spec import Network
from hwsnn.verilog.emit import to_verilog

from .network_bench import without_header
from .registers_link import BenchSettings
from .runner import RunningBench, build_simulator, simulation_environment

BENCH = "hwsnn.sim.tb_accelerator"
QUIET_CLOCKS = 2000
"""Idle bus cycles before the simulation pauses, in addition to those that the network and a frame's words may take."""


@dataclass(frozen=True)
class SimulatedAccelerator:
    """A built simulator, and the settings of its bench."""

    simulator: Path
    settings: BenchSettings

    def start(self, folder: Path) -> RunningBench:
        """Start it in ``folder``, which holds the files of ``hwsnn.sim.registers_link``."""
        parameters = self.settings.to_environment() | {"COCOTB_LOG_LEVEL": "WARNING"}
        return RunningBench(self.simulator, ACCELERATOR, BENCH, parameters, folder)


def build_accelerator(
    network: Network,
    board: AxiBoard,
    folding: Folding | None = None,
    stage: Stage = silent,
) -> SimulatedAccelerator:
    """Write the Verilog of ``network`` for ``board``, and build a simulator of it unless the cache holds one.

    ``folding``: by default that of ``hwsnn build`` for the board. ``stage`` is called with the name of each stage.
    Raises ``ToolError`` where a tool fails, and ``InputError`` where one is missing.
    """
    simulation_environment()  # a missing tool is reported before minutes of other work
    require("cocotbext-axi")
    stage("planning")
    if folding is None:
        folding = for_utilization(network, DEVICES[board.device]).folding
    clocks = simulate(network, folding)
    stage("writing the Verilog")
    digest = model_hash(network)
    shell = AxiShell(network, Pipeline(network, folding), digest, word_bytes=board.word_bytes)
    verilog = without_header(to_verilog(shell, digest, ACCELERATOR))
    stage("building the simulator")
    simulator = build_simulator(verilog, ACCELERATOR)
    words = -(-frame_bytes(network) // board.word_bytes)
    quiet_clocks = QUIET_CLOCKS + 2 * int(clocks.latency_cycles + clocks.cycles_per_frame) + words
    settings = BenchSettings(
        registers=board.addresses.registers,
        dma=board.addresses.dma,
        window=board.addresses.window,
        dma_bits=board.processing_system.dma_bits,
        memory_base=board.processing_system.memory_base,
        bus_ps=_period_ps(board.bus_mhz),
        pipeline_ps=_period_ps(board.clock_mhz),
        quiet_clocks=quiet_clocks,
    )
    return SimulatedAccelerator(simulator, settings)


def _period_ps(clock_mhz: float) -> int:
    """A clock's period in picoseconds, rounded down to two equal halves."""
    return 2 * int(1e6 / clock_mhz / 2)
