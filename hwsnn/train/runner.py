"""The runner of all recipes: build, train, tune, fine-tune, measure, write."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import nn

from ..errors import InputError
from .card import Made, finish
from .loop import accuracy, same_every_time, train
from .network import TrainableNetwork, export, input_shape, spiking
from .quantized import round_weights
from .recipe import Run, tensors


def make(run: Run) -> None:
    """Train the model of the run's recipe, and write it, its floats and its card; with images held out, print the card.

    Raises ``InputError`` where the data are not fit for the recipe's network, before anything is trained.
    """
    recipe = run.recipe
    learner, seconds = learn(run)
    network = recipe.tune(run, learner)
    tuned = _fine_tuned(run, network)
    model = tuned.get(recipe.weight_bits, network)
    made = Made(
        network=export(network, recipe.name),
        tuned={bits: export(narrow, recipe.name) for bits, narrow in tuned.items()},
        model=export(model, recipe.name),
        seconds=seconds,
        float_accuracy=accuracy(model, tensors(run.measured)),
        remark=recipe.remark(run, learner),
    )
    finish(run, made)


def learn(run: Run) -> tuple[nn.Module, float]:
    """What the recipe builds, trained, and the seconds that this took."""
    recipe = run.recipe
    same_every_time(run.seed)
    try:
        shape = input_shape(recipe.notation)
        _require_images(run, (recipe.timesteps, *shape) if recipe.encoding == "steps" else shape)
        _require_classes(run)
        learner = recipe.build(run)
    except ValueError as error:
        raise InputError(f"{run.called}: {error}") from error
    learner = learner.to(run.device)
    checkpoint = run.checkpoint(recipe.name)
    seconds = train(
        learner,
        run.training,
        recipe.plan,
        checkpoint,
        loss=recipe.loss,
        distort=recipe.distortion,
        validation=run.validation,
    )
    return learner, seconds


def _fine_tuned(run: Run, network: TrainableNetwork) -> dict[int, TrainableNetwork]:
    """By weight bits, ``network`` trained on with weights rounded to so many.

    Batch norms stay what they are: one only stretches the grid of its channel.
    """
    recipe, tuned = run.recipe, {}
    for bits, plan in recipe.fine_tuning.items():
        tuned[bits] = narrow = deepcopy(network)
        round_weights(narrow, bits)
        checkpoint = run.checkpoint(f"{recipe.name}-{bits}-bits")
        train(narrow, run.training, plan, checkpoint, distort=recipe.distortion, validation=run.validation)
    return tuned


def _require_images(run: Run, shape: tuple[int, ...]) -> None:
    """Images of the size that the network takes, and enough to train with."""
    for images in (run.training.x, run.measured.images):
        if tuple(images.shape[1:]) != shape:
            found, wanted = ("x".join(map(str, extents)) for extents in (images.shape[1:], shape))
            raise InputError(f"{run.data}: images are {found}; the network of {run.called} takes {wanted}")
    if len(run.training.x) < run.recipe.plan.batch:
        raise InputError(
            f"{run.data}: {len(run.training.x)} images to train with are too few; a batch of {run.called} has "
            f"{run.recipe.plan.batch}"
        )


def _require_classes(run: Run) -> None:
    """Labels of classes that the network has."""
    with torch.device("meta"):  # draws no random numbers
        classes = spiking(run.recipe.notation, timesteps=1, beta=0).classes
    for labels in (run.training.y.numpy(), run.measured.labels):
        if labels.min() < 0 or labels.max() >= classes:
            wrong = next(label for label in labels.tolist() if not 0 <= label < classes)
            raise InputError(f"{run.data}: holds the label {wrong}; the classes of {run.called} are 0 to {classes - 1}")
