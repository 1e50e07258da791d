"""Resolve MODEL: a model file, or the name of a shipped model such as ``digits``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hwsnn.files.atomic import require_file
from hwsnn.files.shipped import model_folders

if TYPE_CHECKING:
    from hwsnn.spec import Network


def load_model(model: str | Path) -> Network:
    """The network in a model file, or a shipped one by its name. Raises ``InputError`` if there is none."""
    from .integer_file import load

    return load(model_path(str(model)))


def model_path(text: str) -> Path:
    """The file that ``text`` names; the name of a shipped model wins over a file of that name."""
    beside = {name: folder / f"{name}.safetensors" for name, folder in model_folders().items()}
    shipped = {name: file for name, file in beside.items() if file.is_file()}
    path = shipped.get(text, Path(text))
    names = ", ".join(shipped) or "none here"
    remedy = f"give a .safetensors file, or the name of a shipped model ({names})"
    require_file(path, "model file", remedy, called=text)
    return path
