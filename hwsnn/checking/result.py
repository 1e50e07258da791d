"""What a check finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FirstDifference:
    """The first spikes of a layer that differ, in the order of images, then steps, then neurons.

    ``neuron``: [channel, row, column]. ``u_framework`` and ``u_model``: its membrane before the reset of that step on
    both sides, in the framework's unit, counted from what a spike resets to; None if it is not finite. ``why``: the
    reason, as far as it can be told.
    """

    image: int
    step: int
    neuron: tuple[int, int, int]
    u_framework: float | None
    u_model: float
    why: str


@dataclass(frozen=True)
class LayerCheck:
    """A layer of spiking neurons.

    ``values``: how many were compared, one for each image, step and neuron: its spikes in that step. ``differ``: how
    many of them differ; of these ``ties`` have a membrane in the framework that is at a threshold but for the rounding
    of its floats. ``first``: None if none differs.
    """

    name: str
    values: int
    differ: int
    ties: int
    first: FirstDifference | None


@dataclass(frozen=True)
class CheckResult:
    """A module beside its model on ``images`` images.

    ``answers_agree``: the share of equal answers, 0 to 1. The accuracies are None without labels. ``layers``: those of
    spiking neurons, in their order. ``not_compared``: the layers whose membranes are read, by name: the model passes on
    no spikes of theirs, and the answers follow from them.
    """

    images: int
    answers_agree: float
    accuracy_framework: float | None
    accuracy_model: float | None
    layers: tuple[LayerCheck, ...]
    not_compared: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return asdict(self)
