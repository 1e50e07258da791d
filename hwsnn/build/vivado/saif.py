"""Switching activity of every signal of the accelerator while it works, as a SAIF file for Vivado.

The hardware is simulated by Verilator with a program of our own, ``activity.cpp``: frames come back to back, and
recording begins after the first result, when the pipeline is full. The results are compared with the reference: the
activity of wrong hardware would be useless.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from hwsnn.build.process import run_tool
from hwsnn.build.tools import Tool, lay_out_verilator, verilator_environment, verilator_version
from hwsnn.errors import ToolError
from hwsnn.files.scratch import Scratch
from hwsnn.interface.frames import in_wire_order
from hwsnn.interface.registers import result_bytes
from hwsnn.progress import StageProgress, silent
from hwsnn.reference import run as run_reference
from hwsnn.rtl.axi.shell import ACCELERATOR
from hwsnn.spec import Network
from hwsnn.spec.integers import Images

PROGRAM = "activity"
WORD_BYTES = 8
"""Bytes per word of both streams: activity.cpp supports only this size."""
SETTLED_EDGES = 10_000
"""Minimum time-out for a result, in edges of either clock."""
VERILATOR = [
    "--cc",
    "--exe",
    "--build",
    "--trace-saif",
    "-O3",
    "-Wno-lint",
    "-Wno-fatal",
    *("--timescale", "1ns/1ps"),
    *("--top-module", ACCELERATOR),
    *("--prefix", "Vaccelerator"),
    *("-Mdir", "build"),
    *("-MAKEFLAGS", "OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O1"),  # compiles fast what runs for seconds
]
_COMPILED = re.compile(r"\+\+ .* -c .*\.cpp")
_FRAME = re.compile(r"frame (\d+)$")
_TIMESCALE = re.compile(r"\(TIMESCALE (\d+)([a-z]+)\)")
"""The time scale as Verilator writes it; Vivado itself writes a space between number and unit."""
_NET = re.compile(r"\(([A-Za-z_][A-Za-z0-9_$]*)(\\\[\d+\\\])? \(T0 ")
_INSTANCE = re.compile(r"\(INSTANCE ([A-Za-z_][A-Za-z0-9_$]*)$")


@dataclass(frozen=True)
class Stimulus:
    """The images (N, *frame_shape) for which the activity is recorded, and a description of their source."""

    images: Images
    source: str


@dataclass(frozen=True)
class Activity:
    """A recorded activity: the source of the frames, their number, and the duration in ns of hardware time."""

    source: str
    frames: int
    duration_ns: float


def record(
    verilog: str,
    network: Network,
    stimulus: Stimulus,
    clocks_mhz: tuple[float, float],
    patience: int,
    levels: Sequence[str],
    file: Path,
    progress: StageProgress = silent,
) -> Activity:
    """Write to ``file`` the activity of the accelerator ``verilog`` while it works on the images of ``stimulus``.

    ``clocks_mhz``: of the bus and of the pipeline. ``patience``: time-out for the next result, in pipeline cycles.
    ``levels``: the names of the instances around the accelerator, the outermost first, and its own. Raises
    ``InputError`` if Verilator or its compiler is missing, and ``ToolError`` if it fails or the results differ from the
    reference.
    """
    with Scratch("activity") as folder:
        simulator = build_simulator(verilog, folder, progress)
        return simulate(simulator, network, stimulus, clocks_mhz, patience, levels, file, progress)


def build_simulator(verilog: str, folder: Path, progress: StageProgress = silent) -> Tool:
    """Build the program that feeds and records the accelerator in ``folder``. Raises as ``record`` does."""
    settings = verilator_environment()
    program = settings["PATH"].split(os.pathsep)[0] + "/verilator"
    (folder / "build").mkdir()
    (folder / f"{ACCELERATOR}.v").write_text(verilog)
    shutil.copyfile(Path(__file__).parent / f"{PROGRAM}.cpp", folder / f"{PROGRAM}.cpp")
    sources = [f"{ACCELERATOR}.v", f"{PROGRAM}.cpp"]
    arguments = [*VERILATOR, "-j", str(os.cpu_count() or 1), *sources, "-o", PROGRAM]
    progress("simulator", 0, 100)
    follow = _compilations(lambda percent: progress("simulator", percent, 100))
    settings = lay_out_verilator(settings, (folder, folder / "build"))
    verilator = Tool("verilator", (program,), verilator_version(), settings)
    run_tool(verilator, arguments, folder, folder / "build.log", follow)
    progress("simulator", 100, 100)
    return Tool("the simulation", (str(folder / "build" / PROGRAM),), "")


def simulate(
    simulator: Tool,
    network: Network,
    stimulus: Stimulus,
    clocks_mhz: tuple[float, float],
    patience: int,
    levels: Sequence[str],
    file: Path,
    progress: StageProgress = silent,
) -> Activity:
    """Run the program of ``build_simulator`` on the images; everything else as ``record``."""
    images = stimulus.images
    bus_half, pipeline_half = (round(500_000 / mhz) for mhz in clocks_mhz)
    edges = SETTLED_EDGES + 2 * patience * (1 + pipeline_half / bus_half)
    numbers = [str(number) for number in (len(images), bus_half, pipeline_half, int(edges))]
    with Scratch("activity") as folder:
        (folder / "frames").write_bytes(frame_words(images))
        progress("simulation", 0, len(images) + 1)
        follow = _frames(lambda done: progress("simulation", done, len(images) + 1))
        arguments = ["frames", *numbers, "raw.saif", "results"]
        run_tool(simulator, arguments, folder, folder / "run.log", follow)
        compare(network, images, (folder / "results").read_bytes())
        with (folder / "raw.saif").open() as raw, file.open("w") as nested:
            duration_ps = nest(raw, nested, levels)
    return Activity(stimulus.source, len(images), duration_ps / 1000)


def frame_words(images: Images) -> bytes:
    """Images (N, *frame_shape) as the records that activity.cpp reads: a word's bytes, its tkeep, its tlast."""
    frames = in_wire_order(images).reshape(len(images), -1)
    surplus = -frames.shape[1] % WORD_BYTES
    words = np.pad(frames, ((0, 0), (0, surplus))).reshape(len(images), -1, WORD_BYTES)
    records = np.zeros((*words.shape[:2], WORD_BYTES + 2), np.uint8)
    records[:, :, :WORD_BYTES] = words
    records[:, :, WORD_BYTES] = 0xFF
    records[:, -1, WORD_BYTES] = 0xFF >> surplus
    records[:, -1, WORD_BYTES + 1] = 1
    return records.tobytes()


def nest(raw: TextIO, nested: TextIO, levels: Sequence[str]) -> int:
    """Move Verilator's activity of the accelerator below the instances ``levels``; returns the duration in ps.

    ``levels`` ends with the accelerator's own name. Signals that Vivado cannot match by name are left out: those that
    Yosys numbered, and parts of a signal that have names of their own.
    """
    duration, lines = 0, (line.strip() for line in raw)
    for line in lines:
        if line.startswith("(INSTANCE"):  # Verilator's own, around the design: its signals are the design's ports
            break
        if line.startswith("(DURATION"):
            duration = int(line.split()[1].rstrip(")"))
        if not line.startswith("//"):
            nested.write(_TIMESCALE.sub(r"(TIMESCALE \1 \2)", line) + "\n")
    for line in lines:
        if line == f"(INSTANCE {ACCELERATOR}":
            break
    else:
        raise ToolError("Verilator recorded no activity of the accelerator")
    nested.writelines(f"(INSTANCE {name}\n" for name in levels)
    nested.writelines(_findable(lines))
    nested.write(")\n" * (len(levels) + 1))
    return duration


def _findable(lines: Iterator[str]) -> Iterator[str]:
    """The lines of one instance, without its end and without signals that cannot be matched by name."""
    depth, hidden = 0, 0
    for line in lines:
        if line == ")":
            depth -= 1
            if depth < 0:
                return
            if hidden:
                hidden -= 1
            else:
                yield ")\n"
        elif line.startswith(("(INSTANCE", "(NET")):
            depth += 1
            if hidden or (line.startswith("(INSTANCE") and not _INSTANCE.match(line)):
                hidden += 1
            else:
                yield f"{line}\n"
        elif not hidden and _NET.match(line):
            yield f"{line}\n"


def compare(network: Network, images: Images, results: bytes) -> None:
    """Raise ``ToolError`` unless the results equal the reference's, for each image and for the first one again."""
    count, size = len(images) + 1, result_bytes(network)
    padded = size + -size % WORD_BYTES
    expected = run_reference(network, images)
    if len(results) != count * padded:
        raise ToolError(f"the simulated accelerator sent {len(results)} bytes of results, not {count * padded}")
    words = np.frombuffer(results, np.uint8).reshape(count, padded)[:, :size].copy().view("<i4")
    turn = np.arange(count) % len(images)
    wanted = np.column_stack([np.arange(count), expected.predictions[turn], expected.scores[turn]])
    if not np.array_equal(words, wanted):
        raise ToolError("the simulated accelerator's results differ from the reference")


def _compilations(percent: Callable[[int], object]) -> Callable[[str], None]:
    """Progress by the compilers that were started; their total is unknown: the bar fills ever more slowly."""
    started = 0

    def on_line(line: str) -> None:
        nonlocal started
        if _COMPILED.search(line):
            started += 1
            percent(int(100 * (1 - 0.97**started)))

    return on_line


def _frames(done: Callable[[int], object]) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if match := _FRAME.match(line):
            done(int(match[1]))

    return on_line
