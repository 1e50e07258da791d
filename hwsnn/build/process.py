"""Runs one program of a build, line by line."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from hwsnn.errors import ToolError

from .tools import Tool

GRACE_S = 5
"""How long an interrupted program may take to end."""
TAIL_LINES = 25


def run_tool(
    tool: Tool, arguments: Sequence[str], folder: Path, log: Path, on_line: Callable[[str], None] = lambda line: None
) -> None:
    """Run ``tool`` in ``folder``; what it prints goes to ``log``, and each line to ``on_line`` as it comes.

    An exception meanwhile, Ctrl-C too, ends it and whatever it started. Raises ``ToolError`` where it fails.
    """
    with (
        log.open("w") as file,
        subprocess.Popen(
            [*tool.command, *arguments],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},  # what it leaves behind when it is ended goes with the folder
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
    if child.returncode != 0:
        printed = log.read_text(errors="replace").splitlines()
        complaint = next((line for line in printed if line.startswith("ERROR")), f"it ended with {child.returncode}")
        raise ToolError(f"{tool.name} failed: {complaint}", "\n".join(printed[-TAIL_LINES:]))


def _end_group(child: subprocess.Popen[str]) -> None:
    os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
