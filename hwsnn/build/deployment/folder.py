"""What a deployment folder holds: the design, the network, and programs and words to run it."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TypeVar

from hwsnn.build.boards import Board, SerialBoard
from hwsnn.build.report import BuildReport
from hwsnn.files.atomic import folder_written_whole
from hwsnn.model_file.integer_file import save
from hwsnn.spec import Network
from hwsnn.version import __version__

from .notebook import notebook
from .wheel import NAME as WHEEL
from .wheel import write_wheel

DRIVER, NOTEBOOK, README = "driver.py", "driver.ipynb", "README.txt"
REPORTS = {"build.json": "size, clock, versions of the tools", "power.json": "the power that Vivado estimates"}
"""What a build may leave beside the bitstream for those who use it."""
ANY_ZYNQ = "pynq"
"""The scheme of the addresses of boards that hwsnn does not know by name."""
PORT = "serial:/dev/ttyUSB0"
"""The address of a serial board on a computer without other serial ports."""
MISSED = "The design MISSES its clock (build.json): do not rely on its answers.\n\n"
HERE, ELSEWHERE = "It is in this folder", "Copy it here; docs/boards/zynq.md of hwsnn says how it is made"
"""Of the wheel."""

Report = TypeVar("Report", bound=BuildReport)


@dataclass(frozen=True)
class Deployment:
    """The folder for ``network`` on ``board``, which the user calls ``board_text``."""

    network: Network
    board: Board
    board_text: str
    folder: Path

    @property
    def results(self) -> dict[str, str]:
        """What only the build can add, by the files' names: the bitstream, and on a Zynq its description for PYNQ."""
        name = f"{self.network.name}-{self.board.name}"
        if isinstance(self.board, SerialBoard):
            return {f"{name}{self.board.bitstream_ending}": "the bitstream"}
        return {f"{name}.bit": "the bitstream", f"{name}.hwh": "its description, for PYNQ"}

    def filled_by(self, build: Callable[[], Report]) -> Report:
        """The report of ``build``, whose results are then in ``folder`` with the rest, complete or not at all.

        A folder that cannot be written is an ``InputError`` before ``build`` begins, which takes long.
        """
        with folder_written_whole(self.folder) as partly:
            report = build()
            self.write(partly, report)
        return report

    def write(self, folder: Path, report: BuildReport | None = None) -> None:
        """Write everything into ``folder``, which exists; but for ``results`` if there is no report of a build."""
        contents = self.results | {
            self._model: "the network",
            DRIVER: "runs images, measures frames/s, compares every score with the reference",
            NOTEBOOK: "the same in Jupyter",
        }
        if report is not None:
            built = report.bitstream.parent
            reports = {name: meaning for name, meaning in REPORTS.items() if (built / name).is_file()}
            for name in (*self.results, *reports):
                shutil.copyfile(built / name, folder / name)
            contents |= reports
        if not isinstance(self.board, SerialBoard) and write_wheel(folder):
            contents[WHEEL] = "hwsnn itself, for the board's Python"
        save(self.network, folder / self._model)
        (folder / DRIVER).write_text(_filled("driver", self._words))
        (folder / NOTEBOOK).write_text(notebook(_filled("notebook", self._words)))
        (folder / README).write_text(self._readme(contents, missed=report is not None and not report.timing_met))

    @property
    def _bitstream(self) -> str:
        return next(iter(self.results))

    @property
    def _model(self) -> str:
        return f"{self.network.name}.safetensors"

    @property
    def _words(self) -> dict[str, str]:
        """What the templates say of network and board; ``place`` is ``address`` as Python, from any folder."""
        words = {
            "network": self.network.name,
            "title": self.board.title,
            "version": __version__,
            "shape": ", ".join(map(str, self.network.frame_shape)),
            "model": self._model,
            "bitstream": self._bitstream,
        }
        if isinstance(self.board, SerialBoard):
            words |= {"baud": str(self.board.baud), "board": shlex.quote(self.board_text)}
            return words | {"address": PORT, "place": f'"{PORT}"', "options": f", baud={self.board.baud}"}
        scheme = ANY_ZYNQ if self.board_text.endswith(".py") else self.board.name
        place = f'f"{scheme}:{{HERE}}/{self._bitstream}"'
        return words | {"address": f"{scheme}:{self._bitstream}", "place": place, "options": "", "wheel": WHEEL}

    def _readme(self, contents: dict[str, str], missed: bool) -> str:
        width = max(map(len, contents))
        words = self._words | {
            "missed": MISSED if missed else "",
            "contents": "".join(f"{name:{width}}  {meaning}\n" for name, meaning in contents.items()),
            "where": HERE if WHEEL in contents else ELSEWHERE,
        }
        return _filled("serial" if isinstance(self.board, SerialBoard) else "axi", words)


def _filled(name: str, words: dict[str, str]) -> str:
    return Template((Path(__file__).parent / f"{name}.template").read_text()).substitute(words)
