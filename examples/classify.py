"""Classifies images on a board: by default on one in simulation, so that it runs anywhere.

python examples/classify.py [ADDRESS [MODEL [DATA]]]
"""

from __future__ import annotations

import sys

import hwsnn
from hwsnn import data


def main(address: str = "sim", model: str = "digits", source: str = "digits") -> None:
    """Print the accuracy, and the board's counters."""
    network = hwsnn.load(model)
    given = data.load(source, network)
    with hwsnn.open_board(address, network) as board:
        before = board.stats()
        _, predictions = board.infer(given.images)
        counted = board.stats() - before
    print(f"{counted.frames} images on {board.name}")
    if given.labels is not None:
        print(f"{(predictions == given.labels).mean():.2%} right")
    if counted.clocks is not None:
        print(f"{counted.clocks / counted.frames:.0f} cycles per image")


if __name__ == "__main__":
    main(*sys.argv[1:])
