"""Names and widths of the accelerator's ports, and the words of its streams; see ``docs/axi.md``."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import data
from amaranth.lib.wiring import Flow, In, Member, Out

from hwsnn.interface.registers import ADDRESS_BITS, REGISTER_BYTES, WORD_BYTES

REGISTERS_IN, FRAMES_IN, RESULTS_OUT = "s_axi", "s_axis", "m_axis"
"""Prefixes of the ports' signals."""
OKAY = 0b00
"""The only response to an access."""


def word_layout(word_bytes: int) -> data.StructLayout:
    """A word of an AXI4-Stream: ``data``, one bit of ``keep`` per byte, and ``last``, the end of a packet."""
    check_word_bytes(word_bytes)
    return data.StructLayout({"data": unsigned(8 * word_bytes), "keep": unsigned(word_bytes), "last": unsigned(1)})


def check_word_bytes(word_bytes: object) -> None:
    """Refuse anything but a supported word width."""
    widths = ", ".join(map(str, WORD_BYTES))
    if not isinstance(word_bytes, int) or isinstance(word_bytes, bool):
        raise TypeError(f"word bytes must be one of {widths}, not {word_bytes!r}")
    if word_bytes not in WORD_BYTES:
        raise ValueError(f"word bytes must be one of {widths}, not {word_bytes!r}")


def stream_ports(prefix: str, word_bytes: int, flow: Flow) -> dict[str, Member]:
    """The signals of an AXI4-Stream of input words (``In``) or output words (``Out``)."""
    check_word_bytes(word_bytes)
    return {
        f"{prefix}_tdata": flow(8 * word_bytes),
        f"{prefix}_tkeep": flow(word_bytes),
        f"{prefix}_tlast": flow(1),
        f"{prefix}_tvalid": flow(1),
        f"{prefix}_tready": flow.flip()(1),
    }


def register_ports(prefix: str = REGISTERS_IN) -> dict[str, Member]:
    """The signals of the AXI4-Lite port, seen from the registers."""
    word = 8 * REGISTER_BYTES
    return {
        f"{prefix}_awaddr": In(ADDRESS_BITS),
        f"{prefix}_awprot": In(3),
        f"{prefix}_awvalid": In(1),
        f"{prefix}_awready": Out(1),
        f"{prefix}_wdata": In(word),
        f"{prefix}_wstrb": In(REGISTER_BYTES),
        f"{prefix}_wvalid": In(1),
        f"{prefix}_wready": Out(1),
        f"{prefix}_bresp": Out(2),
        f"{prefix}_bvalid": Out(1),
        f"{prefix}_bready": In(1),
        f"{prefix}_araddr": In(ADDRESS_BITS),
        f"{prefix}_arprot": In(3),
        f"{prefix}_arvalid": In(1),
        f"{prefix}_arready": Out(1),
        f"{prefix}_rdata": Out(word),
        f"{prefix}_rresp": Out(2),
        f"{prefix}_rvalid": Out(1),
        f"{prefix}_rready": In(1),
    }


def forward_ports(m: Module, outer: Any, inner: Any, ports: dict[str, Member]) -> None:
    """Connect the ports of an inner component to those of the same names of the outer one."""
    for name, member in ports.items():
        inside, outside = getattr(inner, name), getattr(outer, name)
        m.d.comb += inside.eq(outside) if member.flow == In else outside.eq(inside)
