"""Norse: a convolutional network of LIF cells in a SequentialState, whose caller carries the state.

It needs the extra ``norse`` and MNIST. From training to a verified design:

    python examples/frameworks/norse_conv.py --data mnist -o norse_conv.pt
    hwsnn quantize examples/frameworks/norse_conv.py:make_net --weights norse_conv.pt --sample 1x28x28 \
        --timesteps 16 --data mnist -o norse_conv.safetensors
    hwsnn check examples/frameworks/norse_conv.py:make_net norse_conv.safetensors \
        --weights norse_conv.pt --sample 1x28x28 --data mnist -n 500
    hwsnn run norse_conv.safetensors --data mnist
    hwsnn verify norse_conv.safetensors --data mnist -n 10
    hwsnn generate norse_conv.safetensors -o norse_conv
"""

from __future__ import annotations

import norse.torch as norse
import torch
from mnist_training import fit, main, same_every_time, training_images
from torch import Tensor, nn

TIMESTEPS = 16


def make_net() -> nn.Module:
    """The network, not trained. A call makes one step: pixels (N, 1, 28, 28) and a state to membranes (N, 10)."""
    network: nn.Module = norse.SequentialState(
        nn.Conv2d(1, 8, 5),
        norse.LIFCell(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 32, 5),
        norse.LIFCell(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 4 * 4, 10, bias=False),
        norse.LICell(),
    )
    return network


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The membranes of each class (N, 10), added up over time."""
    state, membranes = None, []
    for _ in range(TIMESTEPS):
        membrane, state = network(x, state)
        membranes.append(membrane)
    return torch.stack(membranes).sum(0)


def train(source: str, images: int = 42_000) -> nn.Module:
    """The network, trained on the first ``images`` training images of ``source``."""
    same_every_time()
    network = make_net()
    fit(network, scores, training_images(source, images))
    return network


if __name__ == "__main__":
    main(train, scores)
