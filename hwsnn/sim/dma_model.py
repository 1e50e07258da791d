"""A model of AMD's AXI DMA in scatter-gather mode: its registers and descriptors, and what it does when they are wrong.

Written from the product guide PG021 (7.1) for both sides of a simulation: ``read`` and ``write`` are its registers, and
``MemoryToStream`` and ``StreamToMemory`` what it takes from memory and puts there. It knows no clocks. Interrupts,
keyhole and cyclic mode are left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from hwsnn.host.dma_map import (
    DESCRIPTOR,
    DESCRIPTOR_BYTES,
    DONE,
    FIRST,
    LAST,
    LENGTH,
    MM2S,
    S2MM,
    Control,
    Offset,
    Status,
)

ALWAYS = 1 << 1
"""A bit of ``CONTROL`` that is always 1."""
SCATTER_GATHER = 1 << 3
"""A bit of ``STATUS``: scatter-gather is built in."""
POINTER = ~(DESCRIPTOR_BYTES - 1)
STATUS_AT = DESCRIPTOR.fields["status"][1]  # type: ignore[index]


class Memory(Protocol):
    """Bytes at physical addresses. Both raise ``LookupError`` where there is no memory."""

    def read(self, address: int, size: int) -> bytes: ...

    def write(self, address: int, data: bytes) -> None: ...


@dataclass(eq=False)
class Descriptor:
    """One that was fetched from ``address``; each time is another one."""

    address: int
    buffer: int
    length: int
    first: bool
    last: bool


class _Channel:
    """Registers, and the way along the chain of descriptors."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.reset()

    def reset(self) -> None:
        self._registers = dict.fromkeys(Offset, 0)
        self.status = Status.HALTED
        self._next = 0
        self._active = False  # there are descriptors up to the tail that were not fetched yet
        self._fetched: deque[Descriptor] = deque()  # and not completed

    def read(self, offset: int) -> int:
        if offset == Offset.CONTROL:
            return self._registers[Offset.CONTROL] | ALWAYS
        if offset == Offset.STATUS:
            idle = Status.IDLE if not (self.status & Status.HALTED or self._active or self._fetched) else Status(0)
            return self.status | idle | SCATTER_GATHER
        return self._registers[Offset(offset)] if offset in self._registers else 0

    def write(self, offset: int, value: int) -> None:
        if offset == Offset.CONTROL:
            self._run(bool(value & Control.RUN))
        elif offset in (Offset.CURRENT, Offset.CURRENT_HIGH):
            if self.status & Status.HALTED:
                self._registers[Offset(offset)] = value
        elif offset in (Offset.TAIL, Offset.TAIL_HIGH):
            self._registers[Offset(offset)] = value
            if offset == Offset.TAIL_HIGH and not self.status & Status.HALTED:
                self._active = True

    def _run(self, run: bool) -> None:
        if self.status & ~Status.HALTED:
            return  # after an error nothing but a reset helps
        if run and self.status & Status.HALTED:
            self._next = self._pointer(Offset.CURRENT)
        self._registers[Offset.CONTROL] = Control.RUN if run else 0
        self.status = Status(0) if run else Status.HALTED

    def _pointer(self, low: Offset) -> int:
        return (self._registers[low] & POINTER) | self._registers[Offset(low + 4)] << 32

    def fetch(self) -> Descriptor | None:
        """The next descriptor; None where the channel waits, or halts because of what it found."""
        if self.status & Status.HALTED or not self._active:
            return None
        address = self._next
        try:
            raw = self._memory.read(address, DESCRIPTOR_BYTES)
        except LookupError:
            self.halt(Status.SG_DECODE)
            return None
        (entry,) = np.frombuffer(raw, DESCRIPTOR)
        control = int(entry["control"])
        if int(entry["status"]) & DONE or not control & LENGTH:
            self.halt(Status.SG_INTERNAL if control & LENGTH else Status.DMA_INTERNAL)
            return None
        self._next = int(entry["next"]) & POINTER
        self._active = address != self._pointer(Offset.TAIL)
        for register, part in ((Offset.CURRENT, address), (Offset.CURRENT_HIGH, address >> 32)):
            self._registers[register] = part & 0xFFFF_FFFF
        found = Descriptor(address, int(entry["buffer"]), control & LENGTH, bool(control & FIRST), bool(control & LAST))
        self._fetched.append(found)
        return found

    def complete(self, descriptor: Descriptor, status: int) -> None:
        """Write a descriptor's status back; it is through."""
        if descriptor in self._fetched:  # not if there was a reset meanwhile
            self._fetched.remove(descriptor)
            self._memory.write(descriptor.address + STATUS_AT, (DONE | status).to_bytes(4, "little"))

    def halt(self, error: Status) -> None:
        """Stop because of an error, until there is a reset."""
        self.status = Status.HALTED | error
        self._registers[Offset.CONTROL] = 0
        self._fetched.clear()


@dataclass
class Packet:
    """What goes out: ``data``, from the buffers of ``descriptors``."""

    data: bytes = b""
    descriptors: list[Descriptor] = field(default_factory=list)


class MemoryToStream(_Channel):
    """The channel that reads memory: ``take`` a packet, and say when it was ``sent``."""

    def reset(self) -> None:
        super().reset()
        self._packet = Packet()

    def take(self) -> Packet | None:
        """The next whole packet; None where there is none yet."""
        while (descriptor := self.fetch()) is not None:
            try:
                self._packet.data += self._memory.read(descriptor.buffer, descriptor.length)
            except LookupError:
                self.halt(Status.DMA_DECODE)
                return None
            self._packet.descriptors.append(descriptor)
            if descriptor.last:
                whole, self._packet = self._packet, Packet()
                return whole
        return None

    def sent(self, packet: Packet) -> None:
        """The last word of ``packet`` is out."""
        for descriptor in packet.descriptors:
            self.complete(descriptor, descriptor.length)


class StreamToMemory(_Channel):
    """The channel that writes memory: ``give`` it packets while it is ``ready``."""

    def reset(self) -> None:
        super().reset()
        self._rest: bytes | None = None
        self._begins = True

    @property
    def ready(self) -> bool:
        """Whether there is room for another packet, and none that waits for more of it."""
        return self._rest is None and self._active and not self.status & Status.HALTED

    def give(self, packet: bytes) -> None:
        """Put a packet into the buffers of the next descriptors, as many as it takes."""
        self._rest, self._begins = packet, True
        self.go_on()

    def go_on(self) -> None:
        """Go on with a packet that lacked room, where there is some now."""
        while self._rest is not None and (descriptor := self.fetch()) is not None:
            part, rest = self._rest[: descriptor.length], self._rest[descriptor.length :]
            try:
                self._memory.write(descriptor.buffer, part)
            except LookupError:
                self.halt(Status.DMA_DECODE)
                return
            self._rest = rest or None
            flags = (FIRST if self._begins else 0) | (0 if rest else LAST)
            self._begins = False
            self.complete(descriptor, len(part) | flags)


class DmaModel:
    """The whole DMA on ``memory``; ``was_reset`` is called where it was, so that what is on its way can be dropped."""

    def __init__(self, memory: Memory, was_reset: Callable[[], None] = lambda: None) -> None:
        self.to_stream = MemoryToStream(memory)
        self.from_stream = StreamToMemory(memory)
        self._was_reset = was_reset

    def read(self, offset: int) -> int:
        """The register at ``offset``."""
        channel, base = self._channel(offset)
        return channel.read(offset - base)

    def write(self, offset: int, value: int) -> None:
        """Write the register at ``offset``."""
        channel, base = self._channel(offset)
        if offset - base == Offset.CONTROL and value & Control.RESET:
            self.to_stream.reset()
            self.from_stream.reset()
            self._was_reset()
        else:
            channel.write(offset - base, value)
            self.from_stream.go_on()

    def _channel(self, offset: int) -> tuple[_Channel, int]:
        return (self.from_stream, S2MM) if offset >= S2MM else (self.to_stream, MM2S)
