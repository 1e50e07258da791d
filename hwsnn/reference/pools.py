"""Spiking max-pools, and max-pools of currents."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ..spec import MaxPool, Window
from .exact import FloatArray
from .steps import Steps

_Number = TypeVar("_Number", bound=np.number)


def pool(layer: MaxPool, spikes: Steps) -> Steps:
    """Spikes (T, N, H, W, C) to the pooled spikes (T, N, rows, columns, C)."""
    return _any(layer, spikes) if layer.mode == "or" else _winner(layer, spikes)


def largest(window: Window, currents: FloatArray) -> FloatArray:
    """The largest of the currents (N, H, W, C) of each window: (N, rows, columns, C)."""
    first, *others = _entries(window, currents)
    pooled: FloatArray = np.array(first)
    for entry in others:
        np.maximum(pooled, entry, out=pooled)
    return pooled


def _any(layer: MaxPool, spikes: Steps) -> Steps:
    entries = _entries(layer.window, spikes)
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
        winner = np.stack(_entries(layer.window, counts)).argmax(axis=0)
        pooled.append(np.take_along_axis(np.stack(_entries(layer.window, now)), winner[np.newaxis], axis=0)[0])
    return np.stack(pooled)


def _entries(window: Window, values: npt.NDArray[_Number]) -> list[npt.NDArray[_Number]]:
    """Values (..., H, W, C) as one array (..., rows, columns, C) per position in the window, row by row."""
    (height, width), (down, across) = window.size, window.stride
    rows = (values.shape[-3] - height) // down + 1
    columns = (values.shape[-2] - width) // across + 1
    return [
        values[..., i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * across + 1 : across, :]
        for i in range(height)
        for j in range(width)
    ]
