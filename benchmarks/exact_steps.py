"""What it is worth to divide the step of ternary weights: spikes and answers that differ from the float network's.

    python benchmarks/exact_steps.py

Random networks 12x12-8c3-64-10 with weights of -1, 0 and 1, neurons that reset by subtraction and four time steps, on
random images, spike for spike against the same equations in float64. At 2 bits an integer of 1 is the step itself; at
8 bits the step is divided as docs/numerics.md says. The weights are exact either way.
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from hwsnn import reference
from hwsnn.float_network import FloatArray, FloatConv, FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.quantization.quantize import quantize
from tests.support.layers import float_conv_layer, float_dense_layer

NETWORKS, IMAGES, STEPS = 20, 50, 4


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


def simulate(network: FloatNetwork, images: np.ndarray) -> list[np.ndarray]:
    """Spikes (N, T, ...) of each layer, by the network's equations in floats, for black and white images."""
    x = np.repeat(images[:, None] / 255, STEPS, axis=1)
    spikes = []
    for layer in network.layers:
        assert isinstance(layer, FloatPopulation)
        assert isinstance(layer.neuron, FloatNeuron)
        if isinstance(layer, FloatConv):
            seen = np.lib.stride_tricks.sliding_window_view(x, layer.weight.shape[2:], axis=(3, 4))
            current = np.einsum("ntcyxij,ocij->ntoyx", seen, layer.weight)
        else:
            current = np.einsum("ntcyx,ocyx->nto", x, layer.projection.weight)[..., None, None]
        v, threshold = np.zeros_like(current[:, 0]), layer.neuron.threshold[:, None, None]
        out = np.zeros_like(current)
        for step in range(STEPS):
            v = layer.neuron.beta * v + current[:, step]
            out[:, step] = v >= threshold
            v = v - out[:, step] * threshold
        spikes.append(out)
        x = out
    return spikes


def main() -> None:
    table = Table("beta", "bits", "spikes that differ", "answers that differ")
    for beta in (1.0, 0.5, 0.9):
        for bits in (2, 8):
            spikes, answers = [], []
            for seed in range(NETWORKS):
                rng = np.random.default_rng(seed)
                network = ternary(rng, beta)
                images = rng.choice(np.array([0, 255], np.uint8), (IMAGES, 1, 12, 12))
                expected = simulate(network, images)
                exact, _ = quantize(network, timesteps=STEPS, encoding="direct", bits=bits)
                result = reference.run(exact, images, trace=True)
                spikes += [
                    float((result.spikes[layer.name] != wanted).mean())
                    for layer, wanted in zip(network.layers, expected, strict=True)
                ]
                scores = expected[-1].sum(axis=1).reshape(IMAGES, -1)
                answers.append(float((result.predictions != scores.argmax(axis=1)).mean()))
            table.add_row(f"{beta:g}", str(bits), f"{np.mean(spikes):.2%}", f"{np.mean(answers):.2%}")
    Console().print(table)


if __name__ == "__main__":
    main()
