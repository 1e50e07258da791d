"""A project folder for Vivado: everything that is needed to make a bitstream, on whatever machine Vivado runs."""

from __future__ import annotations

import json
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from hwsnn.build.boards import Board
from hwsnn.folding.file import to_json
from hwsnn.planner.plan import Plan
from hwsnn.spec import Network

from . import tcl
from .saif import Activity, Progress

BUILD = "build.tcl"
_IN_LOGIC = re.compile(r'^( *)\(\* syn_romstyle = "logic" \*\)\n', re.MULTILINE)
_FOR_VIVADO_TOO = r'\g<0>\1(* rom_style = "distributed" *)\n'
"""What tells Yosys and others that a table is to lie in logic, and what tells Vivado. Yosys would take the latter
to mean memory in look-up tables, and finds none without a port to write: only the text for Vivado has it."""


class Project(ABC):
    """What is built: a network as planned, for a board, its pipeline at ``clock_mhz``.

    ``scripts``: what ``build.tcl`` runs, in this order. ``endings``: of the files that it leaves. ``cell``: the name of
    the instance that is the network with its interface. ``pipeline_clock``: how the name that Vivado gives to the
    pipeline's clock starts.
    """

    scripts: ClassVar[tuple[str, ...]]
    endings: ClassVar[tuple[str, ...]]
    cell: ClassVar[str]
    pipeline_clock: ClassVar[str]

    def __init__(self, network: Network, plan: Plan, board: Board, clock_mhz: float) -> None:
        self.network, self.plan, self.board, self.clock_mhz = network, plan, board, clock_mhz

    @property
    def result(self) -> str:
        """How the names of the results start."""
        return f"{self.network.name}-{self.board.name}"

    @property
    @abstractmethod
    def next_step(self) -> str:
        """What to do with the bitstream, in words."""

    def write(self, folder: Path, progress: Progress = lambda stage, done, total: None) -> Activity | None:
        """Write the project into ``folder``. Returns of what switching activity was recorded, if it was.

        Raises ``InputError`` where the network does not fit the board's interface, or a tool is missing, and
        ``ToolError`` where one fails.
        """
        for script in (BUILD, *self.scripts):
            shutil.copyfile(Path(__file__).parent / script, folder / script)
        write_json(folder / "folding.json", to_json(self.plan.folding))
        return self._write_sources(folder, progress)

    @abstractmethod
    def _write_sources(self, folder: Path, progress: Progress) -> Activity | None:
        """Write the rest: Verilog, constraints, the settings."""

    def _write_verilog(self, folder: Path, top: str, verilog: str) -> None:
        (folder / "rtl").mkdir()
        (folder / "rtl" / f"{top}.v").write_text(_IN_LOGIC.sub(_FOR_VIVADO_TOO, verilog))

    def _write_settings(self, folder: Path, words: Mapping[str, tcl.Value], tables: Mapping[str, str]) -> None:
        """``settings.tcl``: what all projects say, and ``words`` and ``tables`` besides.

        Each project says as ``design`` what Vivado's project is called, and as ``activity`` the file with the switching
        activity, if there is one.
        """
        platform = self.board.platform()
        common = {
            "result": self.result,
            "part": f"{platform.device}-{platform.package}-{platform.speed}",
            "scripts": self.scripts,
        }
        values = {name: tcl.word(value) for name, value in (common | dict(words)).items()}
        text = tcl.settings(f"What {BUILD} builds; written by hwsnn.", values | dict(tables))
        (folder / "settings.tcl").write_text(text)


def write_json(file: Path, values: Mapping[str, Any]) -> None:
    """Write values as JSON that a person can read."""
    file.write_text(json.dumps(values, indent=2) + "\n")
