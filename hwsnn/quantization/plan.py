"""How one layer is to be built in integers."""

from __future__ import annotations

from dataclasses import dataclass

from hwsnn.spec.integers import IntArray


@dataclass(frozen=True, eq=False)
class Plan:
    """The bits of its weights, the time steps, and the most bits of its state (None for as many as it takes).

    ``largest_input``: the bound of its inputs, of which ``per_one`` stand for 1. ``padding_values``: (in channels,),
    what it pads with, None for zeros. ``compared``: whether its membranes are the scores.
    """

    bits: int
    timesteps: int
    membrane_bits: int | None
    largest_input: int
    per_one: float
    padding_values: IntArray | None
    compared: bool
