"""The compiled loops: sums of a layer's inputs, the neurons behind them, and pools of spikes.

Spikes are bits: (T, N, H, W, words) uint8 or uint64, the channels of a position from the lowest bit on, filled up to
whole blocks of ``lanes``. Weights are in blocks of ``lanes`` output channels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .jit import compiled, inlined
from .vectors import NEURONS, add_runs, lowest, run_neurons, sum_products

Int32Array = npt.NDArray[np.int32]


class Geometry(NamedTuple):
    """Windows of a projection, and of a max-pool of its currents; sizes, strides and padding are in both directions.

    ``lanes``: output channels of a block, of which there are ``blocks``. ``rows`` and ``columns``: windows of the
    projection; ``out_rows``, ``out_columns``: those of the pool. ``block_rows``: of the pool, computed at once.
    """

    size_y: int
    size_x: int
    stride_y: int
    stride_x: int
    padding_y: int
    padding_x: int
    pools: bool
    pool_y: int
    pool_x: int
    pool_stride_y: int
    pool_stride_x: int
    lanes: int
    blocks: int
    rows: int
    columns: int
    out_rows: int
    out_columns: int
    block_rows: int


class Cells(NamedTuple):
    """The neurons of a layer, their numbers by channel: (channels,) int32.

    ``shift`` and ``multiplier``: the leak floor(v * multiplier / 2^shift) if it ``multiplies``, else v less what
    ``multiplier``, as a mask, leaves of floor(v / 2^shift). A spike leaves what ``keep``, as a mask, leaves of u, less
    ``sub``. ``membranes``: u of every step is wanted, not the spikes.
    """

    initial: Int32Array
    threshold: Int32Array
    keep: Int32Array
    sub: Int32Array
    multiplier: Int32Array
    multiplies: bool
    shift: int
    membranes: bool


@compiled
def spike_layer(inputs, weights, rows, columns, bias, geometry, cells, timesteps, bits, membranes):  # type: ignore[no-untyped-def]
    """Currents of spikes, and neurons: fills ``bits`` or ``membranes``, (T, N, rows, columns, bytes or channels).

    ``weights``: (any,) by input channel, row of the window, column of it in the order of those that neighbouring
    windows take, and output channel; of the type of the currents, or narrower. ``rows``: (height, 2), the first window
    that an input of a row is in, and the one after the last. ``columns``: (width, 3), the first window that an input of
    a column is in, in how many it is, and the place of the first one's column. ``bias``: (channels,).
    """
    g = geometry
    steps, images = inputs.shape[:2]
    channels = g.blocks * g.lanes
    step = g.rows * g.columns * channels
    sums = np.empty(steps * step, bias.dtype)
    pooled = np.empty(steps * g.out_rows * g.out_columns * channels if g.pools else 0, bias.dtype)
    nothing = np.empty_like(sums)
    for at in range(len(sums)):
        nothing[at] = bias[at % channels]
    flat = inputs.reshape(-1)
    for image in range(images):
        sums[:] = nothing
        _add_spikes(flat, inputs.shape, image, weights, rows, columns, g, step, sums)
        if g.pools:
            _pool_currents(sums, steps, step, g, g.out_rows, pooled)
            _run(cells, pooled, steps, g, timesteps, image, 0, g.out_rows, bits, membranes)
        else:
            _run(cells, sums, steps, g, timesteps, image, 0, g.out_rows, bits, membranes)


@compiled
def pixel_layer(inputs, shape, channels, weights, bias, geometry, cells, timesteps, bits, membranes):  # type: ignore[no-untyped-def]
    """Currents of values, and neurons: as ``spike_layer``.

    ``inputs``: (any,) int16 of ``shape`` (T or 1, N, H, numbers of a row), padding included, and a number behind them.
    ``weights``: (any,) int16, by block, row of the window, pair of numbers in it, lane, and number of the pair.
    """
    g = geometry
    steps, images, height, width = shape
    pairs = (g.size_x * channels + 1) // 2
    out_channels = g.blocks * g.lanes
    most_rows = (g.block_rows - 1) * g.pool_stride_y + g.pool_y
    step = most_rows * g.columns * out_channels
    sums = np.empty(steps * step, np.int32)
    pooled = np.empty(steps * g.block_rows * g.out_columns * out_channels if g.pools else 0, np.int32)
    for image in range(images):
        for top in range(0, g.out_rows, g.block_rows):
            out_rows = min(g.block_rows, g.out_rows - top)
            rows = (out_rows - 1) * g.pool_stride_y + g.pool_y
            for t in range(steps):
                for row in range(rows):
                    y = (top * g.pool_stride_y + row) * g.stride_y
                    for column in range(g.columns):
                        corner = ((t * images + image) * height + y) * width + column * g.stride_x * channels
                        at = t * step + (row * g.columns + column) * out_channels
                        for block in range(g.blocks):
                            base = block * g.size_y * pairs * 2 * g.lanes
                            of = block * g.lanes
                            _sum_window(g, sums, at + of, bias, of, weights, base, inputs, corner, width, pairs)
            if g.pools:
                _pool_currents(sums, steps, step, g, out_rows, pooled)
                _run(cells, pooled, steps, g, timesteps, image, top, out_rows, bits, membranes)
            else:
                _run(cells, sums, steps, g, timesteps, image, top, out_rows, bits, membranes)


@compiled
def or_pool(inputs, size_y, size_x, stride_y, stride_x, pooled):  # type: ignore[no-untyped-def]
    """Whether any input of a window spikes: bits to bits."""
    steps, images, rows, columns, words = pooled.shape
    for t in range(steps):
        for image in range(images):
            for row in range(rows):
                for column in range(columns):
                    for word in range(words):
                        some = inputs[t, image, row * stride_y, column * stride_x, word]
                        for i in range(size_y):
                            for j in range(size_x):
                                some |= inputs[t, image, row * stride_y + i, column * stride_x + j, word]
                        pooled[t, image, row, column, word] = some


@compiled
def _add_spikes(inputs, shape, image, weights, rows, columns, g, step, sums):  # type: ignore[no-untyped-def]
    """Add the weights of all spikes of an image, those of neighbouring windows in one run."""
    steps, images, height, width, words = shape
    channels = g.blocks * g.lanes
    a_row = g.size_x * channels
    a_source = g.size_y * a_row
    starts = np.empty(words * inputs.itemsize * 8, np.int64)
    for t in range(steps):
        for y in range(height):
            top, bottom = rows[y, 0], rows[y, 1]
            for x in range(width):
                found = 0
                for word in range(words):
                    spikes = np.uint64(inputs[(((t * images + image) * height + y) * width + x) * words + word])
                    while spikes != 0:
                        starts[found] = (word * inputs.itemsize * 8 + lowest(spikes)) * a_source
                        spikes &= spikes - np.uint64(1)
                        found += 1
                if found == 0:
                    continue
                left, count, first = columns[x, 0], columns[x, 1], columns[x, 2]
                for row in range(top, bottom):
                    offset = (y + g.padding_y - row * g.stride_y) * a_row + first * channels
                    at = t * step + (row * g.columns + left) * channels
                    _add_weights(g.lanes, sums, at, weights, starts, found, offset, count * g.blocks)


@inlined
def _add_weights(lanes, sums, at, weights, starts, found, offset, count):  # type: ignore[no-untyped-def]
    if lanes == 64:
        _add_lanes(64, sums, at, weights, starts, found, offset, count)
    else:
        _add_lanes(16, sums, at, weights, starts, found, offset, count)


@inlined
def _add_lanes(lanes, sums, at, weights, starts, found, offset, count):  # type: ignore[no-untyped-def]
    k = 0
    while k + 4 <= found:
        add_runs(lanes, 4, sums, at, weights, starts, k, offset, count)
        k += 4
    if k + 2 <= found:
        add_runs(lanes, 2, sums, at, weights, starts, k, offset, count)
        k += 2
    if k < found:
        add_runs(lanes, 1, sums, at, weights, starts, k, offset, count)


@inlined
def _sum_window(g, sums, at, bias, of, weights, base, inputs, corner, width, pairs):  # type: ignore[no-untyped-def]
    if g.lanes == 64:
        sum_products(64, sums, at, bias, of, weights, base, inputs, corner, g.size_y, width, pairs)
    else:
        sum_products(16, sums, at, bias, of, weights, base, inputs, corner, g.size_y, width, pairs)


@compiled
def _pool_currents(sums, steps, step, g, out_rows, pooled):  # type: ignore[no-untyped-def]
    """The largest current of each window."""
    channels = g.blocks * g.lanes
    for t in range(steps):
        for row in range(out_rows):
            for column in range(g.out_columns):
                to = ((t * g.block_rows + row) * g.out_columns + column) * channels
                corner = t * step + (row * g.pool_stride_y * g.columns + column * g.pool_stride_x) * channels
                for channel in range(channels):
                    pooled[to + channel] = sums[corner + channel]
                for i in range(g.pool_y):
                    for j in range(g.pool_x):
                        at = corner + (i * g.columns + j) * channels
                        for channel in range(channels):
                            pooled[to + channel] = max(pooled[to + channel], sums[at + channel])


@compiled
def _run(cells, currents, steps, g, timesteps, image, top, out_rows, bits, membranes):  # type: ignore[no-untyped-def]
    """All steps of the neurons of ``out_rows`` rows from ``top`` on; one of currents, if they are constant."""
    images = max(bits.shape[1], membranes.shape[1])
    positions = g.out_rows * g.out_columns
    channels = g.blocks * g.lanes
    step = 0 if steps == 1 else g.block_rows * g.out_columns * channels
    flat = bits.reshape(-1)
    if cells.membranes:
        _keep_membranes(cells, currents, step, timesteps, image, out_rows * g.out_columns, channels, membranes)
        return
    for channel in range(0, channels, NEURONS):
        to = ((image * positions + top * g.out_columns) * channels + channel) // 8
        apart = images * positions * channels // 8
        some = out_rows * g.out_columns
        if cells.multiplies:
            run_neurons(1, cells, channel, some, channels, currents, channel, step, timesteps, flat, to, apart)
        else:
            run_neurons(0, cells, channel, some, channels, currents, channel, step, timesteps, flat, to, apart)


@compiled
def _keep_membranes(cells, currents, step, timesteps, image, positions, channels, membranes):  # type: ignore[no-untyped-def]
    """u of every step of the neurons of a last layer, of one position."""
    shift = cells.shift & 31
    for channel in range(positions * channels):
        v = cells.initial[channel]
        for t in range(timesteps):
            if cells.multiplies:
                leaked = (np.int64(v) * cells.multiplier[channel]) >> shift
            else:
                leaked = v - ((v >> shift) & cells.multiplier[channel])
            u = np.int32(leaked + currents[t * step + channel])
            membranes[t, image, 0, 0, channel] = u
            v = np.int32((u & cells.keep[channel]) - cells.sub[channel]) if u >= cells.threshold[channel] else u
