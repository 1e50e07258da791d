"""A serial line on which bytes are damaged: a pseudo-terminal in front of another port."""

from __future__ import annotations

import os
import pty
import random
import select
import threading
import tty

from hwsnn.host.serial.packets import PacketStream

FAULT, FRAME = 0xAF, 0x22


class NoisyLine:
    """Carries bytes between the port ``name`` and the board's ``port``, and damages ``rate`` of them, both ways.

    ``damaged``: how many bytes. ``wrong_requests`` and ``frame_requests``: packets that reached the board damaged, and
    frames that did not. ``faults``: packets in which the board reported something, before the line damaged them.
    """

    def __init__(self, port: str, seed: int, rate: float = 0.01) -> None:
        self._random, self._rate = random.Random(seed), rate
        self.damaged = self.wrong_requests = self.frame_requests = self.faults = 0
        self._host, self._user = pty.openpty()
        tty.setraw(self._user)
        self.name = os.ttyname(self._user)
        self._board = os.open(port, os.O_RDWR | os.O_NOCTTY)
        self._stop, self._waker = os.pipe()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        to_board, from_board = PacketStream(), PacketStream()
        while True:
            ready, _, _ = select.select([self._host, self._board, self._stop], [], [])
            if self._stop in ready:
                return
            if self._host in ready:
                data = self._spoil(os.read(self._host, 256))
                for packet in to_board.feed(data):
                    self.wrong_requests += packet is None
                    self.frame_requests += packet is not None and packet.kind == FRAME
                os.write(self._board, data)
            if self._board in ready:
                data = os.read(self._board, 256)
                self.faults += sum(packet is not None and packet.kind == FAULT for packet in from_board.feed(data))
                os.write(self._host, self._spoil(data))

    def _spoil(self, data: bytes) -> bytes:
        spoiled = bytearray(data)
        for index in range(len(spoiled)):
            if self._random.random() < self._rate:
                spoiled[index] ^= self._random.randrange(1, 256)
                self.damaged += 1
        return bytes(spoiled)

    def close(self) -> None:
        """The host's side goes away, as when a cable is pulled out."""
        os.write(self._waker, b"x")
        self._thread.join()
        for handle in (self._host, self._user, self._board, self._stop, self._waker):
            os.close(handle)
