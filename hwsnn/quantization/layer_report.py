"""The report of one layer, from its floats and its integers."""

from __future__ import annotations

import numpy as np

from hwsnn import spec
from hwsnn.float_network import AnyFloatNeuron, Decay, FloatNeuron, FloatPopulation

from .leaks import built_betas
from .plan import Plan
from .population import rms_error
from .report import (
    Ends,
    FiringReport,
    FractionReport,
    LayerReport,
    LeakReport,
    MembraneReport,
    WeightReport,
)
from .scales import Scales


def report_layer(
    source: FloatPopulation,
    scales: Scales,
    built: spec.Population,
    needed: dict[str, int],
    plan: Plan,
    share: float,
    plain: int,
) -> LayerReport:
    """What became of ``source``.

    ``needed``: the bits at which no state variable saturates. ``share``: what floors would do without fraction bits;
    ``plain``: the bits that membranes would need then.
    """
    fraction, channels = built.fraction_bits, len(source.bias)
    its_neuron, neuron = source.neuron, built.neuron
    synapse = None
    if its_neuron.alpha is not None:
        leak = spec.MultiplyLeak(0, 1) if neuron.synapse is None else neuron.synapse.leak
        synapse = _leak(its_neuron.alpha, leak, channels)
    return LayerReport(
        name=built.name,
        weights=_weights(source, scales, built),
        leak=_leak(its_neuron.beta, neuron.leak, channels),
        synapse=synapse,
        firing=_firing(its_neuron, neuron),
        membrane=_membrane(built, needed, plan),
        fraction=FractionReport(fraction, share, share / (1 << fraction), needed["v"] - plain) if share else None,
        pool=None if built.pool is None else f"{_times(built.pool.size)} stride {_times(built.pool.stride)}",
    )


def _weights(source: FloatPopulation, scales: Scales, built: spec.Population) -> WeightReport:
    by_channel = scales.values[:, np.newaxis, np.newaxis, np.newaxis]
    weight, integers = source.projection.weight, built.projection
    largest = spec.largest_weight(integers.weight_bits)
    scaled = np.abs(weight * by_channel)
    error = rms_error(source, scales, built)
    return WeightReport(
        count=weight.size,
        bits=integers.weight_bits,
        smallest_scale=float(scales.values.min()),
        largest_scale=float(scales.values.max()),
        exact=int(scales.exact.sum()),
        channels=len(scales.exact),
        capped=int(scales.capped.sum()),
        rms_error=error,
        effective_bits=effective_bits(error, integers.weight_bits),
        clipped=int((np.rint(scaled) > largest).sum()),
        largest=float(scaled.max() / largest),
    )


def effective_bits(rms_error: float, bits: int) -> float:
    """The signal-to-quantization-noise ratio in bits of 6.02 dB, 0 to ``bits``: log2 of 1 / ``rms_error``.

    Weights that fill the range of b bits evenly have almost b. A smaller error says that nothing was lost, not that
    there are more.
    """
    return float(np.clip(-np.log2(rms_error), 0, bits)) if rms_error > 0 else float(bits)


def _leak(asked: Decay, leak: spec.Leak, channels: int) -> LeakReport:
    betas, built = np.broadcast_to(np.asarray(asked), (channels,)), built_betas(leak, channels)
    differences = built - betas
    worst = float(differences[np.abs(differences).argmax()])
    return LeakReport(_ends(betas), _ends(built), worst, leak.formula)


def _membrane(built: spec.Population, needed: dict[str, int], plan: Plan) -> MembraneReport:
    neuron = built.neuron
    bits = {variable.name: variable.bits for variable in neuron.state}
    return MembraneReport(
        current_bits=max(current.width for current in built.current_ranges([plan.largest_input])),
        bits=neuron.membrane_bits,
        synapse_bits=bits.get("s"),
        bits_without_saturation=max(needed.values()),
        can_saturate=any(bits[name] < least for name, least in needed.items()),
        initial=None if neuron.initial is None else _whole_ends(neuron.initial),
        floor=None if neuron.floor is None else _whole_ends(neuron.floor),
    )


def _firing(source: AnyFloatNeuron, built: spec.AnyNeuron) -> FiringReport | None:
    if not (isinstance(source, FloatNeuron) and isinstance(built, spec.Neuron)):
        return None
    return FiringReport(
        compare_asked=source.compare,
        thresholds_asked=_ends(source.threshold),
        thresholds_built=_whole_ends(built.threshold),
        reset_asked=source.reset,
        reset_built=built.reset,
        subs_built=None if built.sub is None else _whole_ends(built.sub),
        spikes_asked=source.spikes,
        spikes_built=built.spikes,
        once=built.once,
    )


def _ends(values: np.ndarray) -> Ends:  # type: ignore[type-arg]
    return float(values.min()), float(values.max())


def _whole_ends(values: np.ndarray) -> tuple[int, int]:  # type: ignore[type-arg]
    return int(values.min()), int(values.max())


def _times(pair: spec.Pair) -> str:
    return f"{pair[0]}x{pair[1]}"
