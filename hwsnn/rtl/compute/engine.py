# amaranth: UnusedElaboratable=no
"""From windows to spikes: slices, synaptic sums and neurons in one pipeline that never stalls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Out

from hwsnn.folding.folding import LayerFold
from hwsnn.folding.pipeline_depths import engine_depths, layer_output
from hwsnn.folding.synaptic_sums import tree_levels
from hwsnn.spec import Network

from ..checks import check_integer
from ..stream.counter import ModuloCounter
from ..stream.credit import CreditFifo
from ..stream.delay import delayed
from .current_sum import CurrentSum
from .engine_port import PassCount, engine_ports, window_numbers
from .feedback import Feedback
from .neurons import Neurons, NeuronShape


class Engine(wiring.Component):
    """The matrix-vector units of a layer with weights, one per projection, its neurons, and the queue behind it.

    A window is split into passes (see ``WindowSlicer``). A pass begins when the queue has a place for the beat that it
    makes, runs for G * F cycles for each window of a pool, and cannot be stalled once it has begun: synapses and
    neurons are registers without enable.

    Of several projections, each has slices and synapses of its own. Passes of an output pixel's last position begin
    together in all of them, and their currents are added up. Passes of earlier positions, which fully connected
    projections of several pixels have, begin by themselves.

    Where the passes of several output pixels take turns, ``i`` has the windows of their passes one by one, and ``o``
    their beats, in the order (block of pixels, pass, pixel).

    The spikes that come back to a recurrent population are kept in a register from a pass to the next.

    Parameters
    ----------
    network : Network
        The network of the layer.
    index : int
        The layer's index in the network.
    fold : LayerFold
        The layer's parallelism.
    steps : sequence of int
        Time steps per beat of windows of each projection; 1 for inputs that are held, and for spikes that come back.
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
        Windows (of a fully connected layer, pixels), input (tap*steps + t)*C + c, of n bits. Of several projections
        with streams ``i_0``, ``i_1`` and so on, named by ``input_streams``.
    o : stream out of ``unsigned(t_par * Cout * b)``
        Entry ``t * Cout + c`` is a number of spikes or, of a last layer whose membranes are read at every step, the
        membrane; one beat per pass. Where only those of the last step are read, ``unsigned(Cout * b)``, one beat per
        output pixel.

    Timing
    ------
    Latency: ``latency`` cycles. An output pixel takes ``passes`` passes of ``pass_clocks`` cycles. Between the starts
    of two passes of the same output pixel there are at least ``min_interval`` cycles.
    """

    def __init__(self, network: Network, index: int, fold: LayerFold, steps: Sequence[int], queue_depth: int) -> None:
        layer = network.population(index)
        for number in steps:
            check_integer("steps", number, 1)
        depths = engine_depths(network, index, fold)
        self.passes, self.pass_clocks, self.min_interval = depths.passes, depths.pass_clocks, depths.min_interval
        self.pipeline_clocks = depths.pipeline_clocks
        self._queue_depth = queue_depth
        self._channels = layer.out_channels
        self._t_par, held = min(fold.t_par, network.timesteps), all(i.held for i in network.inputs(index))
        self._ports = engine_ports(network, index, fold, steps, depths)
        self._synapses_latency = max(synapses.latency for port in self._ports for synapses in port.synapses)
        _, self._groups, _, lanes, _ = self._ports[0].sums[0].weights.shape
        self._lanes, self._current_bits = lanes, network.current_range(index).width
        shape = NeuronShape(
            self._groups,
            lanes,
            self._current_bits,
            network.timesteps,
            self._t_par,
            shared=held,
            saturating=network.saturating(index),
            output=layer_output(network, index),
            feeds_back=layer.recurrent,
            interleave=depths.interleave,
        )
        self._neurons = Neurons(layer.neuron.padded(self._groups * lanes), shape)
        self._currents = shape.currents
        self._only_last = shape.output == "last membranes"
        self._sets = 1 if self._only_last else self._t_par
        self._lane_bits = len(Value.cast(self._neurons.o.payload)) // (self._sets * lanes)
        self.latency = self.pass_clocks + self.pipeline_clocks + 2
        self.here = {"t_par": self._t_par, "Cout": self._channels, "b": self._lane_bits}
        self.here |= {"PEs": lanes, "G": self._groups, "F": self._ports[0].slices.folds}
        if len(steps) == 1:
            self.here = window_numbers(self._ports[0].slices.i.payload, network, index, steps[0]) | self.here
        super().__init__(
            {port.stream: port.slices.signature.members["i"] for port in self._ports if port.stream}
            | {"o": Out(stream.Signature(unsigned(self._sets * self._channels * self._lane_bits)))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for port in self._ports:
            port.add_slices(m)
            if port.stream:
                wiring.connect(m, wiring.flipped(getattr(self, port.stream)), port.slices.i)
        self._add_currents(m)
        m.submodules.neurons = neurons = self._neurons
        m.submodules.queue = queue = CreditFifo(unsigned(len(self.o.payload)), self._queue_depth)
        self._begin(m, queue)
        self._gather(m, neurons.o, queue)
        wiring.connect(m, queue.o, wiring.flipped(self.o))
        return m

    def _add_currents(self, m: Module) -> None:
        """What the neurons take at each step of a pass: the currents of all projections, which arrive together."""
        neurons, several = self._neurons, len(self._ports) > 1
        arrived: list[list[Value]] = []
        for port in self._ports:
            port.add_synapses(m)
            arrived.append(
                [
                    delayed(
                        m,
                        Value.cast(synapses.o.payload),
                        f"currents{port.suffix}_{step}",
                        self._synapses_latency - synapses.latency,
                    )
                    for step, synapses in enumerate(port.synapses)
                ]
            )
        valid = next(
            synapses.o.valid
            for port in self._ports
            for synapses in port.synapses
            if synapses.latency == self._synapses_latency
        )
        for step in range(self._currents):
            sums = [port.sums[step % len(port.sums)] for port in self._ports]
            parts = [currents[step % len(currents)] for currents in arrived]
            if several:
                m.submodules[f"sum_{step}"] = total = CurrentSum(sums, self._current_bits)
                m.d.comb += [Value.cast(getattr(total, f"part_{number}")).eq(part) for number, part in enumerate(parts)]
                parts = [Value.cast(total.total)]
            m.d.comb += Value.cast(neurons.i.payload[step]).eq(parts[0])
        levels = tree_levels(len(self._ports))
        m.d.comb += neurons.i.valid.eq(delayed(m, valid, "summed", levels, reset_less=False))

    def _begin(self, m: Module, queue: CreditFifo) -> None:
        """Let passes begin: those of a last position in all projections at once, if there is room for their beat."""
        streams = [port for port in self._ports if port.stream]
        counts = [port.add_passes(m, self.passes) for port in streams]
        for number, (port, count) in enumerate(zip(streams, counts, strict=True)):
            room = queue.room | ~self._makes_beat(count)
            others = [(other, of) for other, of in zip(streams, counts, strict=True) if other is not port]
            if others:  # without its own wait, which would be one more LUT on the way to the stream's ready
                wait = Signal(name=f"others_of_{number}_wait")
                m.d.comb += wait.eq(Cat(other.slices.waits & of.joint for other, of in others).all())
                room &= wait | ~count.joint
            m.d.comb += port.slices.room.eq(room)
        begins = streams[0].slices.begins
        m.d.comb += queue.enter.eq(begins & self._makes_beat(counts[0]))
        if len(streams) < len(self._ports):
            self._feed_back(m, begins & counts[0].joint, counts[0].last)

    def _makes_beat(self, count: PassCount) -> Value:
        """Whether the next pass makes a beat: passes of the last position do, for last membranes only the last."""
        return count.joint & count.last if self._only_last else count.joint

    def _feed_back(self, m: Module, begins: Value, last: Value) -> None:
        """Give the spikes of a pass to the recurrent projections, whose passes begin with those of the others."""
        fired = self._neurons.fired
        bits = len(fired.payload) // self._lanes
        m.submodules.feedback = feedback = Feedback(self._groups, len(fired.payload), self._channels * bits)
        first = Signal(init=1, name="first_pass")
        with m.If(begins):
            m.d.sync += first.eq(last)
        m.d.comb += [
            feedback.i.valid.eq(fired.valid),
            feedback.i.payload.eq(fired.payload),
            feedback.first.eq(first),
        ]
        for port in self._ports:
            if not port.stream:
                m.d.comb += [
                    port.slices.i.valid.eq(1),
                    port.slices.i.payload.eq(feedback.spikes),
                    port.slices.room.eq(begins),
                ]

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
