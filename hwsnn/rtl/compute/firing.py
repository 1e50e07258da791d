"""Spikes, reset and lower bound: what a step does once u is there (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed

from hwsnn.spec import AnyNeuron, Neuron

from .signed_sum import signed_sum


@dataclass(frozen=True)
class Fired:
    """The end of a step: u, the number of spikes, v after the reset, and ``fired`` of the state where there is one.

    Spikes, v and ``fired`` are selected behind the last registers.
    """

    u: Value
    spikes: Value
    v: Value
    fired: Value


class Firing:
    """Compares u with the thresholds, resets, and keeps v at the floor or above, with one adder per cycle.

    ``constants``: those that ``step_stages`` names, each in its cycle. The registers are in ``m``.
    """

    def __init__(self, m: Module, neuron: AnyNeuron, constants: Any) -> None:
        self._m, self._floor, self._constants = m, neuron.floor is not None, constants
        self._membrane = signed(neuron.membrane_bits)

    def never(self, u: Value) -> Fired:
        """A neuron that never fires."""
        v = self._bounded(u, self._register(u, "kept", self._membrane)) if self._floor else u
        return Fired(u, Const(0), v, Const(0))

    def by_u(self, neuron: Neuron, u: Value, before: Value) -> Fired:
        """Spikes that depend on u alone. ``before``: whether one that fires once has fired, a cycle after u."""
        spike, *further = [
            self._register(u >= getattr(self._constants, name), name.replace("threshold", "fires"))
            for name in neuron.constants
            if name.startswith("threshold")
        ]
        kept = self._register(u, "kept", self._membrane)
        fired = spike | before
        spike = spike & ~before if neuron.once else spike
        spikes = self._count([spike, *further]) if further else spike
        match neuron.reset:
            case "subtract" if further:
                return Fired(u, spikes, self._several_off(kept, spikes), Const(0))
            case "subtract":
                # At least 1 - sub where the neuron fires: it fits the membrane. Elsewhere it is not used.
                after = self._register(u - self._constants.sub, "reduced", self._membrane)
            case "zero":
                after = Const(0, self._membrane)
            case "none" | "late-subtract" | "late-zero":
                after = kept
            case _:
                raise ValueError(f"the reset must follow from u, not be {neuron.reset!r}")
        v = Mux(spike, after, kept)
        if self._floor:
            # No spike where u is below the floor, which is at most 0.
            below: Value = self._register(u < self._constants.floor, "below")
            if neuron.reset == "subtract":
                below_reduced = self._register(u < self._constants.floor_reduced, "below_reduced")
                below = Mux(spike, below_reduced, below)
            v = Mux(below, self._constants.bound, v)
        return Fired(u, spikes, v, fired)

    def by_u_and_v(self, u: Value, reduced: Value, again: Value) -> Fired:
        """An undelayed reset; ``reduced``: u if v reached the threshold before, which ``again`` says a cycle later."""
        spikes, kept, left = list[Value](), list[Value](), list[Value]()
        for value, suffix in ((u, ""), (reduced, "_reduced")):
            spikes.append(self._register(value >= self._constants.threshold, f"fires{suffix}"))
            kept.append(self._register(value, f"kept{suffix}", self._membrane))
            left.append(self._bounded(value, kept[-1], suffix))
        spike = Mux(again, spikes[1], spikes[0])
        return Fired(Mux(again, kept[1], kept[0]), spike, Mux(spike, left[1], left[0]), Const(0))

    def _several_off(self, kept: Value, spikes: Value) -> Value:
        """v without the reset amount of each spike."""
        kept = self._register(kept, "kept_counted")
        amounts = [(Mux(bit, self._constants.sub << place, 0), -1) for place, bit in enumerate(spikes)]
        v = signed_sum(self._m, [(kept, 1), *amounts], "reduced")[: len(kept)].as_signed()
        return self._bounded(v, self._register(v, "kept_reduced")) if self._floor else v

    def _bounded(self, value: Value, kept: Value, suffix: str = "") -> Value:
        """``value``, but at least the floor, a cycle later, from its register."""
        if not self._floor:
            return kept
        below = self._register(value < self._constants.floor, f"below{suffix}")
        return Mux(below, self._constants.bound, kept)

    def _count(self, above: list[Value]) -> Value:
        """How many thresholds u reaches: no later one without all earlier ones, so no adder is needed."""
        steps = [1 << place for place in range(len(above).bit_length())]
        return self._register(Cat(Cat(above[step - 1 :: step]).xor() for step in steps), "spikes")

    def _register(self, value: Value, name: str, shape: Shape | None = None) -> Signal:
        register = Signal(value.shape() if shape is None else shape, name=name, reset_less=True)
        self._m.d.sync += register.eq(value)
        return register
