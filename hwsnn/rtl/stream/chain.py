"""Series connection of stream components."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring

Components = list[tuple[str, Any]]
"""Named components, each with streams ``i`` and ``o``, in the order of the data."""


class ChainComponent(wiring.Component):
    """Stream components in series: the stream ``i`` of the first, the stream ``o`` of the last.

    Parameters
    ----------
    parts : list of (str, Component)
        Named components with streams ``i`` and ``o``, at least one.

    Ports
    -----
    i : stream in of the first part's shape
        Into the first part.
    o : stream out of the last part's shape
        Out of the last part.

    Timing
    ------
    Latency: the sum of the parts' latencies.
    """

    def __init__(self, parts: Components) -> None:
        if not parts:
            raise ValueError("parts must be at least one component, not none")
        self._parts = parts
        super().__init__({"i": parts[0][1].signature.members["i"], "o": parts[-1][1].signature.members["o"]})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        connect_chain(m, wiring.flipped(self.i), self._parts, wiring.flipped(self.o))
        return m


def connect_chain(m: Module, source: Any, parts: Components, sink: Any) -> None:
    """Add the parts to ``m`` under their names, and connect them from ``source`` to ``sink``."""
    wiring.connect(m, add_chain(m, source, parts), sink)


def add_chain(m: Module, source: Any, parts: Components) -> Any:
    """Add the parts to ``m`` under their names, and connect them behind ``source``; returns the stream behind them."""
    for name, part in parts:
        m.submodules[name] = part
        wiring.connect(m, source, part.i)
        source = part.o
    return source
