"""Runs the programs of a build: one line by line, or several at a time."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hwsnn.errors import ToolError
from hwsnn.processes.children import environment

from .tools import Tool

GRACE_S = 5
"""Time that an interrupted program has to end."""
TAIL_LINES = 25
POLL_S = 0.02
HOLLOW = ("[Vivado 12-13638]", "[Common 17-39]")
"""Vivado's first error if one of its runs failed, which does not give the reason."""


def run_tool(
    tool: Tool,
    arguments: Sequence[str],
    folder: Path,
    log: Path,
    on_line: Callable[[str], None] = lambda line: None,
) -> None:
    """Run ``tool`` in ``folder``; its output goes to ``log``, and each line to ``on_line`` as it arrives.

    An exception meanwhile, Ctrl-C too, ends it and its processes. Raises ``ToolError`` if it fails.
    """
    with (
        log.open("w", buffering=1) as file,  # whoever waits can read how far it is
        subprocess.Popen(
            [*tool.command, *arguments],
            cwd=folder,
            env=_environment(tool, folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as child,
    ):
        try:
            for line in child.stdout or ():
                file.write(line)
                on_line(line)
        except BaseException:
            _end_group(child)
            raise
    _check(tool, child.returncode, log)


def run_side_by_side(
    tool: Tool, runs: Sequence[Sequence[str]], folder: Path, at_once: int, on_end: Callable[[int, int], None]
) -> None:
    """Run ``tool`` in ``folder`` once for each of the argument lists ``runs``, ``at_once`` of them at a time.

    ``on_end`` is called with the number of a run that succeeded and its peak memory in bytes, as far as it was seen
    (0 if the system has no /proc); runs may end in any order. An exception meanwhile, Ctrl-C too, ends all running ones
    and their processes. Raises ``ToolError`` if one fails.
    """
    waiting = list(enumerate(runs))[::-1]
    running: dict[int, subprocess.Popen[bytes]] = {}
    peaks: dict[int, int] = {}
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                number, arguments = waiting.pop()
                running[number] = _start(tool, arguments, folder, _log(folder, number))
            for number, child in list(running.items()):
                peaks[number] = max(peaks.get(number, 0), _peak_bytes(child.pid))
                if child.poll() is not None:
                    del running[number]
                    _check(tool, child.returncode, _log(folder, number))
                    on_end(number, peaks[number])
            time.sleep(POLL_S)
    finally:
        for child in running.values():
            _end_group(child)


def _peak_bytes(process: int) -> int:
    """The peak memory of a running process.

    The system's figure at its end (``ru_maxrss``) includes our own memory, from the moment between fork and exec.
    """
    try:
        match = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return 1024 * int(match[1]) if match else 0


def _log(folder: Path, number: int) -> Path:
    return folder / f"{number}.log"


def _start(tool: Tool, arguments: Sequence[str], folder: Path, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(
            [*tool.command, *arguments],
            cwd=folder,
            env=_environment(tool, folder),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _environment(tool: Tool, folder: Path) -> dict[str, str]:
    """Environment with temporary files inside the folder: they are removed with it if ``tool`` is ended early."""
    return {**environment(), **tool.settings, "TMPDIR": str(folder)}


def _check(tool: Tool, returncode: int, log: Path) -> None:
    if returncode != 0:
        printed = log.read_text(errors="replace").splitlines()
        errors = [line for line in printed if line.startswith("ERROR")]
        told = [line for line in errors if not any(code in line for code in HOLLOW)]
        complaint = next(iter(told or errors), f"it ended with {returncode}")
        raise ToolError(f"{tool.name} failed: {complaint}", "\n".join(printed[-TAIL_LINES:]))


def _end_group(child: subprocess.Popen[Any]) -> None:
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
