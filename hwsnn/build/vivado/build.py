"""From a project folder to a bitstream, by Vivado."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsnn.build import tools
from hwsnn.build.process import run_tool
from hwsnn.build.report import BuildReport
from hwsnn.build.tools import Tool
from hwsnn.errors import InputError, ToolError
from hwsnn.files.atomic import folder_written_whole
from hwsnn.model_file.integer_file import model_hash

from . import reports
from .project import BUILD, Project, write_json
from .saif import Activity, Progress

ARGUMENTS = ["-mode", "batch", "-nolog", "-nojournal", "-notrace", "-source", f"../{BUILD}"]
COMMAND = f"vivado -mode batch -source {BUILD}"
"""The command to run in a project's folder."""
TOO_LARGE = ("over-utilized", "requires more")
"""Vivado's errors for a design that does not fit the device."""
PERCENT = 100

_STAGE = re.compile(r"hwsnn: stage (.+)$")
_COMMAND = re.compile(r"Command: (\w+)")
STEPS = {
    "link_design": 2,
    "opt_design": 5,
    "place_design": 15,
    "phys_opt_design": 50,
    "route_design": 55,
    "write_bitstream": 95,
}
"""Progress of the implementation, in percent, when Vivado first starts each of its commands."""


@dataclass(frozen=True)
class VivadoReport(BuildReport):
    """A build by Vivado. ``lut`` and so on: of the whole chip. Power in watts, estimated by Vivado.

    ``activity``: the source of the switching activity; None if it is Vivado's default.
    """

    power_w: float
    accelerator_power_w: float | None
    activity: Activity | None


def write(project: Project, output: Path, progress: Progress) -> None:
    """Write only the project into the folder ``output``. Raises as ``Project.write`` does."""
    with folder_written_whole(output) as folder:
        project.write(folder, progress)


def build(project: Project, output: Path, vivado: Tool, progress: Progress) -> VivadoReport:
    """Write the project into the folder ``output``, and the results of Vivado, complete or not at all.

    A design that misses its clock is still written, and reported (``timing_met``). Raises ``InputError`` if a tool is
    missing or the design does not fit, and ``ToolError`` if a tool fails.
    """
    name = project.network.name
    seconds: dict[str, float] = {}
    with folder_written_whole(output) as folder:
        start = time.monotonic()
        activity = project.write(folder, progress)
        seconds["project"] = round(time.monotonic() - start, 1)
        work = folder / "work"
        work.mkdir()
        follower = Follower(progress)
        try:
            run_tool(vivado, ARGUMENTS, work, folder / "vivado.log", follower.on_line)
        except ToolError as error:
            if any(words in error.summary for words in TOO_LARGE):
                raise InputError(f"{name}: does not fit {project.board.title} ({error.summary})") from None
            raise
        finally:
            end_all_in(work)
        shutil.rmtree(work)
        for made in (folder / f"{project.result}{ending}" for ending in project.endings):
            if not made.is_file() or not made.stat().st_size:
                raise ToolError(f"the build left no {made.name}")
        found = read_reports(folder / "reports", project)
        for kind, values in found.items():
            write_json(folder / f"{kind}.json", values)
        chip, power = found["utilization"]["chip"], found["power"]
        # In build.json memories count in blocks of 18 kbit, as for other boards; Vivado's tiles have two.
        used = {kind: int(entry["used"] * (2 if kind == "bram" else 1)) for kind, entry in chip.items()}
        there = {kind: int(entry["available"] * (2 if kind == "bram" else 1)) for kind, entry in chip.items()}
        report = VivadoReport(
            bitstream=output / f"{project.result}.bit",
            board=project.board.name,
            model_sha256=model_hash(project.network),
            target_mhz=project.clock_mhz,
            fmax_mhz=found["timing"]["pipeline_fmax_mhz"],
            timing_met=found["timing"]["met"],
            **used,
            available=there,
            stage_seconds=seconds | follower.seconds,
            versions=tools.versions() | {"vivado": vivado.version},
            power_w=power["total_w"],
            accelerator_power_w=power["accelerator_w"],
            activity=activity,
        )
        write_json(folder / "build.json", report.to_json())
    return report


def read_reports(folder: Path, project: Project) -> dict[str, dict[str, Any]]:
    """Vivado's reports, by the names of the JSON files. Raises ``ToolError`` if something is missing."""
    texts = {}
    for name in ("utilization", "hierarchy", "timing", "power"):
        try:
            texts[name] = (folder / f"{name}.rpt").read_text(errors="replace")
        except OSError as error:
            raise ToolError(f"Vivado left no {name}.rpt ({error.strerror})") from None
    timing = reports.parse_timing(texts["timing"])
    return {
        "utilization": {
            "chip": reports.parse_utilization(texts["utilization"]),
            "accelerator": reports.parse_instance(texts["hierarchy"], project.cell),
        },
        "timing": timing | {"pipeline_fmax_mhz": reports.fmax_mhz(timing, project.pipeline_clock)},
        "power": reports.parse_power(texts["power"], project.cell),
    }


class Follower:
    """Follows the progress of the build in Vivado's output, and measures its stages: ``seconds`` of each."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._stage, self._start, self._percent = "", 0.0, 0

    def on_line(self, line: str) -> None:
        """Take one line."""
        if match := _STAGE.match(line):
            if self._stage:
                self._progress(self._stage, PERCENT, PERCENT)
                self.seconds[self._stage] = round(time.monotonic() - self._start, 1)
            self._stage, self._start, self._percent = match[1], time.monotonic(), 0
            if self._stage == "done":
                self._stage = ""
            else:
                self._progress(self._stage, 0, PERCENT)
        elif self._stage == "implementation" and (match := _COMMAND.match(line)):
            self._percent = max(self._percent, STEPS.get(match[1], 0))
            self._progress(self._stage, self._percent, PERCENT)


def end_all_in(folder: Path) -> None:
    """End every process that works in ``folder`` or below: Vivado's runs may outlive it if it is killed."""
    top = str(folder.resolve())
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            where = os.readlink(process / "cwd")
            if where == top or where.startswith(f"{top}/"):
                os.kill(int(process.name), signal.SIGKILL)
