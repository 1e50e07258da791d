"""Memory for the state of neurons between the passes of an output pixel."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Const, Module, Mux, Shape, Signal, Value, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec import AnyNeuron

from ..checks import check_integer
from .neuron_step import fields, state_layout
from .rom import packed


class MembraneMemory(wiring.Component):
    """The state of all membranes, one word per output fold: the neuron's ``state_layout``, side by side.

    Where output pixels take turns, each has its words. Word g of pixel p is at place p * 2^b + g, b the bits of g.

    Parameters
    ----------
    neuron : AnyNeuron
        The neuron whose state it is, of ``groups * lanes`` channels.
    groups : int
        Output folds.
    lanes : int
        Neurons per output fold, one per PE.
    pixels : int
        Output pixels that take turns.

    Attributes
    ----------
    remark : str
        Where the state of a PE is in a word.

    Ports
    -----
    read_place : Signal(range(places)), in
        Which word is read.
    first : Signal(1), in
        Read the state before the first step instead: the initial membranes, and else 0.
    state : Signal(ArrayLayout(state_layout(neuron), lanes)), out
        The state that was read; a register.
    write : Signal(1), in
        Whether ``left`` is written.
    write_place : Signal(range(places)), in
        Where it is written.
    left : Signal(ArrayLayout(state_layout(neuron), lanes)), in
        The state to write.

    Timing
    ------
    Latency: 1 cycle from ``read_place`` and ``first`` to ``state``; what is written can be read in the next cycle. One
    read and one write per cycle.
    """

    def __init__(self, neuron: AnyNeuron, groups: int, lanes: int, pixels: int = 1) -> None:
        check_integer("groups", groups, 1)
        check_integer("lanes", lanes, 1)
        check_integer("pixels", pixels, 1)
        self._groups, self._lanes, self._pixels, self._initial = groups, lanes, pixels, neuron.initial
        self._places = groups if pixels == 1 else pixels << (groups - 1).bit_length()
        self.here = {"places": self._places}
        word = data.ArrayLayout(state_layout(neuron), lanes)
        bits = Shape.cast(state_layout(neuron)).width
        self.remark = f"PE l has the {bits} bits of a word from {bits} * l up: {fields(state_layout(neuron))}."
        super().__init__(
            {
                "read_place": In(range(self._places)),
                "first": In(1),
                "state": Out(word),
                "write": In(1),
                "write_place": In(range(self._places)),
                "left": In(word),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        left = Value.cast(self.left)
        stored = Signal(len(left), reset_less=True)
        if self._places == 1:
            with m.If(self.write):
                m.d.sync += stored.eq(left)
        else:
            m.submodules.words = words = memory.Memory(shape=unsigned(len(left)), depth=self._places, init=[])
            read = words.read_port(domain="comb")
            write = words.write_port()
            m.d.comb += [
                read.addr.eq(self.read_place),
                stored.eq(read.data),
                write.addr.eq(self.write_place),
                write.en.eq(self.write),
                write.data.eq(left),
            ]
        state = Signal(len(left), name="state_read", reset_less=True)
        m.d.sync += state.eq(Mux(self.first, self._before(m), stored))
        m.d.comb += Value.cast(self.state).eq(state)
        return m

    def _before(self, m: Module) -> Value | int:
        """The state before the first step."""
        if self._initial is None:
            return 0
        bits = len(Value.cast(self.state)) // self._lanes
        v = self.state.shape().elem_shape["v"]
        words = packed(self._initial.astype(np.int64).reshape(self._groups, self._lanes) & ((1 << v.width) - 1), bits)
        if self._groups == 1:
            return Const(words[0], len(Value.cast(self.state)))
        m.submodules.initial_membranes = table = memory.Memory(
            shape=unsigned(len(Value.cast(self.state))), depth=self._groups, init=words
        )
        read = table.read_port(domain="comb")
        m.d.comb += read.addr.eq(self.read_place[: len(read.addr)])
        return read.data
