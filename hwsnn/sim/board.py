"""A Zynq board in simulation: the accelerator's own Verilog with a model of the DMA, in a separate process."""

from __future__ import annotations

import itertools
import os
import socket
import time
import weakref
from pathlib import Path

import numpy as np

from hwsnn.build.boards import AxiBoard
from hwsnn.errors import InputError
from hwsnn.files.atomic import needs_room
from hwsnn.files.scratch import Scratch
from hwsnn.folding.folding import Folding
from hwsnn.host.dma.bus import Buffer, Bus
from hwsnn.progress import Stage, silent
from hwsnn.spec import Network

from .accelerator import build_accelerator
from .registers_link import ANSWER, MEMORY, MEMORY_BYTES, REQUEST, SOCKET, SharedMemory
from .runner import POLL_SECONDS, RunningBench, SimulationError

RESULT_S = 120.0
"""How long the next result of a simulated board may take."""
START_S = 120.0
ANSWER_S = 120.0
"""How long the simulator may take to start, and to answer: a large one on a busy machine is slow."""
END_S = 5.0
"""How long the simulator may take to end by itself."""
PAGE = 4096


class SimBuffer(Buffer):
    """Memory that both processes see at once."""

    def __init__(self, memory: SharedMemory, start: int, size: int) -> None:
        self.array = np.frombuffer(memory.map, np.uint8, size, start)
        self.address = memory.base + start

    def flush(self) -> None:
        """There is no cache between the two."""

    def invalidate(self) -> None:
        """There is no cache between the two."""


class SimBus(Bus):
    """A simulated ``board`` that holds ``network``; see ``hwsnn.sim.accelerator.build_accelerator``."""

    def __init__(
        self, network: Network, board: AxiBoard, stage: Stage = silent, folding: Folding | None = None
    ) -> None:
        self.name = f"sim:{network.name}"
        self.addresses = board.addresses
        design = build_accelerator(network, board, folding, stage)
        stage("starting the simulator")
        self._numbers = itertools.count()
        self._allocated = 0
        self._scratch = Scratch("sim")
        folder = self._scratch.path
        with (folder / MEMORY).open("wb") as file:
            file.truncate(MEMORY_BYTES)
        self._file = folder / MEMORY
        self._memory = SharedMemory(self._file, board.processing_system.memory_base)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            _bind(listener, folder)
            listener.listen(1)
            self._bench = design.start(folder)
            # Also for programs that end without closing us: nobody may write into the folder when it goes away.
            self._end = weakref.finalize(self, _end, self._bench, self._scratch)
            try:
                self._driver = self._accept(listener)
            except BaseException:
                self._end()
                raise

    def _accept(self, listener: socket.socket) -> socket.socket:
        listener.settimeout(POLL_SECONDS)
        deadline = time.monotonic() + START_S
        while self._bench.running and time.monotonic() < deadline:
            try:
                driver, _ = listener.accept()
            except TimeoutError:
                continue
            driver.settimeout(ANSWER_S)
            return driver
        self._bench.end()
        raise SimulationError(f"{self.name}: the simulator did not start", self._bench.last_words())

    def read32(self, address: int) -> int:
        return self._ask(0, address, 0)

    def write32(self, address: int, value: int) -> None:
        self._ask(1, address, value)

    def _ask(self, write: int, address: int, value: int) -> int:
        number = next(self._numbers) % (1 << 32)
        try:
            self._driver.send(REQUEST.pack(number, write, address, value))
            while message := self._driver.recv(ANSWER.size):
                answered, read = ANSWER.unpack(message)
                if answered == number:  # not to a request whose asker was interrupted
                    return int(read)
        except TimeoutError:
            raise InputError(f"{self.name}: the simulator gives no answer in {ANSWER_S:g} s; open it again") from None
        except OSError:
            pass
        raise self._gone()

    def _gone(self) -> Exception:
        """Why the simulator is no longer there."""
        self._bench.end(END_S)
        if self._bench.gave_up:
            return SimulationError(f"{self.name}: the simulation failed", self._bench.last_words())
        return InputError(f"{self.name}: the simulator was ended; open it again")

    def allocate(self, size: int) -> Buffer:
        start, self._allocated = self._allocated, self._allocated + -(-size // PAGE) * PAGE
        if self._allocated > MEMORY_BYTES:
            raise InputError(f"{self.name}: its memory of {MEMORY_BYTES:,} bytes is too small for the frames")
        with needs_room(self._file), self._file.open("r+b") as file:
            os.posix_fallocate(file.fileno(), start, max(size, 1))
        return SimBuffer(self._memory, start, size)

    def close(self) -> None:
        self._driver.close()  # the simulation ends when it sees that
        self._bench.end(END_S)
        self._end()


def _bind(listener: socket.socket, folder: Path) -> None:
    """Name the socket in ``folder``, whose own name may be longer than the hundred bytes that a socket's may have."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)


def _end(bench: RunningBench, scratch: Scratch) -> None:
    bench.end()
    scratch.close()
