"""Sends the network's results as packets."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.interface.registers import ANSWER_BYTES, NUMBER_BYTES, SCORE_BYTES, result_bytes
from hwsnn.rtl.network import result_layout
from hwsnn.spec import Network

from ..stream.counter import ModuloCounter
from .signatures import RESULTS_OUT, stream_ports
from .store_and_forward import NUMBER_BITS


class ResultWriter(wiring.Component):
    """Makes a packet from each result and the number of its frame.

    It is reset by ``aresetn`` alone: a packet that was offered is sent to its end, through any soft reset.

    Parameters
    ----------
    network : Network
        The network that makes the results.
    word_bytes : int
        Bytes per word: 4, 8 or 16.

    Ports
    -----
    resetting : Signal(1), in
        A soft reset is in progress: no new packet.
    numbers : stream in of ``unsigned(32)``
        The numbers of the frames in the network, in their order.
    result : stream in of ``result_layout(network)``
        Results; each is taken together with its number.
    m_axis_* : AXI4-Stream, out
        The packets.
    stalled : Signal(1), out
        Whether a word is offered and not taken.
    answered : Signal(1), out
        High for one cycle when a packet's last word is taken, unless a soft reset occurred during the packet.

    Timing
    ------
    Latency: 1 cycle from result and number to the first word. Packets follow each other without a gap.
    """

    def __init__(self, network: Network, word_bytes: int) -> None:
        self._network, self._word_bytes = network, word_bytes
        super().__init__(
            stream_ports(RESULTS_OUT, word_bytes, Out)
            | {
                "resetting": In(1),
                "numbers": In(stream.Signature(unsigned(NUMBER_BITS))),
                "result": In(stream.Signature(result_layout(network))),
                "stalled": Out(1),
                "answered": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        size = result_bytes(self._network)
        words = -(-size // self._word_bytes)
        end_bytes = size - (words - 1) * self._word_bytes
        m.submodules.word = word = ModuloCounter(words)
        packet = Signal(8 * words * self._word_bytes, reset_less=True)
        free = Signal()
        load = Signal()
        taken = Signal()
        ends = Signal()
        m.d.comb += [
            taken.eq(self.m_axis_tvalid & self.m_axis_tready),
            ends.eq(taken & word.last),
            free.eq((~self.m_axis_tvalid | ends) & ~self.resetting),
            load.eq(free & self.numbers.valid & self.result.valid),
            self.numbers.ready.eq(load),
            self.result.ready.eq(load),
            word.step.eq(taken),
            self.stalled.eq(self.m_axis_tvalid & ~self.m_axis_tready),
            self.m_axis_tdata.eq(packet[: 8 * self._word_bytes]),
            self.m_axis_tkeep.eq(Mux(word.last, (1 << end_bytes) - 1, (1 << self._word_bytes) - 1)),
            self.m_axis_tlast.eq(word.last),
        ]
        with m.If(load):
            m.d.sync += [packet.eq(self._fields(m)), self.m_axis_tvalid.eq(1)]
        with m.Elif(taken):
            m.d.sync += packet.eq(packet >> (8 * self._word_bytes))
            with m.If(word.last):
                m.d.sync += self.m_axis_tvalid.eq(0)

        stale = Signal()  # a soft reset occurred during the packet
        m.d.comb += self.answered.eq(ends & ~stale & ~self.resetting)
        m.d.sync += stale.eq(self.m_axis_tvalid & ~ends & (stale | self.resetting))
        return m

    def _fields(self, m: Module) -> Cat:
        """A packet's fields in their order; the rest of the last word is 0."""
        result = self.result.payload
        answer = Cat(result.answer, Const(0, 8 * ANSWER_BYTES - len(result.answer)))
        scores = []
        for index, score in enumerate(result.scores):
            wide = Signal(signed(8 * SCORE_BYTES), name=f"score_{index}")
            m.d.comb += wide.eq(score)
            scores.append(wide)
        return Cat(self.numbers.payload[: 8 * NUMBER_BYTES], answer, *scores)
