"""Modules of Norse's neurons, with weights that 8 bits keep exactly and with others."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from tests.checking.compared import CLASSES, IMAGE, exact

torch = pytest.importorskip("torch")
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
    norse = pytest.importorskip("norse.torch")
nn = torch.nn


def dense(*, flatten: bool = True) -> Any:
    """Two fully connected layers of neurons that fire and are reset to 0."""
    first = [nn.Flatten()] if flatten else []
    size = int(np.prod(IMAGE))
    layers = (nn.Linear(size, 12), norse.IAFCell(), nn.Linear(12, CLASSES), norse.IAFCell())
    return exact(norse.SequentialState(*first, *layers))


def conv() -> Any:
    """A convolution, a max-pool of spikes, and a fully connected layer."""
    return exact(
        norse.SequentialState(
            nn.Conv2d(1, 3, 3, padding=1),
            norse.IAFCell(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(18, CLASSES),
            norse.IAFCell(),
        )
    )


def leaky() -> Any:
    """Random weights, decays and a reset that subtracts: everything is rounded."""
    torch.manual_seed(1)
    cell = norse.LIFBoxParameters(tau_mem_inv=torch.tensor(130.0), v_th=torch.tensor(0.05))
    return norse.SequentialState(
        nn.Flatten(), nn.Linear(30, 40), norse.LIFBoxCell(cell), nn.Linear(40, CLASSES), norse.LIFBoxCell(cell)
    ).eval()


class FramesFirst(nn.Module):  # type: ignore[misc, name-defined]
    """Takes (T, N, ...) and gives (N, T, classes), of a layer of currents."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = norse.Lift(norse.SequentialState(nn.Flatten(), nn.Linear(30, 12), norse.IAFCell()))
        self.last = nn.Linear(12, CLASSES)
        exact(self)

    def forward(self, x: Any) -> Any:
        spikes, _ = self.hidden(x)
        return self.last(spikes).transpose(0, 1)
