"""A project folder for Vivado: everything that is needed to build a bitstream, on any machine with Vivado."""

from __future__ import annotations

import json
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from hwsnn.build.boards import AxiBoard, VivadoSerialBoard
from hwsnn.build.deployment.folder import Deployment
from hwsnn.folding.file import to_json
from hwsnn.planner.plan import Plan
from hwsnn.progress import StageProgress, silent
from hwsnn.spec import Network

from . import tcl
from .saif import Activity

BUILD, DEPLOY = "build.tcl", "deploy"
_IN_LOGIC = re.compile(r'^( *)\(\* syn_romstyle = "logic" \*\)\n', re.MULTILINE)
_FOR_VIVADO_TOO = r'\g<0>\1(* rom_style = "distributed" *)\n'
"""The attribute that puts a table in logic, for Yosys and others, and for Vivado. Yosys would take the latter to mean
memory in look-up tables, and knows none without a write port: only the text for Vivado has it."""


class Project(ABC):
    """A planned network on a board, with its pipeline at ``clock_mhz``.

    ``scripts``: those that ``build.tcl`` runs, in this order. ``endings``: of the files that it leaves. ``cell``: the
    name of the instance that is the network with its interface. ``pipeline_clock``: prefix of Vivado's name of the
    pipeline's clock. With a ``deployment``, the project has what goes to the board in its folder ``deploy``, and adds
    the bitstream to it.
    """

    scripts: ClassVar[tuple[str, ...]]
    endings: ClassVar[tuple[str, ...]]
    cell: ClassVar[str]
    pipeline_clock: ClassVar[str]

    def __init__(
        self,
        network: Network,
        plan: Plan,
        board: AxiBoard | VivadoSerialBoard,
        clock_mhz: float,
        deployment: Deployment | None,
    ) -> None:
        self.network, self.plan, self.board, self.clock_mhz = network, plan, board, clock_mhz
        self.deployment = deployment

    @property
    def result(self) -> str:
        """Prefix of the names of the results."""
        return f"{self.network.name}-{self.board.name}"

    @property
    def next_step(self) -> str:
        """Instruction for using what Vivado leaves."""
        return self._use_bitstream if self.deployment is None else f"go on with README.txt in its folder {DEPLOY}"

    @property
    @abstractmethod
    def _use_bitstream(self) -> str:
        """Instruction for using the bitstream."""

    @property
    def _all_scripts(self) -> tuple[str, ...]:
        return self.scripts if self.deployment is None else (*self.scripts, f"{DEPLOY}.tcl")

    def write(self, folder: Path, progress: StageProgress = silent) -> Activity | None:
        """Write the project into ``folder``. Returns the recorded switching activity, if there is any.

        Raises ``InputError`` if the network does not fit the board's interface, or a tool is missing, and
        ``ToolError`` if one fails.
        """
        for script in (BUILD, *self._all_scripts):
            shutil.copyfile(Path(__file__).parent / script, folder / script)
        if self.deployment is not None:
            (folder / DEPLOY).mkdir()
            self.deployment.write(folder / DEPLOY)
        write_json(folder / "folding.json", to_json(self.plan.folding))
        return self._write_sources(folder, progress)

    @abstractmethod
    def _write_sources(self, folder: Path, progress: StageProgress) -> Activity | None:
        """Write Verilog, constraints and settings."""

    def _write_verilog(self, folder: Path, top: str, verilog: str) -> None:
        (folder / "rtl").mkdir()
        (folder / "rtl" / f"{top}.v").write_text(_IN_LOGIC.sub(_FOR_VIVADO_TOO, verilog))

    def _write_settings(self, folder: Path, words: Mapping[str, tcl.Value], tables: Mapping[str, str]) -> None:
        """``settings.tcl``: the settings common to all projects, and ``words`` and ``tables``.

        Each project sets ``design``, the name of Vivado's project, and ``activity``, the file with the switching
        activity, if there is one.
        """
        common = {"result": self.result, "part": self.board.part, "scripts": self._all_scripts}
        if self.deployment is not None:
            common["deployed"] = tuple(self.deployment.results)
        values = {name: tcl.word(value) for name, value in (common | dict(words)).items()}
        text = tcl.settings(f"What {BUILD} builds; written by hwsnn.", values | dict(tables))
        (folder / "settings.tcl").write_text(text)


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Write values as indented JSON."""
    file.write_text(json.dumps(values, indent=2) + "\n")
