"""Hears a digit: a recording of your own as spikes, and what the shipped model makes of them.

python examples/hear_digit.py [RECORDING.wav]

The recording is of one spoken digit, 16 bits, one channel, at 8,000 samples per second or more. Without one the example
listens to two tones, which say nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import hwsnn
from hwsnn.data.filter_bank import encode
from hwsnn.data.spoken_digits import read_wav
from hwsnn.errors import InputError


def main(path: str | None = None) -> None:
    """Print the scores of the ten digits, and the largest."""
    if path is None:
        rate, time = 8000, np.arange(2000) / 8000
        samples = np.concatenate([np.sin(2 * np.pi * hertz * time) for hertz in (300, 1500)])
    else:
        try:
            samples, rate = read_wav(path, Path(path).read_bytes())
        except (OSError, InputError) as error:
            raise SystemExit(f"{path}: cannot be heard ({error})") from None
    try:
        spikes = encode(samples, rate)
    except ValueError as error:
        raise SystemExit(f"{path}: cannot be heard ({error})") from None
    if not spikes.any():
        raise SystemExit(f"{path}: there is no sound in it")
    network = hwsnn.load("speech")
    result = hwsnn.run(network, spikes.reshape(1, *network.frame_shape))
    print(f"{spikes.sum()} spikes in {len(spikes)} steps")
    print("scores of 0 to 9: " + ", ".join(str(score) for score in result.scores[0]))
    print(f"most like a {result.predictions[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
