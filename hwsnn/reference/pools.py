"""Spiking max-pools."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..spec import MaxPool
from .steps import Steps

_Count = TypeVar("_Count", np.uint8, np.uint16)


def pool(layer: MaxPool, spikes: Steps) -> Steps:
    """Spikes (T, N, H, W, C) to the pooled spikes (T, N, rows, columns, C)."""
    return _any(layer, spikes) if layer.mode == "or" else _winner(layer, spikes)


def _any(layer: MaxPool, spikes: Steps) -> Steps:
    entries = _entries(layer, spikes)
    pooled = np.zeros_like(entries[0])
    for entry in entries:
        pooled |= entry
    return pooled


def _winner(layer: MaxPool, spikes: Steps) -> Steps:
    """At every step the spike of the input that has spiked most so far; ``argmax`` takes the first on a tie."""
    counts = np.zeros(spikes.shape[1:], np.uint16)
    pooled = []
    for now in spikes:
        counts += now
        winner = np.stack(_entries(layer, counts)).argmax(axis=0)
        pooled.append(np.take_along_axis(np.stack(_entries(layer, now)), winner[np.newaxis], axis=0)[0])
    return np.stack(pooled)


def _entries(layer: MaxPool, values: npt.NDArray[_Count]) -> list[npt.NDArray[_Count]]:
    """Values (..., H, W, C) as one array (..., rows, columns, C) per position in the window, row by row."""
    (height, width), (down, across) = layer.size, layer.stride
    rows = (values.shape[-3] - height) // down + 1
    columns = (values.shape[-2] - width) // across + 1
    return [
        values[..., i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * across + 1 : across, :]
        for i in range(height)
        for j in range(width)
    ]
