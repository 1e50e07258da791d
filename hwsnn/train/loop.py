"""The training loop: epochs with a progress bar, a checkpoint after each, and the same model for the same seed."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel

from hwsnn.files.atomic import written_whole

from ..errors import InputError
from ..progress import stages
from .checkpoint import load
from .encode import floats

Loss = Callable[[Tensor, Tensor], Tensor]
"""Scores (N, classes) and digits (N,) to a number to make small."""


class Images(NamedTuple):
    """``x``: pixels (N, C, H, W) or values by step (N, T, C, H, W), as ``floats`` takes them; ``y``: (N,) int64, the
    classes."""

    x: Tensor
    y: Tensor

    def to(self, device: torch.device) -> Images:
        return Images(self.x.to(device), self.y.to(device))


@dataclass(frozen=True)
class Plan:
    """How to train: by AdamW, at a learning rate that rises for a tenth of the steps, then falls to ``floor`` of it.

    ``average``: the model is the exponential average of the weights of all steps, each step's share this part of the
    one's after it; 0 keeps the last step's. Where weights are averaged the learning rate need not fall to nothing.
    ``half_precision``: layers compute in bfloat16 in training, and only there.
    """

    epochs: int
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    floor: float = 0.0
    average: float = 0.0
    half_precision: bool = True


def same_every_time(seed: int) -> None:
    """Have PyTorch draw and add the same numbers in the same order every time, on one kind of processor.

    It computes in one thread: more would add in another order on a machine of more cores, and two runs side by side, a
    thread each, get more done than one after the other.
    """
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # what is read is written before
    torch.set_num_threads(1)
    torch.manual_seed(seed)


def train(
    network: nn.Module,
    images: Images,
    plan: Plan,
    checkpoint: Path,
    *,
    loss: Loss = functional.cross_entropy,
    distort: Callable[[Tensor], Tensor] | None = None,
    validation: Images | None = None,
) -> float:
    """Train ``network`` in place; how many seconds the epochs took, those before a kill included.

    ``checkpoint`` is written after each epoch and read at the start, where it is of the same run: network and its first
    weights, images, ``plan``, ``distort`` and random numbers to come. It stays: calling again does nothing more.
    ``validation`` is measured after each epoch, and only shown.
    """
    device = next(network.parameters()).device
    images = images.to(device)
    run = _Run(network, plan, len(images.x))
    key = _key(network, plan, images, distort)
    epoch, seconds = run.restore(checkpoint, key)
    with stages() as show:
        steps = run.steps_an_epoch
        show.at("training", epoch * steps, plan.epochs * steps, "batches")
        start = seconds - time.monotonic()
        while epoch < plan.epochs:
            mean = run.epoch(images, loss, distort, lambda: show.advance(1))
            epoch += 1
            seconds = start + time.monotonic()
            run.save(checkpoint, key, epoch, seconds)
            shown = f"epoch {epoch}, loss {mean:.4f}"
            if validation is not None:
                shown += f", validation {accuracy(run.model(), validation):.2%}"
            show.say(shown)
    network.load_state_dict(run.model().state_dict())
    network.eval()
    return seconds


class _Run:
    """What changes while a network is trained, and what it takes to go on from there."""

    def __init__(self, network: nn.Module, plan: Plan, count: int) -> None:
        # Where channels are last, half precision is several times as fast on a CPU that computes with it.
        self.network, self.plan = network.to(memory_format=torch.channels_last), plan
        self.steps_an_epoch = count // plan.batch
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: self._rate(step))
        self.averaged = AveragedModel(network, avg_fn=self._average, use_buffers=True) if plan.average else None

    def _rate(self, step: int) -> float:
        total = self.plan.epochs * self.steps_an_epoch
        rise = total / 10
        if step < rise:
            return step / rise
        falling = (1 + math.cos(math.pi * (step - rise) / (total - rise))) / 2
        return self.plan.floor + (1 - self.plan.floor) * falling

    def _average(self, averaged: Tensor, current: Tensor, count: Tensor) -> Tensor:
        """Over few steps an average of all, later one of about the last 1 / (1 - average)."""
        share = min(self.plan.average, (1 + int(count)) / (10 + int(count)))
        return averaged * share + current * (1 - share)

    def model(self) -> nn.Module:
        """The network as it would be if training ended here."""
        return self.network if self.averaged is None else self.averaged.module

    def epoch(
        self,
        images: Images,
        loss: Loss,
        distort: Callable[[Tensor], Tensor] | None,
        advance: Callable[[], None],
    ) -> float:
        """One pass over the images in random order; the mean loss. A last batch that is not full is left out."""
        self.network.train()
        total = 0.0
        device = images.x.device
        order = torch.randperm(len(images.x))[: self.steps_an_epoch * self.plan.batch].to(device)
        for batch in order.split(self.plan.batch):
            x = floats(images.x[batch])
            if distort is not None:
                x = distort(x)
            with torch.autocast(device.type, torch.bfloat16, enabled=self.plan.half_precision):
                scores = self.network(x)
            value = loss(scores.float(), images.y[batch])
            self.optimizer.zero_grad()
            value.backward()
            self.optimizer.step()
            self.schedule.step()
            if self.averaged is not None:
                self.averaged.update_parameters(self.network)
            total += value.item()
            advance()
        if not math.isfinite(total):
            raise InputError("training diverged: the loss is not finite any more; use a smaller learning rate")
        return total / self.steps_an_epoch

    def save(self, checkpoint: Path, key: str, epoch: int, seconds: float) -> None:
        state = {
            "key": key,
            "epoch": epoch,
            "seconds": seconds,
            "network": self.network.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "chance": torch.get_rng_state(),
        }
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(checkpoint) as partial:
            torch.save(state, partial)

    def restore(self, checkpoint: Path, key: str) -> tuple[int, float]:
        """Go on from ``checkpoint`` where it is of this run: epochs done and seconds taken, else none."""
        if not checkpoint.exists():
            return 0, 0.0
        state = load(checkpoint)
        if state.get("key") != key:
            return 0, 0.0
        self.network.load_state_dict(state["network"])
        if self.averaged is not None:
            self.averaged.load_state_dict(state["averaged"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["chance"])
        return int(state["epoch"]), float(state["seconds"])


def scores(network: nn.Module, x: Tensor, batch: int = 250) -> Tensor:
    """The scores (N, classes) of ``x``, as of ``Images``, in single precision."""
    network.eval()
    device = next(network.parameters()).device
    with torch.no_grad():
        return torch.cat([network(floats(part.to(device))).cpu() for part in x.split(batch)])


def accuracy(network: nn.Module, images: Images) -> float:
    """The part of the images whose largest score is that of their class."""
    return float((scores(network, images.x).argmax(1) == images.y.cpu()).double().mean())


def _key(network: nn.Module, plan: Plan, images: Images, distort: Callable[[Tensor], Tensor] | None) -> str:
    """What tells one run from another, as it begins."""
    digest = hashlib.sha256("\n".join((torch.__version__, repr(network), repr(plan), repr(distort))).encode())
    for tensor in (*network.state_dict().values(), *images, torch.get_rng_state()):
        digest.update(tensor.cpu().contiguous().numpy())
    return digest.hexdigest()
