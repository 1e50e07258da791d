"""How layers join, with numbers that were worked out by hand from ``docs/numerics.md``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsnn.reference import run
from hwsnn.spec import Conv, Dense, Encoder, Integrator, Network, Neuron, NoLeak, Population, Sum
from tests.support.against_oracle import expect_equal


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def weight(*values: int) -> np.ndarray:
    """From one channel of one pixel to as many as there are values."""
    return numbers(*values).reshape(-1, 1, 1, 1)


def fires(*thresholds: int, reset: str = "zero") -> Neuron:
    """A neuron with a threshold for each spike of a step."""
    further = numbers(*thresholds[1:]).reshape(-1, 1) if len(thresholds) > 1 else None
    sub = numbers(thresholds[0]) if reset == "subtract" else None
    return Neuron(numbers(thresholds[0]), NoLeak(), reset, 16, sub, further=further)  # type: ignore[arg-type]


def reads(*projections: Conv | Dense, bias: int = 0) -> Population:
    """An integrator whose membrane is read."""
    return Population("last", projections, numbers(bias), Integrator(NoLeak(), 20))


def membranes(network: Network, values: list[int]) -> list[int]:
    """u of the last layer at every step, of a frame of one pixel."""
    frame = np.array(values, np.uint8).reshape(1, -1, 1, 1, 1)
    if not network.encoder.timed:
        frame = frame[:, 0]
    result = run(network, frame, trace=True)
    expect_equal(network, frame, result)
    return list(result.membranes["last"].ravel().tolist())


def network(*layers: Population | Sum, steps: int, encoding: str = "steps") -> Network:
    return Network("hand", (1, 1, 1), 8, Encoder(encoding), steps, layers, "membrane")  # type: ignore[arg-type]


def test_projections_add_to_one_current() -> None:
    """A spike of 10 or more is worth 3 * 2, a pixel 1 as it is, and the bias comes once: 7 + 2, then 12 + 6 + 2."""
    hidden = Population("hidden", (Dense("hidden", weight(1), 8),), numbers(0), fires(10))
    last = reads(Dense("last", weight(3), 8, numbers(2)), Dense("last", weight(1), 8, source="pixels"), bias=2)
    assert membranes(network(hidden, last, steps=2), [7, 12]) == [9, 29]


def test_fraction_bits_hold_for_every_projection() -> None:
    """4 * (1 * 5 + 3 * 5) + 1."""
    last = reads(Dense("last", weight(1), 8, source="pixels"), Dense("last", weight(1), 8, numbers(3)), bias=1)
    assert membranes(network(replace(last, fraction_bits=2), steps=1), [5]) == [81]


def test_held_pixels_beside_spikes() -> None:
    """10 at every step from the pixel, and 100 from a spike in the third: 5 + 5 + 5 of 15."""
    hidden = Population("hidden", (Dense("hidden", weight(1), 8),), numbers(0), fires(15))
    last = reads(Dense("last", weight(100), 8), Dense("last", weight(2), 8, source="pixels"))
    assert membranes(network(hidden, last, steps=4, encoding="direct"), [5]) == [10, 20, 130, 140]


def test_a_sum_adds_numbers_of_spikes() -> None:
    """7, 20 and 31 are 0, 1 and 2 spikes of one layer, 1 each of the other, and the sums 1, 2 and 3."""
    some = Population("some", (Dense("some", weight(1), 8),), numbers(0), fires(10, 30))
    more = Population("more", (Dense("more", weight(1), 8, source="pixels"),), numbers(0), fires(5))
    layers = some, more, Sum("sum", ("some", "more")), reads(Dense("last", weight(100), 8))
    result = membranes(network(*layers, steps=3), [7, 20, 31])
    assert result == [100, 300, 600]


def test_a_recurrent_projection_takes_the_spikes_of_the_step_before() -> None:
    """6 does not fire, 6 + 6 does, and 0 + 5 from itself do not; 5 + 5 do, and then it goes on with 5 alone."""
    own = Dense("last", weight(5), 8, source="last", delay=1)
    neuron = fires(10)
    last = Population("last", (own, Dense("last", weight(1), 8, source="pixels")), numbers(0), neuron)
    assert membranes(network(last, steps=6), [6, 6, 0, 5, 0, 0]) == [6, 12, 5, 10, 5, 5]


def test_several_spikes_come_back_as_their_number() -> None:
    """25 are two spikes, which take off 4 each and leave 17; -3 each are -6 at the next step, not at their own."""
    neuron = replace(fires(10, 20, reset="subtract"), sub=numbers(4))
    own = Dense("last", weight(-3), 8, source="last", delay=1)
    last = Population("last", (Dense("last", weight(1), 8), own), numbers(0), neuron)
    assert membranes(network(last, steps=3), [25, 0, 0]) == [25, 11, 4]


def test_one_by_one_stays_at_its_position() -> None:
    """Two pixels: only the first one fires, and only its own neurons hear of it, each of the other channel."""
    first = Conv("conv", weight(1, 0), 8)
    own = Conv("conv", numbers(0, 7, 9, 0).reshape(2, 2, 1, 1), 8, source="conv", delay=1)
    neuron = Neuron(numbers(10, 9), NoLeak(), "zero", 16)
    conv = Population("conv", (first, own), numbers(0, 0), neuron)
    each = np.eye(4, dtype=np.int64).reshape(4, 2, 1, 2)
    last = Population("last", (Dense("last", each, 8),), numbers(0, 0, 0, 0), Integrator(NoLeak(), 16))
    built = Network("hand", (1, 1, 2), 8, Encoder("steps"), 3, (conv, last), "membrane")
    frame = np.array([[10, 0], [0, 0], [3, 0]], np.uint8).reshape(1, 3, 1, 1, 2)
    result = run(built, frame, trace=True)
    expect_equal(built, frame, result)
    # Channel 0 of the first pixel fires; 9 come to channel 1, which fires; 7 and 3 to channel 0, which fires again.
    assert result.spikes["conv"].reshape(3, 4).tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
