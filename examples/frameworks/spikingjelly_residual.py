"""SpikingJelly: a residual network of two SEW blocks, which add up spikes, with batch norm; all steps in one call.

It needs the extra ``spikingjelly`` and MNIST. From training to a verified design:

    python examples/frameworks/spikingjelly_residual.py --data mnist -o spikingjelly_residual.pt
    hwsnn quantize examples/frameworks/spikingjelly_residual.py:make_net --weights spikingjelly_residual.pt \
        --sample 1x28x28 --timesteps 4 --data mnist -o spikingjelly_residual.safetensors
    hwsnn check examples/frameworks/spikingjelly_residual.py:make_net spikingjelly_residual.safetensors \
        --weights spikingjelly_residual.pt --sample 1x28x28 --data mnist -n 500
    hwsnn run spikingjelly_residual.safetensors --data mnist
    hwsnn verify spikingjelly_residual.safetensors --data mnist -n 10
    hwsnn generate spikingjelly_residual.safetensors -o spikingjelly_residual
"""

from __future__ import annotations

from mnist_training import fit, main, same_every_time, training_images
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

TIMESTEPS = 4
CHANNELS = 16


def spiking(inputs: int, outputs: int, kernel: int, stride: int) -> nn.Module:
    """A convolution, batch norm and neurons."""
    convolution = layer.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
    neurons = neuron.IFNode(surrogate_function=surrogate.ATan(), detach_reset=True)
    return nn.Sequential(convolution, layer.BatchNorm2d(outputs), neurons)


class Block(nn.Module):
    """Spikes of two convolutions, added to those of the input, or where it makes the image smaller of a third."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(spiking(inputs, outputs, 3, stride), spiking(outputs, outputs, 3, 1))
        self.skip = nn.Identity() if stride == 1 else spiking(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.body(x) + self.skip(x)
        return added


def make_net() -> nn.Module:
    """The network, not trained. A call makes all steps: pixels (T, N, 1, 28, 28) to currents (T, N, 10)."""
    network = nn.Sequential(
        spiking(1, CHANNELS, 3, 2),
        Block(CHANNELS, CHANNELS, 1),
        Block(CHANNELS, 2 * CHANNELS, 2),
        layer.AdaptiveAvgPool2d((1, 1)),
        layer.Flatten(),
        layer.Linear(2 * CHANNELS, 10),
    )
    functional.set_step_mode(network, "m")
    return network


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The currents of each class, averaged over time (N, 10)."""
    functional.reset_net(network)
    currents: Tensor = network(x.expand(TIMESTEPS, *x.shape))
    return currents.mean(0)


def train(source: str, images: int = 42_000) -> nn.Module:
    """The network, trained on the first ``images`` training images of ``source``."""
    same_every_time()
    network = make_net()
    fit(network, scores, training_images(source, images), learning_rate=5e-3)
    return network


if __name__ == "__main__":
    main(train, scores)
