"""What a random network is to be, and every combination of neuron, reset, leak and readout that there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from hwsnn.spec import LEAKS, EncoderKind, Readout, Reset

Spiking: TypeAlias = Literal["one", "once", "several", "never"]
"""One spike per step, one per frame, up to K per step, or an integrator."""
Kind: TypeAlias = tuple[Spiking, bool, Reset | None]
"""How a neuron spikes, whether it has a synaptic current, and its reset; an integrator has none."""

RESETS: dict[Spiking, tuple[Reset | None, ...]] = {
    "one": ("subtract", "zero", "none", "late-subtract", "undelayed-subtract"),
    "once": ("zero", "none"),
    "several": ("subtract", "zero", "none"),
    "never": (None,),
}
"""Without a synaptic current; with one, neurons of one spike per step may have ``late-zero`` as well."""

KINDS: tuple[Kind, ...] = (
    *((spiking, synaptic, reset) for spiking in RESETS for synaptic in (False, True) for reset in RESETS[spiking]),
    ("one", True, "late-zero"),
)
"""Every legal neuron, but for its leaks."""


@dataclass(frozen=True)
class Wishes:
    """What a random network is to be; None leaves it to chance.

    ``spiking``, ``synaptic``, ``reset`` and ``leak`` (of the membrane, by its name in model files) hold for every
    neuron of the network; but where ``spiking`` is "never", only for the last layer. ``pool``: a first layer whose
    currents are pooled; ``padding_values``: one whose padding has them. The other truth values: whether populations
    have gains, fraction bits, initial membranes and lower bounds.
    """

    spiking: Spiking | None = None
    synaptic: bool | None = None
    reset: Reset | None = None
    leak: str | None = None
    readout: Readout | None = None
    encoding: EncoderKind | None = None
    pool: bool | None = None
    padding_values: bool | None = None
    gain: bool | None = None
    fraction_bits: bool | None = None
    initial: bool | None = None
    floor: bool | None = None
    weight_bits: int | None = None

    def __str__(self) -> str:
        return " ".join(str(value) for value in vars(self).values() if value is not None)

    def kinds(self, *, last: bool, readout: Readout) -> list[Kind]:
        """The neurons that a layer may have."""
        integrates = last and readout in ("membrane", "sum", "max")
        hidden = self.spiking == "never" and not last
        return [
            (spiking, synaptic, reset)
            for spiking, synaptic, reset in KINDS
            if (spiking != "never" or integrates)
            and (hidden or self.spiking in (None, spiking))
            and (hidden or self.synaptic in (None, synaptic))
            and (hidden or self.reset in (None, reset))
        ]


COMBINATIONS: tuple[Wishes, ...] = tuple(
    Wishes(spiking, synaptic, reset, leak, readout)
    for spiking, synaptic, reset in KINDS
    for leak in LEAKS
    for readout in get_args(Readout)
    if spiking != "never" or readout in ("membrane", "sum", "max")
)
"""Every legal neuron, with every leak and readout."""
