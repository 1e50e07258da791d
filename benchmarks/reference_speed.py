"""Images a second and peak memory of the reference on 28x28-64c5-2s-64c5-2s-128-10 at T = 2.

    python benchmarks/reference_speed.py [DATA] [-n N]

DATA is a folder with the MNIST test images (IDX); without it the pixels are random, which takes the same time. The
weights are random 8-bit integers, and the thresholds let roughly an eighth of the neurons spike.
"""

from __future__ import annotations

import argparse
import resource
from time import perf_counter

import numpy as np

from hwsnn.data import load, random_images
from hwsnn.reference import run
from hwsnn.spec import Encoder, MaxPool, Network, Neuron, ShiftLeak
from tests.support.layers import conv_layer, dense_layer


def reference_network(timesteps: int = 2) -> Network:
    """The published MNIST network with random weights: LIF (beta 0.5), subtract, direct encoding, spike counts."""
    random = np.random.default_rng(1)

    def weight(*shape: int) -> np.ndarray:
        return random.integers(-127, 127, shape, endpoint=True)

    def bias(channels: int) -> np.ndarray:
        return random.integers(-100, 100, channels, endpoint=True)

    def neuron(channels: int, threshold: int) -> Neuron:
        thresholds = np.full(channels, threshold)
        return Neuron(thresholds, ShiftLeak(1), "subtract", membrane_bits=24, sub=thresholds - 1)

    return Network(
        name="mnist",
        input_shape=(1, 28, 28),
        pixel_bits=8,
        encoder=Encoder("direct"),
        timesteps=timesteps,
        layers=(
            conv_layer("conv1", weight(64, 1, 5, 5), bias(64), 8, neuron(64, 40_000)),
            MaxPool("pool1", (2, 2), (2, 2), "or"),
            conv_layer("conv2", weight(64, 64, 5, 5), bias(64), 8, neuron(64, 2_000)),
            MaxPool("pool2", (2, 2), (2, 2), "or"),
            dense_layer("fc1", weight(128, 64, 4, 4), bias(128), 8, neuron(128, 1_500)),
            dense_layer("fc2", weight(10, 128, 1, 1), bias(10), 8, neuron(10, 500)),
        ),
        readout="count",
    )


def main() -> None:
    """Measure once, after a short run that warms up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", metavar="DATA")
    parser.add_argument("-n", dest="count", type=int, default=10_000, metavar="N")
    options = parser.parse_args()
    network = reference_network()
    if options.data:
        images = load(options.data, network, options.count).images
    else:
        images = random_images(network, options.count, seed=0)
    run(network, images[:200])
    start = perf_counter()
    run(network, images)
    seconds = perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(images):,} images in {seconds:.2f} s: {len(images) / seconds:,.0f} images/s, peak memory {peak:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
