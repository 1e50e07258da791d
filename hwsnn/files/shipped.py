"""The folders that ship beside the code: ``models/`` and ``boards/``."""

from pathlib import Path


def folder(name: str) -> Path:
    """The shipped folder ``name``: inside the package once installed from a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / name
    return installed if installed.is_dir() else package.parent / name


def model_folders() -> dict[str, Path]:
    """The folders of the shipped models, each with its ``recipe.py``, by the names that people type.

    A folder's name can be imported: ``mnist-small`` is in ``models/mnist_small``.
    """
    recipes = sorted(folder("models").glob("*/recipe.py"))
    return {recipe.parent.name.replace("_", "-"): recipe.parent for recipe in recipes}
