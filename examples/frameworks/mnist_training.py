"""What the examples of this folder share: MNIST, the training loop, and the command line."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from hwsnn import data

Scores: TypeAlias = Callable[[nn.Module, Tensor], Tensor]
"""A network and pixels (N, 1, 28, 28) from 0 to 1 to scores (N, 10)."""
VALIDATION = 2000


class Images(NamedTuple):
    """``x``: pixels (N, 1, 28, 28) from 0 to 1; ``y``: classes (N,)."""

    x: Tensor
    y: Tensor


def training_images(source: str, count: int) -> Images:
    """The first ``count`` training images, or all if there are fewer, of a folder of IDX files or ``mnist``."""
    found = data.training(source)
    return Images(torch.tensor(found.images[:count]) / 255, torch.tensor(found.labels[:count]))


def fit(
    network: nn.Module,
    scores: Scores,
    images: Images,
    *,
    epochs: int,
    batch: int = 50,
    learning_rate: float = 2e-3,
    scale: float = 1.0,
) -> None:
    """Train ``network`` in place by Adam, at a learning rate that falls to 0, to the cross entropy of scaled scores.

    The last ``VALIDATION`` images, a fifth where there are fewer than that asks for, measure each epoch and train
    nothing.
    """
    kept = min(VALIDATION, len(images.x) // 5)
    trained, validation = (Images(*(values[part] for values in images)) for part in (slice(-kept), slice(-kept, None)))
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    steps = epochs * -(-len(trained.x) // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    start = time.monotonic()
    for epoch in range(epochs):
        network.train()
        total = 0.0
        for chosen in torch.randperm(len(trained.x)).split(batch):
            loss = cross_entropy(scale * scores(network, trained.x[chosen]), trained.y[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(chosen)
        right = (answers(network, scores, validation.x) == validation.y).double().mean().item()
        print(
            f"epoch {epoch + 1} of {epochs}, {time.monotonic() - start:.0f} s: loss {total / len(trained.x):.3f}, "
            f"{right:.1%} of {kept} validation images right",
            flush=True,
        )


def answers(network: nn.Module, scores: Scores, x: Tensor) -> Tensor:
    """The classes (N,) that ``network`` chooses, in eval mode."""
    network.eval()
    with torch.no_grad():
        return torch.cat([scores(network, part).argmax(1) for part in x.split(500)])


def same_every_time() -> None:
    """Draw and add the same numbers in every run. Several threads add in another order, and wait for busy cores."""
    torch.manual_seed(0)
    torch.set_num_threads(1)


def main(train: Callable[[str], nn.Module]) -> None:
    """``--data DATA -o W.pt``: train, and save the weights."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="mnist", help="a folder of IDX files, or the word mnist (default)")
    parser.add_argument("-o", "--output", required=True, metavar="W.pt", help="where the weights are saved")
    given = parser.parse_args()
    torch.save(train(given.data).state_dict(), given.output)
