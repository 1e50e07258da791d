"""One file per framework of spiking neurons that modules may be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..framework import Framework
from .norse import Norse
from .relu import Relu
from .sinabs import Sinabs
from .snntorch import SnnTorch
from .spikingjelly import SpikingJelly

if TYPE_CHECKING:
    from torch import nn

FRAMEWORKS: tuple[Framework, ...] = (SnnTorch(), SpikingJelly(), Sinabs(), Norse(), Relu())


def framework_of(module: nn.Module) -> Framework | None:
    """The framework whose neurons ``module`` is of; None if it has no neurons."""
    return next((framework for framework in FRAMEWORKS if framework.is_neuron(module)), None)
