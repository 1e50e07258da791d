"""The built wheel carries all that the commands need: it runs outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.installed import install_wheel


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel installed into it, without its dependencies."""
    return install_wheel(tmp_path_factory.mktemp("wheel"))


def _run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def test_package_comes_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    answer = _run(installed, tmp_path, "-c", "import hwsnn; print(hwsnn.__file__)")
    assert Path(answer.stdout.strip()).is_relative_to(installed)


def test_run_on_the_shipped_model_and_images(installed: Path, tmp_path: Path) -> None:
    answer = _run(installed, tmp_path, "-m", "hwsnn", "run", "digits", "--data", "digits", "--json")
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["images"] > 0


def test_projects_for_vivado_are_written(installed: Path, tmp_path: Path) -> None:
    """With the scripts that Vivado runs, which are no Python."""
    options = ("--board", "zcu102", "-n", "0", "--project-only", "-o", "out")
    answer = _run(installed, tmp_path, "-m", "hwsnn", "build", "digits", *options)
    assert answer.returncode == 0, answer.stderr
    assert (tmp_path / "out" / "block_design.tcl").stat().st_size > 1_000
    assert (installed / "hwsnn" / "build" / "vivado" / "activity.cpp").is_file()


def test_boards_are_found(installed: Path, tmp_path: Path) -> None:
    answer = _run(installed, tmp_path, "-m", "hwsnn", "build", "digits", "--board", "no-such-board", "-o", "out")
    assert answer.returncode == 2
    assert "ulx3s-85f" in answer.stderr
    assert not (tmp_path / "out").exists()
