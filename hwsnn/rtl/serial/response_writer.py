"""Writes the responses of the serial link; see ``docs/link.md``."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.interface.serial_protocol import (
    CRC_BYTES,
    HEADER_BYTES,
    LENGTH_BYTES,
    Identity,
    PacketKind,
    ResponseStatus,
)
from hwsnn.spec import Network

from ..network import result_layout
from .packet_reader import CRC32
from .slip import PACKET_BYTES

STATUS_BITS = Shape.cast(ResponseStatus).width

HEADER = data.StructLayout({"kind": unsigned(8), "sequence": unsigned(8), "length": unsigned(8 * LENGTH_BYTES)})
NOTICE = data.StructLayout({"status": ResponseStatus, "sequence": unsigned(8)})
"""A response without a frame: the identity where ``status`` is OK, a fault otherwise."""


class ResponseWriter(wiring.Component):
    """Makes packets from results, identities and faults.

    Parameters
    ----------
    network : Network
        The network that makes the results.
    identity : Identity
        The response to an identity request.

    Ports
    -----
    notices : stream in of ``NOTICE``
        Faults and identity requests; they have priority.
    sequences : stream in of ``unsigned(8)``
        The sequence numbers of the frames in the network, in their order.
    result : stream in of ``result_layout(network)``
        Results; each is taken together with its sequence number.
    unanswered : Signal(8), in
        Frames without a response yet; part of the identity.
    o : stream out of ``PACKET_BYTES``
        Packets.

    Timing
    ------
    Latency: 1 cycle. A packet of n bytes takes n + 3 cycles when never stalled.
    """

    def __init__(self, network: Network, identity: Identity) -> None:
        self._network, self._identity = network, identity
        super().__init__(
            {
                "notices": In(stream.Signature(NOTICE)),
                "sequences": In(stream.Signature(8)),
                "result": In(stream.Signature(result_layout(network))),
                "unanswered": In(8),
                "o": Out(stream.Signature(PACKET_BYTES)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.checksum = checksum = CRC32(data_width=8).create()
        packed = self._identity.pack()
        identity = Cat(Const(int.from_bytes(packed, "little"), 8 * len(packed)), self.unanswered)
        answer_layout = data.StructLayout(
            {"answer": unsigned(16), "scores": data.ArrayLayout(signed(32), self._network.classes)}
        )
        answer = Signal(answer_layout)
        m.d.comb += answer.answer.eq(self.result.payload.answer)
        for channel in range(self._network.classes):
            m.d.comb += answer.scores[channel].eq(self.result.payload.scores[channel])

        payload_bits = 8 + max(len(identity), answer_layout.size)  # the status first
        header = Signal(HEADER)
        payload = Signal(payload_bits)
        take_result = Signal()
        m.d.comb += take_result.eq(~self.notices.valid & self.result.valid & self.sequences.valid)
        with m.If(self.notices.valid):
            sound = self.notices.payload.status == ResponseStatus.OK
            m.d.comb += [
                header.kind.eq(Mux(sound, PacketKind.IDENTITY_ANSWER, PacketKind.FAULT)),
                header.sequence.eq(self.notices.payload.sequence),
                header.length.eq(Mux(sound, 1 + len(identity) // 8, 1)),
                payload.eq(Cat(self.notices.payload.status, Const(0, 8 - STATUS_BITS), identity)),
            ]
        with m.Else():
            m.d.comb += [
                header.kind.eq(PacketKind.FRAME_ANSWER),
                header.sequence.eq(self.sequences.payload),
                header.length.eq(1 + answer_layout.size // 8),
                payload.eq(Cat(Const(ResponseStatus.OK, 8), answer.as_value())),
            ]

        left = Signal(range(HEADER_BYTES + payload_bits // 8 + 1))
        shifter = Signal(8 * HEADER_BYTES + payload_bits)
        byte = shifter[:8]
        m.d.comb += [self.o.payload.data.eq(byte), checksum.data.eq(byte)]
        with m.FSM() as fsm:
            with m.State("IDLE"):
                m.d.comb += [
                    self.notices.ready.eq(1),
                    self.result.ready.eq(take_result),
                    self.sequences.ready.eq(take_result),
                    checksum.start.eq(1),
                ]
                m.d.sync += [shifter.eq(Cat(header, payload)), left.eq(HEADER_BYTES + header.length)]
                with m.If(self.notices.valid | take_result):
                    m.next = "CONTENT"
            with m.State("CONTENT"):
                m.d.comb += checksum.valid.eq(self.o.ready)
                with m.If(self.o.ready & (left == 1)):
                    m.next = "CHECKSUM"
            with m.State("CHECKSUM"):
                m.d.sync += [shifter.eq(checksum.crc), left.eq(CRC_BYTES)]
                m.next = "TRAILER"
            with m.State("TRAILER"), m.If(self.o.ready & (left == 1)):
                m.next = "END"
            with m.State("END"):
                m.d.comb += self.o.payload.end.eq(1)
                with m.If(self.o.ready):
                    m.next = "IDLE"
        sending = fsm.ongoing("CONTENT") | fsm.ongoing("TRAILER")
        m.d.comb += self.o.valid.eq(sending | fsm.ongoing("END"))
        with m.If(sending & self.o.ready):
            m.d.sync += [shifter.eq(shifter >> 8), left.eq(left - 1)]
        return m
