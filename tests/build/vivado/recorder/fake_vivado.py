"""A ``vivado`` that runs the script it is given against the recorder: ``vivado -mode batch ... -source SCRIPT``.

The environment says what happens: ``FAKE_OUTCOME`` as in ``Session``; ``FAKE_HANG`` names a stage at which it starts a
process in a session of its own, as Vivado's runs are, and sleeps; ``FAKE_STARTED`` the file for the numbers of both.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.build.vivado.recorder.recorder import run_script
from tests.build.vivado.recorder.session import Session

OPTIONS = ["-mode", "batch", "-nolog", "-nojournal", "-notrace", "-source"]


def main() -> int:
    if sys.argv[1:] == ["-version"]:
        print(f"vivado v{os.environ.get('FAKE_VERSION', '2023.2')} (64-bit)\nTool Version Limit: 2023.10")
        return 0
    if sys.argv[1:-1] != OPTIONS:
        print(f"ERROR: [Common 17-170] Unknown option in {sys.argv[1:]}")
        return 1

    def on_print(line: str) -> None:
        print(line, flush=True)
        if line == f"hwsnn: stage {os.environ.get('FAKE_HANG')}":
            run = subprocess.Popen(["sleep", "60"], start_new_session=True)
            started = Path(os.environ["FAKE_STARTED"])
            started.with_suffix(".partial").write_text(f"{os.getpid()} {run.pid}")
            started.with_suffix(".partial").rename(started)
            time.sleep(60)

    recording = run_script(Path(sys.argv[-1]).resolve(), Session(os.environ.get("FAKE_OUTCOME", "well")), on_print)
    if recording.error is not None:
        print(f"{recording.error}\n    while executing")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
