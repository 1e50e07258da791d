"""snnTorch: a recurrent network that reads an image row by row, 28 steps of 28 values; its forward loops over time.

It needs the extra ``snntorch`` and MNIST. From training to a verified design (pixels count as 0 to 1):

    python examples/frameworks/snntorch_recurrent.py --data mnist -o snntorch_recurrent.pt
    hwsnn quantize examples/frameworks/snntorch_recurrent.py:make_net --weights snntorch_recurrent.pt --sample 28 \
        --timesteps 28 --encoding steps --input-scale 0.00392156862745 --data mnist -o snntorch_recurrent.safetensors
    hwsnn check examples/frameworks/snntorch_recurrent.py:make_net snntorch_recurrent.safetensors \
        --weights snntorch_recurrent.pt --sample 28 --data mnist -n 500
    hwsnn run snntorch_recurrent.safetensors --data mnist
    hwsnn verify snntorch_recurrent.safetensors --data mnist -n 10
    hwsnn generate snntorch_recurrent.safetensors -o snntorch_recurrent
"""

from __future__ import annotations

import snntorch as snn
import torch
from mnist_training import fit, main, same_every_time, training_images
from torch import Tensor, nn

TIMESTEPS = 28
HIDDEN = 128


class Net(nn.Module):
    """Rows (T, N, 28) to the currents of the last layer (T, N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(28, HIDDEN)
        self.lif1 = snn.RLeaky(beta=0.9, linear_features=HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, 10)

    def forward(self, x: Tensor) -> Tensor:
        spikes, membrane = self.lif1.init_rleaky()
        currents = []
        for row in x:
            spikes, membrane = self.lif1(self.fc1(row), spikes, membrane)
            currents.append(self.fc2(spikes))
        return torch.stack(currents)


def make_net() -> nn.Module:
    """The network, not trained."""
    return Net()


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The currents of each class, averaged over time (N, 10)."""
    currents: Tensor = network(x.squeeze(1).transpose(0, 1))
    return currents.mean(0)


def train(source: str, images: int = 60_000) -> nn.Module:
    """The network, trained on the first ``images`` training images of ``source``."""
    same_every_time()
    network = make_net()
    fit(network, scores, training_images(source, images), epochs=4, learning_rate=5e-3, scale=5.0)
    return network


if __name__ == "__main__":
    main(train, scores)
