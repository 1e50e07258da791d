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
BATCH = 50
SHOWN = 200
"""After that many batches the progress is shown."""


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
    epochs: int = 1,
    learning_rate: float = 2e-3,
    scale: float = 1.0,
) -> None:
    """Train ``network`` in place by Adam, at a learning rate that falls to 0, to the cross entropy of scaled scores.

    The last ``VALIDATION`` images, at most a fifth, train nothing: they show how far it is.
    """
    kept = min(VALIDATION, len(images.x) // 5)
    trained, validation = (Images(*(values[part] for values in images)) for part in (slice(-kept), slice(-kept, None)))
    batches = [batch for _ in range(epochs) for batch in torch.randperm(len(trained.x)).split(BATCH)]
    optimizer = torch.optim.Adam(network.parameters(), learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
    start, losses = time.monotonic(), []
    for count, chosen in enumerate(batches, 1):
        network.train()
        loss = cross_entropy(scale * scores(network, trained.x[chosen]), trained.y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if count % SHOWN == 0 or count == len(batches):
            right = accuracy(network, scores, validation)
            mean, seconds = sum(losses) / len(losses), time.monotonic() - start
            print(f"{count} of {len(batches)} batches, {seconds:.0f} s: loss {mean:.3f}, ", end="")
            print(f"{right:.1%} of {kept} validation images right", flush=True)
            losses.clear()


def accuracy(network: nn.Module, scores: Scores, images: Images) -> float:
    """The part of ``images`` whose class has the largest score, in eval mode."""
    network.eval()
    with torch.no_grad():
        found = torch.cat([scores(network, part).argmax(1) for part in images.x.split(500)])
    return float((found == images.y).double().mean())


def same_every_time() -> None:
    """Draw and add the same numbers in every run. Several threads add in another order, and wait for busy cores."""
    torch.manual_seed(0)
    torch.set_num_threads(1)


def main(train: Callable[[str], nn.Module], scores: Scores) -> None:
    """``--data DATA -o W.pt``: train, save the weights, and measure them on the test images."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="mnist", help="a folder of IDX files, or the word mnist (default)")
    parser.add_argument("-o", "--output", required=True, metavar="W.pt", help="where the weights are saved")
    given = parser.parse_args()
    network = train(given.data)
    torch.save(network.state_dict(), given.output)
    test = data.images(given.data)
    right = accuracy(network, scores, Images(torch.tensor(test.images) / 255, torch.tensor(test.labels)))
    print(f"{right:.2%} of {len(test.images)} test images right")
