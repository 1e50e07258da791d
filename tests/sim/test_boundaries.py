"""What the beats of a layer's stream hold: every number is the reference's at its place."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.cycles import queue_depths
from hwsnn.data import random_images
from hwsnn.folding.column_pairs import with_pixels
from hwsnn.sim.boundaries import boundaries, pack
from tests.support.random_networks import random_folds, random_network
from tests.support.wishes import Wishes

FRAMES = 2


@pytest.mark.parametrize("pixels_per_cycle", [1, 2])
@pytest.mark.parametrize("seed", [166, 442])
def test_every_number_has_its_place(seed: int, pixels_per_cycle: int) -> None:
    """The second network has rows of an odd width, the column behind which is not compared."""
    network = random_network(seed, Wishes(encoding="direct"))
    folds = random_folds(with_pixels(network, pixels_per_cycle), seed)
    outcome = reference.run(network, random_images(network, FRAMES, 3), trace=True)
    *layers, _ = boundaries(network, queue_depths(network, folds, pixels_per_cycle), outcome)
    for boundary, layer in zip(layers[:-1], network.layers, strict=False):
        spikes, seen, unread = outcome.spikes[layer.name], set[object](), 0
        width, beats = spikes.shape[4], boundary.expected
        garbage = boundary.compared(pack(np.ones_like(beats), boundary.fields[0].bits))
        for beat, entry in np.ndindex(beats.shape):
            place = boundary.place(beat, entry)
            assert place.x is not None
            assert place.step is not None
            if place.x == width:
                unread += 1
                assert boundary.numbers(garbage)[beat, entry] == 0
            elif place.step < network.timesteps:
                seen.add(place)
                assert boundary.numbers(garbage)[beat, entry] == 1
                assert beats[beat, entry] == spikes[place.frame, place.step, place.channel, place.y, place.x]
        assert len(seen) == spikes.size
        assert (unread > 0) == (pixels_per_cycle == 2 and layer.name == "conv0" and width % 2 == 1)
