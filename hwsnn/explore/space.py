"""The search space of a sweep: networks with several weight bits and time steps, and targets in cycles per frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hwsnn.float_network import FloatNetwork
from hwsnn.folding.input_beats import arriving_beats
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner import FoldingSearch
from hwsnn.planner.devices import Device
from hwsnn.quantization.quantize import quantize
from hwsnn.version import __version__

from ..data import LabelledData
from ..errors import InputError
from ..spec import EncoderKind, Network, Reset
from .points import Task


@dataclass(frozen=True)
class Variant:
    """A network in integers, rounded after training, for a number of time steps."""

    weight_bits: int
    timesteps: int
    network: Network
    model_hash: str


def variants(
    network: FloatNetwork,
    bits: Iterable[int],
    timesteps: Iterable[int],
    encoding: EncoderKind,
    reset: Reset | None = None,
) -> list[Variant]:
    """The network for every number of time steps and of weight bits. Raises ``InputError`` if one is impossible."""
    found = []
    for steps in timesteps:
        for width in bits:
            try:
                built, _ = quantize(network, timesteps=steps, encoding=encoding, bits=width, reset=reset)
            except InputError as error:
                raise InputError(f"{width} weight bits and {steps} time steps: {error}") from None
            found.append(Variant(width, steps, built, model_hash(built)))
    return found


def tasks(variants: Sequence[Variant], device: Device, clocks: Sequence[int] | int, data_hash: str) -> list[Task]:
    """The tasks of a sweep: the accuracy of each network, and a design for each target in cycles per frame.

    ``clocks``: the targets, or their maximum number: then they are a geometric series for each number of time steps,
    from the cycles that a frame's pixels take to those of the smallest design.
    """
    found = []
    series: dict[int, Sequence[int]] = {}
    for variant in variants:
        bits, steps = variant.weight_bits, variant.timesteps
        if isinstance(clocks, int) and steps not in series:  # the weight bits hardly change how fast a design can be
            series[steps] = _series(variant.network, device, clocks)
        common = {"hwsnn": __version__, "model": variant.model_hash}
        found.append(Task(bits, steps, None, common | {"data": data_hash}))
        for target in series[steps] if isinstance(clocks, int) else clocks:
            found.append(Task(bits, steps, target, common | {"device": device.name, "clocks": target}))
    return found


def _series(network: Network, device: Device, count: int) -> list[int]:
    fastest = arriving_beats(network)
    slowest = max(fastest, FoldingSearch(network, device).smallest().cycles_per_frame)
    return sorted({int(clocks) for clocks in np.rint(np.geomspace(fastest, slowest, count))})


def data_hash(data: LabelledData) -> str:
    """SHA-256 (hexadecimal) of images and labels."""
    digest = hashlib.sha256(str(data.images.shape).encode())
    digest.update(data.images.tobytes())
    digest.update(data.labels.astype("<i8").tobytes())
    return digest.hexdigest()
