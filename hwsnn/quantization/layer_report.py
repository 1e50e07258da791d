"""The report of one layer, from its floats and its integers."""

from __future__ import annotations

import numpy as np

from hwsnn import spec
from hwsnn.float_network import AnyFloatNeuron, Decay, FloatArray, FloatNeuron, FloatPopulation

from .leaks import built_betas
from .plan import Plan
from .population import rms_error, with_own_spikes
from .report import (
    Ends,
    FiringReport,
    FractionReport,
    LayerReport,
    LeakReport,
    MembraneReport,
    ProjectionReport,
    WeightReport,
)
from .scales import Scales


def report_layer(
    source: FloatPopulation,
    scales: Scales,
    built: spec.Population,
    needed: dict[str, int],
    plan: Plan,
    shares: FloatArray,
    plain: int,
) -> LayerReport:
    """What became of ``source``.

    ``needed``: the bits at which no state variable saturates. ``shares``: how far floors and rounding move a membrane
    with each number of fraction bits; ``plain``: the bits that membranes would need without.
    """
    fraction, channels = built.fraction_bits, len(source.bias)
    its_neuron, neuron = source.neuron, built.neuron
    synapse = None
    if its_neuron.alpha is not None:
        leak = spec.MultiplyLeak(0, 1) if neuron.synapse is None else neuron.synapse.leak
        synapse = _leak(its_neuron.alpha, leak, channels)
    return LayerReport(
        name=built.name,
        weights=_weights(source, scales, built, plan),
        projections=tuple(_projections(source, scales, built, plan)) if len(built.projections) > 1 else (),
        leak=_leak(its_neuron.beta, neuron.leak, channels),
        synapse=synapse,
        firing=_firing(its_neuron, neuron),
        membrane=_membrane(built, needed, plan),
        fraction=_fraction(shares, fraction, needed["v"] - plain),
        pool=None if built.pool is None else f"{_times(built.pool.size)} stride {_times(built.pool.stride)}",
    )


def _weights(source: FloatPopulation, scales: Scales, built: spec.Population, plan: Plan) -> WeightReport:
    largest = spec.largest_weight(plan.bits)
    scaled = [np.abs(one.weight * scales.of(port)) for port, one in enumerate(source.projections)]
    error = rms_error(source, scales, built)
    return WeightReport(
        count=sum(one.weight.size for one in source.projections),
        bits=plan.bits,
        smallest_scale=float(scales.values.min()),
        largest_scale=float(scales.values.max()),
        exact=int(scales.exact.sum()),
        channels=len(scales.exact),
        capped=int(scales.capped.sum()),
        rms_error=error,
        effective_bits=effective_bits(error, plan.bits),
        clipped=sum(int((np.rint(one) > largest).sum()) for one in scaled),
        largest=max(float(one.max() / largest) for one in scaled),
    )


def _projections(source: FloatPopulation, scales: Scales, built: spec.Population, plan: Plan) -> list[ProjectionReport]:
    found = []
    for port, integers in enumerate(built.projections):
        error = rms_error(source, scales, built, [port])
        found.append(
            ProjectionReport(
                source=plan.sources[port],
                delay=integers.delay,
                count=integers.synapses,
                bits=integers.weight_bits,
                gains=_whole_ends(scales.gains[port]),
                rms_error=error,
                effective_bits=effective_bits(error, plan.bits),
            )
        )
    return found


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


def _fraction(shares: FloatArray, bits: int, added: int) -> FractionReport | None:
    return FractionReport(bits, float(shares[0]), float(shares[bits]), added) if shares.any() else None


def _membrane(built: spec.Population, needed: dict[str, int], plan: Plan) -> MembraneReport:
    neuron = built.neuron
    bits = {variable.name: variable.bits for variable in neuron.state}
    inputs = with_own_spikes(plan.largest_inputs, neuron.spikes)
    return MembraneReport(
        current_bits=max(current.width for current in built.current_ranges(inputs)),
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
