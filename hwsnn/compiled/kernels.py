"""The compiled loops: sums of a layer's inputs, the neurons behind them, and pools of spikes.

Spikes are bits: (T, N, H, W, words) uint8 or uint64, the channels of a position from the lowest bit on, filled up to
whole blocks of ``lanes``. Weights are in blocks of ``lanes`` output channels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .jit import compiled, inlined
from .vectors import add_run, lowest, run_neurons, sum_products

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
def spike_layer(inputs, weights, order, bias, geometry, cells, timesteps, bits, membranes):  # type: ignore[no-untyped-def]
    """Currents of spikes, and neurons: fills ``bits`` or ``membranes``, (T, N, rows, columns, bytes or channels).

    ``weights``: (any,) of the type of the currents, by input channel, row of the window, column of it in the order of
    those that neighbouring windows take (``order``: the place of each column), and output channel.
    ``bias``: (channels,) of that type.
    """
    g = geometry
    steps, images = inputs.shape[:2]
    channels = g.blocks * g.lanes
    step = g.rows * g.columns * channels
    sums = np.empty(steps * step, weights.dtype)
    pooled = np.empty(steps * g.out_rows * g.out_columns * channels if g.pools else 0, weights.dtype)
    for image in range(images):
        for at in range(0, len(sums), channels):
            for channel in range(channels):
                sums[at + channel] = bias[channel]
        _add_spikes(inputs, image, weights, order, g, step, sums)
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
def _add_spikes(inputs, image, weights, order, g, step, sums):  # type: ignore[no-untyped-def]
    """Add the weights of all spikes of an image, those of neighbouring windows in one run."""
    steps, _, height, width, words = inputs.shape
    channels = g.blocks * g.lanes
    a_row = g.size_x * channels
    for t in range(steps):
        for y in range(height):
            top = max(0, -((g.size_y - 1 - y - g.padding_y) // g.stride_y))
            bottom = min(g.rows - 1, (y + g.padding_y) // g.stride_y)
            for x in range(width):
                left = max(0, -((g.size_x - 1 - x - g.padding_x) // g.stride_x))
                count = min(g.columns - 1, (x + g.padding_x) // g.stride_x) + 1 - left
                if count <= 0 or top > bottom:
                    continue
                first = order[x + g.padding_x - left * g.stride_x] * channels
                for word in range(words):
                    spikes = np.uint64(inputs[t, image, y, x, word])
                    while spikes != 0:
                        source = word * inputs.itemsize * 8 + lowest(spikes)
                        spikes &= spikes - np.uint64(1)
                        for row in range(top, bottom + 1):
                            i = y + g.padding_y - row * g.stride_y
                            start = (source * g.size_y + i) * a_row + first
                            at = t * step + (row * g.columns + left) * channels
                            _add_weights(g.lanes, sums, at, weights, start, count * g.blocks)


@inlined
def _add_weights(lanes, sums, at, weights, start, count):  # type: ignore[no-untyped-def]
    if lanes == 64:
        add_run(64, sums, at, weights, start, count)
    elif lanes == 32:
        add_run(32, sums, at, weights, start, count)
    elif lanes == 16:
        add_run(16, sums, at, weights, start, count)
    else:
        add_run(8, sums, at, weights, start, count)


@inlined
def _sum_window(g, sums, at, bias, of, weights, base, inputs, corner, width, pairs):  # type: ignore[no-untyped-def]
    if g.lanes == 64:
        sum_products(64, sums, at, bias, of, weights, base, inputs, corner, g.size_y, width, pairs)
    elif g.lanes == 32:
        sum_products(32, sums, at, bias, of, weights, base, inputs, corner, g.size_y, width, pairs)
    elif g.lanes == 16:
        sum_products(16, sums, at, bias, of, weights, base, inputs, corner, g.size_y, width, pairs)
    else:
        sum_products(8, sums, at, bias, of, weights, base, inputs, corner, g.size_y, width, pairs)


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
    for position in range(out_rows * g.out_columns):
        for block in range(g.blocks):
            of = block * g.lanes
            at = position * channels + of
            to = ((image * positions + top * g.out_columns + position) * channels + of) // 8
            bits_step = images * positions * channels // 8
            _run_block(g.lanes, cells, of, currents, at, step, timesteps, flat, to, bits_step)


@inlined
def _run_block(lanes, cells, of, currents, at, step, timesteps, bits, to, bits_step):  # type: ignore[no-untyped-def]
    if cells.multiplies:
        if lanes == 64:
            run_neurons(64, 1, cells, of, currents, at, step, timesteps, bits, to, bits_step)
        elif lanes == 32:
            run_neurons(32, 1, cells, of, currents, at, step, timesteps, bits, to, bits_step)
        elif lanes == 16:
            run_neurons(16, 1, cells, of, currents, at, step, timesteps, bits, to, bits_step)
        else:
            run_neurons(8, 1, cells, of, currents, at, step, timesteps, bits, to, bits_step)
    elif lanes == 64:
        run_neurons(64, 0, cells, of, currents, at, step, timesteps, bits, to, bits_step)
    elif lanes == 32:
        run_neurons(32, 0, cells, of, currents, at, step, timesteps, bits, to, bits_step)
    elif lanes == 16:
        run_neurons(16, 0, cells, of, currents, at, step, timesteps, bits, to, bits_step)
    else:
        run_neurons(8, 0, cells, of, currents, at, step, timesteps, bits, to, bits_step)


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
