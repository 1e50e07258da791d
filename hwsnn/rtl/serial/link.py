"""The board's side of the serial link, from bytes to bytes; see ``docs/link.md``."""

from __future__ import annotations

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.interface.serial_protocol import Identity, ResponseStatus, frame_payload_bytes
from hwsnn.spec import Network

from ..network import pixel_layout, result_layout
from ..stream.fifo import StreamFifo
from .frame_buffer import FrameBuffer
from .packet_reader import PacketReader
from .response_writer import NOTICE, ResponseWriter
from .slip import SlipDecoder, SlipEncoder

NOTICES = 4
"""Faults and identity responses that can wait; further ones are dropped."""
FRAMES_INSIDE = 16
"""Frames that can be in the network at once; others wait in the frame buffers."""


class Link(wiring.Component):
    """Frames in, responses out.

    Parameters
    ----------
    network : Network
        The network that the pipeline behind this link was made from.
    model_hash : str
        SHA-256 of its model, 64 hexadecimal digits.
    pixels_per_cycle : int
        Pixels of a beat of the pipeline.

    Ports
    -----
    i : valid-only stream in of ``unsigned(8)``
        Bytes from the host.
    pixels : stream out of ``pixel_layout(network, pixels_per_cycle)``
        Into the pipeline.
    result : stream in of ``result_layout(network)``
        From the pipeline.
    o : stream out of ``unsigned(8)``
        Bytes to the host.
    accepted, refused : Signal(1), out
        High for one cycle when a frame is passed on, or a packet is found wrong.

    Raises
    ------
    ValueError
        A frame does not fit a packet (``MAX_PAYLOAD`` bytes).
    """

    def __init__(self, network: Network, model_hash: str, pixels_per_cycle: int = 1) -> None:
        self._network, self._identity = network, Identity.of(network, model_hash)
        self._layout, self._beats = pixel_layout(network, pixels_per_cycle), network.frame_beats // pixels_per_cycle
        self._frame_bytes = frame_payload_bytes(network)
        super().__init__(
            {
                "i": In(stream.Signature(8, always_ready=True)),
                "pixels": Out(stream.Signature(self._layout)),
                "result": In(stream.Signature(result_layout(network))),
                "o": Out(stream.Signature(8)),
                "accepted": Out(1),
                "refused": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decoder = decoder = SlipDecoder()
        m.submodules.reader = reader = PacketReader(self._frame_bytes)
        m.submodules.store = store = FrameBuffer(self._layout, self._beats)
        m.submodules.notices = notices = StreamFifo(NOTICE, NOTICES)
        m.submodules.sequences = sequences = StreamFifo(unsigned(8), FRAMES_INSIDE)
        m.submodules.writer = writer = ResponseWriter(self._network, self._identity)
        m.submodules.encoder = encoder = SlipEncoder()
        m.d.comb += [
            decoder.i.payload.eq(self.i.payload),
            decoder.i.valid.eq(self.i.valid),
            decoder.o.ready.eq(1),
            reader.i.payload.eq(decoder.o.payload),
            reader.i.valid.eq(decoder.o.valid),
        ]
        wiring.connect(m, reader.payload, store.write)
        wiring.connect(m, store.pixels, wiring.flipped(self.pixels))
        wiring.connect(m, store.sequences, sequences.i)
        wiring.connect(m, sequences.o, writer.sequences)
        wiring.connect(m, notices.o, writer.notices)
        wiring.connect(m, wiring.flipped(self.result), writer.result)
        wiring.connect(m, writer.o, encoder.i)
        wiring.connect(m, encoder.o, wiring.flipped(self.o))

        # A notice is dropped where the queue is full: the line cannot be stalled.
        request, notice = reader.request.payload, notices.i.payload
        accepted = Signal()
        unanswered = Signal(8)
        with m.If(request.status != ResponseStatus.OK):
            m.d.comb += notice.status.eq(request.status)
        with m.Elif(request.is_frame & store.oversized):
            m.d.comb += notice.status.eq(ResponseStatus.PIXEL)
        with m.Elif(request.is_frame & ~store.keeping):
            m.d.comb += notice.status.eq(ResponseStatus.BUSY)
        with m.Else():
            m.d.comb += accepted.eq(request.is_frame)
        m.d.comb += [
            store.number.eq(request.sequence),
            store.commit.eq(reader.request.valid & accepted),
            notice.sequence.eq(request.sequence),
            notices.i.valid.eq(reader.request.valid & ~accepted),
            writer.unanswered.eq(unanswered),
            self.accepted.eq(store.commit),
            self.refused.eq(notices.i.valid & (notice.status != ResponseStatus.OK)),
        ]
        m.d.sync += unanswered.eq(unanswered + store.commit - (sequences.o.valid & sequences.o.ready))
        return m
