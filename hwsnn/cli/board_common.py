"""What the commands of ``hwsnn board`` share: the board's address, the open board, and runs of images on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ..progress import Stages, stages
from . import completers

if TYPE_CHECKING:
    from ..host import Accelerator, Inference, Stats
    from ..spec import Network
    from ..spec.integers import Images

SIMULATED = "sim"


def address_options(run: Any) -> Any:
    """``--on ADDRESS`` and ``--baud``."""
    on = click.option(
        "--on",
        "address",
        required=True,
        metavar="ADDRESS",
        shell_complete=completers.address,
        help="The board: see hwsnn board --help.",
    )
    baud = click.option(
        "--baud",
        type=click.IntRange(min=1),
        metavar="B",
        help="Baud rate of a serial port.  [default: 2000000]",
    )
    return on(baud(run))


def scheme_of(address: str) -> str:
    """The kind of the address: the name of a board, or a word such as ``serial``."""
    return address.partition(":")[0]


@dataclass(frozen=True)
class Run:
    """The board's results for some images, the increments of its counters, and the time it took."""

    sent: Images
    found: Inference
    grown: Stats
    seconds: float
    mismatches: int


class Runner:
    """Runs images on a board with a progress bar, and compares the results with the reference."""

    def __init__(self, board: Accelerator, show: Stages) -> None:
        self._board, self.show = board, show

    def run(self, images: Images, frames: int | None = None) -> Run:
        """Run ``frames`` frames, cycling through the images; each image once where ``frames`` is None."""
        import numpy as np

        from .. import reference

        order = np.arange(len(images) if frames is None else frames) % len(images)
        self.show.at("running on the board", 0, len(order), "frames")
        sent = images[order]
        before, start = self._board.stats(), time.perf_counter()
        found = self._board.infer(sent, self.show.advance)
        seconds, after = time.perf_counter() - start, self._board.stats()
        self.show.at("running the reference", 0, len(images), "images")
        expected = reference.run(self._board.network, images, progress=self.show.advance)
        differs = (found.scores != expected.scores[order]).any(axis=1)
        differs |= found.predictions != expected.predictions[order]
        return Run(sent, found, after - before, seconds, int(differs.sum()))


@contextmanager
def opened(address: str, network: Network, baud: int | None) -> Iterator[tuple[Accelerator, Runner]]:
    """The open board, and the runner of images on it."""
    from ..board import open_board

    with stages() as show:
        show.at("opening")
        with open_board(address, network, baud=baud, stage=show.at) as board:
            yield board, Runner(board, show)
