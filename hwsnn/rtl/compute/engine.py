# amaranth: UnusedElaboratable=no
"""From windows to spikes: slices, synaptic sums and neurons in one pipeline that never stops."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Out

from hwsnn.folding.folding import LayerFold, Sums
from hwsnn.folding.weight_layout import folded_parameters
from hwsnn.spec import Conv, MaxPool, Network, Neuron

from ..checks import check_integer
from ..stream.chain import name_streams
from ..stream.counter import ModuloCounter
from ..stream.credit import CreditFifo
from ..stream.delay import delayed
from .neurons import IntegratingNeurons, SpikingNeurons
from .synapses import Synapses
from .window_slicer import WindowSlicer


class Engine(wiring.Component):
    """The part of a layer with weights that computes, and the queue behind it.

    A window is taken apart into passes (see ``WindowSlicer``). A pass begins when the queue has a place for the beat
    that it makes, runs for G * F clocks, and nothing stops what has begun: synapses and neurons are registers without
    enable.

    Parameters
    ----------
    network, index : the layer and what surrounds it.
    fold : how parallel it is.
    steps : time steps in a beat of windows; 1 for pixels.
    queue_depth : beats that the queue holds, those under way included.

    Members
    -------
    ``i`` : stream of windows (for a fully connected layer, of pixels), entry
        (tap*steps + t)*channels + c.
    ``o`` : stream of spikes, ``unsigned(t_par * Cout)``, bit ``t * Cout + c``, one beat a pass; of an integrating layer
        the scores, one beat a position.

    Latency: ``latency`` clocks from a window in to its first beat out. ``passes`` beats a position, each takes
    G * F clocks, and from one to the next of a position at least the neurons' ``depth``.
    """

    def __init__(self, network: Network, index: int, fold: LayerFold, steps: int, queue_depth: int) -> None:
        layer = network.layers[index]
        if isinstance(layer, MaxPool):
            raise ValueError(f"layer must have weights, not be {layer!r}")
        check_integer("steps", steps, 1)
        self._pixels = network.takes_pixels(index)
        self._t_par = min(fold.t_par, network.timesteps)
        self._passes = -(-network.timesteps // self._t_par)
        self._queue_depth = queue_depth
        parameters = folded_parameters(layer, fold)
        self._positions, self._groups, _, lanes, _ = parameters.weights.shape
        self._channels = channels = layer.weight.shape[0]
        input_bits = network.pixel_bits if self._pixels else 1
        current_bits = network.current_range(index).width
        copies = 1 if self._pixels else self._t_par
        forms: list[Sums] = ["lut6" if step < fold.logic_steps else fold.sums for step in range(copies)]
        self._synapses = [
            Synapses(parameters.weights, parameters.bias, input_bits, current_bits, self._passes, sums)
            for sums in forms
        ]
        self._synapses_latency = max(synapses.latency for synapses in self._synapses)
        neuron = layer.neuron
        self._neurons: Any
        saturates = network.can_saturate(index)
        shape = (neuron.membrane_bits, current_bits, network.timesteps, self._t_par)
        if isinstance(neuron, Neuron):
            constants = (parameters.thresholds, parameters.subs, neuron.leak, neuron.reset)
            self._neurons = SpikingNeurons(*constants, *shape, shared=self._pixels, saturates=saturates)
            self._lane_bits, self._sets = 1, self._t_par
        else:
            self._neurons = IntegratingNeurons(
                self._groups, lanes, neuron.leak, *shape, shared=self._pixels, saturates=saturates
            )
            self._lane_bits, self._sets = neuron.membrane_bits, 1
        self._slices = WindowSlicer(
            taps=layer.kernel[0] * layer.kernel[1] if isinstance(layer, Conv) else 1,
            channels=layer.weight.shape[1],
            bits=input_bits,
            steps=steps,
            cin_par=min(fold.cin_par, layer.weight.shape[1]),
            t_par=1 if self._pixels else self._t_par,
            groups=self._groups,
            repeats=self._passes if self._pixels else 1,
            passes=self._passes,
            rest=self._neurons.depth,
        )
        self._integrates = not isinstance(neuron, Neuron)
        super().__init__(
            {
                "i": self._slices.signature.members["i"],
                "o": Out(stream.Signature(unsigned(self._sets * channels * self._lane_bits))),
            }
        )

    @property
    def passes(self) -> int:
        """Passes of a position."""
        return self._passes

    @property
    def pass_clocks(self) -> int:
        """Clocks of a pass: G * F."""
        return self._slices.pass_clocks

    @property
    def rest(self) -> int:
        """Clocks, at least, from a pass to the next one of its position."""
        return self._neurons.depth

    @property
    def pipeline_clocks(self) -> int:
        """Clocks from the last slice of a pass, as it leaves its register, to its beat's arrival at the queue."""
        return self._synapses_latency + self._neurons.latency + int(self._groups > 1)

    @property
    def latency(self) -> int:
        """Clocks from a window in to its first beat out, with room and at rest."""
        return self._slices.latency + self.pass_clocks - 1 + self.pipeline_clocks + 2

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
        """Whether the pass that comes next makes a beat: one of the last position, for scores its last."""
        m.submodules.passes = one_pass = ModuloCounter(self._passes)
        m.submodules.positions = position = ModuloCounter(self._positions)
        m.d.comb += [one_pass.step.eq(begin), position.step.eq(begin & one_pass.last)]
        return position.last & one_pass.last if self._integrates else position.last

    def _gather(self, m: Module, spikes: Any, queue: CreditFifo) -> None:
        """Put the groups of a pass side by side, and drop the lanes that are too many."""
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
