"""Fine-tuning: a small SpikingJelly network trained in floats, then for a few weight bits, and what that is worth.

It needs the extras ``spikingjelly`` and ``train``, and MNIST:

    python examples/frameworks/finetuned.py --data mnist --bits 2

prints how many test images the network has right in 8-bit weights, in fewer bits, and in these after fine-tuning.
"""

from __future__ import annotations

import argparse

from mnist_training import Images, fit, same_every_time, training_images
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import Tensor, nn

import hwsnn
from hwsnn import data
from hwsnn.train import finetune

TIMESTEPS = 4


def make_net() -> nn.Module:
    """The network, not trained. A call makes all steps: pixels (T, N, 1, 28, 28) to spikes (T, N, 10)."""

    def block(inputs: int, outputs: int) -> list[nn.Module]:
        convolution = layer.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        neurons = neuron.LIFNode(tau=2.0, decay_input=False, surrogate_function=surrogate.ATan())
        return [convolution, layer.BatchNorm2d(outputs), neurons, layer.MaxPool2d(2, 2)]

    network = nn.Sequential(
        *block(1, 8),
        *block(8, 16),
        layer.Flatten(),
        layer.Linear(16 * 7 * 7, 10, bias=False),
        neuron.LIFNode(tau=2.0, decay_input=False, surrogate_function=surrogate.ATan()),
    )
    functional.set_step_mode(network, "m")
    return network


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The spikes of each class (N, 10)."""
    functional.reset_net(network)
    spikes: Tensor = network(x.expand(TIMESTEPS, *x.shape))
    return spikes.sum(0)


def right(network: nn.Module, bits: int, source: str, images: int | None) -> float:
    """The part of the test images of ``source`` that the integer model has right."""
    floats = hwsnn.from_torch(network, sample=(1, 28, 28), timesteps=TIMESTEPS)
    model, _ = hwsnn.quantize(floats, bits=bits)
    test = data.load(source, model, images)
    assert test.labels is not None
    return float((hwsnn.run(model, test.images).predictions == test.labels).mean())


def train(images: Images, epochs: int) -> nn.Module:
    """The network, trained in floats."""
    same_every_time()
    network = make_net()
    fit(network, scores, images, epochs=epochs)
    return network


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="mnist", help="a folder of IDX files, or the word mnist (default)")
    parser.add_argument("--bits", type=int, default=2, help="bits of a weight")
    parser.add_argument("--epochs", type=int, default=2, help="of training, and of fine-tuning")
    parser.add_argument("--images", type=int, default=42_000, help="that many training images")
    parser.add_argument("--test-images", type=int, help="that many test images (default: all)")
    given = parser.parse_args()
    images = training_images(given.data, given.images)
    network = train(images, given.epochs)
    for bits in (8, given.bits):
        print(f"{bits} bits, rounded: {right(network, bits, given.data, given.test_images):.2%} right", flush=True)
    finetune(network, images, bits=given.bits, timesteps=TIMESTEPS, epochs=given.epochs)
    print(f"{given.bits} bits, fine-tuned: {right(network, given.bits, given.data, given.test_images):.2%} right")
