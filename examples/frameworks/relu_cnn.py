"""Plain PyTorch: a convolutional network of ReLUs, batch norm and max-pools, converted to spiking neurons.

It needs PyTorch and MNIST. From training to a verified design:

    python examples/frameworks/relu_cnn.py --data mnist -o relu_cnn.pt
    hwsnn quantize examples/frameworks/relu_cnn.py:make_net --convert --weights relu_cnn.pt --sample 1x28x28 \
        --timesteps 16 --data mnist -o relu_cnn.safetensors
    hwsnn check examples/frameworks/relu_cnn.py:make_net relu_cnn.safetensors \
        --weights relu_cnn.pt --sample 1x28x28 --data mnist -n 500
    hwsnn run relu_cnn.safetensors --data mnist
    hwsnn verify relu_cnn.safetensors --data mnist -n 10
    hwsnn generate relu_cnn.safetensors -o relu_cnn
"""

from __future__ import annotations

from mnist_training import fit, main, same_every_time, training_images
from torch import Tensor, nn

TIMESTEPS = 16


def make_net() -> nn.Module:
    """The network, not trained. A call takes pixels (N, 1, 28, 28) to scores (N, 10), without time."""

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.ReLU(), nn.MaxPool2d(2)]

    return nn.Sequential(
        *block(1, 16),
        *block(16, 32),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(32 * 7 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """Those of each class (N, 10)."""
    found: Tensor = network(x)
    return found


def train(source: str, images: int = 42_000) -> nn.Module:
    """The network, trained on the first ``images`` training images of ``source``."""
    same_every_time()
    network = make_net()
    fit(network, scores, training_images(source, images), epochs=3)
    return network


if __name__ == "__main__":
    main(train, scores)
