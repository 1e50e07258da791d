"""From a network to a bitstream: Yosys, nextpnr-ecp5, ecppack."""

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
from hwsnn.verilog.emit import whole_rtlil

from . import tools
from .boards import NextpnrBoard
from .process import run_tool
from .report import BuildReport, parse_routed
from .serial_top import TOP, SerialTop, platform_files, serial_top

SEED = 1
"""nextpnr's seed: the same design gives the same bitstream."""

_PERCENT = 100
_YOSYS_STEP = re.compile(r"\d+\.(\d+)\. Executing ")
_YOSYS_STEPS = 52
"""Approximate number of synth_ecp5's top-level steps: the length of the progress bar."""
_PLACER_ITERATION = re.compile(r"Info:\s+at iteration #(\d+), type")
_REFINER_ITERATION = re.compile(r"Info:\s+at iteration #(\d+): temp")
_ARCS = re.compile(r"Info: Routing (\d+) arcs")
_ARCS_LEFT = re.compile(r"Info:\s+\d+ \|[^|]*\|[^|]*\|\s*(\d+)\|")


def build(
    network: Network,
    folding: Folding,
    board: NextpnrBoard,
    output: Path,
    progress: StageProgress = silent,
) -> BuildReport:
    """Make the bitstream of ``network`` for ``board``, and write it into the folder ``output`` with reports and logs.

    A design that misses its clock is still written, and reported (``timing_met``). Files, complete or not at all:
    ``NETWORK-BOARD.bit``, ``build.json`` (the report), ``timing.json`` (nextpnr's own, critical paths included),
    ``yosys.log`` and ``nextpnr.log``. Raises ``InputError`` if a tool is missing or the design does not fit, and
    ``ToolError`` if a tool fails.
    """
    top = serial_top(network, folding, board)
    yosys, nextpnr, ecppack = (tools.find(name) for name in ("yosys", "nextpnr-ecp5", "ecppack"))
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
            write_design(top, board, folder)
        with stage("synthesis") as percent:
            # YoWASP's Yosys prints nothing to stdout once it has called ABC, so errors have to come on stderr.
            run_tool(yosys, ["-v", "2", "-l", "yosys.log", f"{TOP}.ys"], folder, folder / "said", _synthesis(percent))
            shutil.copyfile(folder / "yosys.log", results / "yosys.log")
        with stage("place and route") as percent:
            log = results / "nextpnr.log"
            try:
                run_tool(nextpnr, _nextpnr_arguments(board), folder, log, _place_and_route(percent))
            except ToolError as error:
                if "no BELs remaining" in error.summary or "no Bels remaining" in error.summary:
                    raise InputError(f"{network.name}: does not fit {board.title} ({error.summary})") from None
                raise
        with stage("bitstream"):
            arguments = ["--compress", "--input", f"{TOP}.config", "--bit", f"{TOP}.bit"]
            run_tool(ecppack, arguments, folder, folder / "ecppack.log")
        routed = parse_routed(folder / "timing.json", board.clock_mhz)
        bitstream = f"{network.name}-{board.name}.bit"
        for made, name in ((f"{TOP}.bit", bitstream), ("timing.json", "timing.json")):
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
            versions=tools.versions(("yosys", "nextpnr-ecp5", "ecppack")),
        )
        (results / "build.json").write_text(json.dumps(report.to_json(), indent=2) + "\n")
    return report


def write_design(top: SerialTop, board: NextpnrBoard, folder: Path) -> None:
    """The design as RTLIL, its pins, and the script that synthesizes it. Needs no tools.

    Products are mapped to look-up tables: they are small, most of their factors are constants, and the few columns of
    multipliers would spread a design over the chip (``docs/boards.md`` has figures).
    """
    modules, files = platform_files(top, board)
    (folder / f"{TOP}.il").write_text(whole_rtlil(modules, files[f"{TOP}.il"]))
    (folder / f"{TOP}.lpf").write_text(files[f"{TOP}.lpf"])
    (folder / f"{TOP}.ys").write_text(f"read_rtlil {TOP}.il\nsynth_ecp5 -nodsp -top {TOP} -json {TOP}.json\n")


def _nextpnr_arguments(board: NextpnrBoard) -> list[str]:
    files = ["--json", f"{TOP}.json", "--lpf", f"{TOP}.lpf", "--textcfg", f"{TOP}.config", "--report", "timing.json"]
    return [*board.nextpnr, *files, "--seed", str(SEED), "--timing-allow-fail"]


def _synthesis(percent: Callable[[int], object]) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if match := _YOSYS_STEP.match(line):
            percent(min(_PERCENT * int(match[1]) // _YOSYS_STEPS, _PERCENT))

    return on_line


def _place_and_route(percent: Callable[[int], object]) -> Callable[[str], None]:
    """Progress of placement and refinement, of unknown length: their quarters of the bar fill ever more slowly."""
    arcs = 1

    def on_line(line: str) -> None:
        nonlocal arcs
        if match := _PLACER_ITERATION.match(line):
            percent(int(25 * (1 - 0.9 ** int(match[1]))))
        elif match := _REFINER_ITERATION.match(line):
            percent(25 + int(25 * (1 - 0.95 ** int(match[1]))))
        elif match := _ARCS.match(line):
            arcs = max(int(match[1]), 1)
            percent(50)
        elif match := _ARCS_LEFT.match(line):
            percent(50 + 50 * max(arcs - int(match[1]), 0) // arcs)

    return on_line
