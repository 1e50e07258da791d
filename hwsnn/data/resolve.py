"""Resolve the name or path of a data set."""

from __future__ import annotations

import os
from pathlib import Path

from hwsnn.errors import InputError
from hwsnn.files.cache import cache_folder
from hwsnn.files.shipped import folder

from .idx import Split, find, name

SHIPPED = {"digits": "digits/samples.npz"}
"""Names of data files below ``models/``."""
MNIST = "mnist"


def resolve(text: str, split: Split) -> Path:
    """The file or folder that ``text`` names: a data set's name, or a path; a name wins over a path of that name.

    A folder stands for its subfolder ``mnist`` if only that one holds the images of ``split``. The name ``mnist`` is
    the folder that the environment variable ``HWSNN_DATA`` names, or else what ``hwsnn data mnist`` downloaded; raises
    ``InputError`` if neither holds the images of ``split``.
    """
    if text in SHIPPED:
        return folder("models") / SHIPPED[text]
    return _mnist(split) if text == MNIST else _holding(Path(text), split) or Path(text)


def fetched() -> Path:
    """The folder that ``hwsnn data`` downloads to, which need not exist: it has a subfolder for each data set."""
    return cache_folder() / "hwsnn" / "data"


def _holding(path: Path, split: Split) -> Path | None:
    return next((folder for folder in (path, path / MNIST) if find(folder, name(split, "images"))), None)


def _mnist(split: Split) -> Path:
    given = os.environ.get("HWSNN_DATA")
    found = (given and _holding(Path(given), split)) or _holding(fetched(), split)
    if not found:
        also = f" or in HWSNN_DATA, {given}" if given else ""
        raise InputError(
            f"mnist: no {split} images in {fetched() / MNIST}{also}; "
            "`hwsnn data mnist` fetches them, or set HWSNN_DATA to a folder that holds the IDX files"
        )
    return found
