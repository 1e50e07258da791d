"""``hwsnn train``: a shipped model, made again by its recipe."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import click

from hwsnn.files.shipped import folder

from ..errors import InputError
from .common import seed_option


@click.command("train")
@click.argument("name", metavar="NAME")
@click.option(
    "--data", default="mnist", envvar="HWSNN_DATA", show_default=True, help="A folder of IDX files, or the word mnist."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write into.")
@seed_option
@click.option(
    "--hold-out",
    "held_out",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Train without the last N training images, measure those, and leave the test images alone.",
)
@click.option("--device", default="cpu", show_default=True, help="Where PyTorch computes: cpu, or cuda for a GPU.")
def command(name: str, data: str, output: Path, seed: int, held_out: int, device: str) -> None:
    """Train the shipped model NAME by its recipe, and write it, its floats and its card.

    A killed run goes on from its last epoch. The same seed gives the same model twice on one machine.
    """
    recipes = {path.parent.name: path for path in sorted(folder("models").glob("*/recipe.py"))}
    if name not in recipes:
        raise InputError(f"{name}: no such recipe; there are {', '.join(recipes)}")
    import torch

    from ..train.loop import same_every_time
    from ..train.recipe import Run

    recipe = _module(name, recipes[name])
    try:
        place = torch.device(device)
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError):
        raise InputError(f"--device must be one that PyTorch has here, such as cpu, not {device}") from None
    same_every_time(seed)
    recipe.train(Run(name, data, output, seed, held_out, place))


def _module(name: str, recipe: Path) -> ModuleType:
    """The recipe, imported: a file of ours, in a folder that is no package."""
    spec = importlib.util.spec_from_file_location(f"recipe_{name.replace('-', '_')}", recipe)
    assert spec is not None  # it is a .py file
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up their annotations
    spec.loader.exec_module(module)
    return module
