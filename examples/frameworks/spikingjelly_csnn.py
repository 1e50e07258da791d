"""SpikingJelly: the convolutional network of its tutorial, batch norm and max-pools of spikes, all steps in one call.

It needs the extra ``spikingjelly`` and MNIST. From training to a verified design:

    python examples/frameworks/spikingjelly_csnn.py --data mnist -o spikingjelly_csnn.pt
    hwsnn quantize examples/frameworks/spikingjelly_csnn.py:make_net --weights spikingjelly_csnn.pt \
        --sample 1x28x28 --timesteps 4 --data mnist -o spikingjelly_csnn.safetensors
    hwsnn check examples/frameworks/spikingjelly_csnn.py:make_net spikingjelly_csnn.safetensors \
        --weights spikingjelly_csnn.pt --sample 1x28x28 --data mnist -n 500
    hwsnn run spikingjelly_csnn.safetensors --data mnist
    hwsnn verify spikingjelly_csnn.safetensors --data mnist -n 10
    hwsnn generate spikingjelly_csnn.safetensors -o spikingjelly_csnn
"""

from __future__ import annotations

from mnist_training import fit, main, same_every_time, training_images
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

TIMESTEPS = 4
CHANNELS = 32


def make_net() -> nn.Module:
    """The network, not trained. A call makes all steps: pixels (T, N, 1, 28, 28) to spikes (T, N, 10)."""

    def neurons() -> nn.Module:
        return neuron.IFNode(surrogate_function=surrogate.ATan())

    def block(inputs: int) -> list[nn.Module]:
        convolution = layer.Conv2d(inputs, CHANNELS, 3, padding=1, bias=False)
        return [convolution, layer.BatchNorm2d(CHANNELS), neurons(), layer.MaxPool2d(2, 2)]

    network = nn.Sequential(
        *block(1),
        *block(CHANNELS),
        layer.Flatten(),
        layer.Linear(CHANNELS * 7 * 7, CHANNELS * 4 * 4, bias=False),
        neurons(),
        layer.Linear(CHANNELS * 4 * 4, 10, bias=False),
        neurons(),
    )
    functional.set_step_mode(network, "m")
    return network


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The spikes of each class (N, 10)."""
    functional.reset_net(network)
    spikes: Tensor = network(x.expand(TIMESTEPS, *x.shape))
    return spikes.sum(0)


def train(source: str, images: int = 42_000) -> nn.Module:
    """The network, trained on the first ``images`` training images of ``source``."""
    same_every_time()
    network = make_net()
    fit(network, scores, training_images(source, images))
    return network


if __name__ == "__main__":
    main(train, scores)
