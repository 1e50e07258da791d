"""A spiking network, trained with hwsnn's blocks, becomes an integer model.

It needs the extra ``train``. Run it anywhere: python examples/train_digits.py. It writes to a temporary folder only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits

import hwsnn
from hwsnn.train.augment import Distortion
from hwsnn.train.loop import Images, Plan, accuracy, same_every_time, train
from hwsnn.train.network import export, spiking

TRAINING = 1400
"""Of 1,797 images; the others measure the network."""


def main() -> None:
    """Train for a few epochs, write the floats, quantize them, and measure both."""
    digits = load_digits()
    pixels = np.rint(digits.images * 255 / 16).astype(np.uint8)[:, np.newaxis]
    x, y = torch.tensor(pixels) / 255, torch.tensor(digits.target)

    same_every_time(seed=0)
    network = spiking("8x8-8c3p-2s-12c3-10", timesteps=2, beta=0.5)
    with tempfile.TemporaryDirectory() as folder:
        train(
            network,
            Images(x[:TRAINING], y[:TRAINING]),
            Plan(epochs=5, learning_rate=0.01),
            Path(folder) / "checkpoint.pt",
            distort=Distortion(shift=0.3, turn=10, scale=0.1),
        )
        hwsnn.save(export(network, "digits"), Path(folder) / "digits-float.safetensors")
        floats = hwsnn.read(Path(folder) / "digits-float.safetensors")
        integers, _ = hwsnn.quantize(floats, timesteps=2, encoding="direct")
        hwsnn.save(integers, Path(folder) / "digits.safetensors")

    predictions = hwsnn.run(integers, pixels[TRAINING:]).predictions
    print(f"floats: {accuracy(network, Images(x[TRAINING:], y[TRAINING:])):.1%}")
    print(f"8-bit integers: {(predictions == digits.target[TRAINING:]).mean():.1%}")


if __name__ == "__main__":
    main()
