"""The leak for a trained decay: one for all channels, or one per channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hwsnn import spec
from hwsnn.float_network import Decay, FloatArray
from hwsnn.spec.checks import assert_never

LEAK_SHIFT = 8
"""Bits of a multiplier, at least."""
LEAK_ERROR = 2.0**-9
"""Of 1 - decay: by how much a multiplier may miss it. As large is the error of a membrane that has come to rest."""
LEAK_ROUNDING = 1e-6
"""A decay this close to one that needs no multiplier counts as that one: it is within single precision."""


def choose_leak(decay: Decay) -> spec.Leak:
    """The leak whose decay is ``decay``; if there is none, the nearest multiple of 2^-n for each channel.

    n, from 8 to 16, is the smallest that meets ``LEAK_ERROR`` in every channel, or 16. Channels that all decay alike
    have one leak. A leak per channel is exact where one leak would be.
    """
    betas = np.atleast_1d(np.asarray(decay, np.float64))
    if np.ptp(betas) < LEAK_ROUNDING:
        return _one_leak(float(betas[0]))
    shift = max(_bits(float(beta)) for beta in np.unique(betas))
    return spec.ChannelLeak(np.rint(betas * (1 << shift)).astype(np.int32), shift)


def built_betas(leak: spec.Leak, channels: int) -> FloatArray:
    """The decay of each channel, (channels,)."""
    if isinstance(leak, spec.ChannelLeak):
        return np.asarray(leak.multipliers / (1 << leak.shift))
    return np.full(channels, leak.betas[0])


def floors(leak: spec.Leak, channels: int) -> npt.NDArray[np.bool_]:
    """Which channels lose something to the floor of their leak, (channels,)."""
    lossy: Any
    match leak:
        case spec.NoLeak():
            lossy = False
        case spec.ShiftLeak():
            lossy = True
        case spec.MultiplyLeak():
            lossy = leak.multiplier > 0
        case spec.ChannelLeak():
            lossy = (leak.multipliers > 0) & (leak.multipliers < 1 << leak.shift)
        case _:
            assert_never(leak)
    return np.array(np.broadcast_to(lossy, (channels,)))


def _one_leak(beta: float) -> spec.Leak:
    if _is_one(beta):
        return spec.NoLeak()
    shift = _shift_of(beta)
    if shift is not None:
        return spec.ShiftLeak(shift)
    bits = _bits(beta)
    return spec.MultiplyLeak(min(int(np.rint(beta * (1 << bits))), (1 << bits) - 1), bits)


def _bits(beta: float) -> int:
    """Of a multiplier for ``beta``: those that are exact, as one leak would be, else as few as come near enough."""
    shift = _shift_of(beta)
    if shift is not None or _is_one(beta):
        return max(shift or 0, LEAK_SHIFT)
    for bits in range(LEAK_SHIFT, spec.MAX_LEAK_SHIFT):
        if abs(np.rint(beta * (1 << bits)) / (1 << bits) - beta) <= LEAK_ERROR * (1 - beta):
            return bits
    return spec.MAX_LEAK_SHIFT


def _is_one(beta: float) -> bool:
    return abs(beta - 1.0) < LEAK_ROUNDING


def _shift_of(beta: float) -> int | None:
    """k where beta is 1 - 2^-k."""
    shifts = range(1, spec.MAX_LEAK_SHIFT + 1)
    return next((shift for shift in shifts if abs(beta - (1.0 - 2.0**-shift)) < LEAK_ROUNDING), None)
