"""What quantization changed in a network, layer by layer: for people as text, for programs as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from hwsnn.float_network import Compare
from hwsnn.spec import EncoderKind, Readout, Reset


@dataclass(frozen=True)
class WeightReport:
    """The weights of a layer.

    ``capped`` channels have weights so small that their scale is the largest a layer may have. ``rms_error`` is
    relative to the RMS of the weights. ``clipped`` weights exceed what the largest integer stands for, by a factor of
    ``largest`` at most.
    """

    count: int
    bits: int
    smallest_scale: float
    largest_scale: float
    capped: int
    rms_error: float
    clipped: int
    largest: float

    def __str__(self) -> str:
        clipped = "none clipped"
        if self.clipped:
            share = self.clipped / self.count
            clipped = f"{self.clipped:,} clipped ({share:.2%}), the largest to 1/{self.largest:.2f} of itself"
        capped = f", {self.capped} channels of hardly any weight" if self.capped else ""
        return f"{self.count:,} of {self.bits} bits, RMS error {self.rms_error:.2%}, {clipped}{capped}"


@dataclass(frozen=True)
class LeakReport:
    """The decay of a membrane in a step: the one asked for, the one built, and how (``docs/numerics.md``)."""

    beta_asked: float
    beta_built: float
    difference: float
    form: str

    def __str__(self) -> str:
        return f"beta {self.beta_asked:.6g} asked, {self.beta_built:.6g} built ({self.form}), {self.difference:+.2g}"


@dataclass(frozen=True)
class FiringReport:
    """Thresholds, smallest and largest, in the source's unit and in integers; compare and reset, asked and built.

    ``subs_built``: what a spike takes off, smallest and largest, None where it takes nothing off.
    """

    compare_asked: Compare
    thresholds_asked: tuple[float, float]
    thresholds_built: tuple[int, int]
    reset_asked: Reset
    reset_built: Reset
    subs_built: tuple[int, int] | None

    def __str__(self) -> str:
        sign = ">" if self.compare_asked == "greater" else ">="
        asked, built = (_between(*ends) for ends in (self.thresholds_asked, self.thresholds_built))
        source = "as the source says" if self.reset_asked == self.reset_built else f"the source says {self.reset_asked}"
        takes = "" if self.subs_built is None else f"; a spike takes {_between(*self.subs_built)} off"
        return f"v {sign} {asked} becomes v >= {built}; reset {self.reset_built}, {source}{takes}"


@dataclass(frozen=True)
class MembraneReport:
    """Widths in bits: of currents, of membranes, and of membranes that could never saturate."""

    current_bits: int
    bits: int
    bits_without_saturation: int
    can_saturate: bool

    def __str__(self) -> str:
        saturation = "cannot saturate"
        if self.can_saturate:
            saturation = f"can saturate (never with {self.bits_without_saturation} bits)"
        return f"{self.bits} bits, {saturation}; currents of {self.current_bits} bits"


@dataclass(frozen=True)
class LayerReport:
    """One layer with weights. ``firing`` is None for an integrator."""

    name: str
    weights: WeightReport
    leak: LeakReport
    firing: FiringReport | None
    membrane: MembraneReport

    def lines(self) -> Iterator[str]:
        """The layer's part of the text."""
        yield self.name
        yield f"  weights   {self.weights}"
        yield f"  leak      {self.leak}"
        yield f"  neurons   {self.firing or 'integrate without firing'}"
        yield f"  membrane  {self.membrane}"


@dataclass(frozen=True)
class QuantizationReport:
    """The whole network. ``remarks`` are lines about what the source did not say or what was read in its place."""

    network: str
    timesteps: int
    encoding: EncoderKind
    readout: Readout
    remarks: tuple[str, ...]
    layers: tuple[LayerReport, ...]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        steps = f"{self.timesteps} time step{'s' if self.timesteps > 1 else ''}"
        lines = [f"{self.network}: {steps}, {self.encoding} encoding, {self.readout} readout"]
        for layer in self.layers:
            lines += layer.lines()
        lines += [f"note: {remark}" for remark in self.remarks]
        return "\n".join(lines)


def _between(low: float, high: float) -> str:
    return f"{low:.6g}" if low == high else f"{low:.6g} ... {high:.6g}"
