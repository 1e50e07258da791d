"""Classifies images on a board: by default on one in simulation, so that it runs anywhere.

python examples/classify.py [ADDRESS [MODEL [DATA]]]
"""

from __future__ import annotations

import sys

from hwsnn.board import open_board
from hwsnn.data import load
from hwsnn.model_file.by_name import load_model


def main(address: str = "sim", model: str = "digits", data: str = "digits") -> None:
    """Print how many answers are right, and what the board counted meanwhile."""
    network = load_model(model)
    given = load(data, network)
    with open_board(address, network) as board:
        before = board.stats()
        _, answers = board.infer(given.images)
        counted = board.stats() - before
    print(f"{counted.frames} images on {board.name}")
    if given.labels is not None:
        print(f"{(answers == given.labels).mean():.2%} right")
    if counted.clocks is not None:
        print(f"{counted.clocks / counted.frames:.0f} clocks an image")


if __name__ == "__main__":
    main(*sys.argv[1:])
