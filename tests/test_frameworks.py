"""The frameworks whose modules are read: which versions, and what importing them takes."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parent.parent
FRAMEWORKS = ("norse", "sinabs", "snntorch", "spikingjelly")
IMPORTS = {
    "norse": "norse.torch",
    "sinabs": "sinabs.layers, sinabs.from_torch, sinabs.nir",
    "snntorch": "snntorch.surrogate, snntorch.spikegen, snntorch.export_nir",
    "spikingjelly": "spikingjelly.activation_based.layer, spikingjelly.activation_based.nir_exchange",
}
"""What the modules of a user's own file begin with, and the exporters to NIR."""


def tried() -> set[tuple[str, str, str]]:
    """The rows of docs/importing.md: package, version, and what is installed beside it."""
    _, section = (CHECKOUT / "docs" / "importing.md").read_text().split("\n## Versions tried\n")
    rows = re.findall(r"^\| (\w+) \| ([\d.]+) \| (.*?) ?\|$", section, re.MULTILINE)
    return {(package, number, beside) for package, number, beside in rows}


def test_the_page_names_what_is_installed() -> None:
    pins = re.findall(r"^(\w+)==([\d.]+)", (CHECKOUT / "constraints.txt").read_text(), re.MULTILINE)
    ours = {(package, number, "") for package, number in pins if package in (*FRAMEWORKS, "torch")}
    assert {package for package, _, _ in ours} == {*FRAMEWORKS, "torch"}
    apart = re.findall(r"(sinabs)==([\d.]+) (nir)==([\d.]+)$", (CHECKOUT / "Makefile").read_text(), re.MULTILINE)
    assert len(apart) == 1
    assert tried() == ours | {(package, number, f"{name} {its}") for package, number, name, its in apart}


@pytest.mark.frameworks
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_is_installed_was_tried(framework: str) -> None:
    pytest.importorskip(framework)
    beside = f"nir {version('nir')}"
    found = {(package, number) for package, number, other in tried() if other in ("", beside)}
    assert (framework, version(framework)) in found


@pytest.mark.frameworks
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_neurons_layers_and_exporters_are_imported_without_the_rest(framework: str) -> None:
    pytest.importorskip(framework)
    absent = "sys.modules.update(dict.fromkeys(('samna', 'tensorboard', 'torchaudio', 'torchvision'), None))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {absent}; import {IMPORTS[framework]}"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
