"""What fraction bits are worth: how much differs from the float network without them, as chosen, and with eight.

    python benchmarks/fraction_bits.py

In spikes of the hidden layers and in answers. Random networks 12x12-8c3-64-10, eight time steps, on random black and
white images, against the same equations in float64. Weights that the bits hold exactly are small integers, as
quantization-aware training leaves them; rounded ones are normally distributed. Thresholds are integers, or near them,
and biases 0; or both are real numbers, as batch norm leaves them. Half of the networks count spikes, and half read the
membranes of an integrator.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from hwsnn import reference
from hwsnn.float_network import AnyFloatNeuron, FloatArray, FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.quantization.fractions import fraction_bits
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import largest_weight
from tests.support.float_simulation import Simulated, simulate
from tests.support.layers import float_conv_layer, float_dense_layer

NETWORKS, IMAGES, STEPS = 10, 50, 8
KINDS = (
    (True, False, (0.5, 0.9, 0.95)),
    (False, False, (0.5, 0.9, 0.95)),
    (True, True, (0.9, 1.0)),
    (False, True, (1.0,)),
)
"""Whether weights are exact, whether thresholds and biases are real numbers, and the decays."""


def random_network(
    rng: np.random.Generator, bits: int, beta: float, exact: bool, real: bool, fires: bool
) -> FloatNetwork:
    """A network of which some tenth of the neurons fires at a step."""
    memory = 1 / (1 - beta**2) if beta < 1 else STEPS
    largest = largest_weight(bits)

    def weights(*shape: int) -> FloatArray:
        if not exact:
            return rng.normal(size=shape)
        found = rng.integers(-largest, largest + 1, shape).astype(np.float64)
        found.reshape(shape[0], -1)[:, 0] = largest  # one scale for all channels
        return found

    def beside(weight: FloatArray) -> tuple[FloatArray, FloatNeuron]:
        """Biases and neurons."""
        typical, count = np.sqrt((weight**2).sum(axis=(1, 2, 3)).mean() * memory / 3), len(weight)
        biases, theta = np.zeros(count), np.full(count, np.rint(typical) if exact else typical)
        if real:
            biases, theta = 0.1 * typical * rng.normal(size=count), typical * rng.uniform(0.8, 1.2, count)
        return biases, FloatNeuron(theta, beta, "greater_equal", "subtract")

    conv, dense, last = weights(8, 1, 3, 3), weights(64, 8, 10, 10), weights(10, 64, 1, 1)
    biases, its = beside(last)
    classes: AnyFloatNeuron = its if fires else FloatIntegrator(beta)
    layers = (
        float_conv_layer("conv", conv, *beside(conv)),
        float_dense_layer("dense", dense, *beside(dense)),
        float_dense_layer("last", last, biases, classes),
    )
    return FloatNetwork("random", (1, 12, 12), layers)


def differences(
    network: FloatNetwork, bits: int, images: np.ndarray, expected: Simulated, forced: int | None
) -> tuple[float, float, tuple[int, ...]]:
    """Shares of the hidden spikes and of the answers that differ, and the fraction bits of the layers."""
    chosen: Any = fraction_bits if forced is None else lambda *shares: forced
    with patch("hwsnn.quantization.quantize.fraction_bits", chosen):
        integers, _ = quantize(network, timesteps=STEPS, encoding="direct", bits=bits)
    result = reference.run(integers, images, trace=True)
    hidden = [float((result.spikes[name] != expected.spikes[name]).mean()) for name in ("conv", "dense")]
    answers = expected.scores("last", integers.readout).argmax(axis=1)
    fractions = tuple(population.fraction_bits for _, population in integers.populations())
    return float(np.mean(hidden)), float((result.predictions != answers).mean()), fractions


def main() -> None:
    table = Table("weights", "beside them", "bits", "beta", "F, most often", "0 bits", "as chosen", "8 bits")
    for exact, real, betas in KINDS:
        for bits in (2, 3, 4, 8):
            for beta in betas:
                found: dict[Any, list[tuple[float, float, tuple[int, ...]]]] = {0: [], None: [], 8: []}
                for seed in range(NETWORKS):
                    rng = np.random.default_rng(seed)
                    network = random_network(rng, bits, beta, exact, real, fires=seed % 2 == 0)
                    images = rng.choice(np.array([0, 255], np.uint8), (IMAGES, 1, 12, 12), p=(0.7, 0.3))
                    expected = simulate(network, np.repeat(images[:, None] / 255, STEPS, axis=1))
                    for forced, results in found.items():
                        results.append(differences(network, bits, images, expected, forced))
                fractions = [one[2] for one in found[None]]
                cells = [
                    f"{np.mean([one[0] for one in results]):.2%}, {np.mean([one[1] for one in results]):.1%}"
                    for results in found.values()
                ]
                kept = "exact" if exact else "rounded"
                usual = max(set(fractions), key=fractions.count)
                table.add_row(
                    kept, "real" if real else "whole", str(bits), f"{beta:g}", ", ".join(map(str, usual)), *cells
                )
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
