"""A user's own events, a list of times, columns, rows and polarities, through the shipped model ``events``.

The list here is of the simulated camera, which looks at a digit drawn below; a recording's would do as well.

python examples/own_events.py
"""

from __future__ import annotations

import numpy as np

import hwsnn
from hwsnn.data.events import SUB_STEPS, encode, simulated


def main() -> None:
    """Print how many events there are, and what the model takes the digit for."""
    seven = np.zeros((28, 28), np.uint8)
    seven[5:8, 7:20] = 255
    for row in range(8, 23):
        column = 18 - (row - 8) // 2
        seven[row, column - 1 : column + 2] = 255

    finest = simulated(seven[np.newaxis], "test", SUB_STEPS)[0]
    sub_step, p, y, x = finest.nonzero()
    t = sub_step * 12_500 + np.random.default_rng(0).integers(0, 12_500, len(sub_step))  # microseconds

    network = hwsnn.load("events")
    frame = encode(t, x, y, p, timesteps=network.timesteps, start=0, duration=SUB_STEPS * 12_500)
    result = hwsnn.run(network, frame[np.newaxis])
    print(f"{len(t)} events in {network.timesteps} steps: a {result.predictions[0]}")


if __name__ == "__main__":
    main()
