"""The examples of ``examples/frameworks``, and the command that each is."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent.parent / "examples" / "frameworks"


@dataclass(frozen=True)
class Example:
    """``framework``: the package that it needs. ``options``: of ``hwsnn quantize``, beside those of all."""

    name: str
    framework: str
    options: tuple[str, ...] = ()

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.py"

    @property
    def timesteps(self) -> str:
        (steps,) = re.findall(r"^TIMESTEPS = (\d+)$", self.file.read_text(), re.MULTILINE)
        return str(steps)

    def train(self, data: str, weights: Path) -> str:
        """Run it, to write ``weights``. What it prints."""
        command = (sys.executable, str(self.file), "--data", data, "-o", str(weights))
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


EXAMPLES = (
    Example("norse_conv", "norse"),
    Example("relu_cnn", "torch", ("--convert",)),
    Example("sinabs_cnn", "sinabs"),
    Example("snntorch_conv", "snntorch"),
    Example("snntorch_dense", "snntorch"),
    Example("spikingjelly_csnn", "spikingjelly"),
)
