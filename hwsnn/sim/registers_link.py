"""The link between a driver and a simulated board: register accesses on a local socket, memory in a shared file.

Both are in the folder in which the simulation runs. The bench reads the board's facts from its environment.
"""

from __future__ import annotations

import mmap
import os
import struct
from dataclasses import asdict, dataclass, fields
from pathlib import Path

SOCKET = "registers"
MEMORY = "memory"
MEMORY_BYTES = 1 << 28
"""Size of the memory file, in bytes; it is sparse."""

REQUEST = struct.Struct("<IBQI")
"""A request: its number, 1 for a write and 0 for a read, the address, the value to write."""
ANSWER = struct.Struct("<II")
"""A response: the number of the request, the value read."""


@dataclass(frozen=True)
class BenchSettings:
    """The facts of the board that the bench simulates.

    ``registers``, ``dma`` and ``window`` as in ``AddressMap``, ``dma_bits`` and ``memory_base`` as in
    ``ProcessingSystem``. ``bus_ps`` and ``pipeline_ps``: the clocks' periods,
    even numbers of picoseconds. ``quiet_clocks``: bus cycles without any transfer after which the hardware is idle.
    """

    registers: int
    dma: int
    window: int
    dma_bits: int
    memory_base: int
    bus_ps: int
    pipeline_ps: int
    quiet_clocks: int

    def to_environment(self) -> dict[str, str]:
        """The environment variables that tell the bench."""
        return {f"HWSNN_{name.upper()}": str(value) for name, value in asdict(self).items()}

    @classmethod
    def from_environment(cls) -> BenchSettings:
        """The reverse of ``to_environment``, in the bench's process."""
        return cls(*(int(os.environ[f"HWSNN_{field.name.upper()}"]) for field in fields(cls)))


class SharedMemory:
    """The file ``path``, at physical addresses from ``base`` on."""

    def __init__(self, path: Path, base: int) -> None:
        self.base = base
        with path.open("r+b") as file:
            self.map = mmap.mmap(file.fileno(), MEMORY_BYTES)

    def read(self, address: int, size: int) -> bytes:
        """Raises ``LookupError`` where there is no memory."""
        start = self._start(address, size)
        return self.map[start : start + size]

    def write(self, address: int, data: bytes) -> None:
        """Raises ``LookupError`` where there is no memory."""
        start = self._start(address, len(data))
        self.map[start : start + len(data)] = data

    def _start(self, address: int, size: int) -> int:
        start = address - self.base
        if not 0 <= start <= MEMORY_BYTES - size:
            raise LookupError(f"no memory at 0x{address:X}")
        return start
