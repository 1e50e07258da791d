"""snnTorch: the fully connected network of its tutorial 5, whose forward loops over time and carries the membranes.

It needs the extra ``snntorch`` and MNIST. From training to a verified design:

    python examples/frameworks/snntorch_dense.py --data mnist -o snntorch_dense.pt
    hwsnn quantize examples/frameworks/snntorch_dense.py:make_net --weights snntorch_dense.pt --sample 1x28x28 \
        --timesteps 25 --data mnist -o snntorch_dense.safetensors
    hwsnn check examples/frameworks/snntorch_dense.py:make_net snntorch_dense.safetensors \
        --weights snntorch_dense.pt --sample 1x28x28 --data mnist -n 500
    hwsnn run snntorch_dense.safetensors --data mnist
    hwsnn verify snntorch_dense.safetensors --data mnist -n 10
    hwsnn generate snntorch_dense.safetensors -o snntorch_dense
"""

from __future__ import annotations

import snntorch as snn
import torch
from mnist_training import fit, main, same_every_time, training_images
from torch import Tensor, nn

TIMESTEPS = 25


class Net(nn.Module):
    """Pixels (N, 1, 28, 28) to the spikes and membranes of the last layer, (T, N, 10) each."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, 1000)
        self.lif1 = snn.Leaky(beta=0.95)
        self.fc2 = nn.Linear(1000, 10)
        self.lif2 = snn.Leaky(beta=0.95)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = x.flatten(1)
        membrane1, membrane2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        spikes, membranes = [], []
        for _ in range(TIMESTEPS):
            hidden, membrane1 = self.lif1(self.fc1(x), membrane1)
            out, membrane2 = self.lif2(self.fc2(hidden), membrane2)
            spikes.append(out)
            membranes.append(membrane2)
        return torch.stack(spikes), torch.stack(membranes)


def make_net() -> nn.Module:
    """The network, not trained."""
    return Net()


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The spikes of each class (N, 10)."""
    spikes, _ = network(x)
    return spikes.sum(0)


def train(source: str, images: int = 60_000) -> nn.Module:
    """The network, trained on the first ``images`` training images of ``source``."""
    same_every_time()
    network = make_net()
    fit(network, scores, training_images(source, images), learning_rate=1e-3, scale=0.5)
    return network


if __name__ == "__main__":
    main(train, scores)
