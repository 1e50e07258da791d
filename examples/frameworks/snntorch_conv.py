"""snnTorch: the convolutional network of its tutorial 6, a Sequential whose max-pools take the largest current.

It needs the extra ``snntorch`` and MNIST. From training to a verified design:

    python examples/frameworks/snntorch_conv.py --data mnist -o snntorch_conv.pt
    hwsnn quantize examples/frameworks/snntorch_conv.py:make_net --weights snntorch_conv.pt --sample 1x28x28 \
        --timesteps 10 --data mnist -o snntorch_conv.safetensors
    hwsnn check examples/frameworks/snntorch_conv.py:make_net snntorch_conv.safetensors \
        --weights snntorch_conv.pt --sample 1x28x28 --data mnist -n 500
    hwsnn run snntorch_conv.safetensors --data mnist
    hwsnn verify snntorch_conv.safetensors --data mnist -n 10
    hwsnn generate snntorch_conv.safetensors -o snntorch_conv
"""

from __future__ import annotations

import snntorch as snn
import torch
from mnist_training import fit, main, same_every_time, training_images
from snntorch import utils
from torch import Tensor, nn

TIMESTEPS = 10


def make_net() -> nn.Module:
    """The network, not trained. A call makes one step: pixels (N, 1, 28, 28) to spikes and membranes (N, 10)."""

    def neurons(output: bool = False) -> nn.Module:
        return snn.Leaky(beta=0.5, init_hidden=True, output=output)

    return nn.Sequential(
        nn.Conv2d(1, 12, 5),
        nn.MaxPool2d(2),
        neurons(),
        nn.Conv2d(12, 64, 5),
        nn.MaxPool2d(2),
        neurons(),
        nn.Flatten(),
        nn.Linear(64 * 4 * 4, 10),
        neurons(output=True),
    )


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The spikes of each class (N, 10)."""
    utils.reset(network)
    spikes, _ = zip(*(network(x) for _ in range(TIMESTEPS)), strict=True)
    return torch.stack(spikes).sum(0)


def train(source: str, images: int = 42_000) -> nn.Module:
    """The network, trained on the first ``images`` training images of ``source``."""
    same_every_time()
    network = make_net()
    fit(network, scores, training_images(source, images))
    return network


if __name__ == "__main__":
    main(train, scores)
