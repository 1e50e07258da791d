"""When a layer must join the beats it gets, and to what; how many beats arrive."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from hwsnn.folding.folding import LayerFold
from hwsnn.folding.input_beats import arriving_beats, joined_steps, pixel_beats
from hwsnn.spec import Encoder, EncoderKind, Integrator, Network, NoLeak
from tests.support.layers import conv_layer


def _network(timesteps: int, encoding: EncoderKind = "steps") -> Network:
    weight, bias = np.ones((1, 1, 5, 8), int), np.zeros(1, int)
    layer = conv_layer("last", weight, bias, 4, Integrator(NoLeak(), 20), padding=(1, 2))
    return Network("net", (1, 3, 4), 8, Encoder(encoding), timesteps, (layer,), "membrane")


def _joined(timesteps: int, steps: int, t_par: int) -> int:
    return joined_steps(_network(timesteps), 0, 0, LayerFold(1, 1, t_par), steps)


def _passes(steps: list[int], t_par: int, timesteps: int) -> list[list[int]]:
    """The steps of each pass; those that are missing or too many are left out."""
    return [[t for t in steps[first : first + t_par] if t < timesteps] for first in range(0, len(steps), t_par)]


def test_the_passes_are_those_of_a_whole_pixel() -> None:
    kept, of_a_pass, whole = 0, 0, 0
    for timesteps in range(1, 17):
        for steps, t_par in product(range(1, timesteps + 1), repeat=2):
            joined = _joined(timesteps, steps, t_par)
            beats = [list(range(first, first + joined)) for first in range(0, timesteps, joined)]
            one_by_one = [one_pass for beat in beats for one_pass in _passes(beat, t_par, timesteps)]
            assert one_by_one == _passes(list(range(timesteps)), t_par, timesteps)
            assert joined in (steps, timesteps) or joined % steps == timesteps % joined == 0
            kept += joined == steps
            of_a_pass += joined == t_par != steps
            whole += joined == timesteps
    assert min(kept, of_a_pass, whole) > 16


@pytest.mark.parametrize(
    ("timesteps", "steps", "t_par", "joined"),
    [
        (8, 1, 1, 1),
        (8, 8, 3, 8),
        (8, 4, 2, 4),
        (7, 2, 2, 2),
        (8, 1, 2, 2),
        (8, 2, 4, 4),
        (7, 1, 2, 7),
        (6, 4, 2, 6),
        (8, 4, 3, 8),
        (100, 1, 4, 4),
        (100, 1, 8, 100),
        (100, 1, 256, 100),
    ],
)
def test_joined_steps(timesteps: int, steps: int, t_par: int, joined: int) -> None:
    assert _joined(timesteps, steps, t_par) == joined
    assert pixel_beats(_network(timesteps), 0, 0, joined) == -(-timesteps // joined)


def test_inputs_that_are_held_are_one_beat() -> None:
    network = _network(8, "direct")
    assert joined_steps(network, 0, 0, LayerFold(1, 1, 4), 1) == 1
    assert pixel_beats(network, 0, 0, 1) == 1


@pytest.mark.parametrize(("encoding", "beats"), [("direct", 5 * 8), ("steps", 12 * 6), ("uniform", 12 * 6)])
def test_arriving_beats(encoding: EncoderKind, beats: int) -> None:
    assert arriving_beats(_network(6, encoding)) == beats
