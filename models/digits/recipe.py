"""Train the digits model: a small convolutional spiking network for the 8x8 handwritten digits of scikit-learn.

    hwsnn train digits -o DIR                             train, choosing the epoch on the validation images, and
                                                          measure the result on the held-out images, once
    python models/digits/recipe.py --channels 8 16 ...    other settings, measured on the validation images alone

Writes ``digits.nir``, the trained network in floats, and ``samples.npz``, the held-out images. ``card.md`` has the
figures, and the command that makes the integer model from the network. A killed run goes on from its last epoch.

Neurons are those of ``docs/numerics.md``: u = beta v + I, a spike where u > 1, v = u less 1 where there was a spike,
from v = 0. Pixels from 0 to 1 are the first layer's input at every step, and the last layer integrates without firing.
"""

from __future__ import annotations

import argparse
import hashlib
import math
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import nir
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from hwsnn.files.atomic import written_whole
from hwsnn.progress import stages
from hwsnn.train.checkpoint import load
from hwsnn.train.recipe import Run

SPLIT_SEED = 2024
VALIDATION = HELD_OUT = 360
"""Images of 1,797; the rest, 1,077, are for training."""

BETA = 0.5
"""Decay of a membrane in a step: a shift by one in hardware."""
DT = 1e-4
"""Seconds a step in the NIR file, by convention: it sets the time constants, and nothing else."""

BATCH = 64
LEARNING_RATE = 0.01
WEIGHT_DECAY = 0.3
SHIFT, ROTATION, SCALING = 0.3, 12.0, 0.1
"""Augmentation: an image is moved by up to so many pixels, turned by so many degrees and scaled by this part."""


@dataclass(frozen=True)
class Settings:
    """What tells one run from another: a checkpoint of other settings, or of another recipe, is not resumed."""

    seed: int
    epochs: int = 100
    channels: tuple[int, int] = (16, 24)
    timesteps: int = 2
    recipe: str = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


class Images(NamedTuple):
    """``x``: (N, 8, 8) uint8 from 0 to 255; ``y``: (N,) int64, the digit."""

    x: np.ndarray
    y: np.ndarray

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Pixels from 0 to 1, (N, 1, 8, 8), and digits."""
        return torch.tensor(self.x, dtype=torch.float32).unsqueeze(1) / 255, torch.tensor(self.y)


def split_digits() -> tuple[Images, Images, Images]:
    """Training, validation and held-out images: always the same ones, with the same share of every digit."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    digits = load_digits()
    x, y = np.rint(digits.images * 255 / 16).astype(np.uint8), digits.target.astype(np.int64)
    rest, held_out = train_test_split(np.arange(len(y)), test_size=HELD_OUT, stratify=y, random_state=SPLIT_SEED)
    train, validation = train_test_split(rest, test_size=VALIDATION, stratify=y[rest], random_state=SPLIT_SEED)
    parts = [Images(x[np.sort(part)], y[np.sort(part)]) for part in (train, validation, held_out)]
    return parts[0], parts[1], parts[2]


class Spike(torch.autograd.Function):  # type: ignore[misc]  # PyTorch is untyped here
    """1 where u > 1, else 0; backwards a triangle around the threshold stands in for the missing slope."""

    @staticmethod
    def forward(ctx: Any, u: Tensor) -> Tensor:
        ctx.save_for_backward(u)
        return (u > 1).to(u.dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (u,) = ctx.saved_tensors
        return gradient * (1 - (u - 1).abs()).clamp(min=0)


def fire(currents: Tensor) -> Tensor:
    """The spikes, (T, N, C, H, W), of neurons with these input currents of the same shape."""
    v = torch.zeros_like(currents[0])
    spikes = []
    for current in currents:
        u = BETA * v + current
        spike = Spike.apply(u)
        v = u - spike
        spikes.append(spike)
    return torch.stack(spikes)


class Digits(nn.Module):  # type: ignore[misc]
    """conv1 3x3 on the padded image, pool1 2x2, conv2 3x3, dense: 1x8x8 to Ax8x8, Ax4x4, Bx2x2 and 10 scores."""

    def __init__(self, channels: tuple[int, int], timesteps: int) -> None:
        super().__init__()
        first, second = channels
        self.timesteps = timesteps
        self.conv1 = nn.Conv2d(1, first, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, 3, bias=False)
        self.norm2 = nn.BatchNorm2d(second)
        self.dense = nn.Linear(second * 2 * 2, 10)

    def forward(self, x: Tensor) -> Tensor:
        """The scores (N, 10) of images (N, 1, 8, 8) from 0 to 1."""
        current = self.norm1(self.conv1(x))
        spikes = fire(current.expand(self.timesteps, *current.shape))
        # The maximum over spikes is their `or`; time steps pass as further images.
        pooled = functional.max_pool2d(spikes.flatten(0, 1), 2)
        current = self.norm2(self.conv2(pooled))
        spikes = fire(current.unflatten(0, (self.timesteps, -1)))
        v = torch.zeros(len(x), 10)
        for current in self.dense(spikes.flatten(2)):
            v = BETA * v + current
        return v

    @property
    def synapses(self) -> int:
        """Weights, without biases."""
        return sum(layer.weight.numel() for layer in (self.conv1, self.conv2, self.dense))


def augment(x: Tensor) -> Tensor:
    """The images, each moved, turned and scaled a little by chance."""

    def chance(largest: float) -> Tensor:
        return (torch.rand(len(x)) * 2 - 1) * largest

    angle, scale = chance(math.radians(ROTATION)), 1 + chance(SCALING)
    half = x.shape[-1] / 2  # grid_sample measures an image from -1 to 1
    rows = (
        torch.stack([scale * angle.cos(), -scale * angle.sin(), chance(SHIFT / half)], 1),
        torch.stack([scale * angle.sin(), scale * angle.cos(), chance(SHIFT / half)], 1),
    )
    grid = functional.affine_grid(torch.stack(rows, 1), list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


class Result(NamedTuple):
    accuracy: float
    loss: float


def measure(network: Digits, images: Images) -> Result:
    """Accuracy and mean cross-entropy."""
    network.eval()
    x, y = images.tensors()
    with torch.no_grad():
        scores = network(x)
    return Result(float((scores.argmax(1) == y).double().mean()), float(functional.cross_entropy(scores, y)))


def fit(settings: Settings, training: Images, validation: Images, checkpoint: Path) -> Digits:
    """The network of the epoch with the lowest loss on the validation images."""
    torch.manual_seed(settings.seed)
    network = Digits(settings.channels, settings.timesteps)
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    state: dict[str, Any] = {"settings": asdict(settings), "epoch": 0, "best": math.inf, "network": {}}
    if checkpoint.exists():
        found = load(checkpoint)
        if found["settings"] == state["settings"]:
            state = found
            network.load_state_dict(state["latest"])
            optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["chance"])
    with stages() as show:
        show.at("training", state["epoch"], settings.epochs)
        for epoch in range(state["epoch"], settings.epochs):
            rate = LEARNING_RATE * (1 + math.cos(math.pi * epoch / settings.epochs)) / 2
            for group in optimizer.param_groups:
                group["lr"] = rate
            train_epoch(network, optimizer, training)
            result = measure(network, validation)
            if result.loss < state["best"]:
                weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
                state |= {"best": result.loss, "network": weights}
            state |= {"epoch": epoch + 1, "latest": network.state_dict(), "optimizer": optimizer.state_dict()}
            state["chance"] = torch.get_rng_state()
            with written_whole(checkpoint) as partial:
                torch.save(state, partial)
            show.advance(1)
            show.say(f"validation {result.accuracy:.1%}, loss {result.loss:.4f}")
    network.load_state_dict(state["network"])
    return network


def train_epoch(network: Digits, optimizer: torch.optim.Optimizer, training: Images) -> None:
    network.train()
    x, y = training.tensors()
    for batch in torch.randperm(len(x)).split(BATCH):
        optimizer.zero_grad()
        functional.cross_entropy(network(augment(x[batch])), y[batch]).backward()
        optimizer.step()


def to_nir(network: Digits) -> nir.NIRGraph:
    """The network as a NIR graph, batch norm folded into the convolutions.

    NIR is in continuous time: with these constants an explicit Euler step of ``DT`` is v = BETA v + I.
    """
    first, second = network.conv1.out_channels, network.conv2.out_channels

    def leak(*shape: int) -> dict[str, np.ndarray]:
        return {
            "tau": np.full(shape, DT / (1 - BETA)),
            "r": np.full(shape, 1 / (1 - BETA)),
            "v_leak": np.zeros(shape),
        }

    def conv(layer: nn.Conv2d, norm: nn.BatchNorm2d, input_shape: tuple[int, int]) -> nir.Conv2d:
        weight, bias = folded(layer, norm)
        return nir.Conv2d(input_shape, weight, 1, layer.padding[0], 1, 1, bias)

    nodes = {
        "input": nir.Input(np.array([1, 8, 8])),
        "conv1": conv(network.conv1, network.norm1, (8, 8)),
        "lif1": nir.LIF(**leak(first, 8, 8), v_threshold=np.ones((first, 8, 8))),
        # A sum of spikes above one half: any spike of the window.
        "pool1": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "any1": nir.Threshold(np.full((first, 4, 4), 0.5)),
        "conv2": conv(network.conv2, network.norm2, (4, 4)),
        "lif2": nir.LIF(**leak(second, 2, 2), v_threshold=np.ones((second, 2, 2))),
        "flatten": nir.Flatten({"input": np.array([second, 2, 2])}, start_dim=0),
        "dense": nir.Affine(network.dense.weight.detach().numpy(), network.dense.bias.detach().numpy()),
        "li": nir.LI(**leak(10)),
        "output": nir.Output(np.array([10])),
    }
    names = list(nodes)
    return nir.NIRGraph(nodes, list(pairwise(names)))


def folded(layer: nn.Conv2d, norm: nn.BatchNorm2d) -> tuple[np.ndarray, np.ndarray]:
    """Weight and bias of the convolution with its batch norm, in double precision."""
    weight, gain, shift, mean, variance = (
        tensor.detach().numpy().astype(np.float64)
        for tensor in (layer.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    )
    factor = gain / np.sqrt(variance + norm.eps)
    return weight * factor[:, None, None, None], shift - mean * factor


def add_in_order() -> None:
    """Have PyTorch add the same floats in the same order every time: one seed, one model, on one kind of machine."""
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)


def make(settings: Settings, out: Path, measure_held_out: bool) -> None:
    """Train, write the network and the held-out images to ``out``, and say how good it is."""
    add_in_order()
    training, validation, held_out = split_digits()
    checkpoint = out / ".cache" / "digits-checkpoint.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    network = fit(settings, training, validation, checkpoint)

    with written_whole(out / "digits.nir") as partial:
        nir.write(partial, to_nir(network))
    with written_whole(out / "samples.npz") as partial:
        np.savez_compressed(partial, x=held_out.x, y=held_out.y)
    checkpoint.unlink()

    print(f"{network.synapses} synapses, {settings.timesteps} time steps")
    print(f"validation: accuracy {measure(network, validation).accuracy:.4f}")
    if measure_held_out:
        print(f"held-out: accuracy {measure(network, held_out).accuracy:.4f}")


def train(run: Run) -> None:
    """Make the shipped model; the images and their split are always the same."""
    make(Settings(run.seed), run.out, measure_held_out=not run.held_out)


def main() -> None:
    """Train with other settings, to compare them on the validation images."""
    shipped = Settings(0)
    parser = argparse.ArgumentParser(description="Train the digits model with other settings.")
    parser.add_argument("--seed", type=int, default=shipped.seed)
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--epochs", type=int, default=shipped.epochs)
    parser.add_argument("--channels", type=int, nargs=2, default=shipped.channels, help="of the two convolutions")
    parser.add_argument("--timesteps", type=int, default=shipped.timesteps)
    args = parser.parse_args()
    if args.epochs < 1:
        parser.error(f"--epochs must be at least 1, not {args.epochs}")
    settings = Settings(args.seed, args.epochs, tuple(args.channels), args.timesteps)
    make(settings, args.out, measure_held_out=False)


if __name__ == "__main__":
    main()
