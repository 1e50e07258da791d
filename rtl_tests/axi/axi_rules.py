"""Checks the rules of AXI on every channel of a port, clock by clock, and counts what moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cocotb.triggers import RisingEdge

STREAM_PAYLOAD = ("tdata", "tkeep", "tlast")
REGISTER_CHANNELS = {
    "aw": ("awaddr", "awprot"),
    "w": ("wdata", "wstrb"),
    "b": ("bresp",),
    "ar": ("araddr", "arprot"),
    "r": ("rdata", "rresp"),
}


@dataclass
class Channel:
    """One channel: what is offered stays offered, unchanged, until it is taken; nothing is offered in reset.

    ``moved`` counts beats, ``packets`` those with ``tlast``, ``stalls`` clocks in which one was offered and not taken.
    """

    name: str
    valid: Any
    ready: Any
    payload: tuple[Any, ...]
    last: Any = None
    moved: int = 0
    packets: int = 0
    stalls: int = 0
    errors: list[str] = field(default_factory=list)
    _held: tuple[int, ...] | None = None
    _in_reset: bool = False

    def edge(self, *, in_reset: bool) -> None:
        """Look at the signals at a clock edge."""
        valid = bool(self.valid.value)
        if in_reset:
            if self._in_reset and valid:
                self._broken("valid is high in reset")
            self._in_reset, self._held = True, None
            return
        self._in_reset = False
        if not valid:
            if self._held is not None:
                self._broken("valid fell before the beat had moved")
            self._held = None
            return
        beat = tuple(int(signal.value) for signal in self.payload)
        if self._held is not None and beat != self._held:
            self._broken(f"payload changed from {self._held} to {beat} while stalled")
        if self.ready.value:
            self.moved += 1
            self.packets += self.last is not None and bool(self.last.value)
            self._held = None
        else:
            self.stalls += 1
            self._held = beat

    def _broken(self, what: str) -> None:
        self.errors.append(f"{self.name}, beat {self.moved}: {what}")


def stream_channel(dut: Any, prefix: str) -> Channel:
    """The channel of an AXI4-Stream."""
    signals = {name: getattr(dut, f"{prefix}_{name}") for name in ("tvalid", "tready", *STREAM_PAYLOAD)}
    payload = tuple(signals[name] for name in STREAM_PAYLOAD)
    return Channel(prefix, signals["tvalid"], signals["tready"], payload, signals["tlast"])


def register_channels(dut: Any, prefix: str) -> dict[str, Channel]:
    """The five channels of an AXI4-Lite port, by their names."""
    return {
        name: Channel(
            f"{prefix}_{name}",
            getattr(dut, f"{prefix}_{name}valid"),
            getattr(dut, f"{prefix}_{name}ready"),
            tuple(getattr(dut, f"{prefix}_{signal}") for signal in payload),
        )
        for name, payload in REGISTER_CHANNELS.items()
    }


class Rules:
    """Watches channels from now on; ``check`` says whether any rule was broken so far."""

    def __init__(self, clock: Any, resetn: Any, channels: list[Channel]) -> None:
        self.clock, self.resetn, self.channels = clock, resetn, channels
        self.clocks = 0

    async def watch(self) -> None:
        """Look at every clock edge, for ever."""
        while True:
            await RisingEdge(self.clock)
            self.clocks += 1
            in_reset = not self.resetn.value
            for channel in self.channels:
                channel.edge(in_reset=in_reset)
            self._answers_follow_requests()

    def _answers_follow_requests(self) -> None:
        moved = {channel.name.rpartition("_")[2]: channel for channel in self.channels}
        if "r" in moved and moved["r"].moved > moved["ar"].moved:
            moved["r"].errors.append("a read was answered before it was asked")
        if "b" in moved and moved["b"].moved > min(moved["aw"].moved, moved["w"].moved):
            moved["b"].errors.append("a write was answered before it was asked")

    @property
    def errors(self) -> list[str]:
        """Every rule that was broken, in words."""
        return [error for channel in self.channels for error in channel.errors]

    def check(self) -> None:
        """Raise ``AssertionError`` if a rule was broken."""
        assert not self.errors, self.errors[0]
