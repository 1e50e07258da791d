"""Scores of the classes, from all steps of the last layer."""

from __future__ import annotations

import numpy as np

from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import Int64Array, IntArray

from ..spec import Readout


def scores(readout: Readout, steps: IntArray) -> Int64Array:
    """The scores (N, classes), of numbers of spikes or of membranes (T, N, 1, 1, classes)."""
    last = steps[:, :, 0, 0].astype(np.int64)
    match readout:
        case "count" | "sum":
            total: Int64Array = last.sum(axis=0)
            return total
        case "first":
            spiked = last > 0
            return np.where(spiked.any(axis=0), len(last) - spiked.argmax(axis=0), 0)
        case "membrane":
            final: Int64Array = last[-1]
            return final
        case "max":
            most: Int64Array = last.max(axis=0)
            return most
        case _:
            raise assert_never(readout)
