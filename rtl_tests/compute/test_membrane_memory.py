# amaranth: UnusedElaboratable=no
"""Membranes that are written and read every clock, against a list of words."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hwsnn.rtl.compute.membrane_memory import MembraneMemory
from hwsnn.spec import Integrator, Neuron, NoLeak, SynapticCurrent

BITS, CLOCKS = 5, 300
NEURON = Integrator(NoLeak(), BITS)


def _with_initial(channels: int) -> Neuron:
    """Its state is a bit wider than its membrane; the synaptic current is elsewhere."""
    threshold, initial = np.full(channels, 3), np.arange(channels) * 5 % 27 - 13
    synapse = SynapticCurrent(NoLeak(), 9)
    return Neuron(threshold, NoLeak(), "late-zero", BITS, synapse=synapse, initial=initial)


@pytest.mark.parametrize("has_initial", [False, True])
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize(("groups", "pixels"), [(1, 1), (2, 1), (5, 1), (1, 3), (3, 2)])
def test_reads_what_was_written_one_cycle_before(groups: int, pixels: int, lanes: int, has_initial: bool) -> None:
    generator = random.Random(groups * 10 + lanes)
    expected, seen = list[int](), list[int]()
    a_pixel = groups if pixels == 1 else 1 << (groups - 1).bit_length()
    places = [pixel * a_pixel + group for pixel in range(pixels) for group in range(groups)]
    words = dict.fromkeys(places, 0)
    neuron = _with_initial(groups * lanes) if has_initial else NEURON
    memory = MembraneMemory(neuron, groups, lanes, pixels)
    bits = BITS + has_initial
    assert len(Value.cast(memory.state)) == lanes * bits
    before = [0] * groups
    if neuron.initial is not None:
        before = [
            sum((int(v) % (1 << BITS)) << (lane * bits) for lane, v in enumerate(row))
            for row in neuron.initial.reshape(groups, lanes)
        ]

    async def bench(ctx: Any) -> None:
        for _ in range(CLOCKS):
            read_place, write_place = (generator.choice(places) for _ in range(2))
            first, write, left = (
                generator.random() < 0.2,
                generator.random() < 0.6,
                generator.randrange(1 << lanes * bits),
            )
            ctx.set(memory.read_place, read_place)
            ctx.set(memory.write_place, write_place)
            ctx.set(memory.first, first)
            ctx.set(memory.write, write)
            ctx.set(Value.cast(memory.left), left)
            await ctx.tick()
            expected.append(before[read_place % a_pixel] if first else words[read_place])
            if write:
                words[write_place] = left
            seen.append(ctx.get(Value.cast(memory.state)))

    simulator = Simulator(memory)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == expected
    assert len(set(seen)) > 2


@pytest.mark.parametrize(("groups", "lanes", "what"), [(0, 1, "groups"), (1, 0, "lanes")])
def test_wrong_sizes(groups: int, lanes: int, what: str) -> None:
    with pytest.raises(ValueError, match=rf"^{what} must be an integer of at least 1, not 0$"):
        MembraneMemory(NEURON, groups, lanes)
