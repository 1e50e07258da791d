"""The compiled loops: sums of a layer's inputs, the neurons behind them, and pools of spikes.

Spikes are bits: (T, N, H, W, words) uint8 or uint64, the channels of a position from the lowest bit on, filled up to
whole blocks of ``lanes``. Weights are in blocks of ``lanes`` output channels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .jit import compiled
from .vectors import add_rows, lowest, run_neurons, sum_products

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
def spike_layer(inputs, weights, bias, geometry, cells, timesteps, bits, membranes):  # type: ignore[no-untyped-def]
    """Currents of spikes, and neurons: fills ``bits`` or ``membranes``, (T, N, rows, columns, bytes or channels).

    ``weights``: (any,) by block, row and column of the window, input channel and lane, of the type of the currents.
    ``bias``: (channels,) of that type.
    """
    g = geometry
    steps, images, height, width, words = inputs.shape
    channels = words * inputs.itemsize * 8
    events = np.empty(steps * height * width * channels, np.int32)
    ends = np.empty(steps * height * width + 1, np.int64)
    out_channels = g.blocks * g.lanes
    most_rows = (g.block_rows - 1) * g.pool_stride_y + g.pool_y
    step = most_rows * g.columns * out_channels
    sums = np.empty(steps * step, weights.dtype)
    pooled = np.empty(steps * g.block_rows * g.out_columns * out_channels if g.pools else 0, weights.dtype)
    for image in range(images):
        _list_events(inputs, image, events, ends)
        for top in range(0, g.out_rows, g.block_rows):
            out_rows = min(g.block_rows, g.out_rows - top)
            rows = (out_rows - 1) * g.pool_stride_y + g.pool_y
            for at in range(0, len(sums), out_channels):
                for channel in range(out_channels):
                    sums[at + channel] = bias[channel]
            _add_events(events, ends, inputs.shape, channels, weights, g, top * g.pool_stride_y, rows, step, sums)
            if g.pools:
                _pool_currents(sums, steps, step, g, out_rows, pooled)
                _run(cells, pooled, steps, g, timesteps, image, top, out_rows, bits, membranes)
            else:
                _run(cells, sums, steps, g, timesteps, image, top, out_rows, bits, membranes)


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
def _list_events(inputs, image, events, ends):  # type: ignore[no-untyped-def]
    """The channels that spike at each step and position, in ``events``; where the lists of each end, in ``ends``."""
    steps, images, height, width, words = inputs.shape
    width_of_word = inputs.itemsize * 8
    found = 0
    pixel = 0
    ends[0] = 0
    for t in range(steps):
        for y in range(height):
            for x in range(width):
                for word in range(words):
                    bits = np.uint64(inputs[t, image, y, x, word])
                    while bits != 0:
                        events[found] = word * width_of_word + lowest(bits)
                        bits &= bits - np.uint64(1)
                        found += 1
                pixel += 1
                ends[pixel] = found


@compiled
def _add_events(events, ends, shape, channels, weights, g, top, rows, step, sums):  # type: ignore[no-untyped-def]
    """Add the weights of all spikes to the sums of ``rows`` rows from ``top`` on."""
    steps, _, height, width, _ = shape
    out_channels = g.blocks * g.lanes
    for block in range(g.blocks):
        for i in range(g.size_y):
            for j in range(g.size_x):
                base = ((block * g.size_y + i) * g.size_x + j) * channels * g.lanes
                first = max(0, -((j - g.padding_x) // g.stride_x))
                end = min(g.columns, (width - 1 - j + g.padding_x) // g.stride_x + 1)
                for row in range(rows):
                    y = (top + row) * g.stride_y + i - g.padding_y
                    if y < 0 or y >= height:
                        continue
                    for t in range(steps):
                        for column in range(first, end):
                            pixel = (t * height + y) * width + column * g.stride_x + j - g.padding_x
                            start, stop = ends[pixel], ends[pixel + 1]
                            if start == stop:
                                continue
                            at = t * step + (row * g.columns + column) * out_channels + block * g.lanes
                            _add_list(g.lanes, sums, at, weights, base, events, start, stop)


@compiled
def _add_list(lanes, sums, at, weights, base, events, start, stop):  # type: ignore[no-untyped-def]
    if lanes == 64:
        add_rows(64, sums, at, weights, base, events, start, stop)
    elif lanes == 32:
        add_rows(32, sums, at, weights, base, events, start, stop)
    elif lanes == 16:
        add_rows(16, sums, at, weights, base, events, start, stop)
    else:
        add_rows(8, sums, at, weights, base, events, start, stop)


@compiled
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
    """All steps of the neurons of ``out_rows`` rows from ``top`` on, whose currents are constant where ``steps`` is 1."""
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


@compiled
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
