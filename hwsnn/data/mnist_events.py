"""MNIST's digits as events of a simulated camera (``hwsnn.data.events``), made of MNIST's files. It is not N-MNIST."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..spec.integers import Images
from . import idx, mnist
from .events import IMAGE, SIDE, simulated
from .frames import Frames, Labels
from .idx import Split
from .named import NamedData

TIMESTEPS = 6
"""Two for each of three saccades."""


def frames(folder: Path, split: Split) -> Frames:
    """The events (N, T, 2, 34, 34), 0 or 1, of the images of ``split`` in ``folder``, and their labels if known."""
    images = idx.frames(folder, split)
    total, *size = images.shape
    if size != [1, IMAGE, IMAGE]:
        found = "x".join(map(str, size[1:]))
        raise InputError(f"{images.where}: images are {found}; the simulated camera takes {IMAGE}x{IMAGE}")

    def first(count: int) -> tuple[Images, Labels | None]:
        seen, labels = images.first(count)
        return simulated(seen[:, 0], split, TIMESTEPS), labels

    return Frames(images.where, (total, TIMESTEPS, 2, SIDE, SIDE), first)


SET = NamedData(
    word="mnist-events",
    title="MNIST seen by a simulated event camera",
    shape=(TIMESTEPS, 2, SIDE, SIDE),
    folder=mnist.SET.folder,
    holds=idx.holds,
    frames=frames,
    files=mnist.SET.files,
    mirrors=mnist.SET.mirrors,
    models=("events",),
)
