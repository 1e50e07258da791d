"""Store and forward: a frame is kept until its last word has arrived and all of it is valid."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..checks import check_integer
from ..stream.counter import ModuloCounter
from ..stream.credit import CreditFifo
from ..stream.delay import delayed
from .level_counter import LevelCounter
from .packet_checker import PacketChecker
from .restart_counter import RestartCounter
from .signatures import check_word_bytes, word_layout
from .wide_counter import WideCounter

NUMBER_BITS = 32
FRAMES_INSIDE = 64
"""Frames that can be in the network at once; others wait here."""
TURN_WORDS = 16
"""Words that arrive while a place passes from one frame to the next: from its last word read to the first written."""


def memory_size(word_bytes: int, frame_bytes: int, pixel_bits: int) -> tuple[int, int]:
    """The words of its memory, and their bits."""
    words = -(-frame_bytes // word_bytes)
    return ((_places(words) - 1) << ceil_log2(words)) + words, word_bytes * pixel_bits


def _places(words: int) -> int:
    """How many frames of so many words it holds."""
    return 2 + -(-TURN_WORDS // words)


class StoreAndForward(wiring.Component):
    """Packets in; the words of valid frames out, and beside them the numbers of their packets.

    It holds two frames, and the words that arrive while it changes from one to the next.

    Parameters
    ----------
    word_bytes : int
        Bytes per word: 4, 8 or 16.
    frame_bytes : int
        Bytes per frame, at least 1.
    pixel_bits : int
        Bits that a byte may use, 1 to 8.

    Attributes
    ----------
    words : int
        Words per frame.
    places : int
        Frames that it holds.

    Ports
    -----
    i : stream in of ``word_layout(word_bytes)``
        Words of packets.
    o : stream out of ``unsigned(word_bytes * pixel_bits)``
        The words of valid frames, frame after frame.
    numbers : stream out of ``unsigned(32)``
        The number of each valid frame's packet, as soon as the frame is known to be valid. Words wait while
        ``places + FRAMES_INSIDE`` numbers are not taken.
    accepted, malformed : Signal(1), out
        High for one cycle for each packet, when its last word has been checked.

    Timing
    ------
    Latency: 4 cycles from a frame's last word to its first word out. One word per cycle in and out, across frames.
    """

    def __init__(self, word_bytes: int, frame_bytes: int, pixel_bits: int) -> None:
        check_word_bytes(word_bytes)
        check_integer("frame bytes", frame_bytes, 1)
        check_integer("pixel bits", pixel_bits, 1, 8)
        self._word_bytes, self._frame_bytes, self._pixel_bits = word_bytes, frame_bytes, pixel_bits
        self.words = -(-frame_bytes // word_bytes)
        self.places = _places(self.words)
        super().__init__(
            {
                "i": In(stream.Signature(word_layout(word_bytes))),
                "o": Out(stream.Signature(unsigned(word_bytes * pixel_bits))),
                "numbers": Out(stream.Signature(unsigned(NUMBER_BITS))),
                "accepted": Out(1),
                "malformed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        end_bytes = self._frame_bytes - (self.words - 1) * self._word_bytes
        m.submodules.check = check = PacketChecker(self._word_bytes, end_bytes, self._pixel_bits)
        m.submodules.kept = kept = LevelCounter(self.places)
        depth, bits = memory_size(self._word_bytes, self._frame_bytes, self._pixel_bits)
        m.submodules.store = store = memory.Memory(
            shape=unsigned(bits),
            depth=depth,
            init=[],
            attrs={"no_rw_check": 1},  # a word is never read in the cycle that writes it
        )
        wiring.connect(m, wiring.flipped(self.i), check.i)
        checked = check.o.payload
        take = Signal()
        ends = Signal()
        m.d.comb += ends.eq(take & checked.last)
        room = self._elaborate_numbers(m, ends)
        m.d.comb += [
            check.o.ready.eq(kept.room & room),
            take.eq(check.o.valid & kept.room & room),
            kept.up.eq(self.accepted),
        ]
        write = store.write_port()
        read = store.read_port()
        self._elaborate_writing(m, write, checked, take, ends)
        self._elaborate_reading(m, read, kept)
        return m

    def _elaborate_numbers(self, m: Module, ends: Signal) -> Signal:
        """Number the packets. Returns whether there is room for one more frame's number."""
        m.submodules.packets = packets = WideCounter(NUMBER_BITS)
        m.submodules.queue = queue = CreditFifo(unsigned(NUMBER_BITS), self.places + FRAMES_INSIDE)
        m.d.comb += [
            packets.counts.eq(ends),
            queue.enter.eq(self.accepted),
            # The count before this packet, delayed as by the counter's parts.
            queue.arrive.eq(delayed(m, self.accepted, "accepted", packets.latency - 1, reset_less=False)),
            queue.result.eq(packets.value),
        ]
        wiring.connect(m, queue.o, wiring.flipped(self.numbers))
        return queue.room

    def _elaborate_writing(self, m: Module, port: Any, checked: Any, take: Signal, ends: Signal) -> None:
        m.submodules.place = place = ModuloCounter(self.places)
        m.submodules.index = index = RestartCounter(self.words)
        broken = Signal()  # an earlier word of the packet was wrong
        sound = Signal()
        m.d.comb += [
            index.step.eq(take),
            index.restart.eq(checked.last),
            port.addr.eq(Cat(index.count, place.count)),
            port.data.eq(checked.lanes),
            port.en.eq(take & ~broken),
            sound.eq(~broken & index.last & ~checked.wrong_at_end),
            self.accepted.eq(ends & sound),
            self.malformed.eq(ends & ~sound),
            place.step.eq(self.accepted),
        ]
        with m.If(take):
            m.d.sync += broken.eq(~checked.last & (broken | index.last | checked.wrong_within))

    def _elaborate_reading(self, m: Module, port: Any, kept: LevelCounter) -> None:
        m.submodules.read_place = place = ModuloCounter(self.places)
        m.submodules.read_index = index = RestartCounter(self.words)
        fetch = Signal()
        m.d.comb += [
            fetch.eq(kept.some & (~self.o.valid | self.o.ready)),
            index.step.eq(fetch),
            index.restart.eq(index.last),
            place.step.eq(fetch & index.last),
            kept.down.eq(fetch & index.last),
            port.addr.eq(Cat(index.count, place.count)),
            port.en.eq(fetch),
            self.o.payload.eq(port.data),
        ]
        with m.If(fetch):
            m.d.sync += self.o.valid.eq(1)
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
