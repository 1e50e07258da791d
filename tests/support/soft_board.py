"""A Zynq board in software, to test the driver: the model of its DMA, memory, the reference as its accelerator.

It does as much work as it is given: ``step`` moves some words each way, so that a reset may come in the middle of a
packet. Memory is behind a cache: what the processor wrote and did not flush, the DMA does not see, and the reverse.
"""

from __future__ import annotations

import functools
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hwsnn import reference
from hwsnn.build.processing_systems import PS8, ProcessingSystem
from hwsnn.host.dma.bus import Buffer, Bus
from hwsnn.interface import registers
from hwsnn.interface.registers import register
from hwsnn.model_file.integer_file import model_hash
from hwsnn.sim.dma_model import DmaModel, Packet
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer

MANY = 1 << 30
"""Words: as many as there are."""


def a_network(bits: int = 7, classes: int = 3) -> Network:
    """Two channels of 3 x 3 pixels: 18 bytes a frame, no multiple of any word."""
    weight = np.arange(classes * 18).reshape(classes, 2, 3, 3) % 15 - 7
    layer = dense_layer("last", weight, np.resize([5, -5, 0], classes), 4, Integrator(NoLeak(), 20))
    return Network("small", (2, 3, 3), bits, Encoder("direct"), 2, (layer,), "membrane")


def a_timed_network() -> Network:
    """The same, of values that change with time: four steps, 72 bytes a frame, scores of 32 bits."""
    small = a_network(bits=8)
    last = dense_layer(
        "last", small.population(0).projection.weight, np.array([2**26, -(2**26), 0]), 4, Integrator(NoLeak(), 30)
    )
    return replace(small, name="timed", encoder=Encoder("steps"), timesteps=4, layers=(last,), readout="sum")


class Region:
    """Memory as the DMA sees it, and as the processor does."""

    def __init__(self, address: int, size: int) -> None:
        self.address = address
        self.memory = np.zeros(size, np.uint8)
        self.cached = np.zeros(size, np.uint8)


class Memory:
    """All regions, from ``base`` on; addresses between them are decode errors."""

    def __init__(self, base: int) -> None:
        self.regions: list[Region] = []
        self._end = base

    def allocate(self, size: int) -> Region:
        region = Region(self._end, size)
        self.regions.append(region)
        self._end += -(-size // 4096) * 4096 + 4096
        return region

    def _part(self, address: int, size: int) -> np.ndarray:  # type: ignore[type-arg]
        for region in self.regions:
            start = address - region.address
            if start >= 0 and start + size <= len(region.memory):
                return region.memory[start : start + size]
        raise LookupError(address)

    def read(self, address: int, size: int) -> bytes:
        return self._part(address, size).tobytes()

    def write(self, address: int, data: bytes) -> None:
        self._part(address, len(data))[:] = np.frombuffer(data, np.uint8)


@functools.lru_cache(maxsize=10_000)
def outcome(network: Network, packet: bytes) -> bytes:
    """What a result says of a frame, its number aside."""
    *steps, channels, height, width = network.frame_shape
    values = np.frombuffer(packet, np.uint8).reshape(1, height, width, *steps, channels)
    image = values.transpose(0, 3, 4, 1, 2) if steps else values.transpose(0, 3, 1, 2)
    found = reference.run(network, np.ascontiguousarray(image), cores=1)
    return struct.pack(f"<I{network.classes}i", found.predictions[0], *found.scores[0].tolist())


class SoftAccelerator:
    """What docs/axi.md says, computed by the reference.

    ``alter`` makes another result of a frame's, or none. ``stuck_in_reset``: a reset never ends.
    """

    def __init__(self, network: Network, word_bytes: int) -> None:
        self.network, self._word_bytes = network, word_bytes
        self.constants = registers.constants(network, model_hash(network), word_bytes)
        self.alter: Callable[[int, bytes], bytes | None] = lambda number, result: result
        self.stuck_in_reset = False
        self.writable: set[str] = set()
        self.frames: list[bytes] = []
        self.results: deque[bytes] = deque()
        self.offered = b""  # the rest of a result that was offered
        self.stale = False  # it is of the time before the reset
        self.receiving = False  # the rest of a packet of the time before the reset is still to come
        self._received = b""  # of a packet that is coming
        self._reset()

    def _reset(self) -> None:
        self.counters = dict.fromkeys((entry.name for entry in registers.of_kind("counter")), 0)
        self.packets = 0
        self.results.clear()
        self.stale = bool(self.offered)
        self.receiving |= bool(self._received)
        self._received = b""

    def read(self, offset: int) -> int:
        self.counters["CLOCKS"] += 1
        for entry in registers.REGISTERS:
            if entry.kind == "counter" and offset in (entry.offset, entry.offset + 4):
                return self.counters[entry.name] >> 8 * (offset - entry.offset) & 0xFFFF_FFFF
            if entry.offset == offset:
                return self._status() if entry.name == "STATUS" else self.constants.get(entry.name, 0)
        return 0

    def _status(self) -> int:
        receiving = self.receiving or bool(self._received)
        bits = {"RESETTING": self.stuck_in_reset, "RECEIVING": receiving, "SENDING": bool(self.offered)}
        return sum(register("STATUS").field(bit).mask for bit, is_set in bits.items() if is_set)

    def write(self, offset: int, value: int) -> None:
        if offset == register("CONTROL").offset and value & 1:
            self._reset()
        for name in self.writable:
            if offset == register(name).offset:
                self.constants[name] = value

    def take_word(self, word: bytes, last: bool) -> None:
        """A word comes in."""
        if self.receiving:  # it is of that packet
            self.receiving = not last
            return
        self._received += word
        if last:
            packet, self._received = self._received, b""
            self.take(packet)

    def take(self, packet: bytes) -> None:
        """A packet has come in."""
        number, self.packets = self.packets % (1 << 32), self.packets + 1
        if len(packet) != self.constants["FRAME_BYTES"] or max(packet) > self.network.largest_pixel:
            self.counters["MALFORMED"] += 1
            return
        self.frames.append(packet)
        altered = self.alter(number, struct.pack("<I", number) + outcome(self.network, packet))
        if altered is not None:
            self.results.append(altered)
            self._offer()

    def give(self) -> tuple[bytes, bool] | None:
        """The next word that goes out, and whether it is its packet's last."""
        if not self.offered:
            return None
        word, self.offered = self.offered[: self._word_bytes], self.offered[self._word_bytes :]
        if self.offered:
            return word, False
        self.counters["FRAMES"] += not self.stale
        self.stale = False
        self._offer()
        return word, True

    def _offer(self) -> None:
        """Offer a result, which no reset takes back."""
        if not self.offered and self.results:
            self.offered = self.results.popleft()


class SoftBoard:
    """Registers and memory at the addresses of a board's ``system``.

    ``pace``: how many words a step moves each way, but for those beyond the end of a packet; asked for each way.
    ``spoil`` changes what is read at an address; ``written`` are the addresses that were written.
    """

    def __init__(
        self,
        network: Network,
        word_bytes: int = 8,
        pace: Callable[[], int] = lambda: MANY,
        system: ProcessingSystem = PS8,
    ) -> None:
        self.addresses = system.addresses
        self.memory = Memory(system.memory_base)
        self.accelerator = SoftAccelerator(network, word_bytes)
        self.dma = DmaModel(self.memory, system.dma_bits, self._drop)
        self._word_bytes, self._pace = word_bytes, pace
        self._packet: Packet | None = None  # on its way in
        self._rest = b""  # of it
        self.spoil: dict[int, Callable[[int], int]] = {}
        self.written: list[int] = []

    def read(self, address: int) -> int:
        self.step()
        value = self._read(address)
        return self.spoil[address](value) if address in self.spoil else value

    def _read(self, address: int) -> int:
        block, offset = self._block(address)
        return block.read(offset)

    def write(self, address: int, value: int) -> None:
        assert 0 <= value < 1 << 32
        self.written.append(address)
        block, offset = self._block(address)
        block.write(offset, value)

    def _block(self, address: int) -> tuple[DmaModel | SoftAccelerator, int]:
        """The block of registers there, and the offset in it."""
        offset = address % self.addresses.window
        if address - offset == self.addresses.dma:
            return self.dma, offset
        assert address - offset == self.addresses.registers
        return self.accelerator, offset

    def step(self) -> None:
        """Move words in, and words out, where there are any."""
        for _ in range(self._pace()):
            if self._bring_word():
                break
        for _ in range(self._pace()):
            if self._take_word():
                break

    def _bring_word(self) -> bool:
        """Move a word in; whether there was none, or its packet ends with it."""
        if self._packet is None and (packet := self.dma.to_stream.take()) is not None:
            self._packet, self._rest = packet, packet.data
        if self._packet is None:
            return True
        word, self._rest = self._rest[: self._word_bytes], self._rest[self._word_bytes :]
        self.accelerator.take_word(word, not self._rest)
        if self._rest:
            return False
        self.dma.to_stream.sent(self._packet)
        self._packet = None
        return True

    def _take_word(self) -> bool:
        """Move a word out; whether there was none, or no room, or its packet ends with it."""
        found = self.accelerator.give() if self.dma.from_stream.ready else None
        if found is not None:
            self.dma.from_stream.give(*found)
        return found is None or found[1]

    def _drop(self) -> None:
        """The DMA was reset: what it was sending ends where it is."""
        self._packet = None


class SoftBuffer(Buffer):
    """A region behind a cache."""

    def __init__(self, board: SoftBoard, size: int) -> None:
        self._board, self._region = board, board.memory.allocate(size)
        self.array, self.address = self._region.cached, self._region.address

    def flush(self) -> None:
        self._region.memory[:] = self._region.cached

    def invalidate(self) -> None:
        self._board.step()
        self._region.cached[:] = self._region.memory


class SoftBus(Bus):
    """The way to a ``SoftBoard``."""

    name = "soft"

    def __init__(self, board: SoftBoard) -> None:
        self.board, self.addresses = board, board.addresses
        self.closed = 0

    def read32(self, address: int) -> int:
        return self.board.read(address)

    def write32(self, address: int, value: int) -> None:
        self.board.write(address, value)

    def allocate(self, size: int) -> Buffer:
        return SoftBuffer(self.board, size)

    def close(self) -> None:
        self.closed += 1
