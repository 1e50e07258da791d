# amaranth: UnusedElaboratable=no
"""From windows to spikes: slices, synaptic sums and neurons in one pipeline that never stalls."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Out

from hwsnn.folding.fold_shape import fold_shape
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.pipeline_depths import engine_depths, layer_output
from hwsnn.folding.synaptic_sums import synaptic_sums
from hwsnn.spec import Network

from ..checks import check_integer
from ..stream.chain import name_streams
from ..stream.counter import ModuloCounter
from ..stream.credit import CreditFifo
from ..stream.delay import delayed
from .neurons import Neurons, NeuronShape
from .synapses import Synapses
from .window_slicer import WindowSlicer


class Engine(wiring.Component):
    """The matrix-vector unit of a layer with weights, its neurons, and the queue behind it.

    A window is split into passes (see ``WindowSlicer``). A pass begins when the queue has a place for the beat that it
    makes, runs for G * F cycles, and cannot be stalled once it has begun: synapses and neurons are registers without
    enable.

    Parameters
    ----------
    network : Network
        The network of the layer.
    index : int
        The layer's index in the network.
    fold : LayerFold
        The layer's parallelism.
    steps : int
        Time steps per beat of windows; 1 for inputs that are held.
    queue_depth : int
        Beats that the queue holds, including those in the pipeline.

    Attributes
    ----------
    passes, pass_clocks, min_interval, pipeline_clocks : int
        As of ``EngineDepths``.
    latency : int
        Cycles from a window in to its first beat out, with room in the queue and no pass running.

    Ports
    -----
    i : stream in of ``unsigned(taps * steps * C * n)``
        Windows (of a fully connected layer, pixels), input (tap*steps + t)*C + c, of n bits.
    o : stream out of ``unsigned(t_par * Cout * b)``
        Entry ``t * Cout + c`` is a number of spikes or, of a last layer whose membranes are read at every step, the
        membrane; one beat per pass. Where only those of the last step are read, ``unsigned(Cout * b)``, one beat per
        output pixel.

    Timing
    ------
    Latency: ``latency`` cycles. An output pixel takes ``passes`` passes of G * F cycles. Between the starts of two
    passes of the same output pixel there are at least ``min_interval`` cycles.
    """

    def __init__(self, network: Network, index: int, fold: LayerFold, steps: int, queue_depth: int) -> None:
        layer = network.population(index)
        check_integer("steps", steps, 1)
        depths = engine_depths(network, index, fold)
        self.passes, self.pass_clocks, self.min_interval = depths.passes, depths.pass_clocks, depths.min_interval
        self.pipeline_clocks = depths.pipeline_clocks
        self._queue_depth = queue_depth
        self._channels = layer.out_channels
        self._t_par, held = min(fold.t_par, network.timesteps), network.inputs(index).held
        sums, current_bits = synaptic_sums(network, index, fold), network.current_range(index).width
        self._positions, self._groups, _, lanes, _ = sums[0].weights.shape
        self._synapses = [Synapses(copy, current_bits, self.passes) for copy in sums]
        self._synapses_latency = max(synapses.latency for synapses in self._synapses)
        shape = NeuronShape(
            self._groups,
            lanes,
            current_bits,
            network.timesteps,
            self._t_par,
            shared=held,
            saturating=network.saturating(index),
            output=layer_output(network, index),
        )
        self._neurons = Neurons(layer.neuron.padded(self._groups * lanes), shape)
        self._only_last = shape.output == "last membranes"
        self._sets = 1 if self._only_last else self._t_par
        self._lane_bits = len(Value.cast(self._neurons.o.payload)) // (self._sets * lanes)
        folded = fold_shape(layer, fold)
        self._slices = WindowSlicer(
            taps=layer.projection.taps,
            channels=layer.projection.in_channels,
            bits=sums[0].input_bits,
            steps=steps,
            cin_par=folded.cin_par,
            t_par=1 if held else self._t_par,
            groups=self._groups,
            repeats=self.passes if held else 1,
            passes=self.passes,
            min_interval=self.min_interval,
            channel_groups=folded.channel_groups,
            sections=folded.sections,
        )
        self.latency = self._slices.latency + self.pass_clocks - 1 + self.pipeline_clocks + 2
        super().__init__(
            {
                "i": self._slices.signature.members["i"],
                "o": Out(stream.Signature(unsigned(self._sets * self._channels * self._lane_bits))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.slices = slices = self._slices
        m.submodules.neurons = neurons = self._neurons
        m.submodules.queue = queue = CreditFifo(unsigned(len(self.o.payload)), self._queue_depth)
        for name, part in (("slices", slices), ("neurons", neurons), ("queue", queue)):
            name_streams(name, part)
        wiring.connect(m, wiring.flipped(self.i), slices.i)
        slice_bits = len(slices.o.payload) // len(self._synapses)
        for step, synapses in enumerate(self._synapses):
            name = "synapses" if len(self._synapses) == 1 else f"synapses_{step}"
            m.submodules[name] = synapses
            name_streams(name, synapses)
            m.d.comb += [
                synapses.i.valid.eq(slices.o.valid),
                synapses.i.payload.eq(slices.o.payload.word_select(step, slice_bits)),
                Value.cast(neurons.i.payload[step]).eq(
                    delayed(
                        m,
                        Value.cast(synapses.o.payload),
                        f"currents_{step}",
                        self._synapses_latency - synapses.latency,
                    )
                ),
            ]
        slowest = max(self._synapses, key=lambda synapses: synapses.latency)
        m.d.comb += neurons.i.valid.eq(slowest.o.valid)

        makes = self._makes_beat(m, slices.begins)
        m.d.comb += [slices.room.eq(queue.room | ~makes), queue.enter.eq(slices.begins & makes)]
        self._gather(m, neurons.o, queue)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m

    def _makes_beat(self, m: Module, begin: Value) -> Value:
        """Whether the next pass makes a beat: passes of the last position do, for last membranes only the last."""
        m.submodules.passes = one_pass = ModuloCounter(self.passes)
        m.submodules.positions = position = ModuloCounter(self._positions)
        m.d.comb += [one_pass.step.eq(begin), position.step.eq(begin & one_pass.last)]
        return position.last & one_pass.last if self._only_last else position.last

    def _gather(self, m: Module, spikes: Any, queue: CreditFifo) -> None:
        """Put the output folds of a pass side by side, and drop surplus PEs."""
        lanes_bits = len(Value.cast(spikes.payload)) // self._sets
        parts = Value.cast(spikes.payload)
        arrive = spikes.valid
        if self._groups > 1:
            m.submodules.gathered = group = ModuloCounter(self._groups)
            gathered = Signal(self._groups * len(parts), name="gathered_spikes", reset_less=True)
            m.d.comb += group.step.eq(spikes.valid)
            with m.If(spikes.valid):
                m.d.sync += gathered.eq(Cat(gathered[len(parts) :], parts))
            arrive = delayed(m, spikes.valid & group.last, "gathered_all", 1, reset_less=False)
            parts = gathered
        whole = self._channels * self._lane_bits
        m.d.comb += [
            queue.arrive.eq(arrive),
            queue.result.eq(
                Cat(
                    Cat(
                        parts[(group * self._sets + step) * lanes_bits :][:lanes_bits] for group in range(self._groups)
                    )[:whole]
                    for step in range(self._sets)
                )
            ),
        ]
