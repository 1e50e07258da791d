"""``hwsnn train``: a model, made by its recipe."""

from __future__ import annotations

from pathlib import Path

import click

from hwsnn.files.atomic import require_file
from hwsnn.files.shipped import model_folders

from ..errors import InputError
from . import completers
from .common import not_empty, seed_option
from .documented import Command


@click.command(
    "train",
    cls=Command,
    examples=(
        "hwsnn train mnist-small -o out",
        "hwsnn train recipe.py --data mnist --hold-out 10000 -o out",
    ),
)
@click.argument("recipe", metavar="RECIPE", shell_complete=completers.recipe)
@click.option(
    "--data",
    envvar="HWSNN_DATA",
    show_envvar=True,
    callback=not_empty,
    metavar="DATA",
    shell_complete=completers.data,
    help="A folder of data sets, or one's word.  [default: the word of the recipe's data]",
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
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    shell_complete=completers.pytorch_device,
    help="Where PyTorch computes: cpu, or cuda for a GPU.",
)
def command(recipe: str, data: str | None, output: Path, seed: int, held_out: int, device: str) -> None:
    """Train a model by its RECIPE, and write it, its floats and its card.

    RECIPE is the name of a shipped model, or a recipe's Python file, which is run as any program is. A killed run goes
    on from its last epoch. The same seed gives the same model twice on one machine.
    """
    path, called = _recipe_file(recipe)
    import torch

    from ..train import recipe_file
    from ..train.recipe import Run
    from ..train.runner import make

    try:
        place = torch.device(device)
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError):
        raise InputError(f"--device must be one that PyTorch has here, such as cpu, not {device}") from None
    loaded = recipe_file.load(path)
    make(Run(loaded, called, data or loaded.data.word, output, seed, held_out, place))


def _recipe_file(text: str) -> tuple[Path, str]:
    """The recipe's file that ``text`` names, and what a card calls it; a shipped model's name wins over a file's."""
    shipped = model_folders()
    if text in shipped:
        return shipped[text] / "recipe.py", text
    path = Path(text)
    require_file(path, "recipe", f"give a .py file, or the name of a shipped model ({', '.join(shipped)})")
    return path, path.name
