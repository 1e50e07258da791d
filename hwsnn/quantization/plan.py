"""How one layer is to be built in integers."""

from __future__ import annotations

from dataclasses import dataclass

from hwsnn.spec.integers import IntArray


@dataclass(frozen=True, eq=False)
class Plan:
    """The bits of its weights, the time steps, and the most bits of its state (None for as many as it takes).

    Of each projection ``sources`` has the layer that feeds it, ``largest_inputs`` the bound of its inputs, None of its
    own spikes, ``per_ones`` the input that stands for 1, and ``padding_values`` (in channels,) what it pads with, None
    for zeros. ``compared``: whether its membranes are the scores.
    """

    bits: int
    timesteps: int
    membrane_bits: int | None
    sources: tuple[str, ...]
    largest_inputs: tuple[int | None, ...]
    per_ones: tuple[float, ...]
    padding_values: tuple[IntArray | None, ...]
    compared: bool
