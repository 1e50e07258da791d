"""A trained layer in integers: weights, biases and what its neurons have, by the scales of its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import AnyFloatNeuron, AnyFloatProjection, FloatArray, FloatNeuron, FloatPopulation
from hwsnn.spec.integers import Int64Array, IntArray, signed_limits, signed_width
from hwsnn.spec.neurons import SUBTRACTING
from hwsnn.spec.ranges import highest_membranes

from .leaks import choose_leak
from .rows import rounded, whole
from .scales import Scales

ROUNDING_WORTH_A_WORD = 0.02
"""Fraction of the threshold by which rounding may change a bias or reset amount without a remark."""


def in_integers(
    layer: FloatPopulation,
    scales: Scales,
    weight_bits: int,
    fraction_bits: int,
    padding_values: Sequence[IntArray | None],
) -> spec.Population:
    """The layer in integers, with the widest state, and as many spikes per step as the source has.

    ``weight_bits``: of a weight. ``padding_values``: of each projection, None for zeros.
    """
    unit = scales.units(fraction_bits)
    bias = _to_int32(layer.name, "bias", np.rint(_product(layer.bias, unit)))
    projections = tuple(
        _projection(one, scales, port, weight_bits, padding)
        for port, (one, padding) in enumerate(zip(layer.projections, padding_values, strict=True))
    )
    neuron = _neuron(layer, scales, unit)
    return spec.Population(layer.name, projections, bias, neuron, fraction_bits, layer.pool)


def _projection(
    one: AnyFloatProjection, scales: Scales, port: int, bits: int, padding_values: IntArray | None
) -> spec.AnyProjection:
    weight = rounded(one.weight, scales.of(port), bits).astype(np.int8)
    gain = scales.gains[port].astype(np.int32)
    made = cast("type[Any]", spec.PROJECTIONS[one.kind])
    return made(  # type: ignore[no-any-return]
        one.name,
        weight,
        bits,
        None if (gain == 1).all() else gain,
        source=one.source,
        delay=one.delay,
        **one.settings,
        **({} if padding_values is None else {"padding_values": padding_values}),
    )


def with_own_spikes(largest_inputs: Sequence[int | None], spikes: int) -> list[int]:
    """The largest input of each projection: ``spikes`` where it is None, of those that take the layer's own."""
    return [spikes if largest is None else largest for largest in largest_inputs]


def with_spikes_reached(
    layer: spec.Population, largest_inputs: Sequence[int | None], timesteps: int
) -> tuple[spec.Population, tuple[str, ...]]:
    """The layer without the thresholds that no membrane can reach, and a remark if more spikes could be reached.

    ``largest_inputs``: of each projection, None of its own spikes. Of these there are none at first, so they are as few
    as with so few of them no more are reached.
    """
    neuron = layer.neuron
    if not isinstance(neuron, spec.Neuron) or neuron.further is None:
        return layer, ()
    for own in range(1 if None in largest_inputs else neuron.spikes, neuron.spikes + 1):
        currents = layer.current_ranges(with_own_spikes(largest_inputs, own))
        lowest, highest = (np.array([getattr(one, end) for one in currents]) for end in ("low", "high"))
        reached = highest_membranes(neuron, lowest, highest, timesteps)
        spikes = max(int((neuron.thresholds <= reached).any(axis=1).sum()), 1)
        if spikes <= own:
            break
    remarks: tuple[str, ...] = ()
    if spikes == spec.MAX_SPIKES and _reach_another(neuron, reached):
        most = f"{spec.MAX_SPIKES} spikes per step are the most that is built"
        remarks = (f"{layer.name}: {most}, and its neurons can reach more",)
    further = neuron.further[: spikes - 1]
    return replace(layer, neuron=replace(neuron, further=further if spikes > 1 else None)), remarks


def with_widths(layer: spec.Population, needed: dict[str, int], membrane_bits: int | None) -> spec.Population:
    """The layer with state variables of the ``needed`` bits, or of ``membrane_bits`` where those are fewer."""
    widths = {name: bits if membrane_bits is None else min(bits, membrane_bits) for name, bits in needed.items()}
    for what, bits in zip(("membranes", "synaptic currents"), widths.values(), strict=False):
        if bits > spec.MAX_MEMBRANE_BITS:
            raise InputError(
                f"layer {layer.name!r}: its {what} need {bits} bits, and {spec.MAX_MEMBRANE_BITS} is the most; use "
                f"fewer time steps or weight bits, or {spec.MAX_MEMBRANE_BITS} membrane bits and let them saturate"
            )
    neuron, bits = layer.neuron, widths["v"]
    for name, values in neuron.membrane_constants.items():
        least = signed_width(int(values.min()), int(values.max()))
        if least > bits:
            what = {"initial": "initial membrane", "floor": "lower bound"}.get(name, "threshold")
            worst = max(values.tolist(), key=abs)
            raise InputError(
                f"layer {layer.name!r}: {bits} membrane bits cannot hold its {what} of {worst}; use at least {least}"
            )
    synapse = None if neuron.synapse is None else replace(neuron.synapse, bits=widths["s"])
    try:
        return replace(layer, neuron=replace(neuron, membrane_bits=bits, synapse=synapse))
    except ValueError as error:
        raise InputError(f"layer {layer.name!r}: {bits} membrane bits are too few: {error}") from None


def rms_error(
    source: FloatPopulation, scales: Scales, built: spec.Population, ports: Sequence[int] | None = None
) -> float:
    """What rounding does to the weights of the projections at ``ports`` (default: all), relative to their RMS."""
    ports = range(len(built.projections)) if ports is None else ports
    peak = max(np.abs(source.projections[port].weight).max() for port in ports)
    if not peak:
        return 0.0  # a projection of zeros beside others
    error = squares = 0.0
    for port in ports:
        weight = source.projections[port].weight
        error += (((built.projections[port].weight / scales.of(port) - weight) / peak) ** 2).sum()
        squares += ((weight / peak) ** 2).sum()
    return float(np.sqrt(error / squares))


def rounding(source: FloatPopulation, built: spec.Population, unit: FloatArray) -> tuple[str, ...]:
    """A remark if rounding moves a bias, reset amount or initial membrane by more than ``ROUNDING_WORTH_A_WORD``."""
    if not (isinstance(source.neuron, FloatNeuron) and isinstance(built.neuron, spec.Neuron)):
        return ()
    theta = _product(source.neuron.threshold, unit)
    moved = np.abs(built.bias - source.bias * unit)
    if built.neuron.sub is not None:
        moved = np.maximum(moved, np.abs(built.neuron.sub - theta))
    if source.neuron.initial is not None:
        initial = 0 if built.neuron.initial is None else built.neuron.initial
        moved = np.maximum(moved, np.abs(initial - source.neuron.initial * unit))
    with np.errstate(over="ignore"):  # of a tiny threshold it is infinite
        parts = np.divide(moved, theta, out=np.zeros(len(theta)), where=theta > 0)
    most = float(parts.max())
    if most <= ROUNDING_WORTH_A_WORD:
        return ()
    moves = f"rounding moves biases or what a spike takes off by up to {most:.0%} of the threshold"
    return (f"{source.name}: {moves}; more weight bits move them less",)


def _neuron(layer: FloatPopulation, scales: Scales, unit: FloatArray) -> spec.AnyNeuron:
    source, widest = layer.neuron, spec.MAX_MEMBRANE_BITS
    leak, synapse = choose_leak(source.beta), None
    if source.alpha is not None and _lasts(source):
        synapse = spec.SynapticCurrent(choose_leak(source.alpha), widest)
    initial = floor = None
    if source.initial is not None:
        initial = _to_int32(layer.name, "initial membrane", np.rint(_product(source.initial, unit)))
    if source.floor is not None:
        floor = _to_int32(layer.name, "lower bound", np.rint(_product(source.floor, unit)))
    if not isinstance(source, FloatNeuron):
        return spec.Integrator(leak, widest, synapse, initial, floor)
    first, *further = _thresholds(layer.name, source, scales, unit)
    theta = _product(source.threshold, unit)
    sub = np.rint(theta).astype(np.int32) if source.reset in SUBTRACTING else None
    rows = np.stack(further) if further else None
    return spec.Neuron(first, leak, source.reset, widest, sub, synapse, initial, floor, rows, source.once)


def _lasts(source: AnyFloatNeuron) -> bool:
    """Whether a synaptic current has memory, or a reset that asks for one."""
    return bool(np.any(source.alpha)) or (isinstance(source, FloatNeuron) and source.reset == "late-zero")


def _thresholds(name: str, source: FloatNeuron, scales: Scales, unit: FloatArray) -> list[IntArray]:
    """Of the first to the last spike of a step: the smallest integers that satisfy the comparison."""
    found = list[IntArray]()
    for spikes in range(1, source.spikes + 1):
        theta = _product(spikes * source.threshold, unit)
        theta = np.where(scales.exact & whole(theta), np.rint(theta), theta)
        smallest = np.floor(theta) + 1 if source.compare == "greater" else np.ceil(theta)
        smallest = np.maximum(smallest, 1)  # of a threshold so small that its product is no float above zero
        if found and smallest.max() > signed_limits(spec.MAX_MEMBRANE_BITS)[1]:
            break  # no membrane reaches it
        found.append(_to_int32(name, "threshold", smallest))
    return found


def _reach_another(neuron: spec.Neuron, reached: Int64Array) -> bool:
    """Whether membranes go on beyond the last threshold by as much as one spike takes to the next."""
    *_, before, last = neuron.thresholds.astype(np.int64)
    return bool((reached >= 2 * last - before).any())


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """a b, infinite if that is too large for a float."""
    with np.errstate(over="ignore"):
        return np.asarray(a * b)


def _to_int32(name: str, what: str, values: FloatArray) -> IntArray:
    low, high = signed_limits(32)
    outside = ~((values >= low) & (values <= high))
    if outside.any():
        raise InputError(
            f"layer {name!r}: {'an' if what[0] == 'i' else 'a'} {what} becomes {values[outside][0]:.3g}, beyond 32 "
            "bits, as it is so much larger than its channel's weights; use fewer weight bits, or train it to be smaller"
        )
    return values.astype(np.int32)
