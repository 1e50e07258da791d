"""Several projections of a layer: one schedule for all, and the bias once."""

from __future__ import annotations

import numpy as np
import pytest

from hwsnn.folding.folding import LayerFold
from hwsnn.folding.input_beats import arriving_beats, joined_steps, pixel_beats
from hwsnn.folding.pipeline_depths import engine_depths
from hwsnn.folding.synaptic_sums import synaptic_sums
from hwsnn.spec import Conv, Dense, Encoder, EncoderKind, Integrator, Network, Neuron, NoLeak, Population
from tests.support.layers import dense_layer

RNG = np.random.default_rng(3)


def _fires(channels: int) -> Neuron:
    return Neuron(np.full(channels, 3), NoLeak(), "zero", 12)


def _weights(*shape: int) -> np.ndarray:
    return RNG.integers(1, 8, shape)


def joined(encoding: EncoderKind, timesteps: int = 5) -> Network:
    """Pixels, and the spikes that a layer makes of them, join in a layer of 4 channels."""
    first = Population("first", (Conv("first", _weights(6, 2, 3, 3), 4),), np.zeros(6, int), _fires(6))
    spikes, pixels = Conv("both", _weights(4, 6, 1, 1), 4), Conv("both", _weights(4, 2, 5, 5), 4, source="pixels")
    both = Population(
        "both", (spikes, Conv("both", pixels.weight, 4, padding=(1, 1), source="pixels")), np.arange(4), _fires(4)
    )
    last = dense_layer("last", _weights(2, 4, 4, 4), np.zeros(2, int), 4, Integrator(NoLeak(), 20))
    return Network("joined", (2, 6, 6), 4, Encoder(encoding), timesteps, (first, both, last), "membrane")


def recurrent(timesteps: int) -> Network:
    """Two pixels into a recurrent layer of 4 channels."""
    own = Dense("own", _weights(4, 4, 1, 1), 4, source="own", delay=1)
    layer = Population("own", (Dense("own", _weights(4, 3, 1, 2), 4), own), np.arange(4), _fires(4))
    last = dense_layer("last", _weights(2, 4, 1, 1), np.zeros(2, int), 4, Integrator(NoLeak(), 20))
    return Network("recurrent", (3, 1, 2), 4, Encoder("uniform"), timesteps, (layer, last), "membrane")


def test_held_inputs_have_sums_once_and_the_bias_is_in_the_first() -> None:
    spikes, pixels = synaptic_sums(joined("direct"), 1, LayerFold(3, 2, 2))
    assert [len(spikes), len(pixels)] == [2, 1]
    assert spikes[0].bias.ravel().tolist() == [0, 1, 2, 3]
    assert not pixels[0].bias.any()
    assert (spikes[0].largest_input, pixels[0].largest_input) == (1, 15)
    assert [copy.weights.shape for copy in (spikes[0], pixels[0])] == [(1, 2, 2, 2, 3), (1, 2, 2, 2, 25)]


def test_each_port_has_beats_of_its_own() -> None:
    network, fold = joined("direct"), LayerFold(3, 2, 2)
    assert [joined_steps(network, 1, port, fold, 1) for port in (0, 1)] == [5, 1]
    assert [pixel_beats(network, 1, port, 1) for port in (0, 1)] == [5, 1]


@pytest.mark.parametrize(("encoding", "beats"), [("direct", 8 * 8), ("uniform", 6 * 6 * 5)])
def test_the_most_beats_of_all_that_see_the_input_arrive(encoding: EncoderKind, beats: int) -> None:
    assert arriving_beats(joined(encoding)) == beats


def test_currents_are_added_behind_the_slowest_projection() -> None:
    network, fold = joined("uniform"), LayerFold(3, 2)
    spikes, pixels = synaptic_sums(network, 1, fold)
    depths = engine_depths(network, 1, fold)
    assert spikes[0].latency != pixels[0].latency
    assert depths.current_clocks == max(spikes[0].latency, pixels[0].latency) + 1
    assert (depths.passes, depths.pass_clocks, depths.positions) == (5, 4, (1, 1))


def test_spikes_come_back_before_the_next_pass() -> None:
    """Look up in two cycles, add up in some more, one for the other projection; then the neuron, and a register."""
    network = recurrent(3)
    ((forward,), (back,)) = synaptic_sums(network, 0, LayerFold(2, 1))
    depths = engine_depths(network, 0, LayerFold(2, 1))
    assert depths.positions == (2, 1)
    assert depths.pass_clocks == 4 * 2
    assert depths.current_clocks == max(forward.latency, back.latency) + 1
    # The membrane is read, added to, and compared.
    assert depths.min_interval == depths.pass_clocks + depths.current_clocks + 3 + 1


def test_a_single_step_does_not_come_back() -> None:
    assert engine_depths(recurrent(1), 0, LayerFold(4, 4)).min_interval == 0
