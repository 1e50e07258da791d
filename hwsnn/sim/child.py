"""The child process of ``hwsnn.sim.runner``: one call of cocotb's runner, described by JSON on the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from cocotb_tools.runner import get_runner


def main() -> None:
    """Build or run, as the job says; an exception (and so a non-zero exit) where that fails."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    runner = get_runner("verilator")
    if job["action"] == "build":
        runner.build(
            sources=[Path(job["source"])],
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
