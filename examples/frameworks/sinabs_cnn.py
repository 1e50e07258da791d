"""sinabs: a convolutional network trained with ReLU, then converted by ``from_model``: its neurons spike several times.

It needs the extra ``sinabs`` and MNIST. From training to a verified design:

    python examples/frameworks/sinabs_cnn.py --data mnist -o sinabs_cnn.pt
    hwsnn quantize examples/frameworks/sinabs_cnn.py:make_net --weights sinabs_cnn.pt --sample 1x28x28 \
        --timesteps 16 --data mnist -o sinabs_cnn.safetensors
    hwsnn check examples/frameworks/sinabs_cnn.py:make_net sinabs_cnn.safetensors \
        --weights sinabs_cnn.pt --sample 1x28x28 --data mnist -n 500
    hwsnn run sinabs_cnn.safetensors --data mnist
    hwsnn verify sinabs_cnn.safetensors --data mnist -n 10
    hwsnn generate sinabs_cnn.safetensors -o sinabs_cnn
"""

from __future__ import annotations

from mnist_training import fit, main, same_every_time, training_images
from sinabs.from_torch import from_model
from torch import Tensor, nn

TIMESTEPS = 16


def rectified() -> nn.Module:
    """The network with ReLU, not trained."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 16, 5),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 4 * 4, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def converted(network: nn.Module) -> nn.Module:
    """With spiking neurons for ReLU. A call makes all steps: pixels (N T, 1, 28, 28) to currents (N T, 10)."""
    spiking: nn.Module = from_model(network, input_shape=(1, 28, 28), num_timesteps=TIMESTEPS).spiking_model
    return spiking


def make_net() -> nn.Module:
    """The spiking network, not trained."""
    return converted(rectified())


def scores(network: nn.Module, x: Tensor) -> Tensor:
    """The currents of each class (N, 10), added up over time; ``network``: the spiking one."""
    for module in network.modules():
        if hasattr(module, "reset_states"):
            module.reset_states()
    currents: Tensor = network(x.repeat_interleave(TIMESTEPS, 0))
    return currents.unflatten(0, (-1, TIMESTEPS)).sum(1)


def train(source: str, images: int = 60_000) -> nn.Module:
    """The spiking network, trained with ReLU on the first ``images`` training images of ``source``."""
    same_every_time()
    network = rectified()
    fit(network, lambda network, x: network(x), training_images(source, images), epochs=2)
    return converted(network)


if __name__ == "__main__":
    main(train, scores)
