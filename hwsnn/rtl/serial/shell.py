"""A network behind a serial line: what goes onto a board."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.spec import Network

from .link import Link
from .uart import UartReceiver, UartTransmitter


class SerialShell(wiring.Component):
    """UART, link and pipeline.

    Parameters
    ----------
    network : the spec that the pipeline was made from.
    pipeline : a component with the streams ``pixels`` (in) and ``result`` (out) of ``docs/streams.md``.
    divisor : clocks a bit of the line, at least 4.
    model_hash : of the network, hexadecimal.

    Members
    -------
    ``rx``, ``tx`` : the line, idle high, as ``docs/link.md`` says.
    ``accepted``, ``refused`` : change with every frame handed to the network; with every byte or packet found wrong.
    """

    def __init__(self, network: Network, pipeline: Any, divisor: int, model_hash: str) -> None:
        self._pipeline = pipeline
        self._receiver, self._transmitter = UartReceiver(divisor), UartTransmitter(divisor)
        self._link = Link(network, model_hash)
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
