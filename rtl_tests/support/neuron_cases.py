"""Cases of ``Neurons``: a neuron, how it is folded, its currents, and what must leave, by the oracle."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.pipeline_depths import Output
from hwsnn.rtl.compute.neurons import Neurons, NeuronShape
from hwsnn.rtl.stream.counter import ModuloCounter
from hwsnn.spec import AnyNeuron, ChannelLeak, Leak, SynapticCurrent
from hwsnn.spec.integers import unsigned_width
from hwsnn.spec.ranges import state_ranges
from rtl_tests.support.bits import packed
from rtl_tests.support.neuron_kinds import any_neuron
from rtl_tests.support.stream_bench import StreamCase
from tests.support import oracle

POSITIONS = 6


@dataclass(frozen=True)
class Setting:
    """One combination of everything that neurons depend on; ``kind`` is one of ``neuron_kinds.KINDS``."""

    leak: Leak
    kind: str
    groups: int
    lanes: int
    timesteps: int
    t_par: int = 1
    shared: bool = False
    membrane_bits: int = 10
    current_bits: int = 8
    synapse: SynapticCurrent | None = None
    floor: bool = False
    initial: bool = False
    output: Output = "spikes"
    seed: int = 0

    @property
    def name(self) -> str:
        leaks = [self.leak, *([self.synapse.leak] if self.synapse else [])]
        decays = (f"{type(leak).__name__}{leak.largest_product(1)}{getattr(leak, 'shift', '')}" for leak in leaks)
        sizes = (self.groups, self.lanes, self.timesteps, self.t_par, self.membrane_bits, self.current_bits)
        synapse = [f"s{self.synapse.bits}"] if self.synapse else []
        flags = [name for name in ("shared", "floor", "initial") if getattr(self, name)]
        output = [self.output.replace(" ", "-"), str(self.seed)]
        return "-".join([self.kind, *decays, *map(str, sizes), *synapse, *flags, *output])

    @property
    def channels(self) -> int:
        return self.groups * self.lanes

    @property
    def passes(self) -> int:
        return -(-self.timesteps // self.t_par)

    def neuron(self, generator: random.Random) -> AnyNeuron:
        return any_neuron(
            self.kind,
            self.leak,
            generator,
            channels=self.channels,
            bits=self.membrane_bits,
            floor=self.floor,
            initial=self.initial,
            synapse=self.synapse,
            scale=1 << (self.current_bits - 1),
        )

    def component(self, neuron: AnyNeuron) -> Neurons:
        """Clips what can leave its range, as a network finds it."""
        end = np.full(self.channels, 1 << (self.current_bits - 1))
        ranges = state_ranges(neuron, -end, end - 1, self.timesteps)
        bits = {variable.name: variable.bits for variable in neuron.state}
        saturating = frozenset(name for name, reach in ranges.items() if reach.width > bits[name])
        sizes = (self.groups, self.lanes, self.current_bits, self.timesteps, self.t_par)
        return Neurons(neuron, NeuronShape(*sizes, self.shared, saturating, self.output))


def channel_leak(channels: int, seed: int, shift: int = 8) -> ChannelLeak:
    """Multipliers of all sizes."""
    generator, whole = random.Random(seed), 1 << shift
    few = [0, 1, whole - 1, whole, whole // 2 + 5]
    return ChannelLeak(
        np.array([generator.choice([*few, generator.randint(0, whole)]) for _ in range(channels)]), shift
    )


class Paced(wiring.Component):  # type: ignore[misc]
    """Neurons, and a pacer before them: within a position, a pass begins ``clocks`` clocks after the one before."""

    def __init__(self, neurons: Any, setting: Setting, clocks: int) -> None:
        self.neurons, self.setting, self.clocks = neurons, setting, clocks
        super().__init__(
            {
                "i": In(stream.Signature(neurons.i.payload.shape())),
                "o": Out(stream.Signature(neurons.o.payload.shape(), always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.neurons = neurons = self.neurons
        m.submodules.groups = group = ModuloCounter(self.setting.groups)
        m.submodules.passes = one_pass = ModuloCounter(self.setting.passes)
        wait = max(self.clocks - self.setting.groups, 0)
        left = Signal(range(wait + 1))
        m.d.comb += [
            self.i.ready.eq(left == 0),
            neurons.i.valid.eq(self.i.valid & self.i.ready),
            neurons.i.payload.eq(self.i.payload),
            group.step.eq(neurons.i.valid),
            one_pass.step.eq(group.step & group.last),
        ]
        with m.If(one_pass.step & ~one_pass.last):
            m.d.sync += left.eq(wait)
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        wiring.connect(m, neurons.o, wiring.flipped(self.o))
        return m


def random_currents(setting: Setting, generator: random.Random) -> Any:
    """By position, pass, group, step of the pass (one if shared) and lane."""
    low, high = -(1 << (setting.current_bits - 1)), (1 << (setting.current_bits - 1)) - 1

    def group(number: int) -> list[list[int]]:
        # The first two positions push every membrane to its ends.
        ends = [(high, high), (low, low)][number] if number < 2 else (low, high)
        sets = 1 if setting.shared else setting.t_par
        return [[generator.randint(*ends) for _ in range(setting.lanes)] for _ in range(sets)]

    return [
        [[group(number) for _ in range(setting.groups)] for _ in range(setting.passes)] for number in range(POSITIONS)
    ]


def expected_beats(setting: Setting, neuron: AnyNeuron, currents: Any) -> list[int]:
    """The beats that must leave."""
    bits = unsigned_width(neuron.spikes) if setting.output == "spikes" else setting.membrane_bits
    beats = []
    for position in currents:
        results: dict[tuple[int, int, int], int] = {}
        for g in range(setting.groups):
            for lane in range(setting.lanes):
                of_neuron = [
                    position[t // setting.t_par][g][0 if setting.shared else t % setting.t_par][lane]
                    for t in range(setting.timesteps)
                ]
                for t, moment in enumerate(oracle.one_neuron(neuron, g * setting.lanes + lane, of_neuron)):
                    results[g, t, lane] = moment.n if setting.output == "spikes" else moment.u
        last = range(setting.timesteps - 1, setting.timesteps)
        beats_steps = [range(t, t + setting.t_par) for t in range(0, setting.timesteps, setting.t_par)]
        for steps in [last] if setting.output == "last membranes" else beats_steps:
            for g in range(setting.groups):
                beats.append(
                    packed([results.get((g, t, lane), 0) for t in steps for lane in range(setting.lanes)], bits)
                )
    return beats


def neuron_case(
    setting: Setting, *, early: int = 0, neuron: AnyNeuron | None = None, hardware: AnyNeuron | None = None
) -> StreamCase:
    """Passes follow each other at the distance that the neurons state, or ``early`` clocks before.

    ``neuron``: in place of a random one; ``hardware``: what is built, if it is another than what is expected.
    """
    generator = random.Random(setting.name)
    neuron = neuron or setting.neuron(generator)
    currents = random_currents(setting, generator)
    component = setting.component(hardware or neuron)
    inputs = [
        packed([current for one_set in group for current in one_set], setting.current_bits)
        for position in currents
        for one_pass in position
        for group in one_pass
    ]
    paced = Paced(component, setting, component.min_interval - early)
    return StreamCase(f"{setting.name}{'-hasty' * early}", paced, inputs, expected_beats(setting, neuron, currents))
