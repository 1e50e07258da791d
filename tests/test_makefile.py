"""What must be there beforehand is checked first, each thing that is missing in one line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent


def _prerequisites(path: Path, programs: dict[str, str], *settings: str) -> subprocess.CompletedProcess[str]:
    """``make prerequisites`` with nothing on the PATH but ``programs``: names, and what they run."""
    path.mkdir()
    for name, text in programs.items():
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    (path / "sh").symlink_to("/bin/sh")
    make = shutil.which("make")
    assert make
    command = [make, "--no-print-directory", "-C", str(CHECKOUT), "prerequisites", *settings]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


PYTHON = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
NOTHING = "#!/bin/sh\n"


def test_everything_there(tmp_path: Path) -> None:
    answer = _prerequisites(tmp_path / "bin", {"python3": PYTHON, "g++": NOTHING, "perl": NOTHING})
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""


@pytest.mark.parametrize("lacking", ["python3", "g++", "perl"])
def test_one_thing_missing(tmp_path: Path, lacking: str) -> None:
    programs = {"python3": PYTHON, "g++": NOTHING, "perl": NOTHING}
    del programs[lacking]
    answer = _prerequisites(tmp_path / "bin", programs)
    assert answer.returncode == 2
    missing = [line for line in answer.stderr.splitlines() if line.startswith("missing: ")]
    assert len(missing) == 1
    assert lacking in missing[0]
    assert "apt install" in missing[0]


def test_tests_need_tcl_too(tmp_path: Path) -> None:
    programs = {"python3": PYTHON, "g++": NOTHING, "perl": NOTHING}
    answer = _prerequisites(tmp_path / "without", programs, "TESTING=yes")
    assert answer.returncode == 2
    missing = [line for line in answer.stderr.splitlines() if line.startswith("missing: ")]
    assert missing == ["missing: tclsh, Tcl's shell (Debian, Ubuntu: apt install tcl)"]
    assert _prerequisites(tmp_path / "with", programs | {"tclsh": NOTHING}, "TESTING=yes").returncode == 0


@pytest.mark.parametrize(("goal", "looked_for"), [("test", True), ("demo", False)])
def test_tcl_is_looked_for_by_make_test_alone(goal: str, looked_for: bool) -> None:
    done = subprocess.run(["make", "-n", "-C", str(CHECKOUT), goal], capture_output=True, text=True, check=True)
    assert ('[ -z "yes" ] || command -v tclsh' in done.stdout) == looked_for
    assert ('[ -z "" ] || command -v tclsh' in done.stdout) != looked_for


def test_all_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    answer = _prerequisites(tmp_path / "bin", {})
    assert answer.stderr.count("missing: ") == 3


def test_python_too_old(tmp_path: Path) -> None:
    old = '#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1 && exit 0\nexit 1\n'
    answer = _prerequisites(tmp_path / "bin", {"python3": old, "g++": NOTHING, "perl": NOTHING})
    assert answer.returncode == 2
    assert "Python 3.10 or newer; python3 is Python 3.9.1" in answer.stderr
