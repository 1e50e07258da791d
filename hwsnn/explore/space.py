"""What a sweep goes through: networks of several weight bits and time steps, and targets in clocks a frame."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from hwsnn import __version__
from hwsnn.float_network import FloatNetwork
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner import FoldingSearch
from hwsnn.planner.devices import Device
from hwsnn.quantization.quantize import quantize

from ..data import LabelledData
from ..errors import InputError
from ..spec import Conv, Encoder, EncoderKind, Network, Reset
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
    """The network for every number of time steps and of weight bits. Raises ``InputError`` where one cannot be."""
    found = []
    for steps in timesteps:
        for width in bits:
            try:
                built, _ = quantize(network, timesteps=steps, encoder=Encoder(encoding), weight_bits=width, reset=reset)
            except InputError as error:
                raise InputError(f"{width} weight bits and {steps} time steps: {error}") from None
            found.append(Variant(width, steps, built, model_hash(built)))
    return found


def tasks(variants: Sequence[Variant], device: Device, clocks: Sequence[int] | int, data_hash: str) -> list[Task]:
    """What is to be known of the networks: their accuracies, and a design for each target in clocks a frame.

    ``clocks``: those targets, or how many there shall be at most: for each number of time steps in geometric series,
    from the clocks that a frame's pixels take to those of the smallest design.
    """
    found = []
    series: dict[int, Sequence[int]] = {}
    for variant in variants:
        bits, steps = variant.weight_bits, variant.timesteps
        if isinstance(clocks, int) and steps not in series:  # the bits hardly matter to how fast a design can be
            series[steps] = _series(variant.network, device, clocks)
        common = {"hwsnn": __version__, "model": variant.model_hash}
        found.append(Task(bits, steps, None, common | {"data": data_hash}))
        for target in series[steps] if isinstance(clocks, int) else clocks:
            found.append(Task(bits, steps, target, common | {"device": device.name, "clocks": target}))
    return found


def _series(network: Network, device: Device, count: int) -> list[int]:
    fastest = _pixel_clocks(network)
    slowest = max(fastest, FoldingSearch(network, device).smallest().clocks)
    return sorted({int(clocks) for clocks in np.rint(np.geomspace(fastest, slowest, count))})


def _pixel_clocks(network: Network) -> int:
    """The clocks that a frame's pixels take, padding included, one a clock: no design is faster."""
    _, height, width = network.input_shape
    first = network.layers[0]
    if isinstance(first, Conv):
        height, width = height + 2 * first.padding[0], width + 2 * first.padding[1]
    return height * width * (1 if network.encoder.kind == "direct" else network.timesteps)


def data_hash(data: LabelledData) -> str:
    """SHA-256 (hexadecimal) of images and labels."""
    digest = hashlib.sha256(str(data.images.shape).encode())
    digest.update(data.images.tobytes())
    digest.update(data.labels.astype("<i8").tobytes())
    return digest.hexdigest()
