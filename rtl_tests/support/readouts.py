"""Networks of every readout, with scores as wide as they can be."""

from __future__ import annotations

import random

import numpy as np

from hwsnn.spec import Encoder, Integrator, Network, Neuron, NoLeak, Readout
from rtl_tests.support.bits import packed
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


def random_result(draw: random.Random, network: Network) -> tuple[int, list[int], int]:
    """An answer, scores that are often at their limits, and the bits of both as in ``result_layout``."""
    answer, (low, high) = draw.randrange(network.classes), limits(network)
    scores = [draw.choice([low, high, draw.randint(low, high)]) for _ in range(network.classes)]
    return answer, scores, answer | packed(scores, network.score_bits) << network.answer_bits
