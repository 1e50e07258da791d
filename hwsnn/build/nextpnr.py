"""What nextpnr is to place and route: a design, and what is particular to the family of its FPGA."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from hwsnn.verilog.emit import whole_rtlil

from .boards import NextpnrBoard
from .process import run_tool
from .serial_top import TOP, SerialTop, platform_files
from .tools import Tool

SEED = 1
"""nextpnr's seed: the same design gives the same bitstream."""
REPORT = "timing.json"
"""nextpnr's report of timing and utilization."""

_PLACER_ITERATION = re.compile(r"Info:\s+at iteration #(\d+), type")
_REFINER_ITERATION = re.compile(r"Info:\s+at iteration #(\d+): temp")
_ARCS = re.compile(r"Info: Routing (\d+) arcs")
_ARCS_LEFT = re.compile(r"Info:\s+\d+ \|[^|]*\|[^|]*\|\s*(\d+)\|")

B = TypeVar("B", bound=NextpnrBoard)


@dataclass(frozen=True)
class Family(Generic[B]):
    """How the open tools build for a family of FPGAs. Files of the build are called ``hwsnn.ENDING``.

    ``synthesis``: Yosys's command, of about ``synthesis_steps`` steps. ``nextpnr`` and ``packer``: names of programs in
    ``hwsnn.build.tools``. ``pins``: the ending of the file of pins. ``placing``: nextpnr's arguments for the FPGA of a
    board, its pins and the result; ``packing``: those with which the packer makes a bitstream of that. ``cells``:
    nextpnr's name of the cells of each resource in ``hwsnn.build.report``.
    """

    synthesis: str
    synthesis_steps: int
    nextpnr: str
    packer: str
    pins: str
    placing: Callable[[B], Sequence[str]]
    packing: Callable[[B], Sequence[str]]
    cells: Mapping[str, str]


def write_design(top: SerialTop, board: B, family: Family[B], folder: Path) -> None:
    """The design as RTLIL, its pins, and the script that synthesizes it. Needs no tools."""
    modules, files = platform_files(top, board)
    (folder / f"{TOP}.il").write_text(whole_rtlil(modules, files[f"{TOP}.il"]))
    (folder / f"{TOP}{family.pins}").write_text(files[f"{TOP}{family.pins}"])
    (folder / f"{TOP}.ys").write_text(f"read_rtlil {TOP}.il\n{family.synthesis} -top {TOP} -json {TOP}.json\n")


def place_and_route(
    tool: Tool,
    board: B,
    family: Family[B],
    folder: Path,
    log: Path,
    percent: Callable[[int], object] = lambda done: None,
    seed: int = SEED,
) -> None:
    """Run nextpnr, ``tool``, on the design that Yosys left in ``folder``. Raises ``ToolError`` if it fails.

    A design that misses its clock is no failure. ``percent`` is called with the progress.
    """
    files = ["--json", f"{TOP}.json", "--report", REPORT]
    arguments = [*family.placing(board), *files, "--seed", str(seed), "--timing-allow-fail"]
    run_tool(tool, arguments, folder, log, _progress(percent))


def _progress(percent: Callable[[int], object]) -> Callable[[str], None]:
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
