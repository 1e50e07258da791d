"""A place to run ``hwsnn build`` in with a Vivado that only pretends."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hwsnn.cli import cli
from hwsnn.model_file import integer_file
from tests.build.vivado.recorder.recorder import TCLSH
from tests.build.vivado.recorder.workshop import NETWORK

CHECKOUT = Path(__file__).parents[2]
needs_tclsh = pytest.mark.skipif(TCLSH is None, reason="needs tclsh")
PROJECT = {
    "build.tcl",
    "settings.tcl",
    "package_ip.tcl",
    "block_design.tcl",
    "implement.tcl",
    "hand_off.tcl",
    "crossings.xdc",
    "rtl",
    "hwsnn_accelerator.h",
    "manifest.json",
    "folding.json",
}
RESULTS = {
    "random1-zcu102.bit",
    "random1-zcu102.hwh",
    "random1-zcu102-hardware.xsa",
    "utilization.json",
    "timing.json",
    "power.json",
    "build.json",
    "reports",
    "vivado.log",
}


@dataclass
class Workplace:
    """A model, a PATH of our own, and a folder for results."""

    folder: Path

    @property
    def output(self) -> Path:
        return self.folder / "the results, [exit] $here"

    @property
    def tools(self) -> Path:
        return self.folder / "tools"

    def environment(self, **settings: str) -> dict[str, str]:
        return os.environ | {"PATH": str(self.tools), "PYTHONPATH": str(CHECKOUT)} | settings

    def install_vivado(self) -> None:
        """The one of tests/build/vivado/recorder/fake_vivado.py."""
        file = self.tools / "vivado"
        file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.build.vivado.recorder.fake_vivado "$@"\n')
        file.chmod(0o755)

    def command(self, *arguments: str, board: str = "zcu102") -> list[str]:
        named = ["build", str(self.folder / "model.safetensors"), "--board", board, "-o", str(self.output)]
        return [sys.executable, "-m", "hwsnn", *named, *arguments]

    def run(self, *arguments: str, board: str = "zcu102", **settings: str) -> Result:
        command = self.command(*arguments, board=board)[3:]
        return CliRunner().invoke(cli, command, env=self.environment(**settings), prog_name="hwsnn")


def a_workplace(tmp_path: Path) -> Workplace:
    """In an empty folder, without Vivado."""
    integer_file.save(NETWORK, tmp_path / "model.safetensors")
    made = Workplace(tmp_path)
    made.tools.mkdir()
    for name in ("tclsh", "sleep"):
        path = next((Path(p, name) for p in os.environ["PATH"].split(os.pathsep) if Path(p, name).is_file()), None)
        if path is not None:
            (made.tools / name).symlink_to(path)
    return made


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}
