"""The driver's own time for a frame: all that a Zynq's DMA and accelerator would do takes no time here.

    python benchmarks/driver_speed.py mnist 50000

The hardware's time for a frame is the cycle model's at 150 MHz: while it works on a batch, the driver fills another.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from hwsnn.bench import this_cpu
from hwsnn.data import random_images
from hwsnn.host.dma.accelerator import DmaAccelerator
from hwsnn.host.dma.bus import Buffer, Bus
from hwsnn.host.dma.ping_pong import batch_frames, strided
from hwsnn.interface.addresses import ZYNQ_ULTRASCALE
from hwsnn.interface.dma import DESCRIPTOR, DESCRIPTOR_BYTES, DONE, FIRST, LAST, MM2S, S2MM, Offset
from hwsnn.interface.registers import REGISTERS, constants, frame_bytes, result_bytes
from hwsnn.model_file.by_name import load_model
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.spec import Network

CLOCK_HZ = 150e6
WORD_BYTES = 8
PAGE = 4096
REPEATS = 5


class Memory(Buffer):
    """Plain memory that knows its address."""

    def __init__(self, address: int, size: int) -> None:
        self.address, self.array = address, np.zeros(size, np.uint8)

    def flush(self) -> None:
        """There is nobody else."""

    def invalidate(self) -> None:
        """There is nobody else."""


class InstantBus(Bus):
    """As soon as the frames' tail moves, all results are there: of class 0, with the right numbers."""

    name = "instant"
    addresses = ZYNQ_ULTRASCALE

    def __init__(self, network: Network) -> None:
        values = constants(network, model_hash(network), WORD_BYTES)
        self._constants = {entry.offset: values[entry.name] for entry in REGISTERS if entry.name in values}
        self._result_bytes, self._frame_bytes = result_bytes(network), frame_bytes(network)
        self._written: dict[int, int] = {}
        self._memory: list[Memory] = []
        self._packets = 0

    def read32(self, address: int) -> int:
        return self._constants.get(address - self.addresses.registers, 0)

    def write32(self, address: int, value: int) -> None:
        self._written[address] = value
        if address == self.addresses.dma + MM2S + Offset.TAIL_HIGH:
            self._complete(MM2S, self._frame_bytes)
            results, batch = self._complete(S2MM, self._result_bytes | FIRST | LAST)
            words = self._at(results).array.view("<u4").reshape(-1, strided(self._result_bytes) // 4)
            words[:batch, 0] = self._packets + np.arange(batch)
            self._packets += batch

    def _complete(self, channel: int, status: int) -> tuple[int, int]:
        """Complete a channel's descriptors: where the first buffer lies, and how many there are."""
        tail = self._written[self.addresses.dma + channel + Offset.TAIL]
        memory = self._at(tail)
        batch = (tail - memory.address) // DESCRIPTOR_BYTES + 1
        table = memory.array.view(DESCRIPTOR)[:batch]
        table["status"] = DONE | status
        return int(table["buffer"][0]), batch

    def _at(self, address: int) -> Memory:
        return next(part for part in self._memory if 0 <= address - part.address < len(part.array))

    def allocate(self, size: int) -> Buffer:
        last = self._memory[-1] if self._memory else Memory(PAGE, 0)
        self._memory.append(Memory(last.address + -(-len(last.array) // PAGE) * PAGE + PAGE, size))
        return self._memory[-1]

    def close(self) -> None:
        """There is nothing to let go of."""


def main(model: str = "mnist", count: str = "50000") -> None:
    """Print the driver's time a frame beside the hardware's."""
    network = load_model(model)
    images = random_images(network, int(count), 1)
    with DmaAccelerator(InstantBus(network), network, 1.0) as board:
        seconds = []
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            board.infer(images)
            seconds.append(time.perf_counter() - start)
    own = min(seconds[1:]) / len(images) * 1e6
    clocks = for_utilization(network, DEVICES["xczu9eg"]).clocks.cycles_per_frame
    hardware = float(clocks) / CLOCK_HZ * 1e6
    print(f"{network.name}: driver {own:.2f} us a frame, in batches of {batch_frames(network)}, on {this_cpu()}")
    print(f"hardware: {float(clocks):g} clocks a frame (cycle model), {hardware:.2f} us at {CLOCK_HZ / 1e6:g} MHz")


if __name__ == "__main__":
    main(*sys.argv[1:])
