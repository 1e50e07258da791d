"""The steps of a pass in series: of the membranes, or of the synaptic currents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Const, Module, Value, unsigned
from amaranth.lib import memory

from hwsnn.folding.step_stages import StepStages
from hwsnn.spec import AnyNeuron
from hwsnn.spec.integers import Int64Array

from ..stream.delay import DelayLine, delayed
from .membrane_memory import MembraneMemory
from .neuron_step import NeuronStep
from .rom import packed, shape_of
from .step_constants import step_constants


@dataclass(frozen=True)
class Arrival:
    """The output fold that arrives: whether one does, which, and whether it is in an output pixel's first pass.

    ``place``: the word of its membranes.
    """

    valid: Value
    group: DelayLine
    place: DelayLine
    first: DelayLine


@dataclass(frozen=True)
class StepChain:
    """The steps of a pass, from the memory through one another and back to it, built into a module.

    ``neuron``: whose membranes they are. ``groups``, ``lanes``: output folds and PEs. ``stages``: of each step.
    ``pixels``: output pixels whose passes take turns.
    ``remembers``: whether there are several passes, and a memory between them. ``prefix``: of the names.
    """

    neuron: AnyNeuron
    groups: int
    lanes: int
    stages: Sequence[StepStages]
    pixels: int
    saturates: bool
    remembers: bool
    gives_u: bool = False
    gives_spikes: bool = True
    prefix: str = ""

    def build(self, m: Module, arrival: Arrival, currents: Sequence[Sequence[DelayLine]]) -> list[list[NeuronStep]]:
        """The steps, by step and PE. ``currents``: likewise; with fewer steps, they are repeated."""
        membranes = self._memory(m, arrival) if self.remembers else None
        states = None if membranes is None else [Value.cast(membranes.state[lane]) for lane in range(self.lanes)]
        steps: list[list[NeuronStep]] = []
        for number, stages in enumerate(self.stages):
            constants = self._constants(m, number, arrival.group, stages.constants)
            steps.append([])
            for lane in range(self.lanes):
                current = currents[number % len(currents)][lane].at(stages.current)
                step = NeuronStep(
                    self.neuron,
                    len(current),
                    saturates=self.saturates,
                    groups=self.groups,
                    lane=lane,
                    begins=states is None,
                    gives_u=self.gives_u,
                    gives_spikes=self.gives_spikes,
                )
                m.submodules[f"{self.prefix}step_{number}_{lane}"] = step
                m.d.comb += step.current.eq(current)
                if states is not None:
                    m.d.comb += Value.cast(step.state).eq(states[lane])
                m.d.comb += [step.constants[name].eq(values[lane]) for name, values in constants.items()]
                steps[-1].append(step)
            # Where a step waits for its synaptic current, the state waits too.
            read = self.stages[number + 1].state if number + 1 < len(self.stages) else stages.end
            states = [
                delayed(m, Value.cast(step.left), f"{self.prefix}state_{number}_{lane}", read - stages.end)
                for lane, step in enumerate(steps[-1])
            ]
        if membranes is not None:
            m.d.comb += Value.cast(membranes.left).eq(Cat(step.left for step in steps[-1]))
        return steps

    def _memory(self, m: Module, arrival: Arrival) -> MembraneMemory:
        """Reads the output fold that arrives, and writes the one that has completed all steps of its pass."""
        read, last = self.stages[0].state - 1, self.stages[-1].end
        membranes = MembraneMemory(self.neuron, self.groups, self.lanes, self.pixels)
        m.submodules[f"{self.prefix}membranes"] = membranes
        m.d.comb += [
            membranes.read_place.eq(arrival.place.at(read)),
            membranes.first.eq(arrival.first.at(read)),
            membranes.write.eq(delayed(m, arrival.valid, f"{self.prefix}write", last, reset_less=False)),
            membranes.write_place.eq(arrival.place.at(last)),
        ]
        return membranes

    def _constants(self, m: Module, number: int, group: DelayLine, stages: Mapping[str, int]) -> dict[str, list[Value]]:
        """Each PE's constants by name, in their stages of step ``number``. Equal ones share a table."""
        numbers, found = step_constants(self.neuron), dict[str, list[Value]]()
        for name in sorted(stages, key=lambda name: stages[name]):
            alike = [other for other in found if np.array_equal(numbers[other], numbers[name])]
            if alike:
                wait = stages[name] - stages[alike[0]] if self.groups > 1 else 0
                prefix = f"{self.prefix}{name}_{number}"
                found[name] = [
                    delayed(m, value, f"{prefix}_{lane}", wait) for lane, value in enumerate(found[alike[0]])
                ]
            else:
                found[name] = self._table(m, f"{name}_{number}", numbers[name], group, stages[name])
        return found

    def _table(self, m: Module, name: str, values: Int64Array, group: DelayLine, stage: int) -> list[Value]:
        """Each PE's constant of the output fold that is in ``stage``."""
        bits = shape_of(int(values.min()), int(values.max())).width
        words = packed(values.reshape(self.groups, self.lanes), bits)
        if self.groups == 1:
            word: Value = Const(words[0], self.lanes * bits)
        else:
            m.submodules[f"{self.prefix}{name}"] = table = memory.Memory(
                shape=unsigned(self.lanes * bits), depth=len(words), init=words
            )
            port = table.read_port()
            port.addr.name, port.data.name = "", f"{self.prefix}{name}_read"
            m.d.comb += port.addr.eq(group.at(stage - 1))
            word = port.data
        return [word[lane * bits :][:bits] for lane in range(self.lanes)]
