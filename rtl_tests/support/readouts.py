"""Networks of every readout, with scores as wide as they can be."""

from __future__ import annotations

import numpy as np

from hwsnn.spec import Encoder, Integrator, Network, Neuron, NoLeak, Readout
from tests.support.layers import dense_layer

READOUTS: tuple[Readout, ...] = ("count", "first", "membrane", "sum", "max")
CLASSES = 4


def network(readout: Readout) -> Network:
    """Of 256 time steps: scores of spikes have 9 bits, those of membranes 32."""
    fires = readout in ("count", "first")
    neuron = Neuron(np.ones(CLASSES, np.int64), NoLeak(), "zero", 24) if fires else Integrator(NoLeak(), 32)
    weight, bias = np.full((CLASSES, 1, 1, 1), 7), np.array([32_700, -32_700, 0, 0])
    layer = dense_layer("last", weight, bias, 4, neuron)
    return Network("readout", (1, 1, 1), 1, Encoder("direct"), 256, (layer,), readout)


def limits(network: Network) -> tuple[int, int]:
    """The smallest and the largest score of the width of the network's scores."""
    bits = network.score_bits
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if network.reads_membranes else (0, (1 << bits) - 1)
