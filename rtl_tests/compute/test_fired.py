"""Spikes that come back: they leave beside the membranes, as soon as they are there."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Value
from amaranth.sim import Simulator

from hwsnn.folding.pipeline_depths import Output, neuron_pipeline
from hwsnn.rtl.compute.neurons import Neurons, NeuronShape
from hwsnn.spec import MultiplyLeak, NoLeak, ShiftLeak, SynapticCurrent
from rtl_tests.support.neuron_cases import Setting, expected_beats, random_currents

BASE = Setting(ShiftLeak(2), "subtract", 2, 3, 4, membrane_bits=24)
SETTINGS = [
    BASE,
    replace(BASE, output="membranes", groups=1),
    replace(BASE, output="last membranes", leak=MultiplyLeak(230, 8)),
    replace(BASE, output="last membranes", kind="late-subtract", synapse=SynapticCurrent(ShiftLeak(1), 20)),
    replace(BASE, output="membranes", kind="undelayed-subtract", floor=True),
    replace(BASE, timesteps=1, leak=NoLeak(), output="last membranes"),
]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_spikes_of_every_step(setting: Setting) -> None:
    generator = random.Random(setting.name)
    neuron, currents = setting.neuron(generator), random_currents(setting, generator)
    output: Output = setting.output
    sizes = (setting.groups, setting.lanes, setting.current_bits, setting.timesteps, 1)
    neurons = Neurons(neuron, NeuronShape(*sizes, False, frozenset(), output, feeds_back=True))
    folds = [(one_pass, fold) for position in currents for one_pass in position for fold in one_pass]
    given, fired, left = list[int](), list[tuple[int, int]](), list[int]()

    async def bench(ctx: Any) -> None:
        clock = 0
        for number, (one_pass, fold) in enumerate(folds):
            ctx.set(neurons.i.valid, 1)
            for lane, current in enumerate(fold[0]):
                ctx.set(neurons.i.payload[0][lane], current)
            given.append(clock)
            rest = max(neurons.min_interval - setting.groups, 0) if fold is one_pass[-1] else 0
            for _ in range(1 + rest + (40 if number == len(folds) - 1 else 0)):
                if ctx.get(neurons.fired.valid):
                    fired.append((clock, ctx.get(neurons.fired.payload)))
                if ctx.get(neurons.o.valid):
                    left.append(ctx.get(Value.cast(neurons.o.payload)))
                await ctx.tick()
                clock += 1
                ctx.set(neurons.i.valid, 0)

    simulator = Simulator(neurons)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert left == expected_beats(setting, neuron, currents)
    assert [beat for _, beat in fired] == expected_beats(replace(setting, output="spikes"), neuron, currents)
    pipeline = neuron_pipeline(
        neuron,
        groups=setting.groups,
        timesteps=setting.timesteps,
        t_par=1,
        saturating=frozenset(),
        output=output,
    )
    assert [clock for clock, _ in fired] == [clock + pipeline.spikes for clock in given]
    assert len({beat for _, beat in fired}) > 1


def test_one_step_per_pass() -> None:
    with pytest.raises(ValueError, match=r"^t_par must be 1 where spikes come back, not 2$"):
        NeuronShape(1, 1, 8, 4, 2, False, frozenset(), "spikes", feeds_back=True)
