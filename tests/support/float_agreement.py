"""A trained network whose numbers are exact in integers, beside the integers: every difference is a mistake."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsnn import reference
from hwsnn.float_network import FloatNetwork
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import Network
from tests.support.float_simulation import Simulated, normalized, simulate


def simulated(source: FloatNetwork, network: Network, values: np.ndarray) -> Simulated:
    """``source`` on what ``values`` (N, *frame shape) count as at every step."""
    steps = values if network.encoder.timed else np.repeat(values[:, np.newaxis], network.timesteps, axis=1)
    return simulate(source, normalized(source, steps, 1.0))


def assert_agrees(source: FloatNetwork, values: np.ndarray, **options: Any) -> float:
    """Spikes, membranes and answers; the share of neurons of the first layer that fire is returned."""
    integers, report = quantize(source, **options)
    assert [layer.weights.exact for layer in report.layers] == [layer.weights.channels for layer in report.layers]
    result = reference.run(integers, values, trace=True)
    expected = simulated(source, integers, values)
    for name, spikes in result.spikes.items():
        np.testing.assert_array_equal(spikes, expected.spikes[name], err_msg=name)
    last = source.layers[-1].name
    for name, membranes in result.membranes.items():
        unit = (
            report.layers[-1].weights.smallest_scale * 2.0 ** integers.population(len(source.layers) - 1).fraction_bits
        )
        np.testing.assert_array_equal(membranes / unit, expected.membranes[name], err_msg=name)
    scores = expected.scores(last, integers.readout)
    np.testing.assert_array_equal(result.predictions, scores.argmax(axis=1))
    return float((expected.spikes[source.layers[0].name] > 0).mean())
