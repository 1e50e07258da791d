"""A model of AMD's AXI DMA in scatter-gather mode: its registers, descriptors and error behaviour.

Written from the product guide PG021 (7.1) for both sides of a simulation: ``read`` and ``write`` access its registers,
``MemoryToStream`` and ``StreamToMemory`` are its two channels. It is untimed. Interrupts, keyhole and cyclic mode are
left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hwsnn.interface.dma import (
    DESCRIPTOR,
    DESCRIPTOR_BYTES,
    DONE,
    FIRST,
    LAST,
    LENGTH,
    MM2S,
    S2MM,
    DmaControl,
    DmaStatus,
    Offset,
)

ALWAYS = 1 << 1
"""A bit of ``CONTROL`` that is always 1."""
SCATTER_GATHER = 1 << 3
"""A bit of ``STATUS``: scatter-gather is built in."""
WORD_BITS = 32
"""Of a register. An address of no more has no high word, neither in registers nor in descriptors."""
HIGH = (Offset.CURRENT_HIGH, Offset.TAIL_HIGH)
POINTER = ~(DESCRIPTOR_BYTES - 1)
WORDS = 4
"""Words that the channel to memory accepts before it has a descriptor."""
STATUS_AT = DESCRIPTOR.fields["status"][1]  # type: ignore[index]


class Memory(Protocol):
    """Bytes at physical addresses. Both methods raise ``LookupError`` where there is no memory."""

    def read(self, address: int, size: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...


@dataclass(eq=False)
class Descriptor:
    """A descriptor fetched from ``address``; every fetch makes a new object."""

    address: int
    buffer: int
    length: int
    first: bool
    last: bool


class _Channel:
    """One channel: its registers, and its walk along the descriptors."""

    def __init__(self, memory: Memory, address_bits: int) -> None:
        self._memory = memory
        self._last = (1 << address_bits) - 1  # of the addresses
        self._activates = Offset.TAIL_HIGH if address_bits > WORD_BITS else Offset.TAIL
        self.reset()

    def reset(self) -> None:
        self._registers = dict.fromkeys(Offset, 0)
        self.status = DmaStatus.HALTED
        self._next = 0
        self._active = False  # there are descriptors up to the tail that were not fetched yet
        self._fetched: deque[Descriptor] = deque()  # and not completed

    def read(self, offset: int) -> int:
        if offset == Offset.CONTROL:
            return self._registers[Offset.CONTROL] | ALWAYS
        if offset == Offset.STATUS:
            busy = self.status & DmaStatus.HALTED or self._active or self._fetched
            return self.status | (DmaStatus(0) if busy else DmaStatus.IDLE) | SCATTER_GATHER
        return self._registers[Offset(offset)] if offset in self._registers else 0

    def write(self, offset: int, value: int) -> None:
        if offset == Offset.CONTROL:
            self._run(bool(value & DmaControl.RUN))
        elif offset in HIGH and self._last >> WORD_BITS == 0:
            pass  # it is not there
        elif offset in (Offset.CURRENT, Offset.CURRENT_HIGH):
            if self.status & DmaStatus.HALTED:
                self._registers[Offset(offset)] = value
        elif offset in (Offset.TAIL, Offset.TAIL_HIGH):
            self._registers[Offset(offset)] = value
            if offset == self._activates and not self.status & DmaStatus.HALTED:
                self._active = True

    def _run(self, run: bool) -> None:
        if self.status & ~DmaStatus.HALTED:
            return  # after an error nothing but a reset helps
        if run and self.status & DmaStatus.HALTED:
            self._next = self._pointer(Offset.CURRENT)
        self._registers[Offset.CONTROL] = DmaControl.RUN if run else 0
        self.status = DmaStatus(0) if run else DmaStatus.HALTED

    def _pointer(self, low: Offset) -> int:
        return (self._registers[low] & POINTER) | self._registers[Offset(low + 4)] << WORD_BITS

    def fetch(self) -> Descriptor | None:
        """The next descriptor; None if the channel waits, or halts because of an error in it."""
        if self.status & DmaStatus.HALTED or not self._active:
            return None
        address = self._next
        try:
            raw = self._memory.read(address, DESCRIPTOR_BYTES)
        except LookupError:
            self.halt(DmaStatus.SG_DECODE)
            return None
        (entry,) = np.frombuffer(raw, DESCRIPTOR)
        control = int(entry["control"])
        if int(entry["status"]) & DONE or not control & LENGTH:
            self.halt(DmaStatus.SG_INTERNAL if control & LENGTH else DmaStatus.DMA_INTERNAL)
            return None
        self._next = int(entry["next"]) & POINTER & self._last
        self._active = address != self._pointer(Offset.TAIL)
        for register, part in ((Offset.CURRENT, address), (Offset.CURRENT_HIGH, address >> WORD_BITS)):
            self._registers[register] = part & 0xFFFF_FFFF
        buffer = int(entry["buffer"]) & self._last
        found = Descriptor(address, buffer, control & LENGTH, bool(control & FIRST), bool(control & LAST))
        self._fetched.append(found)
        return found

    def complete(self, descriptor: Descriptor, status: int) -> None:
        """Complete a descriptor: write its status back."""
        if descriptor in self._fetched:  # not if there was a reset meanwhile
            self._fetched.remove(descriptor)
            self._memory.write(descriptor.address + STATUS_AT, (DONE | status).to_bytes(4, "little"))

    def halt(self, error: DmaStatus) -> None:
        """Halt with an error, until a reset."""
        self.status = DmaStatus.HALTED | error
        self._registers[Offset.CONTROL] = 0
        self._fetched.clear()


@dataclass
class Packet:
    """A packet to send: ``data``, from the buffers of ``descriptors``."""

    data: bytes = b""
    descriptors: list[Descriptor] = field(default_factory=list)


class MemoryToStream(_Channel):
    """The channel that reads memory: ``take`` a packet, and say when it was ``sent``."""

    def reset(self) -> None:
        super().reset()
        self._packet = Packet()

    def take(self) -> Packet | None:
        """The next complete packet; None if there is none yet."""
        while (descriptor := self.fetch()) is not None:
            try:
                self._packet.data += self._memory.read(descriptor.buffer, descriptor.length)
            except LookupError:
                self.halt(DmaStatus.DMA_DECODE)
                return None
            self._packet.descriptors.append(descriptor)
            if descriptor.last:
                whole, self._packet = self._packet, Packet()
                return whole
        return None

    def sent(self, packet: Packet) -> None:
        """Complete ``packet``: its last word was sent."""
        for descriptor in packet.descriptors:
            self.complete(descriptor, descriptor.length)


class StreamToMemory(_Channel):
    """The channel that writes memory: ``give`` it the words of packets while it is ``ready``.

    Even if it is halted, or has no descriptor, it takes ``WORDS`` words: only a reset drops those.
    """

    def reset(self) -> None:
        super().reset()
        self._waiting: deque[tuple[bytes, bool]] = deque()  # words, and whether a packet ends with them
        self._open: Descriptor | None = None  # its buffer is being filled
        self._filled = 0
        self._begins = True

    @property
    def ready(self) -> bool:
        """Whether there is room for another word."""
        return len(self._waiting) < WORDS

    def give(self, word: bytes, last: bool) -> None:
        """Take a word, without the bytes that ``tkeep`` excludes; ``last``: it ends a packet."""
        self._waiting.append((word, last))
        self.go_on()

    def go_on(self) -> None:
        """Write the waiting words into the buffers of descriptors, as far as there are any."""
        while self._waiting and not self.status & DmaStatus.HALTED:
            if self._open is None and (found := self.fetch()) is not None:
                self._open, self._filled = found, 0
            if self._open is None:
                return
            self._write(self._open)

    def _write(self, descriptor: Descriptor) -> None:
        """Write the first waiting word, or the part of it that fits into its buffer."""
        word, last = self._waiting.popleft()
        room = descriptor.length - self._filled
        part, rest = word[:room], word[room:]
        if rest:
            self._waiting.appendleft((rest, last))
        try:
            self._memory.write(descriptor.buffer + self._filled, part)
        except LookupError:
            self.halt(DmaStatus.DMA_DECODE)
            return
        self._filled += len(part)
        ends = last and not rest
        if ends or self._filled == descriptor.length:
            self.complete(descriptor, self._filled | (FIRST if self._begins else 0) | (LAST if ends else 0))
            self._open, self._begins = None, ends


class DmaModel:
    """The whole DMA on ``memory``, built for addresses of ``address_bits``, 32 to 64.

    ``was_reset`` is called at a reset, so that packets in flight can be dropped.
    """

    def __init__(self, memory: Memory, address_bits: int, was_reset: Callable[[], None] = lambda: None) -> None:
        self.to_stream = MemoryToStream(memory, address_bits)
        self.from_stream = StreamToMemory(memory, address_bits)
        self._was_reset = was_reset

    def read(self, offset: int) -> int:
        """The register at ``offset``."""
        channel, base = self._channel(offset)
        return channel.read(offset - base)

    def write(self, offset: int, value: int) -> None:
        """Write the register at ``offset``."""
        channel, base = self._channel(offset)
        if offset - base == Offset.CONTROL and value & DmaControl.RESET:
            self.to_stream.reset()
            self.from_stream.reset()
            self._was_reset()
        else:
            channel.write(offset - base, value)
            self.from_stream.go_on()

    def _channel(self, offset: int) -> tuple[_Channel, int]:
        return (self.from_stream, S2MM) if offset >= S2MM else (self.to_stream, MM2S)
