"""A trained network as an integer network: the section "From floats" of ``docs/numerics.md``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import FloatNetwork, FloatPopulation
from hwsnn.model_file.bounds import require_bounded
from hwsnn.spec import graph
from hwsnn.spec.checks import require_integer
from hwsnn.spec.graph import INPUT_INDEX

from .fractions import bits_that_lose_nothing, fraction_bits, has_floors, shares_moved
from .inputs import PerChannel, folded_input, vector_of_channels, with_input
from .layer_report import report_layer
from .leaks import built_betas, choose_leak
from .plan import Plan
from .population import in_integers, rms_error, rounding, with_own_spikes, with_spikes_reached, with_widths
from .readouts import settled_readout, with_reset
from .report import LayerReport, QuantizationReport
from .scales import Scales, layer_scales

DEFAULT_TIMESTEPS = 4
"""If the source does not say; networks trained with surrogate gradients on still images mostly use 2 to 10."""
DEFAULT_ENCODING: spec.EncoderKind = "direct"
TIMESTEPS_REMARK = (
    f"time steps: the source does not say how many; {DEFAULT_TIMESTEPS} is the default, give --timesteps as in training"
)


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
    mean: PerChannel | None = None,
    std: PerChannel | None = None,
    input_scale: float | None = None,
) -> tuple[spec.Network, QuantizationReport]:
    """The integer network for ``network``, and a report of the changes.

    ``bits``: of a weight, 1 to 8. ``timesteps`` and ``encoding``: by default those of the training; if the source does
    not say, ``DEFAULT_TIMESTEPS``, with a remark, and ``DEFAULT_ENCODING``. ``membrane_bits``: maximum bits of a
    membrane and a synaptic current; by default enough never to saturate. ``readout``: by default the source's, else
    ``count`` if the last layer fires and ``membrane`` if it does not. ``reset``: of all neurons, in place of the
    source's. ``mean``, ``std`` (a number, or one per channel) and ``input_scale``: what a value counts as,
    ``(value * input_scale - mean) / std``, each in place of the source's. Raises ``InputError`` for a network that
    cannot be built, ``ValueError`` for parameters out of range.
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
    readout, remarks = settled_readout(network, readout)
    try:
        network = vector_of_channels(network, encoder)
        require_bounded(network.layers, network.shapes, timesteps)
    except ValueError as error:
        raise InputError(f"network {network.name!r} cannot be built: {error}") from None
    network = with_input(network, mean, std, input_scale)
    seen = folded_input(network, encoder, pixel_bits)
    built: list[spec.Layer] = []
    reports: list[LayerReport] = []
    largest = {INPUT_INDEX: encoder.largest_value(pixel_bits)}
    layers = seen.network.layers
    for index, source in enumerate(layers):
        edges = seen.network.edges[index]
        largest_inputs = tuple(None if edge.delay else largest[edge.source] for edge in edges)
        if not isinstance(source, FloatPopulation):
            built.append(source)
            largest[index] = 1 if isinstance(source, spec.MaxPool) else sum(filter(None, largest_inputs))
            continue
        plan = Plan(
            bits=bits,
            timesteps=timesteps,
            membrane_bits=membrane_bits,
            sources=tuple(graph.INPUT if edge.source == INPUT_INDEX else layers[edge.source].name for edge in edges),
            largest_inputs=largest_inputs,
            per_ones=seen.per_ones(index),
            padding_values=seen.padding_values(index),
            compared=index == len(network.layers) - 1 and readout not in spec.SPIKE_READOUTS,
        )
        population, its_report, its_remarks = _quantized(with_reset(source, reset), source, plan)
        built.append(population)
        reports.append(its_report)
        remarks += its_remarks
        largest[index] = population.neuron.spikes
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
    report = QuantizationReport(network.name, timesteps, encoder.kind, readout, seen.report, remarks, tuple(reports))
    return integers, report


def _quantized(
    layer: FloatPopulation, source: FloatPopulation, plan: Plan
) -> tuple[spec.Population, LayerReport, tuple[str, ...]]:
    """A layer in integers, its report and remarks; ``source``: the layer with the reset that it was trained with."""
    scales = layer_scales(layer, plan.bits, plan.per_ones, compared=plan.compared, leaks=has_floors(layer))
    unit = scales.units(0)
    plain = _wide(layer, scales, plan, 0)
    shares, exact = shares_moved(layer, scales, plan.timesteps), None
    if shares.any():
        exact = bits_that_lose_nothing(layer, plain.layer, scales, unit, plan.timesteps)
    # What single precision leaves in weights that are kept exactly is no error beside which floors would not matter.
    error = 0.0 if scales.exact.all() else rms_error(layer, scales, plain.layer)
    wanted = fraction_bits(shares, error, exact)
    wide = _finest(layer, scales, plan, wanted) or plain
    sized = with_widths(wide.layer, wide.needed, plan.membrane_bits)
    remarks = wide.remarks + rounding(layer, sized, scales.units(sized.fraction_bits))
    remarks += _forgetting(layer)
    report = report_layer(source, scales, sized, wide.needed, plan, shares, plain.needed["v"])
    return sized, report, remarks


@dataclass(frozen=True, eq=False)
class _Wide:
    """A layer with the widest state, the bits that each state variable ``needed`` never to saturate, and remarks."""

    layer: spec.Population
    needed: dict[str, int]
    remarks: tuple[str, ...]


def _wide(layer: FloatPopulation, scales: Scales, plan: Plan, fraction: int) -> _Wide:
    made = in_integers(layer, scales, plan.bits, fraction, plan.padding_values)
    made, remarks = with_spikes_reached(made, plan.largest_inputs, plan.timesteps)
    ranges = made.state_ranges(with_own_spikes(plan.largest_inputs, made.neuron.spikes), plan.timesteps)
    needed = {name: max(reach.width, spec.MIN_MEMBRANE_BITS) for name, reach in ranges.items()}
    return _Wide(made, needed, remarks)


def _finest(layer: FloatPopulation, scales: Scales, plan: Plan, wanted: int) -> _Wide | None:
    """With as many of the ``wanted`` fraction bits as the widths leave room for; None if there is none."""
    for fraction in range(wanted, 0, -1):
        try:
            found = _wide(layer, scales, plan, fraction)
        except InputError:  # a constant beyond 32 bits
            continue
        if max(found.needed.values()) <= (plan.membrane_bits or spec.MAX_MEMBRANE_BITS):
            return found
    return None


def _forgetting(layer: FloatPopulation) -> tuple[str, ...]:
    """Remarks on decays that are built as 0 and are not."""
    remarks = []
    for what, decay in (("beta", layer.neuron.beta), ("alpha", layer.neuron.alpha)):
        if decay is None:
            continue
        asked = np.broadcast_to(np.asarray(decay), (len(layer.bias),))
        lost = (built_betas(choose_leak(decay), len(layer.bias)) == 0) & (asked > 0)
        if lost.any():
            remarks.append(f"{layer.name}: {what} {asked[lost].max():.3g} is built as 0: its neurons have no memory")
    return tuple(remarks)
