"""Builds a Verilog design into a simulator for cocotb, once per content, and runs cocotb benches on it.

Most of a small design's build is Verilator's own runtime, the same for all: its object files and its headers, compiled,
are cached as well.

cocotb and Verilator run in child processes: their environment stays out of ours, and Ctrl-C ends them with us.

A build uses relative paths only: make cannot handle some characters in a path.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from hwsnn.build.tools import lay_out_verilator, verilator_environment, verilator_version
from hwsnn.errors import InputError, ToolError
from hwsnn.files.atomic import needs_room
from hwsnn.files.cache import private_folder
from hwsnn.files.ownership import ours_alone
from hwsnn.files.scratch import Scratch, sweep
from hwsnn.packages import require
from hwsnn.processes.children import python
from hwsnn.progress import silent

BUILD, COCOTB, PROGRAM = "build", "cocotb", "verilator.cpp"
"""Files that the child adds to the sources of a build: the output folder, in it a link to cocotb's libraries, and
cocotb's main program."""
WINDOW = "trace_window.h"
"""Included in every file of C++ of a simulator that records waveforms."""
BUILD_ARGS = [
    *("--cc", "--exe", "--vpi"),
    *("--prefix", "Vtop"),
    *("--timescale", "1ns/1ps"),
    "-Wno-fatal",
    "-O3",
    *("--output-split", "200000"),  # a file of C++ costs a second before its first line of the design is read
    *("-LDFLAGS", f"-L{COCOTB} -lcocotbvpi_verilator"),
]
TRACED_ARGS = [
    "--trace-vcd",
    *("--trace-max-width", "65536"),
    *("--trace-max-array", "65536"),
    *("-CFLAGS", f"-include ../{WINDOW}"),
]
"""Added for a simulator that records waveforms: by default, Verilator leaves out wide signals and memories."""
MAKE = ["make", "-j", str(os.cpu_count() or 1), "-C", BUILD, "-f", "Vtop.mk"]
RUNTIME_LEVEL = "OPT_GLOBAL=-O1"
SHORT_RUN, LONG_RUN = "OPT_FAST=-O0", "OPT_FAST=-O1"
"""How the makefile has Verilator's runtime and the design compiled. Optimized, a design simulates up to twice as fast
and takes four times as long to compile."""
HEADER, HEADERS = "headers.h", ("memory", "string", "verilated.h", "verilated_dpi.h", "verilated_vpi.h")
"""A header of all that a design's C++ and cocotb's main program include: reading it takes longer than compiling what a
small design adds. Compiled it has 75 MB, and is of use with the options of short runs alone."""
COMPILED, INCLUDED = f"{HEADER}.fast.gch", f"{HEADER}.fast"
"""The compiled header, named as the makefile's rule for it wants, and its source once more, to fall back on."""
HEADER_RULES = "\n".join(
    f"{part}: {COMPILED}\n{part}: private CPPFLAGS += $(CFG_CXXFLAGS_PCH_I) {INCLUDED}$(CFG_GCH_IF_CLANG)"
    for part in ("verilator.o", "Vtop__ALL.o")
)
"""What the makefile is given to use it. A design in several files has its own instead: there can be but one."""
SPLIT_HEADER, SPLIT_INCLUDED = "Vtop__pch.h", ("Vtop__pch.h.fast", "Vtop__pch.h.slow")
"""The header of a design in several files, and the names by which these include it: compiled headers, which a compiler
takes first in a file alone. Where ``WINDOW`` comes before them, it falls back on their sources."""
POLL_SECONDS = 0.1
GRACE_SECONDS = 2.0
"""Time that a child and its processes have to end before they are killed."""
KEPT = 300
"""Simulators in the cache, of about 1 MB each."""
RESULTS = "results.xml"
"""The result file that cocotb writes into a bench's folder."""
OURS = ("COCOTB_", "GPI_", "PYGPI_", "WAVES", "GUI")
"""Prefixes of the environment variables that control cocotb: we set them, and drop the user's."""


@dataclass(frozen=True)
class Waveforms:
    """A file of waveforms, from the time ``begin_ps`` to ``end_ps``."""

    file: Path
    begin_ps: int
    end_ps: int


class SimulationError(ToolError):
    """A simulator could not be built, or a bench did not run to its end."""


def cache_folder() -> Path:
    """The folder of built simulators: ``hwsnn/simulators`` in the user's cache folder. Made if missing."""
    return private_folder("simulators")


def simulation_environment() -> dict[str, str]:
    """The environment variables for building simulators. Raises ``InputError`` where a tool is missing."""
    environment = verilator_environment()
    require("cocotb")
    return environment


def build_simulator(
    verilog: str,
    top: str,
    visible: Sequence[tuple[str, str]] = (),
    *,
    long_run: bool = False,
    traced: str | None = None,
) -> Path:
    """The folder of a simulator of module ``top`` in the text ``verilog``: from the cache, or built now.

    A bench sees the signals of the top module, and those that ``visible`` names: pairs of a module's name and a pattern
    of signal names, in which ``*`` stands for anything. Verilator may optimize everything else away, which makes builds
    and simulations several times faster. ``long_run``: it is to simulate millions of cycles, so that compiling it
    with optimization pays off. ``traced``: an instance of the top; the simulator can record waveforms of all that is
    in it, beside the top's own signals.

    Raises ``SimulationError``, and ``InputError`` where a tool is missing.
    """
    environment = simulation_environment()
    level = LONG_RUN if long_run else SHORT_RUN
    arguments = [*BUILD_ARGS, *(TRACED_ARGS if traced else [])]
    places = (sys.version, environment["PATH"].split(os.pathsep)[0])
    window = [(Path(__file__).parent / WINDOW).read_text()] if traced else []
    tools = (*arguments, *window, RUNTIME_LEVEL, *HEADERS, version("cocotb"), verilator_version(), *places)
    cache = cache_folder()
    control = "".join(f'public_flat_rw -module "{m}" -var "{v}"\n' for m, v in [(top, "*"), *visible])
    if traced:
        control += f'tracing_off -scope "*"\ntracing_off -scope "{top}.*"\n'
        control += f'tracing_on -scope "{top}.{traced}"\ntracing_on -scope "{top}" -levels 1\n'
    folder = cache / _digest(verilog, top, control, level, *tools)
    if _runs(folder / top) and ours_alone(folder):
        os.utime(folder)
        return folder
    _remove(folder)
    shared = {cache / f"runtime-{_digest(*tools)}": "verilated*.o"}
    precompiled = not (long_run or traced)
    if precompiled:
        shared[cache / f"headers-{_digest(*tools)}"] = COMPILED
    with needs_room(cache), Scratch(cache) as scratch:
        build = scratch / BUILD
        build.mkdir()
        (scratch / "design.v").write_text(verilog)
        (scratch / "visible.vlt").write_text(f"`verilator_config\n{control}")
        for name in (HEADER, INCLUDED):
            (build / name).write_text("#pragma once\n" + "".join(f"#include <{header}>\n" for header in HEADERS))
        for name in SPLIT_INCLUDED if traced else ():
            (build / name).write_text(f'#include "{SPLIT_HEADER}"\n')
        for kept in shared:
            if kept.is_dir():
                _lay_out(kept, build)
        rules = [f"--eval={HEADER_RULES}"] if precompiled else []
        sources = [PROGRAM, "visible.vlt", "design.v"]
        job = {
            "action": "build",
            "top": top,
            "folder": str(scratch),
            "commands": [
                ["verilator", *arguments, "-Mdir", BUILD, "--top-module", top, "-o", top, *sources],
                [*MAKE, *rules, "default", RUNTIME_LEVEL, level],
            ],
        }
        settings = lay_out_verilator(environment, (scratch, build))
        try:
            _run_child(job, settings, scratch / "build.log", lambda: None)
        except SimulationError:
            # If what builds share is damaged, the next one makes it again.
            for kept in shared:
                shutil.rmtree(kept, ignore_errors=True)
            raise
        _keep([build / top], folder)
        for kept, files in shared.items():
            _keep([*build.glob(files)], kept)
    _forget_oldest(cache)
    if not ours_alone(folder):
        raise InputError(f"{folder}: others can write to it, and a simulator is to be kept there; remove it")
    return folder


def _runs(program: Path) -> bool:
    """Whether ``program`` looks like an executable; a full disk or a crash may have left a partial file."""
    return program.is_file() and os.access(program, os.X_OK) and program.stat().st_size > 0


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


def _lay_out(kept: Path, build: Path) -> None:
    """Copy what builds share to where the build looks for it.

    The makefile compiles it again if it is older than itself, and Verilator has yet to write it: so it is dated ahead.
    """
    if not ours_alone(kept):
        _remove(kept)
        return
    ahead = time.time() + 3600
    with contextlib.suppress(FileNotFoundError):  # somebody just found it damaged: what is missing is compiled
        for file in kept.iterdir():
            os.utime(shutil.copy(file, build), (ahead, ahead))


def _remove(folder: Path) -> None:
    """Remove an entry of the cache, or a link to it, as far as possible."""
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _keep(files: list[Path], folder: Path) -> None:
    """Move files into a new cache folder, atomically; if another process was first, its folder is used."""
    with Scratch(folder.parent) as scratch:
        whole = scratch / "whole"
        whole.mkdir(mode=0o700)
        for file in files:
            shutil.move(file, whole / file.name)
        try:
            os.replace(whole, folder)
        except OSError:
            if not folder.is_dir():
                raise


def _forget_oldest(cache: Path) -> None:
    """Remove the least recently used simulators beyond ``KEPT``, and the leftovers of killed processes."""
    sweep(cache)
    ages = {}
    for folder in cache.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process is done with it
            ages[folder] = time.time() - folder.stat().st_mtime
    simulators = sorted((folder for folder in ages if "-" not in folder.name), key=ages.__getitem__)
    for folder in simulators[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def run_bench(
    simulator: Path,
    top: str,
    module: str,
    parameters: dict[str, str],
    *,
    tests: int,
    progress: Callable[[int], object] = silent,
    waveforms: Waveforms | None = None,
) -> None:
    """Run the cocotb tests of the Python module ``module`` on a built simulator.

    ``parameters`` become environment variables of the simulation. A bench may write its progress, an integer, to the
    file named by ``HWSNN_PROGRESS``; ``progress`` is called with it. ``waveforms``: recorded, by a simulator that was
    built for it. Raises ``SimulationError`` unless exactly
    ``tests`` tests ran and all passed.
    """
    with Scratch("run") as folder:
        counter, log = folder / "progress", folder / "run.log"

        def poll() -> None:
            text = counter.read_text() if counter.exists() else ""
            if text:
                progress(int(text))

        job, environment = _bench(simulator, top, module, parameters, folder)
        if waveforms is not None:
            job |= {"waveforms": str(waveforms.file)}
            environment |= {"HWSNN_TRACE_BEGIN": str(waveforms.begin_ps), "HWSNN_TRACE_END": str(waveforms.end_ps)}
        try:
            _run_child(job, environment | {"HWSNN_PROGRESS": str(counter)}, log, poll)
        except SimulationError:
            # If the simulator is damaged, the next run builds it again.
            shutil.rmtree(simulator, ignore_errors=True)
            raise
        poll()
        _check_results(folder / RESULTS, log, tests)


class RunningBench:
    """A cocotb bench that runs in the background in ``folder``, until it ends or we ``end`` it.

    ``parameters`` as for ``run_bench``. The bench never outlives this process.
    """

    def __init__(self, simulator: Path, top: str, module: str, parameters: dict[str, str], folder: Path) -> None:
        self._log, self._results = folder / "run.log", folder / RESULTS
        self._child = _start_child(*_bench(simulator, top, module, parameters, folder), self._log)

    @property
    def running(self) -> bool:
        """Whether it is still running."""
        return self._child.returncode is None and self._child.poll() is None

    def end(self, patience_s: float = 0.0) -> None:
        """End it, and its processes, unless it ends by itself in ``patience_s``. Ending it twice does nothing."""
        assert self._child.stdin is not None
        if not self._child.stdin.closed:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(patience_s)
            self._child.stdin.close()
            _end_group(self._child)
            self._child.wait()

    @property
    def gave_up(self) -> bool:
        """Whether it ended by itself, and was not killed."""
        return self._results.is_file()

    def last_words(self) -> str:
        """The end of its output."""
        return _tail(self._log)


def _bench(
    simulator: Path, top: str, module: str, parameters: dict[str, str], folder: Path
) -> tuple[dict[str, object], dict[str, str]]:
    """The job that runs a bench in ``folder``, and its environment."""
    job: dict[str, object] = {
        "action": "run",
        "folder": str(simulator),
        "top": top,
        "module": module,
        "test_folder": str(folder),
        "results": str(folder / RESULTS),
    }
    inherited = {name: text for name, text in verilator_environment().items() if not name.startswith(OURS)}
    environment = inherited | parameters
    environment.pop("PYTEST_CURRENT_TEST", None)  # cocotb's runner names its files by it
    return job, environment


def _check_results(results: Path, log: Path, tests: int) -> None:
    if not results.is_file():
        raise SimulationError("the simulation ended without results", _tail(log))
    cases = list(ElementTree.parse(results).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    if failed or len(cases) != tests or any(case.find("skipped") is not None for case in cases):
        raise SimulationError(f"{len(cases)} of {tests} benches ran, {len(failed)} failed", _tail(log))


def _run_child(job: Mapping[str, object], environment: dict[str, str], log: Path, poll: Callable[[], None]) -> None:
    with _start_child(job, environment, log) as child:
        try:
            while child.poll() is None:
                poll()
                time.sleep(POLL_SECONDS)
        finally:
            _end_group(child)
    if child.returncode != 0:
        raise SimulationError(f"the {job['action']} of {job['top']} failed", _tail(log))


def _start_child(job: Mapping[str, object], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    command = [*python("hwsnn.sim.child"), json.dumps(job)]
    # The child ends when its stdin does: however we end, even between starting it and the next line.
    with log.open("wb") as output:
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True
        )


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End a child and its processes; none of them writes a file any more when this returns."""
    with contextlib.suppress(ProcessLookupError):
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(child.pid, number)
            deadline = time.monotonic() + GRACE_SECONDS
            while time.monotonic() < deadline:
                child.poll()
                os.killpg(child.pid, 0)  # no process left: done
                time.sleep(POLL_SECONDS / 10)


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
