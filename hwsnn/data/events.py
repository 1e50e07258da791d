"""Events of a camera: those of one that is simulated looking at MNIST's digits, and a user's own as time steps.

A pixel of an event camera gives no images. It remembers the logarithm of the intensity that it saw at its last event,
and gives the next event when the logarithm has risen (ON) or fallen (OFF) by a threshold since (P. Lichtsteiner,
C. Posch, T. Delbruck, "A 128x128 120 dB 15 us Latency Asynchronous Temporal Contrast Vision Sensor", IEEE Journal of
Solid-State Circuits 43(2), 2008). A still image gives events where the camera moves: G. Orchard, A. Jayawant, G. Cohen,
N. Thakor, "Converting Static Image Datasets to Spiking Neuromorphic Datasets Using Saccades", Frontiers in Neuroscience
9:437, 2015, move a camera in three saccades along a triangle before MNIST's digits on a monitor: N-MNIST, 34x34 pixels.

**What this makes is not N-MNIST.** It is a simulation that imitates the setting. With p a pixel of the image (0 to 255)
and 0 around it, sensor pixel (y, x) sees at sub-step k = 0 ... 24

    I(k) = p(y - Y(k), x - X(k)) / 255, bilinear between pixels         level(k) = ln(I(k) + 1/16)

where (Y, X) goes in three lines of eight sub-steps each, at an even pace, from (0, 0) to (6, 3), (0, 6) and back, in
pixels; every corner is moved by chance by up to one pixel either way, from image to image. With ref the level at the
pixel's last event, level(0) at first,

    ON where level(k) - ref >= on(y, x),   OFF where ref - level(k) >= off(y, x),   then ref = level(k)

so a pixel gives one event a sub-step at most. The thresholds on and off are 0.25 on average, with a standard deviation
of 12 %, and belong to the camera: they are the same for every image. Background activity: 64 events at a place, time
and polarity by chance, each of which happens or not with probability 1/2. The sub-steps fall into T time steps of equal
length, and a step holds a 1 where there was an event of that polarity, however many.

Positions are in sixteenths of a pixel, levels and thresholds in 512ths, random numbers by a hash of the seed, the split
and the image's index: all integers, so an image has the same events on any machine, and whichever others are read.
The numbers are this project's choice.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .idx import Split

Frames = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]

SEED = 19
SIDE, IMAGE = 34, 28
"""Pixels a side of the sensor, and of an image."""
SACCADES, PACES = 3, 8
SUB_STEPS = SACCADES * PACES
FINE = 16
"""Parts of a pixel that positions are in."""
CORNERS = ((0, 0), (6, 3), (0, 6))
"""Where the image's first row and column are when a saccade starts, before chance, in pixels."""
JITTER = 1
DARK = 1 / 16
"""Intensity that black has, where white has 1 more."""
LEVELS = 512
"""Parts of a natural logarithm of 1 that levels are in."""
THRESHOLD, MISMATCH = 0.25, 0.12
BACKGROUND = 64
CHUNK = 128
"""Images at a time: what they need stays in a processor's cache."""

_BRIGHTEST = 255 * FINE * FINE
_LOG = np.rint(LEVELS * np.log(np.arange(_BRIGHTEST + 1) / _BRIGHTEST + DARK)).astype(np.int16)
_SPLITS = {"train": 0, "test": 1}
_BEFORE = max(max(corner) for corner in CORNERS) + JITTER
"""Rows and columns around an image that the sensor can see: before it, and ``SIDE - IMAGE + 2 JITTER`` after it."""


def simulated(images: Frames, split: Split, timesteps: int, first: int = 0) -> Frames:
    """The events (N, T, 2, 34, 34), 0 or 1, of images (N, 28, 28); polarity 0 is OFF and 1 is ON.

    ``timesteps``: T, 1 to 24. ``first``: the index in its split of the first of the images, which fixes their chances.
    """
    if images.shape[1:] != (IMAGE, IMAGE) or images.dtype != np.uint8:
        raise ValueError(f"images must be uint8 (N, {IMAGE}, {IMAGE}), not {images.dtype} {images.shape}")
    if not 1 <= timesteps <= SUB_STEPS:
        raise ValueError(f"timesteps must be from 1 to {SUB_STEPS}, not {timesteps!r}")
    found = np.zeros((len(images), timesteps, 2, SIDE, SIDE), np.uint8)
    for start in range(0, len(images), CHUNK):
        part = slice(start, start + CHUNK)
        _simulate(images[part], _keys(split, first + start, len(images[part])), found[part])
    return found


def encode(
    t: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    timesteps: int,
    height: int = SIDE,
    width: int = SIDE,
    start: float | None = None,
    duration: float | None = None,
) -> Frames:
    """A frame (T, 2, height, width) for encoding ``steps`` of a list of events: 1 where a step has one of a polarity.

    Each event has a time ``t`` in any unit, a column ``x``, a row ``y`` and a polarity ``p``: 0 or False for OFF, 1 or
    True for ON. They may come in any order. Step s covers the s-th of T equal parts of ``duration`` from ``start`` on;
    by default that is from the first event to the last. An event at the very end is of the last step. ``ValueError``
    for lists of unequal lengths and for events outside of the sensor or the time.

    >>> frame = encode(t=[0, 900, 2000], x=[3, 4, 5], y=[7, 7, 7], p=[1, 1, 0], timesteps=2)
    >>> frame.shape, [tuple(map(int, place)) for place in zip(*frame.nonzero())]
    ((2, 2, 34, 34), [(0, 1, 7, 3), (0, 1, 7, 4), (1, 0, 7, 5)])
    """
    times, columns, rows, polarities = np.asarray(t, np.float64), np.asarray(x), np.asarray(y), np.asarray(p)
    if times.ndim != 1 or not times.shape == columns.shape == rows.shape == polarities.shape:
        shapes = ", ".join(str(values.shape) for values in (times, columns, rows, polarities))
        raise ValueError(f"t, x, y and p must be lists of equal lengths, not of shapes {shapes}")
    if timesteps < 1:
        raise ValueError(f"timesteps must be 1 or more, not {timesteps!r}")
    frame = np.zeros((timesteps, 2, height, width), np.uint8)
    if not len(times):
        return frame
    for name, values, end in (("x", columns, width), ("y", rows, height), ("p", polarities, 2)):
        if values.min() < 0 or values.max() >= end:
            raise ValueError(f"{name} must be from 0 to {end - 1}, not {values.min()} to {values.max()}")
    start = float(times.min()) if start is None else start
    duration = float(times.max()) - start if duration is None else duration
    if not (start <= times.min() and times.max() <= start + duration):
        raise ValueError(f"t must be from {start} to {start + duration}, not {times.min()} to {times.max()}")
    steps = np.minimum((times - start) * timesteps / duration, timesteps - 1) if duration else np.zeros_like(times)
    frame[steps.astype(int), polarities.astype(int), rows.astype(int), columns.astype(int)] = 1
    return frame


def _simulate(images: Frames, keys: Words, found: Frames) -> None:
    """Set the events of ``images``, of which each has its key, in ``found``, which holds zeros."""
    before, after = _BEFORE, SIDE - IMAGE + 2 * JITTER
    wide = np.pad(images, ((0, 0), (before, after), (before, after))).astype(np.uint16)
    seen = np.lib.stride_tricks.sliding_window_view(wide, (SIDE + 1, SIDE + 1), axis=(1, 2))
    everyone = np.arange(len(images))
    to_on, to_off = _thresholds()
    reference = np.empty(0, np.int16)
    for k, position in enumerate(_path(keys)):
        whole, part = np.divmod(-position, FINE)  # sensor pixel y sees the image at y - position
        down, right = part.astype(np.uint16)[:, :, None, None]
        corner = seen[everyone, whole[0] + before, whole[1] + before]
        rows = corner[:, :-1] * (FINE - down) + corner[:, 1:] * down
        level = _LOG[rows[:, :, :-1] * (FINE - right) + rows[:, :, 1:] * right]
        if k == 0:
            reference = level
            continue
        step = (k - 1) * found.shape[1] // SUB_STEPS
        change = level - reference
        on, off = change >= to_on, change <= to_off
        np.copyto(reference, level, where=on | off)
        found[:, step, 0] |= off
        found[:, step, 1] |= on
    _add_background(keys, found)


def _path(keys: Words) -> npt.NDArray[np.int64]:
    """Where the image is: (sub-step, axis, image) in sixteenths of a pixel, at sub-steps 0 to 24."""
    chances = _random(keys, 0, 2 * SACCADES) % np.uint64(2 * JITTER * FINE + 1)
    moved = chances.astype(np.int64).reshape(len(keys), SACCADES, 2) - JITTER * FINE
    corners = np.asarray(CORNERS) * FINE + moved
    pace = np.arange(PACES)[:, None, None]
    lines = [
        (corners[:, saccade] * (PACES - pace) + corners[:, (saccade + 1) % SACCADES] * pace) // PACES
        for saccade in range(SACCADES)
    ]
    path: npt.NDArray[np.int64] = np.concatenate([*lines, corners[None, :, 0]]).transpose(0, 2, 1)
    return path


def _thresholds() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """How much the level of each pixel (34, 34) rises for an ON event, and the change, negative, for an OFF event."""
    summed = 12  # of evenly distributed numbers: nearly a normal one, of variance 1 where they go from 0 to 1
    chances = _random(np.array([SEED], np.uint64), 1 << 16, 2 * SIDE * SIDE * summed) >> np.uint64(48)
    normal = chances.reshape(2, SIDE, SIDE, summed).sum(-1).astype(np.int64) / 2**16 - summed / 2
    off, on = np.rint(LEVELS * THRESHOLD * (1 + MISMATCH * normal)).astype(np.int16)
    return on, -off


def _add_background(keys: Words, found: Frames) -> None:
    """Set events that nothing caused."""
    chances = _random(keys, 1 << 8, BACKGROUND)
    happens = (chances & np.uint64(1)).astype(bool)
    count, timesteps = found.shape[:2]
    chosen = ((chances >> np.uint64(16)) % np.uint64(SUB_STEPS * 2 * SIDE * SIDE)).astype(np.int64)
    sub_step, place = np.divmod(chosen[happens], 2 * SIDE * SIDE)
    found.reshape(count, timesteps, -1)[happens.nonzero()[0], sub_step * timesteps // SUB_STEPS, place] = 1


def _keys(split: Split, first: int, count: int) -> Words:
    """Where the random numbers of ``count`` images of a split start, from the one of index ``first`` on."""
    index = np.arange(first, first + count, dtype=np.uint64)
    return _mixed(index + np.uint64((SEED << 40) + (_SPLITS[split] << 32)))


def _random(keys: Words, start: int, count: int) -> Words:
    """Random words (key, ``count``): those of index ``start`` on of each key.

    A hash of a counter: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """
    counter = np.arange(start + 1, start + count + 1, dtype=np.uint64)
    return _mixed(keys[:, None] + counter * np.uint64(0x9E3779B97F4A7C15))


def _mixed(words: Words) -> Words:
    """Each word with its bits mixed, as in SplitMix64."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Words = words ^ (words >> np.uint64(31))
    return mixed
