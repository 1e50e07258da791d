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
    """``framework``: the package that it needs. ``right``: at least that many percent of the test images."""

    name: str
    framework: str
    right: float = 97.0

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.name}.py"

    @property
    def timesteps(self) -> str:
        (steps,) = re.findall(r"^TIMESTEPS = (\d+)$", self.file.read_text(), re.MULTILINE)
        return str(steps)

    @property
    def source(self) -> tuple[str, str, str]:
        """The module and its sample, as its commands give them."""
        (sample,) = set(re.findall(r"--sample (\S+)", self.file.read_text()))
        return f"{self.file}:make_net", "--sample", sample

    @property
    def settings(self) -> tuple[str, ...]:
        """What ``hwsnn quantize`` gets besides its module, weights, sample and data."""
        commands = self.file.read_text().replace("\\\n", " ")
        (options,) = re.findall(r"hwsnn quantize \S+ (.*)", commands)
        return tuple(re.sub(r"(--weights|--sample|--data|-o) \S+", "", options).split())

    def train(self, data: str, weights: Path) -> str:
        """Run it, to write ``weights``. What it prints."""
        command = (sys.executable, str(self.file), "--data", data, "-o", str(weights))
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


EXAMPLES = (
    Example("norse_conv", "norse"),
    Example("relu_cnn", "torch"),
    Example("sinabs_cnn", "sinabs"),
    Example("snntorch_conv", "snntorch"),
    Example("snntorch_dense", "snntorch"),
    Example("snntorch_recurrent", "snntorch", right=92.0),
    Example("spikingjelly_csnn", "spikingjelly"),
    Example("spikingjelly_residual", "spikingjelly", right=95.0),
)
