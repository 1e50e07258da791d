"""The built wheel carries all that the commands need: it runs outside the checkout."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hwsnn.build.deployment import wheel as packed
from tests.support.installed import install_wheel


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel, and ``site``, the wheel installed into it without its dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    install_wheel(folder)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path) -> Path:
    return built / "site"


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


def members(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


def test_the_wheel_of_a_deployment_folder(built: Path, tmp_path: Path) -> None:
    """``hwsnn build --deploy`` packs what the back end would, and pip installs it."""
    assert packed.write_wheel(tmp_path)
    theirs, ours = members(built / packed.NAME), members(tmp_path / packed.NAME)
    metadata = {f"{packed.METADATA}/{name}" for name in ("METADATA", "RECORD")}  # METADATA: of when it was installed
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name] and name not in metadata] == []
    rows = list(csv.reader(io.StringIO(ours[f"{packed.METADATA}/RECORD"].decode())))
    assert {name for name, *_ in rows} == ours.keys()
    assert sorted(rows[-1]) == ["", "", f"{packed.METADATA}/RECORD"]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "site")]
    subprocess.run([*command, str(tmp_path / packed.NAME)], check=True, capture_output=True)
    answer = _run(tmp_path / "site", tmp_path, "-m", "hwsnn", "inspect", "digits", "--json")
    assert json.loads(answer.stdout)["name"] == "digits"


def test_a_wheel_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    """An installed hwsnn packs itself again, with what it is."""
    script = (
        "from pathlib import Path; from hwsnn.build.deployment.wheel import write_wheel; print(write_wheel(Path()))"
    )
    answer = _run(installed, tmp_path, "-c", script)
    assert answer.stdout == "True\n", answer.stderr
    again, first = members(tmp_path / packed.NAME), members(installed.parent / packed.NAME)
    record = f"{packed.METADATA}/RECORD"
    assert sorted(again.pop(record).splitlines()) == sorted(first.pop(record).splitlines())
    assert again == first


def test_no_wheel_of_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "METADATA", "hwsnn-0.0.1.dist-info")
    assert not packed.write_wheel(tmp_path)
    assert list(tmp_path.iterdir()) == []
