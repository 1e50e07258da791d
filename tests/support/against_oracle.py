"""The reference against the oracle: every answer, score, spike and membrane."""

from __future__ import annotations

import numpy as np

from hwsnn.data import random_images
from hwsnn.reference import Result, encode, run
from hwsnn.spec import Network
from tests.support import oracle


def check(network: Network, count: int = 3, seed: int = 0) -> Result:
    """The reference's result on random frames, which must be the oracle's."""
    images = random_images(network, count, seed)
    result = run(network, images, trace=True)
    assert result.scores.dtype == np.int64
    assert result.predictions.dtype == np.int64
    expect_equal(network, images, result)
    return result


def expect_equal(network: Network, images: np.ndarray, result: Result) -> None:
    """Every answer, score, spike and membrane of ``result`` is the oracle's."""
    encoded = encode(network, images)
    assert encoded.shape == (len(images), network.timesteps, *network.input_shape)
    names = [layer.name for layer in network.layers]
    read = names[-1:] if network.readout in ("membrane", "sum", "max") else []
    spiking = [] if network.encoder.kind in ("direct", "steps") else ["encoder"]
    assert list(result.spikes) == [*spiking, *(name for name in names if name not in read)]
    assert list(result.membranes) == read
    for index, image in enumerate(images):
        answer, scores, values = oracle.run(network, image)
        assert result.scores[index].tolist() == scores
        assert result.predictions[index] == answer
        assert dense_steps(values["encoder"], encoded.shape[2:]) == encoded[index].tolist()
        for name, traced in (result.spikes | result.membranes).items():
            assert dense_steps(values[name], traced.shape[2:]) == traced[index].tolist(), f"values of {name}"


def dense_steps(steps: list[oracle.Plane], shape: tuple[int, ...]) -> list[object]:
    """Every value of every step, as nested lists (T, C, H, W)."""
    channels, height, width = shape
    return [
        [[[plane[c, y, x] for x in range(width)] for y in range(height)] for c in range(channels)] for plane in steps
    ]
