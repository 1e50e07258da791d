"""The examples of ``examples/frameworks``: their commands, and their networks in their own frameworks."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FOLDER = Path(__file__).parent.parent.parent / "examples" / "frameworks"


@dataclass(frozen=True)
class Example:
    """``order``: that of steps T and frames N in what neurons give: a call per step, or (T, N, ...) or (N T, ...)."""

    name: str
    framework: str
    order: Literal["calls", "steps first", "frames first"]

    @property
    def source(self) -> str:
        return f"{FOLDER / self.name}.py:make_net"

    def train(self, data: str, output: Path) -> str:
        """Run the example's own command. What it prints."""
        command = (sys.executable, str(FOLDER / f"{self.name}.py"), "--data", data, "-o", str(output))
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"HOME": str(output.parent)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def module(self) -> Any:
        """The example's file, imported as Python does for a script."""
        sys.path.insert(0, str(FOLDER))
        try:
            return importlib.import_module(self.name)
        finally:
            sys.path.remove(str(FOLDER))


EXAMPLES = (
    Example("norse_conv", "norse.torch", "calls"),
    Example("sinabs_cnn", "sinabs", "frames first"),
    Example("snntorch_conv", "snntorch", "calls"),
    Example("snntorch_dense", "snntorch", "calls"),
    Example("spikingjelly_csnn", "spikingjelly", "steps first"),
)


@dataclass(frozen=True, eq=False)
class InFramework:
    """``scores``: (N, 10). ``spikes``: (N, T, neurons) of each module of neurons, in the order of their calls."""

    scores: npt.NDArray[Any]
    spikes: list[npt.NDArray[Any]]


def in_framework(example: Example, weights: Path, images: npt.NDArray[np.uint8]) -> InFramework:
    """What the example's network makes of ``images`` (N, 1, 28, 28) in its own framework, in eval mode."""
    import torch

    from hwsnn.frontends.modules.frameworks import framework_of
    from hwsnn.frontends.modules.source_file import ModuleSource, load_module

    module = example.module()
    network = load_module(ModuleSource(FOLDER / f"{example.name}.py", "make_net"), weights)
    neurons = [one for one in network.modules() if framework_of(one)]
    with _outputs(neurons) as outputs, torch.no_grad():
        scores = module.scores(network, torch.tensor(images) / 255)
    spikes = [_by_frame(example, calls, module.TIMESTEPS, len(images)) for calls in outputs.values()]
    return InFramework(scores.numpy(), spikes)


@contextmanager
def _outputs(neurons: list[Any]) -> Iterator[dict[Any, list[Any]]]:
    """What each of the modules gives at each call while it is open."""
    found: dict[Any, list[Any]] = {}

    def record(module: Any, _: Any, output: Any) -> None:
        spikes = output[0] if isinstance(output, tuple) else output
        found.setdefault(module, []).append(spikes.detach().clone())

    hooks = [one.register_forward_hook(record) for one in neurons]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def _by_frame(example: Example, calls: list[Any], steps: int, frames: int) -> npt.NDArray[Any]:
    """(N, T, neurons) of what a module gave in its calls."""
    values = np.stack([call.numpy() for call in calls])
    if example.order == "frames first":
        return values.reshape(frames, steps, -1)
    return values.reshape(steps, frames, -1).swapaxes(0, 1)
