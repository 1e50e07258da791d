"""How a driver and a simulated board communicate: register accesses on a local socket, memory in a shared file.

Both lie in the folder in which the simulation runs. What the bench must know of the board is in its environment.
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
"""Of the file; only what is used takes room."""
MEMORY_BASE = 0x8_0000_0000
"""The physical address of its first byte: where much of a Zynq UltraScale+'s memory lies."""

REQUEST = struct.Struct("<IBQI")
"""The request's number, 1 for a write and 0 for a read, the address, what to write."""
ANSWER = struct.Struct("<II")
"""The number of the request, what was read."""


@dataclass(frozen=True)
class BenchSettings:
    """What the bench knows of the board that it simulates.

    ``registers``, ``dma`` and ``window`` as in ``AddressMap``. ``bus_ps`` and ``pipeline_ps``: the clocks' periods,
    even numbers of picoseconds. ``quiet_clocks``: after as many clocks of the bus without any transfer it may wait.
    """

    registers: int
    dma: int
    window: int
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
    """The file ``path``, at physical addresses from ``MEMORY_BASE`` on."""

    def __init__(self, path: Path) -> None:
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
        start = address - MEMORY_BASE
        if not 0 <= start <= MEMORY_BYTES - size:
            raise LookupError(f"no memory at 0x{address:X}")
        return start
