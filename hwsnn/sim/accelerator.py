"""The ZCU102's accelerator as a simulator: the same Verilog that a bitstream is made of, with the same folds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hwsnn.cycles import simulate
from hwsnn.folding.folding import Folding
from hwsnn.model_file.integer_file import model_hash
from hwsnn.packages import require
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.rtl.axi.shell import ACCELERATOR, AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.spec import Network
from hwsnn.verilog.emit import to_verilog

from .network_bench import without_header
from .runner import RunningBench, build_simulator, simulation_environment

BENCH = "hwsnn.sim.tb_accelerator"
DEVICE = "xczu9eg"
"""The ZCU102's, for which the folds are chosen."""
WORD_BYTES = 8
"""As in the ZCU102's design."""
QUIET_CLOCKS = 2000
"""Clocks of the bus in which nothing moves before the simulation waits, beside those that the network may take."""


@dataclass(frozen=True)
class SimulatedAccelerator:
    """A built simulator. ``quiet_clocks``: when nothing has come or gone for so long, nothing will by itself."""

    simulator: Path
    quiet_clocks: int

    def start(self, folder: Path) -> RunningBench:
        """Let it run in ``folder``, which holds what ``hwsnn.sim.registers_link`` says."""
        parameters = {"HWSNN_QUIET_CLOCKS": str(self.quiet_clocks), "COCOTB_LOG_LEVEL": "WARNING"}
        return RunningBench(self.simulator, ACCELERATOR, BENCH, parameters, folder)


def build_accelerator(
    network: Network, folding: Folding | None = None, stage: Callable[[str], object] = lambda text: None
) -> SimulatedAccelerator:
    """Make the Verilog of ``network``, and a simulator of it unless there is one in the cache.

    ``folding``: what ``hwsnn build`` takes for the ZCU102, unless given. ``stage`` is called with the name of each
    stage. Raises ``ToolError`` where a tool fails, and ``InputError`` where one is missing.
    """
    simulation_environment()  # what is missing is said before minutes of other work
    require("cocotbext-axi")
    stage("planning")
    if folding is None:
        folding = for_utilization(network, DEVICES[DEVICE]).folding
    clocks = simulate(network, folding)
    stage("writing the Verilog")
    digest = model_hash(network)
    shell = AxiShell(network, Pipeline(network, folding), digest, word_bytes=WORD_BYTES)
    verilog = without_header(to_verilog(shell, digest, ACCELERATOR))
    stage("building the simulator")
    simulator = build_simulator(verilog, ACCELERATOR)
    return SimulatedAccelerator(simulator, QUIET_CLOCKS + 2 * int(clocks.latency_cycles + clocks.cycles_per_frame))
