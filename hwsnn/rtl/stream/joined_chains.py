"""Chains of stream components that join."""

from __future__ import annotations

from collections.abc import Mapping

from amaranth.hdl import Module
from amaranth.lib import wiring

from .chain import Components, add_chain, connect_chain


class JoinedChains(wiring.Component):
    """Stream components in series, of which the first has several streams in, with a chain in front of each.

    Parameters
    ----------
    entries : Mapping of str to list of (str, Component)
        For each stream into the first of ``parts``, by its name, the components in front of it, at least one. In the
        hardware they have their names and what follows ``i`` in that of the stream.
    parts : list of (str, Component)
        The components behind them, at least one.

    Ports
    -----
    the name of a stream : stream in of the shape of the first component of its chain
        Into that.
    o : stream out of the last part's shape
        Out of the last part.
    """

    def __init__(self, entries: Mapping[str, Components], parts: Components) -> None:
        self._entries, self._parts = dict(entries), parts
        inputs = {name: chain[0][1].signature.members["i"] for name, chain in entries.items()}
        super().__init__(inputs | {"o": parts[-1][1].signature.members["o"]})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        ends = {}
        for name, chain in self._entries.items():
            suffix = name.removeprefix("i")
            named = [(f"{part}{suffix}", component) for part, component in chain]
            ends[name] = add_chain(m, wiring.flipped(getattr(self, name)), named)
        (name, first), *behind = self._parts
        m.submodules[name] = first
        for stream, end in ends.items():
            wiring.connect(m, end, getattr(first, stream))
        connect_chain(m, first.o, behind, wiring.flipped(self.o))
        return m
