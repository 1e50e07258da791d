"""hwsnn's own neurons in the places of ReLUs, of a network that was converted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hwsnn.float_network import FloatNeuron

from ..framework import Framework, Layout, Node, Reading

if TYPE_CHECKING:
    import torch
    from torch import nn


class Relu(Framework):
    """Reads the ``IntegrateAndFire`` of a ``Converted`` module."""

    title: ClassVar[str] = "hwsnn"

    def is_neuron(self, module: nn.Module) -> bool:
        """As ``Framework``."""
        return _is_a(module, "IntegrateAndFire")

    def read(self, node: Node) -> Reading:
        """As ``Framework``."""
        ones = np.ones(node.shape[0])
        threshold = node.number("threshold", node.module.threshold)
        bias = node.number("bias", node.module.bias)
        return Reading(FloatNeuron(threshold * ones, 1.0, "greater_equal", "subtract"), ones, bias * ones)

    def reset(self, network: nn.Module, frames: int) -> None:
        """As ``Framework``."""
        for module in network.modules():
            if _is_a(module, "Converted"):
                module.reset()

    def layouts(self, network: nn.Module) -> tuple[Layout, ...]:
        """As ``Framework``."""
        return ("step",) if any(map(self.is_neuron, network.modules())) else ()

    def timesteps(self, network: nn.Module) -> int | None:
        """As ``Framework``: those that its thresholds were chosen for."""
        return next((module.timesteps for module in network.modules() if _is_a(module, "Converted")), None)

    def takes_all_steps(self, module: nn.Module) -> bool:
        """As ``Framework``."""
        return False

    def membrane(self, module: nn.Module, output: Any) -> torch.Tensor | None:
        """As ``Framework``: after the reset."""
        found: torch.Tensor | None = module.v
        return found

    @contextmanager
    def distances(self, module: nn.Module) -> Iterator[list[torch.Tensor]]:
        """As ``Framework``: one tensor a step."""
        heard: list[torch.Tensor] = []
        module.heard = heard
        try:
            yield heard
        finally:
            module.heard = None


def _is_a(module: nn.Module, name: str) -> bool:
    """By name, so that PyTorch is imported only where it is used."""
    return type(module).__name__ == name and type(module).__module__ == "hwsnn.frontends.modules.converted"
