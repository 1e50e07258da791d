"""Every beat at every consumer, whatever they stall, and at full speed if the queues are deep enough."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import unsigned
from amaranth.lib import data

from hwsnn.rtl.stream.fork import Fork
from rtl_tests.support.several_streams import run_streams

BEATS = [random.Random(5).getrandbits(6) for _ in range(60)]


@pytest.mark.parametrize("depths", [(1, 1), (3, 3), (1, 4, 2)])
@pytest.mark.parametrize("stalls", [0.0, 0.5])
def test_every_consumer_gets_every_beat(depths: tuple[int, ...], stalls: float) -> None:
    fork = Fork(data.ArrayLayout(unsigned(2), 3), depths)
    outputs = [f"o_{number}" for number in range(len(depths))]
    moved = run_streams(fork, {"i": BEATS}, outputs, stalls=stalls)
    assert moved["i"].beats == BEATS
    assert [moved[name].beats for name in outputs] == [BEATS] * len(depths)


def test_a_beat_per_cycle_two_cycles_later() -> None:
    moved = run_streams(Fork(unsigned(6), (3, 5)), {"i": BEATS}, ["o_0", "o_1"])
    assert moved["i"].clocks == list(range(len(BEATS)))
    assert moved["o_0"].clocks == moved["o_1"].clocks == [clock + 2 for clock in moved["i"].clocks]


def test_beats_move_while_all_queues_have_room() -> None:
    """A consumer that takes nothing stops the others when its queue is full."""
    moved = run_streams(Fork(unsigned(6), (9, 4)), {"i": BEATS}, ["o_0"])
    assert moved["o_0"].beats == moved["i"].beats == BEATS[:4]
