"""The child process of ``hwsnn.sim.runner``: one build or one run, described by JSON on the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import cocotb_tools.config

from hwsnn.sim.runner import BUILD, COCOTB, PROGRAM, WINDOW


def _end_with_parent() -> None:
    """End our process group once stdin is closed: the parent holds its other end."""

    def watch() -> None:
        os.read(sys.stdin.fileno(), 1)
        os.killpg(0, signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """Build or run, as the job says; exits with a non-zero status on failure."""
    _end_with_parent()
    job: dict[str, Any] = json.loads(sys.argv[1])
    try:
        (_build if job["action"] == "build" else _run)(job)
    except RuntimeError as error:
        sys.exit(str(error))  # which command failed how: a traceback would only hide what that command printed


def _build(job: dict[str, Any]) -> None:
    """Run the job's commands in its folder.

    cocotb's own runner uses absolute paths, and makes Verilator keep every signal of the design.
    """
    folder = Path(job["folder"])
    shutil.copyfile(cocotb_tools.config.share_dir / "lib" / "verilator" / PROGRAM, folder / PROGRAM)
    shutil.copyfile(Path(__file__).parent / WINDOW, folder / WINDOW)
    (folder / BUILD / COCOTB).symlink_to(cocotb_tools.config.libs_dir)
    for command in job["commands"]:
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, check=False)
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}")


def _run(job: dict[str, Any]) -> None:
    """Run the simulator with cocotb's runner."""
    from cocotb_tools.runner import Verilator  # it imports pytest: builds start twice as fast without

    libraries = [str(cocotb_tools.config.libs_dir), os.environ.get("LD_LIBRARY_PATH")]
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, libraries))
    waveforms = job.get("waveforms")
    Verilator().test(
        hdl_toplevel=job["top"],
        hdl_toplevel_lang="verilog",
        test_module=job["module"],
        build_dir=job["folder"],
        test_dir=job["test_folder"],
        results_xml=job["results"],
        waves=waveforms is not None,
        test_args=["--trace-file", waveforms] if waveforms else [],
    )


if __name__ == "__main__":
    main()
