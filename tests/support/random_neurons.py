"""Random neurons for layers whose membranes are known: their thresholds lie where the membranes do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hwsnn.spec import (
    LEAKS,
    MAX_LEAK_SHIFT,
    MAX_MEMBRANE_BITS,
    MAX_SPIKES,
    MIN_MEMBRANE_BITS,
    AnyNeuron,
    ChannelLeak,
    Integrator,
    Leak,
    MultiplyLeak,
    Neuron,
    NoLeak,
    Population,
    ShiftLeak,
    SynapticCurrent,
)
from hwsnn.spec.integers import Int64Array, IntArray, Range, signed_limits, signed_width
from tests.support.dice import Dice
from tests.support.wishes import Kind, Wishes


def random_leak(dice: Dice, channels: int, wish: str | None = None) -> Leak:
    """A leak of any kind."""
    kind = dice.choice(list(LEAKS), wish)
    if kind == NoLeak.kind:
        return NoLeak()
    if kind == ShiftLeak.kind:
        return ShiftLeak(dice.integer(1, 5))
    shift = dice.integer(1, MAX_LEAK_SHIFT)
    if kind == MultiplyLeak.kind:
        return MultiplyLeak(dice.integer(0, (1 << shift) - 1), shift)
    assert kind == ChannelLeak.kind
    return ChannelLeak(dice.random.integers(0, 1 << shift, channels, endpoint=True), shift)


def silent(dice: Dice, kind: Kind, wishes: Wishes, channels: int) -> Integrator:
    """The leaks of a neuron to be, whose membranes are to be seen."""
    leak = random_leak(dice, channels, wishes.leak)
    synapse = SynapticCurrent(random_leak(dice, channels), MAX_MEMBRANE_BITS) if kind[1] else None
    return Integrator(leak, MAX_MEMBRANE_BITS, synapse)


def random_neuron(
    dice: Dice, kind: Kind, wishes: Wishes, probe: Integrator, membranes: Int64Array, most: int
) -> AnyNeuron:
    """A neuron of ``kind`` with the leaks of ``probe``, of at most ``most`` membrane bits.

    ``membranes``: (samples, channels), those of ``probe``. In a third of the neurons half of them do not fit.
    """
    spiking, _, reset = kind
    channels = int(membranes.shape[1])
    spikes = (dice.integer(2, 3) if dice.happens(0.7) else dice.integer(4, MAX_SPIKES)) if spiking == "several" else 1
    if dice.happens(0.35):
        most = min(most, signed_width(0, max(2 * spikes, int(np.median(np.abs(membranes))) // 2)))
    _, largest = signed_limits(most)
    shares = dice.random.uniform(0.35, 0.8, size=(channels,))
    typical = np.array([np.quantile(membranes[:, channel], share) for channel, share in enumerate(shares)])
    threshold = np.clip(np.rint(typical), 1, largest // (2 * spikes)).astype(np.int64)
    fields: dict[str, Any] = {"membrane_bits": most, "synapse": probe.synapse}
    if dice.happens(0.25, wishes.initial):
        share = 0.5 if dice.happens(0.4) else dice.random.uniform(-0.5, 1.2, channels)
        fields["initial"] = np.clip(np.rint(threshold * share), -largest, largest).astype(np.int64)
    if dice.happens(0.25, wishes.floor):
        low = np.quantile(membranes, 0.3, axis=0) * dice.random.uniform(0, 1, channels)
        fields["floor"] = np.clip(np.rint(low), -largest, 0).astype(np.int64)
    if reset is None:
        return replace(probe, **fields)
    return Neuron(
        threshold,
        probe.leak,
        reset,
        sub=_sub(dice, threshold) if "subtract" in reset else None,
        further=_further(dice, threshold, spikes),
        once=spiking == "once",
        **fields,
    )


def _sub(dice: Dice, threshold: Int64Array) -> IntArray:
    """What spikes take off: the threshold, one less as for sources that fire above theirs, or anything."""
    if dice.happens(0.6):
        return threshold - dice.integer(0, 1)
    return dice.random.integers(0, 2 * threshold, endpoint=True)


def _further(dice: Dice, threshold: Int64Array, spikes: int) -> IntArray | None:
    """The thresholds of more spikes: multiples of the first, or anything that does not fall."""
    if spikes == 1:
        return None
    places = np.arange(1, spikes)[:, np.newaxis]
    if dice.happens(0.5):
        multiples: IntArray = np.multiply(threshold, places + 1)
        return multiples
    gaps: IntArray = dice.random.integers(0, threshold, (spikes - 1, len(threshold)), endpoint=True)
    further: IntArray = threshold + gaps.cumsum(axis=0)
    return further


def with_widths(dice: Dice, layer: Population, largest_inputs: Sequence[int], timesteps: int) -> Population:
    """The layer with membranes no wider than they need be; a third of the synaptic currents are narrower than that."""
    neuron = layer.neuron
    ranges = layer.state_ranges(largest_inputs, timesteps)
    needed = ranges["v"]
    if isinstance(neuron, Neuron) and neuron.reset == "subtract" and neuron.sub is not None:
        left = neuron.thresholds - neuron.sub * np.arange(1, neuron.spikes + 1)[:, np.newaxis]
        needed |= Range(int(left.min()), int(left.max()))
    bits = min(max(needed.width, MIN_MEMBRANE_BITS), neuron.membrane_bits)
    if neuron.synapse is not None:
        width = ranges["s"].width - (dice.integer(1, 3) if dice.happens(0.35) else 0)
        width = min(max(width, MIN_MEMBRANE_BITS), MAX_MEMBRANE_BITS)
        neuron = replace(neuron, synapse=replace(neuron.synapse, bits=width))
    return replace(layer, neuron=replace(neuron, membrane_bits=bits))
