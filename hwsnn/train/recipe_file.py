"""Recipes as files: Python code of their author's, which is run."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from ..errors import InputError, reason
from .recipe import Recipe


def load(path: Path) -> Recipe:
    """The ``RECIPE`` of the Python file ``path``, which is run with all the rights of whoever runs it.

    Raises ``InputError`` where it cannot be run, or has none.
    """
    if path.suffix != ".py":
        raise InputError(f"{path}: a recipe must be a Python file, whose name ends in .py")
    spec = importlib.util.spec_from_file_location(f"hwsnn_recipe_{path.parent.name}_{path.stem}", path)
    assert spec is not None  # it ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look up their annotations
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever its author's code does
        raise InputError(f"{path}{_line(path, error)}: {type(error).__name__}: {reason(error)}") from error
    recipe = getattr(module, "RECIPE", None)
    if not isinstance(recipe, Recipe):
        found = "none" if recipe is None else f"a {type(recipe).__name__}"
        raise InputError(f"{path}: must have a RECIPE, a hwsnn.train.recipe.Recipe, and has {found}")
    return recipe


def _line(path: Path, error: Exception) -> str:
    """Where in ``path`` the error came of, if known."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
