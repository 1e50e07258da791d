"""From a network to a bitstream by open tools: Yosys, nextpnr, and the packer of the FPGA's family."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hwsnn.errors import InputError, ToolError
from hwsnn.files.atomic import folder_written_whole
from hwsnn.files.scratch import Scratch
from hwsnn.folding.folding import Folding
from hwsnn.model_file.integer_file import model_hash
from hwsnn.progress import StageProgress, silent
from hwsnn.spec import Network

from . import tools
from .boards import Ecp5Board, GowinBoard, NextpnrBoard
from .ecp5 import ECP5
from .gowin import GOWIN
from .nextpnr import REPORT, Family, place_and_route, write_design
from .process import run_tool
from .report import BuildReport, parse_routed
from .serial_top import TOP, serial_top

FAMILIES: dict[type[NextpnrBoard], Family[Any]] = {Ecp5Board: ECP5, GowinBoard: GOWIN}
"""The family of the FPGA on each kind of board."""

_PERCENT = 100
_YOSYS_STEP = re.compile(r"\d+\.(\d+)\. Executing ")
_FULL = re.compile(r"no BELs remaining|no Bels remaining|Unable to find legal placement")
"""What nextpnr says of a design for which there is no room."""


def family_of(board: NextpnrBoard) -> Family[Any]:
    """How the open tools build for the FPGA of ``board``."""
    return FAMILIES[type(board)]


def programs(board: NextpnrBoard) -> tuple[str, str, str]:
    """The programs that a build for ``board`` runs, in their order."""
    family = family_of(board)
    return "yosys", family.nextpnr, family.packer


def build(
    network: Network,
    folding: Folding,
    board: NextpnrBoard,
    output: Path,
    progress: StageProgress = silent,
) -> BuildReport:
    """Make the bitstream of ``network`` for ``board``, and write it into the folder ``output`` with reports and logs.

    A design that misses its clock is still written, and reported (``timing_met``). Files, complete or not at all:
    ``NETWORK-BOARD.bit``, or ``.fs`` for Gowin, ``build.json`` (the report), ``timing.json`` (nextpnr's own, critical
    paths included), ``yosys.log`` and ``nextpnr.log``. Raises ``InputError`` if a tool is missing or the design does
    not fit, and ``ToolError`` if a tool fails.
    """
    top, family = serial_top(network, folding, board), family_of(board)
    yosys, nextpnr, packer = (tools.find(name) for name in programs(board))
    seconds: dict[str, float] = {}

    @contextmanager
    def stage(name: str) -> Any:
        start = time.monotonic()
        progress(name, 0, _PERCENT)
        yield lambda percent: progress(name, percent, _PERCENT)
        progress(name, _PERCENT, _PERCENT)
        seconds[name] = round(time.monotonic() - start, 1)

    with folder_written_whole(output) as results, Scratch("build") as folder:
        with stage("elaboration"):
            write_design(top, board, family, folder)
        with stage("synthesis") as percent:
            # YoWASP's Yosys prints nothing to stdout once it has called ABC, so errors have to come on stderr.
            arguments = ["-v", "2", "-l", "yosys.log", f"{TOP}.ys"]
            run_tool(yosys, arguments, folder, folder / "said", _synthesis(percent, family.synthesis_steps))
            shutil.copyfile(folder / "yosys.log", results / "yosys.log")
        with stage("place and route") as percent:
            try:
                place_and_route(nextpnr, board, family, folder, results / "nextpnr.log", percent)
            except ToolError as error:
                if _FULL.search(error.summary):
                    raise InputError(f"{network.name}: does not fit {board.title} ({error.summary})") from None
                raise
        with stage("bitstream"):
            run_tool(packer, family.packing(board), folder, folder / "packer.log")
        routed = parse_routed(folder / REPORT, board.clock_mhz, family.cells)
        bitstream = f"{network.name}-{board.name}{board.bitstream_ending}"
        for made, name in ((f"{TOP}{board.bitstream_ending}", bitstream), (REPORT, REPORT)):
            if not (folder / made).is_file() or not (folder / made).stat().st_size:
                raise ToolError(f"the build left no {made}")
            shutil.copyfile(folder / made, results / name)
        report = BuildReport(
            bitstream=output / bitstream,
            board=board.name,
            model_sha256=model_hash(network),
            target_mhz=board.clock_mhz,
            fmax_mhz=routed.fmax_mhz,
            timing_met=routed.timing_met,
            lut=routed.lut,
            ff=routed.ff,
            bram=routed.bram,
            dsp=routed.dsp,
            available=routed.available,
            stage_seconds=seconds,
            versions=tools.versions(programs(board)),
        )
        (results / "build.json").write_text(json.dumps(report.to_json(), indent=2) + "\n")
    return report


def _synthesis(percent: Callable[[int], object], steps: int) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if match := _YOSYS_STEP.match(line):
            percent(min(_PERCENT * int(match[1]) // steps, _PERCENT))

    return on_line
