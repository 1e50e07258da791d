"""Writes three models with random weights whose layers form graphs, to be planned, verified and synthesized.

    python benchmarks/graph_models.py DIR
    hwsnn verify DIR/sew.safetensors -n 4
    hwsnn bench DIR/sew.safetensors --synth

``sew``: two residual blocks that add spikes, as in SEW-ResNet (Fang et al., NeurIPS 2021), 3x32x32, T = 4. ``speech``:
700-128-20, of which the 128 are recurrent, T = 50, as networks for the Spiking Heidelberg Digits are. ``events``: a
convolutional network with a skip past its second convolution, for 2x34x34 event frames, T = 16. Thresholds are set so
that roughly a tenth of the neurons fire at a step.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from hwsnn.model_file import integer_file
from hwsnn.spec import Conv, Dense, Encoder, Layer, MaxPool, MultiplyLeak, Network, Neuron, Population, Sum

BITS = 4
DENSITY = 0.1
"""Of the spikes that thresholds are set for."""
RNG = np.random.default_rng(15)


def weights(*shape: int) -> np.ndarray:
    largest = (1 << (BITS - 1)) - 1
    return np.clip(np.rint(RNG.normal(size=shape) * largest / 2.5), -largest, largest).astype(np.int8)


def population(name: str, *projections: Conv | Dense, density: float = DENSITY, bits: int = 16) -> Population:
    """Leaky neurons whose threshold about a tenth of normally distributed currents exceed."""
    variance = sum((one.gained.astype(float) ** 2).sum(axis=(1, 2, 3)) * density for one in projections)
    threshold = np.maximum(np.rint(1.3 * np.sqrt(variance)), 1).astype(np.int32)
    neuron = Neuron(threshold, MultiplyLeak(230, 8), "subtract", bits, threshold)
    return Population(name, projections, np.zeros(len(threshold), np.int32), neuron)


def conv(name: str, inputs: int, outputs: int, kernel: int = 3, stride: int = 1, source: str | None = None) -> Conv:
    pad = kernel // 2
    return Conv(
        name,
        weights(outputs, inputs, kernel, kernel),
        BITS,
        stride=(stride, stride),
        padding=(pad, pad),
        source=source,
    )


def sew() -> Network:
    pixels = 2.0**14
    layers: list[Layer] = [population("stem", conv("stem", 3, 16), density=pixels, bits=18)]
    before = "stem"
    for block, (inputs, outputs, stride) in enumerate([(16, 16, 1), (16, 32, 2)], 1):
        first, second, skip, joined = (f"block{block}_{part}" for part in ("conv1", "conv2", "skip", "sum"))
        layers.append(population(first, conv(first, inputs, outputs, stride=stride, source=before)))
        layers.append(population(second, conv(second, outputs, outputs)))
        if (inputs, stride) != (outputs, 1):
            layers.append(population(skip, conv(skip, inputs, outputs, 1, stride, before)))
        layers.append(Sum(joined, (second, skip if (inputs, stride) != (outputs, 1) else before)))
        before = joined
    layers.append(population("head", conv("head", 32, 16, stride=2)))
    layers.append(population("classes", Dense("classes", weights(10, 16, 8, 8), BITS)))
    return Network("sew", (3, 32, 32), 8, Encoder("direct"), 4, tuple(layers), "count")


def speech() -> Network:
    hidden = population(
        "hidden",
        Dense("hidden", weights(128, 700, 1, 1), BITS),
        Dense("hidden", weights(128, 128, 1, 1), BITS, source="hidden", delay=1),
    )
    classes = population("classes", Dense("classes", weights(20, 128, 1, 1), BITS))
    return Network("speech", (700, 1, 1), 1, Encoder("steps"), 50, (hidden, classes), "count")


def events() -> Network:
    layers: tuple[Layer, ...] = (
        population("conv1", conv("conv1", 2, 12, 5)),
        MaxPool("pool1", (2, 2), (2, 2), "or"),
        population("conv2", conv("conv2", 12, 24)),
        population("conv3", conv("conv3", 24, 24), conv("conv3", 12, 24, 1, source="pool1")),
        MaxPool("pool3", (2, 2), (2, 2), "or"),
        population("classes", Dense("classes", weights(10, 24, 8, 8), BITS)),
    )
    return Network("events", (2, 34, 34), 1, Encoder("steps"), 16, layers, "count")


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for network in (sew(), speech(), events()):
        integer_file.save(network, folder / f"{network.name}.safetensors")


if __name__ == "__main__":
    main()
