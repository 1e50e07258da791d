"""The range of a neuron's state over the steps of a frame if nothing saturates, by interval arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .checks import assert_never
from .integers import Int64Array, IntArray, Range, signed_limits
from .leaks import Leak
from .neurons import AnyNeuron, Integrator, Neuron


class Interval(NamedTuple):
    """The smallest and the largest value of each channel, (channels,) each; empty where low > high."""

    low: Int64Array
    high: Int64Array

    def __or__(self, other: Interval) -> Interval:  # type: ignore[override]
        """The smallest interval that contains both."""
        nothing, none_there = self.low > self.high, other.low > other.high
        return Interval(
            np.where(nothing, other.low, np.where(none_there, self.low, np.minimum(self.low, other.low))),
            np.where(nothing, other.high, np.where(none_there, self.high, np.maximum(self.high, other.high))),
        )

    def plus(self, other: Interval) -> Interval:
        """Of the sum of a value from each."""
        return Interval(self.low + other.low, self.high + other.high)

    def minus(self, number: IntArray) -> Interval:
        """Of the difference to one number per channel."""
        return Interval(self.low - number, self.high - number)

    def leaked(self, leak: Leak) -> Interval:
        """After a leak: each is monotone."""
        return Interval(np.asarray(leak.leaked(self.low)), np.asarray(leak.leaked(self.high)))

    def within(self, low: Int64Array | None, high: Int64Array | None) -> Interval:
        """The part from ``low`` to ``high``, None for no end; it may be empty."""
        return Interval(
            self.low if low is None else np.maximum(self.low, low),
            self.high if high is None else np.minimum(self.high, high),
        )

    def given(self, part: Interval) -> Interval:
        """Empty where ``part`` is empty."""
        there = part.low <= part.high
        return Interval(np.where(there, self.low, 1), np.where(there, self.high, 0))

    @property
    def range(self) -> Range:
        """Of all channels."""
        there = self.low <= self.high
        return Range(int(self.low[there].min()), int(self.high[there].max()))


def state_ranges(neuron: AnyNeuron, lowest: IntArray, highest: IntArray, timesteps: int) -> dict[str, Range]:
    """The range of each signed state variable over ``timesteps`` steps; that of ``v`` includes u and the constants.

    No variable saturates, but what reaches v of a synaptic current is clipped to its declared width: a smaller one may
    leave a smaller membrane below a reset amount.
    ``lowest`` and ``highest``: (channels,), the ends of the input currents.
    """
    total, synaptic = _of_constants(neuron), Range(0, 0)
    for s, u, v in _steps(neuron, lowest, highest, timesteps):
        total |= u.range | v.range
        synaptic |= s.range
    return {"v": total} | ({} if neuron.synapse is None else {"s": synaptic})


def highest_membranes(neuron: AnyNeuron, lowest: IntArray, highest: IntArray, timesteps: int) -> Int64Array:
    """The largest u of each channel over ``timesteps`` steps if nothing saturates; the currents as for the ranges."""
    return np.max([u.high for _, u, _ in _steps(neuron, lowest, highest, timesteps)], axis=0)  # type: ignore[no-any-return]


def _steps(
    neuron: AnyNeuron, lowest: IntArray, highest: IntArray, timesteps: int
) -> Iterator[tuple[Interval, Interval, Interval]]:
    """Of s, of u, and of v after the step, step by step; s is the input current where the neuron has none."""
    current = Interval(lowest.astype(np.int64), highest.astype(np.int64))
    zero = np.zeros(len(lowest), np.int64)
    s = Interval(zero, zero)
    v = s if neuron.initial is None else Interval(*(neuron.initial.astype(np.int64),) * 2)
    for step in range(timesteps):
        s = current if neuron.synapse is None else s.leaked(neuron.synapse.leak).plus(current)
        u, v = _step(neuron, v, _clipped(neuron, s), late=step > 0)
        if neuron.floor is not None:
            floor = neuron.floor.astype(np.int64)
            v = Interval(np.maximum(v.low, floor), np.maximum(v.high, floor))
        yield s, u, v


def _clipped(neuron: AnyNeuron, s: Interval) -> Interval:
    """What of s reaches v: from 0 on it only grows, so that clipping every step comes to the same as clipping once."""
    if neuron.synapse is None:
        return s
    limits = signed_limits(neuron.synapse.bits)
    return Interval(s.low.clip(*limits), s.high.clip(*limits))


def _of_constants(neuron: AnyNeuron) -> Range:
    found = Range(0, 0)
    for values in neuron.membrane_constants.values():
        found |= Range(int(values.min()), int(values.max()))
    return found


def _step(neuron: AnyNeuron, v: Interval, s: Interval, *, late: bool) -> tuple[Interval, Interval]:
    """Of u, and of v after the reset, for v before the step. ``late``: whether it had a step before, with spikes."""
    match neuron:
        case Integrator():
            u = v.leaked(neuron.leak).plus(s)
            return u, u
        case Neuron():
            pass
        case _:
            raise assert_never(neuron)
    threshold = neuron.threshold.astype(np.int64)
    sub = np.zeros_like(threshold) if neuron.sub is None else neuron.sub.astype(np.int64)
    below, above = v.within(None, threshold - 1), v.within(threshold, None)
    quiet, again = (part.leaked(neuron.leak).plus(s).given(part) for part in (below, above))
    match neuron.reset:
        case "subtract" | "zero" | "none":
            u = v.leaked(neuron.leak).plus(s)
            return u, _after_spikes(neuron, u)
        case "late-subtract":
            u = quiet | again.minus(sub) if late else quiet | again
            return u, u
        case "late-zero":
            nothing = Interval(np.zeros_like(threshold), np.zeros_like(threshold)).given(above)
            u = quiet | nothing if late else quiet | again
            return u, u
        case "undelayed-subtract":
            after = (
                quiet.within(None, threshold - 1)
                | quiet.within(threshold, None).minus(sub)
                | again.within(None, threshold + sub - 1)
                | again.within(threshold + sub, None).minus(sub)
            )
            return quiet | again.minus(sub), after
        case _:
            raise assert_never(neuron.reset)


def _after_spikes(neuron: Neuron, u: Interval) -> Interval:
    """Of v after a reset in the same step: each number of spikes has its part of u."""
    thresholds = [None, *neuron.thresholds.astype(np.int64), None]
    after = u.within(None, thresholds[1] - 1)
    for spikes in range(1, neuron.spikes + 1):
        above = thresholds[spikes + 1]
        part = u.within(thresholds[spikes], None if above is None else above - 1)
        match neuron.reset:
            case "subtract":
                assert neuron.sub is not None
                part = part.minus(spikes * neuron.sub.astype(np.int64))
            case "zero":
                zero = np.zeros(len(part.low), np.int64)
                at_zero = Interval(zero, zero).given(part)
                # After its only spike such a neuron integrates on, above the threshold too.
                part = at_zero | part if neuron.once else at_zero
        after = after | part
    return after
