"""The project of a board with a serial line to the host."""

from __future__ import annotations

from pathlib import Path

from hwsnn.build.boards import VivadoSerialBoard
from hwsnn.build.deployment.folder import Deployment
from hwsnn.build.serial_design import SYSTEM_CLOCK, serial_design
from hwsnn.build.serial_top import TOP
from hwsnn.planner.plan import Plan
from hwsnn.progress import StageProgress
from hwsnn.spec import Network

from .project import Project
from .saif import Activity


class SerialProject(Project):
    """The network with its serial link, on the board's own oscillator and pins."""

    scripts = ("serial.tcl", "implement.tcl")
    endings = (".bit",)
    cell = "shell"
    pipeline_clock = SYSTEM_CLOCK

    def __init__(
        self, network: Network, plan: Plan, board: VivadoSerialBoard, deployment: Deployment | None = None
    ) -> None:
        super().__init__(network, plan, board, board.clock_mhz, deployment)
        self._serial_board = board

    @property
    def _use_bitstream(self) -> str:
        return f"load {self.result}.bit from it onto the board"

    def _write_sources(self, folder: Path, progress: StageProgress) -> Activity | None:
        progress("Verilog", 0, 1)
        files = serial_design(self.network, self.plan.folding, self._serial_board)
        self._write_verilog(folder, TOP, files[f"{TOP}.v"])
        (folder / f"{TOP}.xdc").write_text(files[f"{TOP}.xdc"])
        self._write_settings(folder, {"design": TOP, "activity": ""}, {})
        progress("Verilog", 1, 1)
        return None
