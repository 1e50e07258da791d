"""A float network from a file, by what the file is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from hwsnn.float_network import FloatNetwork


def is_float_file(path: Path) -> bool:
    """Whether ``path`` names a float ``.safetensors``; everything else is read as a NIR graph."""
    return path.suffix.lower() == ".safetensors"


def read(path: str | Path, *, dt: float | None = None) -> FloatNetwork:
    """The trained network in ``path``: a NIR graph, or a float ``.safetensors`` of ``hwsnn.train``.

    ``dt``: seconds per time step, by which the time constants of a NIR graph are read (default: 0.0001). Raises
    ``InputError`` for a file that is neither, or whose network cannot be built.
    """
    path = Path(path)
    if is_float_file(path):
        from hwsnn.model_file import float_file

        if dt is not None:
            raise InputError(f"{path}: has no time constants; --dt is for NIR files only")
        return float_file.load(path)
    from .nir import reader
    from .nir.conventions import DEFAULT_DT

    return reader.read(path, dt or DEFAULT_DT)
