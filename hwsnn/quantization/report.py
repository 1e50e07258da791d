"""What quantization changed in a network, layer by layer, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from hwsnn.float_network import Compare
from hwsnn.spec import EncoderKind, Readout, Reset

Ends: TypeAlias = tuple[float, float]
"""The smallest and the largest value of the channels."""


@dataclass(frozen=True)
class InputReport:
    """What a value of the input counts as: ``(value * scale - mean) / std``, folded into the first layer.

    ``padding``: by channel, the value that stands for 0 where the first layer pads, None where it does not; it misses
    0 by at most ``padding_missed``.
    """

    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    padding: tuple[int, ...] | None
    padding_missed: float

    def __str__(self) -> str:
        means, stds = (", ".join(_alike([f"{value:.6g}" for value in values])) for values in (self.mean, self.std))
        padding = ""
        if self.padding is not None:
            values = ", ".join(_alike([str(value) for value in self.padding]))
            padding = f"; the first layer pads with {values}, which is 0 within {self.padding_missed:.2g}"
        return f"(value * {self.scale:.6g} - {means}) / {stds}, folded into the first layer{padding}"


@dataclass(frozen=True)
class WeightReport:
    """The weights of a layer.

    ``exact`` of the ``channels`` keep their weights as they are. ``capped`` channels have weights so small that their
    scale is the largest a layer may have. ``rms_error`` is relative to the RMS of the weights, and ``effective_bits``
    is its signal-to-quantization-noise ratio in bits, 0 to ``bits``. ``clipped`` weights exceed what the largest
    integer stands for, by a factor of ``largest`` at most.
    """

    count: int
    bits: int
    smallest_scale: float
    largest_scale: float
    exact: int
    channels: int
    capped: int
    rms_error: float
    effective_bits: float
    clipped: int
    largest: float

    def __str__(self) -> str:
        clipped = "none clipped"
        if self.clipped:
            share = self.clipped / self.count
            clipped = f"{self.clipped:,} clipped ({share:.2%}), the largest to 1/{self.largest:.2f} of itself"
        capped = f", {self.capped} channels of hardly any weight" if self.capped else ""
        error = f"RMS error {self.rms_error:.2%}, {self.effective_bits:.1f} bits effective"
        return f"{self.count:,} of {_bits(self.bits)}, {error}, {clipped}{capped}"


@dataclass(frozen=True)
class ProjectionReport:
    """The weights of one of several projections.

    ``source``: the layer that feeds it, or the network's input. ``delay``: 1 for what that gave a step before.
    ``gains``: what its sums are multiplied by, the smallest and the largest of the channels. The others are those of
    ``WeightReport``.
    """

    source: str
    delay: int
    count: int
    bits: int
    gains: tuple[int, int]
    rms_error: float
    effective_bits: float

    def __str__(self) -> str:
        source = f"{self.source}, a step late" if self.delay else self.source
        error = f"RMS error {self.rms_error:.2%}, {self.effective_bits:.1f} bits effective"
        return f"{self.count:,} of {_bits(self.bits)} from {source}: {error}, gain {_between(*self.gains)}"


@dataclass(frozen=True)
class LeakReport:
    """The decay per step of membranes, or of synaptic currents: asked for, built, and the formula.

    ``difference``: built less asked, of the channel where it is largest.
    """

    betas_asked: Ends
    betas_built: Ends
    difference: float
    form: str

    def text(self, what: str) -> str:
        """One line; ``what``: beta or alpha."""
        asked, built = _between(*self.betas_asked), _between(*self.betas_built)
        return f"{what} {asked} asked, {built} built ({self.form}), {self.difference:+.2g}"


@dataclass(frozen=True)
class FiringReport:
    """Thresholds, smallest and largest, in the source's unit and in integers; compare and reset, asked and built.

    ``subs_built``: reset amounts, smallest and largest, None if a spike subtracts nothing. ``spikes_asked`` and
    ``spikes_built``: the most per step; fewer are built where no more can be reached. ``once``: at most one per frame.
    """

    compare_asked: Compare
    thresholds_asked: tuple[float, float]
    thresholds_built: tuple[int, int]
    reset_asked: Reset
    reset_built: Reset
    subs_built: tuple[int, int] | None
    spikes_asked: int
    spikes_built: int
    once: bool

    def __str__(self) -> str:
        sign = ">" if self.compare_asked == "greater" else ">="
        asked, built = (_between(*ends) for ends in (self.thresholds_asked, self.thresholds_built))
        source = "as the source says" if self.reset_asked == self.reset_built else f"the source says {self.reset_asked}"
        takes = "" if self.subs_built is None else f"; a spike takes {_between(*self.subs_built)} off"
        often = "; once per frame" if self.once else ""
        if self.spikes_asked > 1:
            often = f"; up to {self.spikes_built} spikes per step ({self.spikes_asked} asked)"
        return f"v {sign} {asked} becomes v >= {built}; reset {self.reset_built}, {source}{takes}{often}"


@dataclass(frozen=True)
class MembraneReport:
    """Widths in bits: of currents, of membranes, of synaptic currents (None without), and of none that can saturate.

    ``initial`` and ``floor``: initial membranes and lower bounds, smallest and largest, None without.
    """

    current_bits: int
    bits: int
    synapse_bits: int | None
    bits_without_saturation: int
    can_saturate: bool
    initial: tuple[int, int] | None
    floor: tuple[int, int] | None

    def __str__(self) -> str:
        saturation = "cannot saturate"
        if self.can_saturate:
            saturation = f"can saturate (never with {self.bits_without_saturation} bits)"
        synapse = "" if self.synapse_bits is None else f"; synaptic currents of {self.synapse_bits} bits"
        initial = "" if self.initial is None else f"; starts at {_between(*self.initial)}"
        floor = "" if self.floor is None else f"; never below {_between(*self.floor)}"
        return f"{self.bits} bits, {saturation}; currents of {self.current_bits} bits{synapse}{initial}{floor}"


@dataclass(frozen=True)
class FractionReport:
    """Bits below the unit of a weight, where leaks have floors, or where no weight is rounded and something else is.

    ``share_without`` and ``share_built``: how far that moves a membrane on average without these bits and with them,
    as a share of the threshold; of integrators, of the root of the sum of a channel's squared weights.
    ``membrane_bits_added``: by how much they widen membranes.
    """

    bits: int
    share_without: float
    share_built: float
    membrane_bits_added: int

    def text(self, movers: str, decides: str) -> str:
        """One line; ``movers``: what moves a membrane, ``decides``: what the shares are of."""
        moves = f"{movers} move a membrane by {self.share_built:.2%} of {decides}"
        if not self.bits:
            return f"no bits: {moves}"
        cost = f"membranes are {_bits(self.membrane_bits_added)} wider"
        return f"{_bits(self.bits)}: {moves}, not {self.share_without:.2%}; {cost}"


@dataclass(frozen=True)
class LayerReport:
    """One layer with weights.

    ``weights``: of all its projections; ``projections``: of each, where there are several. ``synapse`` is None without
    a synaptic current, ``firing`` for an integrator, ``fraction`` where no leak has floors and nothing is
    rounded beside exact weights, and ``pool`` without a pool of currents.
    """

    name: str
    weights: WeightReport
    projections: tuple[ProjectionReport, ...]
    leak: LeakReport
    synapse: LeakReport | None
    firing: FiringReport | None
    membrane: MembraneReport
    fraction: FractionReport | None
    pool: str | None

    def lines(self) -> Iterator[str]:
        """The layer's part of the text."""
        yield self.name
        yield f"  weights   {self.weights}"
        for projection in self.projections:
            yield f"            {projection}"
        if self.pool is not None:
            yield f"  pool      the largest current of {self.pool}"
        yield f"  leak      {self.leak.text('beta')}"
        if self.synapse is not None:
            yield f"  synapse   {self.synapse.text('alpha')}"
        if self.fraction is not None:
            exact = self.weights.exact == self.weights.channels
            movers = "floors and rounding beside the weights" if exact else "floors of the leak"
            decides = "the threshold" if self.firing else "the size of its weights"
            yield f"  fraction  {self.fraction.text(movers, decides)}"
        yield f"  neurons   {self.firing or 'integrate without firing'}"
        yield f"  membrane  {self.membrane}"


@dataclass(frozen=True)
class QuantizationReport:
    """The whole network.

    ``input``: None where values count as they are. ``remarks``: one line for each thing that the source left open, and
    how it was read.
    """

    network: str
    timesteps: int
    encoding: EncoderKind
    readout: Readout
    input: InputReport | None
    remarks: tuple[str, ...]
    layers: tuple[LayerReport, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        steps = f"{self.timesteps} time step{'s' if self.timesteps > 1 else ''}"
        lines = [f"{self.network}: {steps}, {self.encoding} encoding, {self.readout} readout"]
        if self.input is not None:
            lines.append(f"input: {self.input}")
        for layer in self.layers:
            lines += layer.lines()
        lines += [f"note: {remark}" for remark in self.remarks]
        return "\n".join(lines)


def _alike(values: list[str]) -> list[str]:
    """One of them, if they are all the same."""
    return values[:1] if len(set(values)) == 1 else values


def _bits(count: int) -> str:
    return f"{count} bit{'s' if count != 1 else ''}"


def _between(low: float, high: float) -> str:
    return f"{low:.6g}" if low == high else f"{low:.6g} ... {high:.6g}"
