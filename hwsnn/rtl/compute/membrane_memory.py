"""Where neurons wait between the passes of a position."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec import AnyNeuron

from ..checks import check_integer
from .neuron_step import state_layout


class MembraneMemory(wiring.Component):
    """The state of the neurons of every group, one word a group: whatever variables the neuron declares, packed.

    Parameters
    ----------
    neuron : whose state it is.
    groups, lanes : neurons, ``lanes`` of them in a group.

    Ports
    -----
    ``group`` : in, ``range(groups)``; which group is read.
    ``first`` : in; the state before the first step is read in its place, that is 0.
    ``state`` : out, ``ArrayLayout(state_layout(neuron), lanes)``; what is read, a register.
    ``write`` : in; whether ``left`` is written.
    ``left_group`` : in, ``range(groups)``; where to.
    ``left`` : in, as ``state``.

    Latency: 1 clock from ``group`` and ``first`` to ``state``; what is written can be read in the clock after. A group
    a clock is read, and one written.

    Raises
    ------
    TypeError, ValueError : a parameter is not an integer of at least 1.
    """

    def __init__(self, neuron: AnyNeuron, groups: int, lanes: int) -> None:
        check_integer("groups", groups, 1)
        check_integer("lanes", lanes, 1)
        self._groups = groups
        word = data.ArrayLayout(state_layout(neuron), lanes)
        super().__init__(
            {
                "group": In(range(groups)),
                "first": In(1),
                "state": Out(word),
                "write": In(1),
                "left_group": In(range(groups)),
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
                read.addr.eq(self.group),
                stored.eq(read.data),
                write.addr.eq(self.left_group),
                write.en.eq(self.write),
                write.data.eq(left),
            ]
        state = Signal(len(left), name="state_read", reset_less=True)
        m.d.sync += state.eq(Mux(self.first, 0, stored))
        m.d.comb += Value.cast(self.state).eq(state)
        return m
