"""Random choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_Choice = TypeVar("_Choice")


class Dice:
    """The random choices that follow from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def integer(self, low: int, high: int) -> int:
        """From ``low`` to ``high``, both included."""
        return int(self.random.integers(low, high, endpoint=True))

    def happens(self, probability: float, wish: bool | None = None) -> bool:
        """Whether something happens; a wish decides it."""
        chance = bool(self.random.random() < probability)
        return chance if wish is None else wish

    def choice(self, options: Sequence[_Choice], wish: _Choice | None = None) -> _Choice:
        """One of the options, or the one wished for."""
        chance = options[self.integer(0, len(options) - 1)]
        return chance if wish is None else wish
