"""Neurons: membranes that leak, integrate currents, fire and reset (``docs/numerics.md``, Neurons)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.pipeline_depths import Output, neuron_pipeline, synaptic_step
from hwsnn.spec import MAX_TIMESTEPS, AnyNeuron
from hwsnn.spec.integers import unsigned_width

from ..checks import check_integer
from ..stream.counter import ModuloCounter
from ..stream.delay import DelayLine, delayed
from .neuron_step import NeuronStep
from .step_chain import Arrival, StepChain
from .step_constants import constants_layout


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
        Time steps per output pixel.
    t_par : int
        Time steps per pass, at most ``timesteps``. In surplus steps of the last pass no neuron fires, and u is 0.
    shared : bool
        Whether a pass has one current for all its steps, as with pixels.
    saturating : frozenset of str
        The state variables that can leave their range and are clipped.
    output : Output
        What leaves.
    feeds_back : bool
        Whether the spikes of every step leave beside it, as soon as they are there; only with ``t_par`` 1.
    interleave : int
        Output pixels whose passes take turns.
    """

    groups: int
    lanes: int
    current_bits: int
    timesteps: int
    t_par: int
    shared: bool
    saturating: frozenset[str]
    output: Output
    feeds_back: bool = False
    interleave: int = 1

    def __post_init__(self) -> None:
        check_integer("groups", self.groups, 1)
        check_integer("lanes", self.lanes, 1)
        check_integer("current bits", self.current_bits, 1)
        check_integer("timesteps", self.timesteps, 1, MAX_TIMESTEPS)
        check_integer("t_par", self.t_par, 1, self.timesteps)
        if not isinstance(self.shared, bool):
            raise TypeError(f"shared must be a bool, not {self.shared!r}")
        if self.output not in get_args(Output):
            raise ValueError(f"output must be one of {', '.join(map(repr, get_args(Output)))}, not {self.output!r}")
        check_integer("interleave", self.interleave, 1)
        if self.feeds_back and self.t_par > 1:
            raise ValueError(f"t_par must be 1 where spikes come back, not {self.t_par}")

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
    remark : str
        Where the thresholds and other constants are.

    Ports
    -----
    i : valid-only stream in of ``ArrayLayout(ArrayLayout(signed(current_bits), lanes), currents)``
        Currents, by step of the pass (one if shared) and PE, in the order (output pixel, pass, g); where pixels take
        turns (block of pixels, pass, pixel, g).
    o : valid-only stream out of ``unsigned(t_par * lanes * b)``
        In the same order; entry ``t * lanes + PE`` of b bits is a number of spikes, 0 to K, or u in two's complement.
        Of the last membranes instead ``ArrayLayout(signed(membrane_bits), lanes)``: u of the last step, by output fold.
    fired : valid-only stream out of ``unsigned(lanes * b)``
        The numbers of spikes of every step, in the same order, ``spikes`` cycles after its currents; only where the
        shape ``feeds_back``.

    Timing
    ------
    Latency: ``latency`` cycles; for last membranes from an output fold of the last pass. One output fold per cycle.

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
        self._pipeline = neuron_pipeline(
            neuron,
            groups=shape.groups,
            timesteps=shape.timesteps,
            t_par=shape.t_par,
            saturating=shape.saturating,
            output=shape.output,
        )
        self.latency, self.min_interval = self._pipeline.latency, self._pipeline.min_interval
        currents = data.ArrayLayout(data.ArrayLayout(signed(shape.current_bits), shape.lanes), shape.currents)
        entry = unsigned(unsigned_width(neuron.spikes)) if shape.output == "spikes" else signed(neuron.membrane_bits)
        spikes = unsigned(shape.lanes * unsigned_width(neuron.spikes))
        self.here = {
            "groups": shape.groups,
            "lanes": shape.lanes,
            "currents": shape.currents,
            "current_bits": shape.current_bits,
            "t_par": shape.t_par,
            "passes": shape.passes,
            "K": neuron.spikes,
            "b": entry.width,
            "membrane_bits": neuron.membrane_bits,
        }
        if shape.feeds_back:
            self.here["spikes"] = self._pipeline.spikes
        self.remark = self._places_of_constants()
        result = (
            data.ArrayLayout(entry, shape.lanes)
            if shape.output == "last membranes"
            else unsigned(shape.t_par * shape.lanes * entry.width)
        )
        super().__init__(
            {
                "i": In(stream.Signature(currents, always_ready=True)),
                "o": Out(stream.Signature(result, always_ready=True)),
            }
            | ({"fired": Out(stream.Signature(spikes, always_ready=True))} if shape.feeds_back else {})
        )

    def _places_of_constants(self) -> str:
        names = {name: 0 for step in self._pipeline.steps for name in step.constants}
        if not names:
            return ""
        if self._shape.groups == 1:
            return f"PE l is channel l. Its constants ({', '.join(names)}) are numbers at its steps, step_STEP_l."
        widths = ", ".join(f"{name} {field.width}" for name, field in constants_layout(self._neuron, names))
        return (
            f"PE l of output fold g is channel g * {self._shape.lanes} + l. Constants are in memories, CONSTANT_STEP, "
            f"equal ones in one of them: word g is output fold g, PE 0 in its lowest bits. Bits of a PE: {widths}."
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shape = self._shape
        m.submodules.groups = group = ModuloCounter(shape.groups)
        m.submodules.passes = one_pass = ModuloCounter(shape.passes)
        m.d.comb += group.step.eq(self.i.valid)
        groups = places = DelayLine(m, group.count, "group")
        over = group.step & group.last
        if shape.interleave > 1:
            m.submodules.pixels = pixel = ModuloCounter(shape.interleave)
            m.d.comb += pixel.step.eq(over)
            over &= pixel.last
            places = DelayLine(m, Cat(group.count, pixel.count), "place")
        m.d.comb += one_pass.step.eq(over)
        first = Signal(init=1)
        if shape.passes > 1:
            with m.If(one_pass.step):
                m.d.sync += first.eq(one_pass.last)
        arrival = Arrival(self.i.valid, groups, places, DelayLine(m, first, "first"))
        steps = self._membranes(m, arrival, self._currents(m, arrival))
        given = self.i.valid
        if shape.output == "last membranes":
            given = self.i.valid & one_pass.last
            lanes = steps[(shape.timesteps - 1) % shape.t_par]
            m.d.comb += [self.o.payload[lane].eq(step.u) for lane, step in enumerate(lanes)]
        else:
            self._output_every_step(m, steps, one_pass.last)
        m.d.comb += self.o.valid.eq(delayed(m, given, "valid", self.latency, reset_less=False))
        if shape.feeds_back:
            m.d.comb += [
                self.fired.valid.eq(delayed(m, self.i.valid, "has_fired", self._pipeline.spikes, reset_less=False)),
                self.fired.payload.eq(Cat(step.spike for step in steps[-1])),
            ]
        return m

    def _currents(self, m: Module, arrival: Arrival) -> list[list[DelayLine]]:
        """What is added to the membranes, by step and PE: synaptic currents, if the neurons have any."""
        shape, synapse = self._shape, synaptic_step(self._neuron)
        name = "current_{1}" if shape.currents == 1 else "current_{0}_{1}"
        currents = [
            [DelayLine(m, self.i.payload[index][lane], name.format(index, lane)) for lane in range(shape.lanes)]
            for index in range(shape.currents)
        ]
        if synapse is None:
            return currents
        stages = self._pipeline.synapse
        chain = StepChain(
            synapse,
            shape.groups,
            shape.lanes,
            stages,
            pixels=shape.interleave,
            saturates="s" in shape.saturating,
            remembers=shape.passes > 1,
            prefix="synapse_",
        )
        return [
            [
                DelayLine(m, step.left.v, f"synaptic_{number}_{lane}", stages[number].end)
                for lane, step in enumerate(lanes)
            ]
            for number, lanes in enumerate(chain.build(m, arrival, currents))
        ]

    def _membranes(self, m: Module, arrival: Arrival, currents: list[list[DelayLine]]) -> list[list[NeuronStep]]:
        shape = self._shape
        chain = StepChain(
            self._neuron,
            shape.groups,
            shape.lanes,
            self._pipeline.steps,
            pixels=shape.interleave,
            saturates="v" in shape.saturating,
            remembers=shape.passes > 1,
            gives_u=shape.output != "spikes",
            gives_spikes=shape.output == "spikes" or shape.feeds_back,
        )
        return chain.build(m, arrival, currents)

    def _output_every_step(self, m: Module, steps: list[list[NeuronStep]], last: Value) -> None:
        """The spikes, or u, of all steps leave together; ``last``: whether the last pass arrives."""
        name, there = ("spike", "spikes") if self._shape.output == "spikes" else ("u", "u")
        results: list[list[Value]] = [
            [
                delayed(m, getattr(step, name), f"{name}_{number}_{lane}", self.latency - getattr(stages, there))
                for lane, step in enumerate(steps[number])
            ]
            for number, stages in enumerate(self._pipeline.steps)
        ]
        surplus = self._shape.passes * self._shape.t_par - self._shape.timesteps
        if surplus:
            last = delayed(m, last, "last", self.latency)
            results[-surplus:] = [[Mux(last, 0, result) for result in step] for step in results[-surplus:]]
        m.d.comb += Value.cast(self.o.payload).eq(Cat(results))
