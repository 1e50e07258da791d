"""Several accelerators as one design, so that one simulator is built for all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

SHARED = ("aclk", "aresetn", "pipeline_clk")


class SideBySide(wiring.Component):  # type: ignore[misc]
    """Components with flat ports under names of their own, such as ``NAME_s_axi_awaddr``; they share clocks and reset.

    ``more``: members that whoever inherits this drives.
    """

    def __init__(self, parts: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> None:
        self._parts = parts
        members: dict[str, Any] = {name: In(1) for name in SHARED}
        for name, part in parts.items():
            members |= {f"{name}_{port}": each for port, each in part.signature.members.items() if port not in SHARED}
        super().__init__(members | dict(more or {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, part in self._parts.items():
            m.submodules[name] = part
            for port, member in part.signature.members.items():
                inside, outside = getattr(part, port), getattr(self, port if port in SHARED else f"{name}_{port}")
                m.d.comb += inside.eq(outside) if member.flow == In else outside.eq(inside)
        return m
