"""A recipe, how a model is made: data and prose over one runner; and one run of a recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from .. import data
from ..data import LabelledData
from ..data.idx import Split
from ..data.sets import SETS
from ..errors import InputError
from ..spec import MAX_PIXEL_BITS, EncoderKind, require_network_name
from .loop import Images, Loss, Plan
from .network import TrainableNetwork, spiking


@dataclass(frozen=True)
class DataSet:
    """Images to train with, and others that measure the finished model.

    ``read(text, split)``: the images (N, C, H, W) of a split, all of one size, and their classes from 0 on; ``text`` is
    what ``--data`` says. It must give the same images in the same order every time. ``name``: for the card. ``word``:
    what ``--data`` says if it is not given.
    """

    name: str
    read: Callable[[str, Split], LabelledData]
    word: str


def data_set(word: str) -> DataSet:
    """The named set of that word, or what else ``--data`` names; in a folder of several sets it is that set."""
    named, wish = SETS[word], data.Wish(word)

    def read(text: str, split: Split) -> LabelledData:
        if split == "train":
            return data.training(text, wish=wish)
        found = data.images(text, split, wish=wish)
        if found.labels is None:
            raise InputError(f"{text}: holds no test labels; there must be some to measure a model with")
        return LabelledData(found.images, found.labels, found.remark)

    return DataSet(named.title, read, word)


MNIST = data_set("mnist")


def direct(run: Run) -> nn.Module:
    """The network of the recipe, of leaky integrate-and-fire neurons, to be trained through time as it is."""
    recipe = run.recipe
    return spiking(recipe.notation, timesteps=recipe.timesteps, beta=recipe.beta, encoding=recipe.encoding)


def as_trained(run: Run, network: nn.Module) -> TrainableNetwork:
    """What was trained, a ``TrainableNetwork``, is the model."""
    assert isinstance(network, TrainableNetwork)
    return network


def no_remark(run: Run, network: nn.Module) -> str:
    """Nothing more to say."""
    return ""


@dataclass(frozen=True)
class Recipe:
    """How a model is made. A recipe's file has one, as ``RECIPE``; ``hwsnn train`` runs it (``hwsnn.train.runner``).

    ``name``: of the model and its files. ``notation`` (as of ``TrainableNetwork``), ``timesteps``, ``beta`` and
    ``encoding``: of the model; ``pixel_bits``: of a value of its input. ``plan`` and ``distortion``: how it is trained.
    ``prose``: what it is and how it was trained, for its card, in Markdown; ``notes``: more of that, after the figures.
    ``fine_tuning``: by weight bits, how the finished network is trained on with weights rounded to that many; the card
    compares that with plain rounding. The model has weights of ``weight_bits``: fine-tuned for them, if there is a plan
    for so many, else rounded after training.

    Hooks, for what is not trained as it will run, each given the run:
    ``build``: what the loop trains, on the CPU; ``tune``: the spiking network made of that when it is trained;
    ``remark``: a last paragraph of the card, of what was trained. ``loss``: of the scores of what the loop trains.
    """

    name: str
    notation: str
    timesteps: int
    beta: float
    plan: Plan
    distortion: Callable[[Tensor], Tensor]
    prose: str
    encoding: EncoderKind = "direct"
    pixel_bits: int = MAX_PIXEL_BITS
    data: DataSet = MNIST
    weight_bits: int = 8
    fine_tuning: Mapping[int, Plan] = field(default_factory=dict)
    notes: str = ""
    build: Callable[[Run], nn.Module] = direct
    loss: Loss = functional.cross_entropy
    tune: Callable[[Run, nn.Module], TrainableNetwork] = as_trained
    remark: Callable[[Run, nn.Module], str] = no_remark

    def __post_init__(self) -> None:
        require_network_name(self.name)
        if self.pixel_bits != MAX_PIXEL_BITS and self.encoding != "steps":
            raise ValueError(f"pixel_bits must be {MAX_PIXEL_BITS} but for values of steps, not {self.pixel_bits!r}")


@dataclass(frozen=True)
class Run:
    """One run of a recipe: where its data are, where its files go, and where its random choices start.

    ``held_out``: so many of the last training images are not trained with, but measured in place of the test images. A
    run with images held out is for choosing; one without measures the test images, once, with the finished model.
    ``called``: what names the recipe for ``hwsnn train``.
    """

    recipe: Recipe
    called: str
    data: str
    out: Path
    seed: int
    held_out: int
    device: torch.device

    @cached_property
    def training(self) -> Images:
        """The images to train with."""
        found = self._training
        kept = slice(len(found.images) - self.held_out)
        return tensors(LabelledData(found.images[kept], found.labels[kept]))

    @cached_property
    def measured(self) -> LabelledData:
        """The images to measure the finished model with: the test images, or those held out."""
        if not self.held_out:
            return self.recipe.data.read(self.data, "test")
        found = self._training
        return LabelledData(found.images[-self.held_out :], found.labels[-self.held_out :], found.remark)

    @property
    def validation(self) -> Images | None:
        """The images to watch while training: those held out, if any."""
        return tensors(self.measured) if self.held_out else None

    @cached_property
    def _training(self) -> LabelledData:
        """All training images."""
        found = self.recipe.data.read(self.data, "train")
        if self.held_out >= len(found.images):
            raise InputError(f"--hold-out must be less than the {len(found.images)} training images")
        return found

    def checkpoint(self, stage: str) -> Path:
        """Where a stage of training keeps how far it is."""
        return self.out / ".cache" / f"{stage}.pt"


def tensors(found: LabelledData) -> Images:
    """Images as they are, in bytes, and their classes."""
    return Images(torch.tensor(found.images), torch.tensor(found.labels))
