"""Input currents: matrix products of weights with the windows of the input."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hwsnn.spec.integers import Range

from ..spec import Conv, Dense
from .exact import Float, FloatArray, exact_float
from .steps import Bytes

COLUMN_BYTES = 1 << 21
"""Room for windows laid out as rows of a matrix: small enough to stay in a processor's cache."""


class Synapses:
    """The input currents of a layer; a fully connected layer is a convolution of one window."""

    def __init__(self, layer: Conv | Dense, largest_input: int) -> None:
        weight = layer.weight.astype(np.int64)
        sums = Range(
            int(np.minimum(weight, 0).sum(axis=(1, 2, 3)).min()) * largest_input,
            int(np.maximum(weight, 0).sum(axis=(1, 2, 3)).max()) * largest_input,
        )
        self.range = sums | (sums + Range(int(layer.bias.min()), int(layer.bias.max())))
        """Where currents lie, before and after the bias."""
        self._float = exact_float(sums.magnitude)  # partial sums lie between those of either sign, in any order
        self._kernel = layer.weight.shape[2:]
        self._stride, self._padding = (layer.stride, layer.padding) if isinstance(layer, Conv) else ((1, 1), (0, 0))
        self._matrix = layer.weight.transpose(2, 3, 1, 0).reshape(-1, len(layer.weight)).astype(self._float)
        self._bias = layer.bias

    def __call__(self, inputs: Bytes, dtype: Float) -> FloatArray:
        """Currents (N, rows, columns, channels) of inputs (N, H, W, C) at one step, in a ``dtype`` that holds them."""
        windows = self._windows(inputs)
        count, rows, columns = windows.shape[:3]
        inputs_a_window = self._matrix.shape[0]
        currents = np.empty((count, rows, columns, self._matrix.shape[1]), dtype)
        bias = self._bias.astype(dtype)
        row_size = count * columns * inputs_a_window
        rows_a_block = min(rows, max(1, COLUMN_BYTES // (row_size * self._matrix.itemsize)))
        scratch = np.empty(rows_a_block * row_size, self._float)
        for top in range(0, rows, rows_a_block):
            block = windows[:, top : top + rows_a_block]
            laid_out = scratch[: block.size].reshape(block.shape)
            np.copyto(laid_out, block)
            sums = laid_out.reshape(-1, inputs_a_window) @ self._matrix
            np.add(sums.reshape(*block.shape[:3], -1), bias, out=currents[:, top : top + rows_a_block])
        return currents

    def _windows(self, inputs: Bytes) -> Bytes:
        """A view of the window of every output position: (N, rows, columns, kernel height, kernel width, C)."""
        if any(self._padding):
            count, height, width, channels = inputs.shape
            top, left = self._padding
            padded = np.zeros((count, height + 2 * top, width + 2 * left, channels), inputs.dtype)
            padded[:, top : top + height, left : left + width] = inputs
            inputs = padded
        every = sliding_window_view(inputs, self._kernel, axis=(1, 2))
        windows: Bytes = every[:, :: self._stride[0], :: self._stride[1]].transpose(0, 1, 2, 4, 5, 3)
        return windows
