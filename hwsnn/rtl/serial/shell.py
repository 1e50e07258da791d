"""A network behind a serial line, as it goes onto a board."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.column_pairs import require_whole_pairs
from hwsnn.spec import Network

from .link import Link
from .uart import UartReceiver, UartTransmitter


class SerialShell(wiring.Component):
    """UART, link and pipeline.

    Parameters
    ----------
    network : Network
        The network that the pipeline was made from.
    pipeline : Component
        Has the streams ``pixels`` (in) and ``result`` (out) of ``docs/streams.md``.
    divisor : int
        Clock cycles per bit of the line, at least 4.
    model_hash : str
        SHA-256 of the network's model, 64 hexadecimal digits.

    Ports
    -----
    rx : Signal(1), in
        The line from the host, idle high, as in ``docs/link.md``.
    tx : Signal(1), out
        The line to the host.
    accepted : Signal(1), out
        Toggles with every frame passed to the network.
    refused : Signal(1), out
        Toggles with every byte or packet found wrong.
    """

    def __init__(self, network: Network, pipeline: Any, divisor: int, model_hash: str) -> None:
        self._pipeline = pipeline
        self._receiver, self._transmitter = UartReceiver(divisor), UartTransmitter(divisor)
        pixels_per_cycle = pipeline.pixels.payload.shape().length // network.input_shape[0]
        require_whole_pairs(network, pixels_per_cycle)
        self._link = Link(network, model_hash, pixels_per_cycle)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "accepted": Out(1), "refused": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = self._receiver
        m.submodules.link = link = self._link
        m.submodules.pipeline = pipeline = self._pipeline
        m.submodules.transmitter = transmitter = self._transmitter
        wiring.connect(m, receiver.o, link.i)
        wiring.connect(m, link.pixels, pipeline.pixels)
        wiring.connect(m, pipeline.result, link.result)
        wiring.connect(m, link.o, transmitter.i)
        m.d.comb += [receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx)]
        with m.If(link.accepted):
            m.d.sync += self.accepted.eq(~self.accepted)
        with m.If(link.refused | receiver.lost):
            m.d.sync += self.refused.eq(~self.refused)
        return m
