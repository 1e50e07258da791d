"""``hwsnn build --deploy`` for boards that Vivado builds for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwsnn.build.deployment.wheel import NAME as WHEEL
from tests.build.vivado.recorder.recorder import run_script
from tests.build.vivado.recorder.session import Session
from tests.support.vivado_workplace import PROJECT, RESULTS, Workplace, a_workplace, names, needs_tclsh

DEPLOYED = {"random1.safetensors", "driver.py", "driver.ipynb", "README.txt", WHEEL}
BITSTREAM = {"random1-zcu102.bit", "random1-zcu102.hwh"}


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return a_workplace(tmp_path)


@needs_tclsh
def test_deployed(workplace: Workplace) -> None:
    """The folder for the board is whole, and the project knows nothing of it."""
    workplace.install_vivado()
    folder = workplace.folder / "deployed"
    outcome = workplace.run("-n", "0", "--deploy", str(folder), "--json")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["deploy"] == str(folder)
    assert names(folder) == DEPLOYED | BITSTREAM | {"build.json", "power.json"}
    assert names(workplace.output) == PROJECT | RESULTS
    for name in (*BITSTREAM, "power.json"):
        assert (folder / name).read_bytes() == (workplace.output / name).read_bytes()


@needs_tclsh
def test_deployed_by_the_project(workplace: Workplace) -> None:
    """Without Vivado the project has the folder, and fills it where there is one; the one named is not made."""
    outcome = workplace.run("-n", "0", "--deploy", str(workplace.folder / "deployed"))
    assert outcome.exit_code == 3
    not_made = workplace.folder / "deployed"
    assert outcome.stdout.endswith(f"then go on with README.txt in its folder deploy; {not_made} is not made\n")
    assert names(workplace.folder) == {"model.safetensors", "tools", workplace.output.name}
    assert names(workplace.output) == PROJECT | {"deploy", "deploy.tcl"}
    assert names(workplace.output / "deploy") == DEPLOYED
    assert run_script(workplace.output / "build.tcl", Session()).error is None
    assert names(workplace.output / "deploy") == DEPLOYED | BITSTREAM
    for name in BITSTREAM:
        assert (workplace.output / "deploy" / name).read_bytes() == (workplace.output / name).read_bytes()


def test_where_the_project_deploys(workplace: Workplace) -> None:
    outcome = workplace.run("--project-only", "--deploy", "anywhere", "--json", board="zcu102-uart")
    assert outcome.exit_code == 0, outcome.stderr
    assert json.loads(outcome.stdout)["deploy"] == str(workplace.output / "deploy")
    assert names(workplace.output / "deploy") == DEPLOYED - {WHEEL}
