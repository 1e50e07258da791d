"""The sums of a projection: matrix products of weights with the windows of the input."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import IntArray, Range

from ..spec import AnyProjection, Conv, Dense
from .exact import Float, FloatArray, exact_float
from .steps import Bytes

COLUMN_BYTES = 1 << 21
"""Memory for windows as rows of a matrix: small enough for the processor's cache."""


class Synapses:
    """The sums of a projection, times gains and 2^F, on top of ``bias`` (channels,), for inputs to ``largest_input``.

    A fully connected one is a convolution of one window and one group.
    """

    def __init__(self, projection: AnyProjection, fraction_bits: int, bias: IntArray, largest_input: int) -> None:
        gain = 1 if projection.gain is None else projection.gain.astype(np.int64)[:, np.newaxis, np.newaxis, np.newaxis]
        weight = projection.weight.astype(np.int64) * gain << fraction_bits
        self.sums = Range(
            int(np.minimum(weight, 0).sum(axis=(1, 2, 3)).min()) * largest_input,
            int(np.maximum(weight, 0).sum(axis=(1, 2, 3)).max()) * largest_input,
        )
        """The range of the sums alone."""
        self._float = exact_float(self.sums.magnitude)  # partial sums stay within those of either sign, in any order
        self._kernel, self._stride, self._padding = projection.kernel, projection.stride, projection.padding
        match projection:
            case Conv():
                self._filler = projection.padding_values
            case Dense():
                self._filler = None
            case _:
                raise assert_never(projection)
        self._groups = projection.in_channels // projection.weight.shape[1]
        by_group = weight.reshape(self._groups, -1, *weight.shape[1:]).transpose(0, 3, 4, 2, 1)
        self._matrices = by_group.reshape(self._groups, -1, by_group.shape[-1]).astype(self._float)
        """For each group, from the inputs of a window to the outputs: weights times gains and 2^F."""
        self._bias = bias

    def __call__(self, inputs: Bytes, dtype: Float) -> FloatArray:
        """Sums (N, rows, columns, channels) of inputs (N, H, W, C) at one step, in a ``dtype`` that holds them."""
        windows = self._windows(inputs)
        groups, count, rows, columns = windows.shape[:4]
        inputs_a_window, outputs = self._matrices.shape[1:]
        result = np.empty((count, rows, columns, groups, outputs), dtype)
        bias = self._bias.astype(dtype).reshape(groups, outputs)
        row_size = groups * count * columns * inputs_a_window
        rows_a_block = min(rows, max(1, COLUMN_BYTES // (row_size * self._matrices.itemsize)))
        scratch = np.empty(rows_a_block * row_size, self._float)
        for top in range(0, rows, rows_a_block):
            block = windows[:, :, top : top + rows_a_block]
            laid_out = scratch[: block.size].reshape(block.shape)
            np.copyto(laid_out, block)
            sums = laid_out.reshape(groups, -1, inputs_a_window) @ self._matrices
            by_position = sums.reshape(*block.shape[:4], outputs).transpose(1, 2, 3, 0, 4)
            np.add(by_position, bias, out=result[:, top : top + rows_a_block])
        return result.reshape(count, rows, columns, -1)

    def _windows(self, inputs: Bytes) -> Bytes:
        """A view of all windows: (groups, N, rows, columns, kernel height, kernel width, channels of a group)."""
        if any(self._padding):
            count, height, width, channels = inputs.shape
            top, left = self._padding
            padded = np.zeros((count, height + 2 * top, width + 2 * left, channels), inputs.dtype)
            if self._filler is not None:
                padded[:] = self._filler
            padded[:, top : top + height, left : left + width] = inputs
            inputs = padded
        every = sliding_window_view(inputs, self._kernel, axis=(1, 2))
        windows = every[:, :: self._stride[0], :: self._stride[1]].transpose(0, 1, 2, 4, 5, 3)
        by_group: Bytes = windows.reshape(*windows.shape[:-1], self._groups, -1).transpose(5, 0, 1, 2, 3, 4, 6)
        return by_group
