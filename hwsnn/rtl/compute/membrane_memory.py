"""Memory for the state of neurons between the passes of an output pixel."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec import AnyNeuron

from ..checks import check_integer
from .neuron_step import state_layout


class MembraneMemory(wiring.Component):
    """The state of all neurons, one word per output fold: the neuron's state variables, packed.

    Parameters
    ----------
    neuron : AnyNeuron
        The neuron whose state it is.
    groups : int
        Output folds.
    lanes : int
        Neurons per output fold, one per PE.

    Ports
    -----
    read_group : Signal(range(groups)), in
        Which output fold is read.
    first : Signal(1), in
        Read 0 instead: the state before the first step.
    state : Signal(ArrayLayout(state_layout(neuron), lanes)), out
        The state that was read; a register.
    write : Signal(1), in
        Whether ``left`` is written.
    write_group : Signal(range(groups)), in
        Where it is written.
    left : Signal(ArrayLayout(state_layout(neuron), lanes)), in
        The state to write.

    Timing
    ------
    Latency: 1 cycle from ``read_group`` and ``first`` to ``state``; what is written can be read in the next cycle. One
    read and one write per cycle.
    """

    def __init__(self, neuron: AnyNeuron, groups: int, lanes: int) -> None:
        check_integer("groups", groups, 1)
        check_integer("lanes", lanes, 1)
        self._groups = groups
        word = data.ArrayLayout(state_layout(neuron), lanes)
        super().__init__(
            {
                "read_group": In(range(groups)),
                "first": In(1),
                "state": Out(word),
                "write": In(1),
                "write_group": In(range(groups)),
                "left": In(word),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Value.cast(self.left)
        stored = Signal(len(left), reset_less=True)
        if self._groups == 1:
            with m.If(self.write):
                m.d.sync += stored.eq(left)
        else:
            m.submodules.words = words = memory.Memory(shape=unsigned(len(left)), depth=self._groups, init=[])
            read, write = words.read_port(domain="comb"), words.write_port()
            m.d.comb += [
                read.addr.eq(self.read_group),
                stored.eq(read.data),
                write.addr.eq(self.write_group),
                write.en.eq(self.write),
                write.data.eq(left),
            ]
        state = Signal(len(left), name="state_read", reset_less=True)
        m.d.sync += state.eq(Mux(self.first, 0, stored))
        m.d.comb += Value.cast(self.state).eq(state)
        return m
