"""The child process of ``hwsnn.sim.runner``: one call of cocotb's runner, described by JSON on the command line."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from cocotb_tools.runner import Verilator

EVERYTHING_VISIBLE = "--public-flat-rw"


class _Selective(Verilator):
    """cocotb's runner, without its wish to see every signal of the design: a control file names those we look at."""

    def _build_command(self) -> list[list[str]]:
        return [[word for word in command if word != EVERYTHING_VISIBLE] for command in super()._build_command()]


def _end_with_parent() -> None:
    """The parent holds the other end of our stdin: once it is closed, end our process group."""

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.killpg(0, signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Build or run, as the job says; a non-zero exit where that fails."""
    _end_with_parent()
    job: dict[str, Any] = json.loads(sys.argv[1])
    runner = _Selective()
    try:
        _do(job, runner)
    except RuntimeError as error:
        sys.exit(str(error))  # which command failed how: a traceback would only hide what that command printed


def _do(job: dict[str, Any], runner: Verilator) -> None:
    if job["action"] == "build":
        runner.build(
            sources=[Path(source) for source in job["sources"]],
            hdl_toplevel=job["top"],
            build_dir=job["folder"],
            build_args=job["arguments"],
            timescale=("1ns", "1ps"),
            always=True,
        )
    else:
        runner.test(
            hdl_toplevel=job["top"],
            hdl_toplevel_lang="verilog",
            test_module=job["module"],
            build_dir=job["folder"],
            test_dir=job["test_folder"],
            results_xml=job["results"],
        )


if __name__ == "__main__":
    main()
