"""Neurons: membranes that leak, integrate currents, fire and reset (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.pipeline_depths import neuron_pipeline
from hwsnn.spec import MAX_TIMESTEPS, AnyNeuron
from hwsnn.spec.integers import IntArray

from ..checks import check_integer
from ..stream.counter import ModuloCounter
from ..stream.delay import DelayLine, delayed
from .membrane_memory import MembraneMemory
from .neuron_step import NeuronStep, constants_layout


@dataclass(frozen=True)
class NeuronShape:
    """Number of neurons, their inputs, and how many are computed per cycle.

    Attributes
    ----------
    groups : int
        Output folds.
    lanes : int
        Neurons computed per cycle, one per PE.
    current_bits : int
        Width of a current, two's complement.
    timesteps : int
        Time steps per output pixel; before the first one the state is 0.
    t_par : int
        Time steps per pass, at most ``timesteps``. No neuron fires in surplus steps of the last pass.
    shared : bool
        Whether a pass has one current for all its steps, as with pixels.
    saturates : bool
        Whether u can leave the membrane's range.
    """

    groups: int
    lanes: int
    current_bits: int
    timesteps: int
    t_par: int = 1
    shared: bool = False
    saturates: bool = True

    def __post_init__(self) -> None:
        check_integer("groups", self.groups, 1)
        check_integer("lanes", self.lanes, 1)
        check_integer("current bits", self.current_bits, 1)
        check_integer("timesteps", self.timesteps, 1, MAX_TIMESTEPS)
        check_integer("t_par", self.t_par, 1, self.timesteps)
        for what, flag in (("shared", self.shared), ("saturates", self.saturates)):
            if not isinstance(flag, bool):
                raise TypeError(f"{what} must be a bool, not {flag!r}")

    @property
    def passes(self) -> int:
        """Passes per output pixel."""
        return -(-self.timesteps // self.t_par)

    @property
    def currents(self) -> int:
        """Currents per neuron and pass."""
        return 1 if self.shared else self.t_par


class Neurons(wiring.Component):
    """The neurons of a layer, with the ``t_par`` steps of a pass in series: a pipeline that never stalls.

    Where an output pixel has several passes, the state is kept in a memory between them: it is read when an output fold
    arrives, and its successor can be read ``min_interval`` cycles later. The same output fold of the next pass must not
    arrive sooner.

    Parameters
    ----------
    neuron : AnyNeuron
        Has ``groups * lanes`` channels, those of an output fold side by side.
    shape : NeuronShape
        Number of neurons, currents, steps and PEs.

    Attributes
    ----------
    latency : int
        Cycles from an output fold in to its result out.
    min_interval : int
        Minimum cycles from an output fold to the same one in the next pass of the output pixel; 0 where there is none.

    Ports
    -----
    i : valid-only stream in of ``ArrayLayout(ArrayLayout(signed(current_bits), lanes), currents)``
        Currents, by step of the pass (one if shared) and PE, in the order (output pixel, pass, g).
    o : valid-only stream out of ``unsigned(t_par * lanes)``
        Spikes in the same order, bit ``t * lanes + PE``. Of neurons that never fire instead
        ``ArrayLayout(signed(membrane_bits), lanes)``: the membranes after the last step, by output fold.

    Timing
    ------
    Latency: ``latency`` cycles; for membranes from an output fold of the last pass. One output fold per cycle.

    Raises
    ------
    ValueError
        The neuron has another number of channels.
    """

    def __init__(self, neuron: AnyNeuron, shape: NeuronShape) -> None:
        channels = shape.groups * shape.lanes
        for name, values in neuron.constants.items():
            if len(values) != channels:
                raise ValueError(f"{name} must be of {channels} channels, groups times lanes, not of {len(values)}")
        self._neuron, self._shape = neuron, shape
        pipeline = neuron_pipeline(
            neuron,
            groups=shape.groups,
            timesteps=shape.timesteps,
            t_par=shape.t_par,
            saturates=shape.saturates,
        )
        self._stages = pipeline.steps
        self.latency, self.min_interval = pipeline.latency, pipeline.min_interval
        membranes = data.ArrayLayout(signed(neuron.membrane_bits), shape.lanes)
        currents = data.ArrayLayout(data.ArrayLayout(signed(shape.current_bits), shape.lanes), shape.currents)
        result = unsigned(shape.t_par * shape.lanes) if neuron.fires else membranes
        super().__init__(
            {
                "i": In(stream.Signature(currents, always_ready=True)),
                "o": Out(stream.Signature(result, always_ready=True)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        m.submodules.groups = group = ModuloCounter(shape.groups)
        m.submodules.passes = one_pass = ModuloCounter(shape.passes)
        m.d.comb += [group.step.eq(self.i.valid), one_pass.step.eq(group.step & group.last)]
        groups = DelayLine(m, group.count, "group")
        memory = self._memory(m, one_pass, groups) if shape.passes > 1 else None
        steps = self._steps(m, groups, memory)
        if self._neuron.fires:
            given = self.i.valid
            self._output_spikes(m, steps, one_pass.last)
        else:
            given = self.i.valid & one_pass.last
            self._output_membranes(m, steps)
        m.d.comb += self.o.valid.eq(delayed(m, given, "given", self.latency, reset_less=False))
        return m

    def _memory(self, m: Module, one_pass: ModuloCounter, groups: DelayLine) -> MembraneMemory:
        """Reads the output fold that arrives, and writes the one that has completed all steps of its pass."""
        first, last = Signal(init=1), self._stages[-1].end
        with m.If(one_pass.step):
            m.d.sync += first.eq(one_pass.last)
        m.submodules.membranes = membranes = MembraneMemory(self._neuron, self._shape.groups, self._shape.lanes)
        m.d.comb += [
            membranes.read_group.eq(groups.at(0)),
            membranes.first.eq(first),
            membranes.write.eq(delayed(m, self.i.valid, "passed", last, reset_less=False)),
            membranes.write_group.eq(groups.at(last)),
        ]
        return membranes

    def _steps(self, m: Module, groups: DelayLine, memory: MembraneMemory | None) -> list[list[NeuronStep]]:
        """The steps of a pass, by step and PE: from the memory, through one another, and back to it."""
        neuron, shape = self._neuron, self._shape
        name = "current_{1}" if shape.currents == 1 else "current_{0}_{1}"
        currents = [
            [DelayLine(m, self.i.payload[index][lane], name.format(index, lane)) for lane in range(shape.lanes)]
            for index in range(shape.currents)
        ]
        states = None if memory is None else [Value.cast(memory.state[lane]) for lane in range(shape.lanes)]
        steps: list[list[NeuronStep]] = []
        for number, stages in enumerate(self._stages):
            constants = self._constants(m, number, groups, stages.constants)
            steps.append([])
            for lane in range(shape.lanes):
                step = NeuronStep(neuron, shape.current_bits, saturates=shape.saturates, begins=states is None)
                m.submodules[f"step_{number}_{lane}"] = step
                m.d.comb += step.current.eq(currents[number % shape.currents][lane].at(stages.current))
                if states is not None:
                    m.d.comb += Value.cast(step.state).eq(states[lane])
                m.d.comb += [step.constants[name].eq(values[lane]) for name, values in constants.items()]
                steps[-1].append(step)
            states = [
                delayed(m, Value.cast(step.left), f"state_{number}_{lane}", stages.next - stages.end)
                for lane, step in enumerate(steps[-1])
            ]
        if memory is not None:
            m.d.comb += Value.cast(memory.left).eq(Cat(step.left for step in steps[-1]))
        return steps

    def _output_spikes(self, m: Module, steps: list[list[NeuronStep]], last: Value) -> None:
        """The spikes of all steps leave together; ``last``: whether the last pass arrives."""
        spikes = [
            [delayed(m, step.spike, f"spike_{number}_{lane}", waits) for lane, step in enumerate(steps[number])]
            for number, waits in enumerate(self.latency - stages.end for stages in self._stages)
        ]
        surplus = self._shape.passes * self._shape.t_par - self._shape.timesteps
        if surplus:
            last = delayed(m, last, "last", self.latency)
            spikes[-surplus:] = [[spike & ~last for spike in step] for step in spikes[-surplus:]]
        m.d.comb += self.o.payload.eq(Cat(spikes))

    def _output_membranes(self, m: Module, steps: list[list[NeuronStep]]) -> None:
        """The membranes after the last step of an output pixel."""
        lanes = steps[(self._shape.timesteps - 1) % self._shape.t_par]
        m.d.comb += [self.o.payload[lane].eq(step.left.v) for lane, step in enumerate(lanes)]

    def _constants(self, m: Module, number: int, groups: DelayLine, stage: int) -> dict[str, list[Value]]:
        """Each PE's constants by name, of the output fold that is in ``stage``, for step ``number``."""
        found: dict[str, list[Value]] = {}
        tables: list[tuple[IntArray, list[Value]]] = []
        for name, values in self._neuron.constants.items():
            alike = [table for numbers, table in tables if np.array_equal(numbers, values)]
            found[name] = alike[0] if alike else self._table(m, name, number, values, groups, stage)
            tables.append((values, found[name]))
        return found

    def _table(self, m: Module, name: str, number: int, values: IntArray, groups: DelayLine, stage: int) -> list[Value]:
        """Each PE's constant of the output fold that is in ``stage``."""
        lanes, bits = self._shape.lanes, Shape.cast(constants_layout(self._neuron)[name].shape).width
        words = [
            sum((int(value) & ((1 << bits) - 1)) << (lane * bits) for lane, value in enumerate(row))
            for row in values.reshape(-1, lanes)
        ]
        if len(words) == 1:
            word: Value = Const(words[0], lanes * bits)
        else:
            m.submodules[f"{name}_{number}"] = table = memory.Memory(
                shape=unsigned(lanes * bits), depth=len(words), init=words
            )
            port = table.read_port()
            m.d.comb += port.addr.eq(groups.at(stage - 1))
            word = port.data
        return [word[lane * bits :][:bits] for lane in range(lanes)]
