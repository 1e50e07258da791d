"""The self-test of a board, step by step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.errors import InputError, ToolError

from .accelerator import Accelerator

FRAMES = 8
"""Random images that are run at the end of every step."""


@dataclass(frozen=True)
class Step:
    """The result of a step; ``text`` describes it in a few words."""

    name: str
    passed: bool
    text: str


def selftest(board: Accelerator, seed: int = 0) -> Iterator[Step]:
    """Yield each step when it is done. After a failure the other steps still run."""
    images = random_images(board.network, FRAMES, seed)
    expected = reference.run(board.network, images)

    def frames() -> str:
        before = board.stats().frames
        found = board.infer(images)
        wrong = (found.scores != expected.scores).any(axis=1) | (found.predictions != expected.predictions)
        if wrong.any():
            raise InputError(f"{int(np.count_nonzero(wrong))} of {FRAMES} frames differ from the reference")
        if (counted := board.stats().frames - before) != FRAMES:
            raise InputError(f"{counted} of {FRAMES} frames were counted")
        return f"{FRAMES} frames equal the reference"

    yield _step("identity", board.describe)
    yield _step("frames", frames)
    for check in board.checks():
        yield _step(check.name, lambda: f"{check.run()}; then {frames()}")  # noqa: B023  # it is run at once


def _step(name: str, run: Callable[[], str]) -> Step:
    try:
        return Step(name, True, run())
    except InputError as error:
        return Step(name, False, str(error))
    except ToolError as error:
        return Step(name, False, error.summary)
