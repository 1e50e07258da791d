"""What it is worth to divide the step of ternary weights: spikes and answers that differ from the float network's.

    python benchmarks/exact_steps.py

Random networks 12x12-8c3-64-10 with weights of -1, 0 and 1 and neurons that reset by subtraction, on random images,
spike for spike against the same equations in float64. At 2 bits an integer of 1 is the step itself, and fraction bits
make up for floors; at 8 bits the step is divided as docs/numerics.md says. The weights are exact either way.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from rich.console import Console
from rich.table import Table

from hwsnn import reference
from hwsnn.float_network import FloatArray, FloatNetwork, FloatNeuron
from hwsnn.quantization.quantize import quantize
from tests.support.float_simulation import simulate
from tests.support.layers import float_conv_layer, float_dense_layer

NETWORKS, IMAGES = 20, 50


def ternary(rng: np.random.Generator, beta: float) -> FloatNetwork:
    """A random network of which about a third of the neurons fire at a step."""

    def weights(*shape: int) -> FloatArray:
        return rng.integers(-1, 2, shape).astype(np.float64)

    def neurons(count: int, theta: float) -> FloatNeuron:
        return FloatNeuron(np.full(count, theta), beta, "greater_equal", "subtract")

    conv = float_conv_layer("conv", weights(8, 1, 3, 3), np.zeros(8), neurons(8, 1.0))
    dense = float_dense_layer("dense", weights(64, 8, 10, 10), np.zeros(64), neurons(64, 8.0))
    last = float_dense_layer("last", weights(10, 64, 1, 1), np.zeros(10), neurons(10, 4.0))
    return FloatNetwork("ternary", (1, 12, 12), (conv, dense, last))


def main() -> None:
    table = Table("beta", "steps", "bits", "fraction bits", "spikes that differ", "answers that differ")
    for beta, steps in product((1.0, 0.5, 0.9), (4, 8, 16)):
        for bits in (2, 8):
            spikes, answers, fractions = [], [], []
            for seed in range(NETWORKS):
                rng = np.random.default_rng(seed)
                network = ternary(rng, beta)
                images = rng.choice(np.array([0, 255], np.uint8), (IMAGES, 1, 12, 12))
                expected = simulate(network, np.repeat(images[:, None] / 255, steps, axis=1))
                exact, _ = quantize(network, timesteps=steps, encoding="direct", bits=bits)
                result = reference.run(exact, images, trace=True)
                spikes += [float((result.spikes[name] != wanted).mean()) for name, wanted in expected.spikes.items()]
                scores = expected.scores("last", "count")
                answers.append(float((result.predictions != scores.argmax(axis=1)).mean()))
                fractions.append(", ".join(str(layer.fraction_bits) for _, layer in exact.populations()))
            usual = max(set(fractions), key=fractions.count)
            cells = (f"{beta:g}", str(steps), str(bits), usual, f"{np.mean(spikes):.2%}", f"{np.mean(answers):.2%}")
            table.add_row(*cells)
    Console().print(table)


if __name__ == "__main__":
    main()
