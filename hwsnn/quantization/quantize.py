"""A trained network as an integer network: the section "From floats" of ``docs/numerics.md``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray, FloatIntegrator, FloatLayer, FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.model_file.bounds import require_bounded
from hwsnn.spec.checks import require_integer
from hwsnn.spec.integers import IntArray, signed_limits, signed_width

from .report import FiringReport, LayerReport, LeakReport, MembraneReport, QuantizationReport, WeightReport
from .scales import Scales, layer_scales, whole

ROUNDING_WORTH_A_WORD = 0.02
"""Fraction of the threshold by which rounding may change a bias or reset amount without a remark."""
DEFAULT_TIMESTEPS = 4
"""If the source does not say; networks trained with surrogate gradients on still images mostly use 2 to 10."""
DEFAULT_ENCODING: spec.EncoderKind = "direct"
TIMESTEPS_REMARK = (
    f"time steps: the source does not say how many; {DEFAULT_TIMESTEPS} is the default, give --timesteps as in training"
)
LEAK_SHIFT = 8
LEAK_ROUNDING = 1e-6
"""A beta this close to one that needs no multiplier counts as that one: it is within single precision."""


def quantize(
    network: FloatNetwork,
    *,
    bits: int = spec.MAX_WEIGHT_BITS,
    timesteps: int | None = None,
    encoding: spec.EncoderKind | spec.Encoder | None = None,
    membrane_bits: int | None = None,
    readout: spec.Readout | None = None,
    reset: spec.Reset | None = None,
    pixel_bits: int = spec.MAX_PIXEL_BITS,
) -> tuple[spec.Network, QuantizationReport]:
    """The integer network for ``network``, and a report of the changes.

    ``bits``: of a weight, 2 to 8. ``timesteps`` and ``encoding``: by default those of the training; if the source does
    not say, ``DEFAULT_TIMESTEPS``, with a remark, and ``DEFAULT_ENCODING``. ``membrane_bits``: maximum bits of a
    membrane; by default enough never to saturate. ``readout``: by default ``count`` if the last layer fires, else
    ``membrane``; ``membrane`` turns a last layer that fires into an integrator. ``reset``: of all neurons, in place of
    the source's. Raises ``InputError`` for a network that cannot be built, ``ValueError`` for parameters out of range.
    """
    if not isinstance(network, FloatNetwork):
        raise TypeError(f"network must be a FloatNetwork, not {type(network).__name__}")
    told = network.timesteps if timesteps is None else timesteps
    timesteps = DEFAULT_TIMESTEPS if told is None else told
    encoding = encoding or network.encoding or DEFAULT_ENCODING
    encoder = encoding if isinstance(encoding, spec.Encoder) else spec.Encoder(encoding)
    require_integer("bits", bits, spec.MIN_WEIGHT_BITS, spec.MAX_WEIGHT_BITS)
    require_integer("timesteps", timesteps, 1, spec.MAX_TIMESTEPS)
    require_integer("pixel_bits", pixel_bits, 1, spec.MAX_PIXEL_BITS)
    if membrane_bits is not None:
        require_integer("membrane_bits", membrane_bits, spec.MIN_MEMBRANE_BITS, spec.MAX_MEMBRANE_BITS)
    layers, readout, remarks = _with_readout(network, readout)
    try:
        require_bounded(layers, network.shapes, timesteps)
    except ValueError as error:
        raise InputError(f"network {network.name!r} cannot be built: {error}") from None
    built: list[spec.Layer] = []
    reports: list[LayerReport] = []
    for index, layer in enumerate(layers):
        if not isinstance(layer, FloatPopulation):
            built.append(layer)
            continue
        largest_input = encoder.largest_value(pixel_bits) if index == 0 else 1
        leak = choose_leak(layer.neuron.beta)
        leaks = 0 < leak.betas[0] < 1
        scales = layer_scales(layer, signed_limits(bits)[1], largest_input, reset, leaks=leaks)
        wide = _in_integers(layer, scales, bits, largest_input, leak, reset)
        needed = max(wide.membrane_range(largest_input, timesteps).width, spec.MIN_MEMBRANE_BITS)
        sized = _with_membrane(wide, needed, membrane_bits)
        built.append(sized)
        reports.append(_report(layer, scales, sized, needed, largest_input))
        remarks += _rounding(layer, sized, scales.values * largest_input)
        if leak.betas[1] == 0 < layer.neuron.beta:
            remarks += (f"{layer.name}: beta {layer.neuron.beta:.3g} is built as 0: its neurons have no memory",)
    try:
        integers = spec.Network(
            name=network.name,
            input_shape=network.input_shape,
            pixel_bits=pixel_bits,
            encoder=encoder,
            timesteps=timesteps,
            layers=tuple(built),
            readout=readout,
        )
    except ValueError as error:
        raise InputError(f"network {network.name!r} cannot be built: {error}") from None
    remarks = (*network.remarks, *remarks, *(() if told is not None else (TIMESTEPS_REMARK,)))
    return integers, QuantizationReport(network.name, timesteps, encoder.kind, readout, remarks, tuple(reports))


def choose_leak(beta: float) -> spec.Leak:
    """The leak whose decay is ``beta``; if there is none, the nearest multiple of 2^-8."""
    if abs(beta - 1.0) < LEAK_ROUNDING:
        return spec.NoLeak()
    for shift in range(1, spec.MAX_LEAK_SHIFT + 1):
        if abs(beta - (1.0 - 2.0**-shift)) < LEAK_ROUNDING:
            return spec.ShiftLeak(shift)
    denominator = 1 << LEAK_SHIFT
    return spec.MultiplyLeak(min(int(np.rint(beta * denominator)), denominator - 1), LEAK_SHIFT)


def _with_readout(
    network: FloatNetwork, readout: spec.Readout | None
) -> tuple[tuple[FloatLayer, ...], spec.Readout, tuple[str, ...]]:
    """Layers whose last one suits the readout, the readout, and a remark if that layer had to change."""
    if not network.layers:
        raise InputError(f"network {network.name!r} has no layers")
    *before, last = network.layers
    if not isinstance(last, FloatPopulation):
        raise InputError(f"layer {last.name!r}: the last layer must have weights, not be a max-pool")
    if isinstance(last.neuron, FloatIntegrator):
        if readout == "count":
            raise InputError(
                f"layer {last.name!r}: readout 'count' needs a last layer that fires, and this one only integrates; "
                "use readout 'membrane'"
            )
        return network.layers, "membrane", ()
    if readout == "membrane":
        remark = f"{last.name}: fires in the source; for the readout 'membrane' it integrates without firing"
        return (*before, replace(last, neuron=FloatIntegrator(last.neuron.beta))), "membrane", (remark,)
    return network.layers, "count", ()


def _in_integers(
    layer: FloatPopulation,
    scales: Scales,
    weight_bits: int,
    largest_input: int,
    leak: spec.Leak,
    reset: spec.Reset | None,
) -> spec.Population:
    """The layer in integers, with the widest membrane."""
    largest = signed_limits(weight_bits)[1]
    scaled = layer.projection.weight * scales.values[:, np.newaxis, np.newaxis, np.newaxis]
    weight = np.clip(np.rint(scaled), -largest, largest).astype(np.int8)
    # Inputs from 0 to largest_input stand for 0 to 1: currents, thresholds and biases grow by that factor too.
    unit = scales.values * largest_input
    bias = _to_int32(layer.name, "bias", np.rint(_product(layer.bias, unit)))
    neuron: spec.Neuron | spec.Integrator = spec.Integrator(leak, spec.MAX_MEMBRANE_BITS)
    if isinstance(layer.neuron, FloatNeuron):
        theta = _product(layer.neuron.threshold, unit)
        theta = np.where(scales.exact & whole(theta), np.rint(theta), theta)
        smallest = np.floor(theta) + 1 if layer.neuron.compare == "greater" else np.ceil(theta)
        smallest = np.maximum(smallest, 1)  # of a threshold so small that its product is no float above zero
        threshold = _to_int32(layer.name, "threshold", smallest)
        built_reset = reset or layer.neuron.reset
        sub = np.rint(theta).astype(np.int32) if built_reset == "subtract" else None
        neuron = spec.Neuron(threshold, leak, built_reset, spec.MAX_MEMBRANE_BITS, sub)
    made = cast("type[Any]", spec.PROJECTIONS[layer.projection.kind])
    projection = made(layer.name, weight, weight_bits, **layer.projection.settings)
    return spec.Population(layer.name, (projection,), bias, neuron, pool=layer.pool)


def _rounding(source: FloatPopulation, built: spec.Population, unit: FloatArray) -> tuple[str, ...]:
    """A remark if rounding moves a bias or reset amount by more than ``ROUNDING_WORTH_A_WORD`` of the threshold."""
    if not (isinstance(source.neuron, FloatNeuron) and isinstance(built.neuron, spec.Neuron)):
        return ()
    theta = _product(source.neuron.threshold, unit)
    moved = np.abs(built.bias - source.bias * unit)
    if built.neuron.sub is not None:
        moved = np.maximum(moved, np.abs(built.neuron.sub - theta))
    parts = np.divide(moved, theta, out=np.zeros(len(theta)), where=theta > 0)
    most = float(parts.max())
    if most <= ROUNDING_WORTH_A_WORD:
        return ()
    moves = f"rounding moves biases or what a spike takes off by up to {most:.0%} of the threshold"
    return (f"{source.name}: {moves}; more weight bits move them less",)


def _product(a: FloatArray, b: FloatArray) -> FloatArray:
    """a b, infinite if that is too large for a float."""
    with np.errstate(over="ignore"):
        return np.asarray(a * b)


def _to_int32(name: str, what: str, values: FloatArray) -> IntArray:
    low, high = signed_limits(32)
    outside = ~((values >= low) & (values <= high))
    if outside.any():
        raise InputError(
            f"layer {name!r}: a {what} becomes {values[outside][0]:.3g}, beyond 32 bits, as it is so much larger than "
            "its channel's weights; use fewer weight bits, or train it to be smaller"
        )
    return values.astype(np.int32)


def _with_membrane(layer: spec.Population, needed: int, membrane_bits: int | None) -> spec.Population:
    """The layer with a membrane of the ``needed`` bits, or of ``membrane_bits`` where those are fewer."""
    bits = needed if membrane_bits is None else min(needed, membrane_bits)
    if bits > spec.MAX_MEMBRANE_BITS:
        raise InputError(
            f"layer {layer.name!r}: its membranes need {bits} bits, and {spec.MAX_MEMBRANE_BITS} is the most; use "
            f"fewer time steps or weight bits, or {spec.MAX_MEMBRANE_BITS} membrane bits and let them saturate"
        )
    if isinstance(layer.neuron, spec.Neuron):
        highest = layer.neuron.largest_constant
        if highest > signed_limits(bits)[1]:
            raise InputError(
                f"layer {layer.name!r}: {bits} membrane bits cannot hold its threshold of {highest}; "
                f"use at least {signed_width(0, highest)}"
            )
    return replace(layer, neuron=replace(layer.neuron, membrane_bits=bits))


def _report(
    source: FloatPopulation,
    scales: Scales,
    built: spec.Population,
    needed: int,
    largest_input: int,
) -> LayerReport:
    by_channel = scales.values[:, np.newaxis, np.newaxis, np.newaxis]
    largest = signed_limits(built.projection.weight_bits)[1]
    weight, integers = source.projection.weight, built.projection
    scaled = np.abs(weight * by_channel)
    peak = np.abs(weight).max()
    error = (integers.weight / by_channel - weight) / peak
    weights = WeightReport(
        count=weight.size,
        bits=integers.weight_bits,
        smallest_scale=float(scales.values.min()),
        largest_scale=float(scales.values.max()),
        capped=int(scales.capped.sum()),
        rms_error=float(np.sqrt((error**2).sum() / ((weight / peak) ** 2).sum())),
        clipped=int((np.rint(scaled) > largest).sum()),
        largest=float(scaled.max() / largest),
    )
    currents = built.current_ranges(largest_input)
    membrane = MembraneReport(
        current_bits=max(current.width for current in currents),
        bits=built.neuron.membrane_bits,
        bits_without_saturation=needed,
        can_saturate=built.neuron.membrane_bits < needed,
    )
    leak = built.neuron.leak
    asked = source.neuron.beta
    return LayerReport(
        name=built.name,
        weights=weights,
        leak=LeakReport(asked, leak.betas[0], leak.betas[0] - asked, leak.formula),
        firing=_firing_report(source.neuron, built.neuron),
        membrane=membrane,
    )


def _firing_report(source: FloatNeuron | FloatIntegrator, built: spec.Neuron | spec.Integrator) -> FiringReport | None:
    if not (isinstance(source, FloatNeuron) and isinstance(built, spec.Neuron)):
        return None
    return FiringReport(
        compare_asked=source.compare,
        thresholds_asked=(float(source.threshold.min()), float(source.threshold.max())),
        thresholds_built=(int(built.threshold.min()), int(built.threshold.max())),
        reset_asked=source.reset,
        reset_built=built.reset,
        subs_built=None if built.sub is None else (int(built.sub.min()), int(built.sub.max())),
    )
