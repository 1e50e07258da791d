"""Every kind of neuron, with random numbers per channel, and one step of it written from ``docs/numerics.md``."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np

from hwsnn.spec import (
    AnyNeuron,
    ChannelLeak,
    Integrator,
    Leak,
    MultiplyLeak,
    Neuron,
    NoLeak,
    Reset,
    ShiftLeak,
    SynapticCurrent,
)
from hwsnn.spec.integers import IntArray, signed_limits
from tests.support import oracle, wishes

SEVERAL = {"subtract": (2, 5, 15), "zero": (3,), "none": (7,)}
"""Most spikes per step, for each reset of neurons with several."""


def _kinds() -> dict[str, tuple[Reset | None, int, bool]]:
    kinds = dict[str, tuple[Reset | None, int, bool]]()
    for spiking, _, reset in wishes.KINDS:
        if reset is None:
            kinds["integrate"] = None, 0, False
        elif spiking == "several":
            kinds |= {f"{reset}-{spikes}": (reset, spikes, False) for spikes in SEVERAL[reset]}
        elif spiking == "once":
            kinds[f"{reset}-once"] = reset, 1, True
        else:
            kinds[reset] = reset, 1, False
    return kinds


KINDS = _kinds()
"""Every legal neuron: its reset, None if it never fires; the most spikes per step; and whether once per frame."""


def leaks(channels: int, generator: random.Random) -> list[Leak]:
    """A leak of every kind, the last per channel."""
    multipliers = [generator.choice([0, 1, 200, 219, 255, 256, generator.randint(0, 256)]) for _ in range(channels)]
    return [NoLeak(), ShiftLeak(2), MultiplyLeak(219, 8), ChannelLeak(np.array(multipliers), 8)]


def any_neuron(
    kind: str,
    leak: Leak,
    generator: random.Random,
    *,
    channels: int,
    bits: int,
    floor: bool = False,
    initial: bool = False,
    synapse: SynapticCurrent | None = None,
    scale: int | None = None,
) -> AnyNeuron:
    """A neuron of a kind of ``KINDS``, whose numbers are at most ``scale``, by default all that ``bits`` allow."""
    reset, spikes, once = KINDS[kind]
    low, high = signed_limits(bits)
    high = min(high, scale or high)
    low = max(low, -high - 1)

    def numbers(least: int, most: int) -> IntArray:
        return np.array([generator.randint(least, most) for _ in range(channels)])

    extra = {"floor": numbers(low, 0) if floor else None, "initial": numbers(low, high) if initial else None}
    if reset is None:
        return Integrator(leak, bits, synapse, extra["initial"], extra["floor"])
    if reset == "late-zero" and synapse is None:
        synapse = SynapticCurrent(NoLeak(), bits)
    thresholds = np.sort([numbers(1, high) for _ in range(spikes)], axis=0)
    sub = None
    if "subtract" in reset:
        # No spike of several takes more off than there is room below the threshold.
        most = np.min((thresholds + (1 << (bits - 1))) // np.arange(1, spikes + 1)[:, None], axis=0)
        sub = np.array([generator.randint(0, min(int(room), high)) for room in most])
    further = thresholds[1:] if spikes > 1 else None
    return Neuron(thresholds[0], leak, reset, bits, sub, synapse, extra["initial"], extra["floor"], further, once)


class After(NamedTuple):
    """The number of spikes of a step, u, v and ``fired`` after it."""

    n: int
    u: int
    v: int
    fired: int


def step(neuron: AnyNeuron, o: int, v: int, fired: int, s: int, *, saturates: bool) -> After:
    """A step of channel ``o``; ``s``: its current, or its synaptic current after step 1 of the norm."""

    def clipped(number: int) -> int:
        return oracle.saturate(number, neuron.membrane_bits) if saturates else number

    exact = oracle.leaked(neuron.leak, v, o) + s
    u, n, after = clipped(exact), 0, 0
    if isinstance(neuron, Neuron):
        thresholds = [int(row[o]) for row in neuron.thresholds]
        sub = 0 if neuron.sub is None else int(neuron.sub[o])
        if neuron.reset == "late-subtract" and fired:
            u = clipped(exact - sub)
        if neuron.reset == "late-zero" and fired:
            u = 0
        if neuron.reset == "undelayed-subtract" and v >= thresholds[0]:
            u = clipped(exact - sub)
        n = sum(u >= threshold for threshold in thresholds)
        if neuron.once:
            n, fired = (0, 1) if fired else (n, n)
        if neuron.reset in ("late-subtract", "late-zero"):
            fired = n
        after = {"subtract": u - n * sub, "zero": u * (n == 0), "undelayed-subtract": clipped(exact - n * sub)}.get(
            neuron.reset, u
        )
    else:
        after = u
    if neuron.floor is not None:
        after = max(after, int(neuron.floor[o]))
    return After(n, u, after, fired)
