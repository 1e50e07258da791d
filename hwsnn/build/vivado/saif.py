"""Switching activity: how often every signal of the accelerator changes while it works, as a SAIF file for Vivado.

The hardware is simulated by Verilator with a program of our own, ``activity.cpp``: frames come without a pause, and
recording begins when the first result has gone, so that the pipeline is full. The answers are compared with the
reference: the activity of hardware that does something else would be worth nothing.
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
import numpy.typing as npt

from hwsnn.build.process import run_tool
from hwsnn.build.tools import Tool, lay_out_verilator, verilator_environment, verilator_version
from hwsnn.errors import ToolError
from hwsnn.files.scratch import Scratch
from hwsnn.reference import run as run_reference
from hwsnn.register_map import result_bytes
from hwsnn.rtl.axi.shell import ACCELERATOR
from hwsnn.spec import Network

Images = npt.NDArray[np.uint8]
Progress = Callable[[str, int, int], None]
"""Called with a stage's name, how far it is, and its length."""

PROGRAM = "activity"
WORD_BYTES = 8
"""Of both streams: activity.cpp knows words of this size alone."""
SETTLED_EDGES = 10_000
"""How many edges of either clock may always pass before a result comes."""
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
"""As Verilator writes it; Vivado itself writes a space between number and unit."""
_NET = re.compile(r"\(([A-Za-z_][A-Za-z0-9_$]*)(\\\[\d+\\\])? \(T0 ")
_INSTANCE = re.compile(r"\(INSTANCE ([A-Za-z_][A-Za-z0-9_$]*)$")


@dataclass(frozen=True)
class Stimulus:
    """What the accelerator works on while its activity is recorded: images (N, C, H, W), and in words where from."""

    images: Images
    source: str


@dataclass(frozen=True)
class Activity:
    """What was recorded: of which frames, how many, over how many nanoseconds of the hardware's time."""

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
    progress: Progress = lambda stage, done, total: None,
) -> Activity:
    """Write to ``file`` the activity of the accelerator ``verilog`` while it works on the images of ``stimulus``.

    ``clocks_mhz``: of the bus and of the pipeline. ``patience``: clocks of the pipeline within which the next result
    comes. ``levels``: the names of the instances around the accelerator, the outermost first, and its own. Raises
    ``InputError`` where Verilator or its compiler is missing, and ``ToolError`` where it fails or the answers differ
    from the reference.
    """
    with Scratch("activity") as folder:
        simulator = build_simulator(verilog, folder, progress)
        return simulate(simulator, network, stimulus, clocks_mhz, patience, levels, file, progress)


def build_simulator(verilog: str, folder: Path, progress: Progress = lambda stage, done, total: None) -> Tool:
    """Build in ``folder`` the program that feeds and records the accelerator. Raises as ``record`` does."""
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
    progress: Progress = lambda stage, done, total: None,
) -> Activity:
    """Let the program of ``build_simulator`` work on the images; everything else as ``record``."""
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
    """Images (N, C, H, W) as the records that activity.cpp reads: a word's bytes, its tkeep, its tlast."""
    frames = np.moveaxis(images, 1, -1).reshape(len(images), -1)
    surplus = -frames.shape[1] % WORD_BYTES
    words = np.pad(frames, ((0, 0), (0, surplus))).reshape(len(images), -1, WORD_BYTES)
    records = np.zeros((*words.shape[:2], WORD_BYTES + 2), np.uint8)
    records[:, :, :WORD_BYTES] = words
    records[:, :, WORD_BYTES] = 0xFF
    records[:, -1, WORD_BYTES] = 0xFF >> surplus
    records[:, -1, WORD_BYTES + 1] = 1
    return records.tobytes()


def nest(raw: TextIO, nested: TextIO, levels: Sequence[str]) -> int:
    """Put what Verilator wrote about the accelerator below the instances ``levels``; returns the duration in ps.

    ``levels`` ends with the accelerator's own name. Left out are signals that Vivado could not find again by their
    names: those that Yosys numbered, and parts of a signal that have names besides it.
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
    """The lines of one instance up to its end, but for that end and for what cannot be found by its name."""
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
    """Raise ``ToolError`` unless the results are those of the reference, of each image and of the first again."""
    count, size = len(images) + 1, result_bytes(network)
    padded = size + -size % WORD_BYTES
    expected = run_reference(network, images)
    if len(results) != count * padded:
        raise ToolError(f"the simulated accelerator sent {len(results)} bytes of results, not {count * padded}")
    words = np.frombuffer(results, np.uint8).reshape(count, padded)[:, :size].copy().view("<i4")
    turn = np.arange(count) % len(images)
    wanted = np.column_stack([np.arange(count), expected.predictions[turn], expected.scores[turn]])
    if not np.array_equal(words, wanted):
        raise ToolError("the simulated accelerator's answers differ from the reference")


def _compilations(percent: Callable[[int], None]) -> Callable[[str], None]:
    """Compilers that were started; how many there will be is not known: the rest fills ever more slowly."""
    started = 0

    def on_line(line: str) -> None:
        nonlocal started
        if _COMPILED.search(line):
            started += 1
            percent(int(100 * (1 - 0.97**started)))

    return on_line


def _frames(done: Callable[[int], None]) -> Callable[[str], None]:
    def on_line(line: str) -> None:
        if match := _FRAME.match(line):
            done(int(match[1]))

    return on_line
