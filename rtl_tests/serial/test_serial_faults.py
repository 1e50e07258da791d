"""Trouble on the line of a simulated board: faults are reported, and a board that goes away is one line."""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.host.serial.packets import Packet, PacketStream
from hwsnn.model_file.integer_file import save
from rtl_tests.support.serial_pty import simulated_board
from tests.support.random_networks import random_folding, random_network

FRAME, IDENTITY, FRAME_ANSWER, IDENTITY_ANSWER, FAULT = 0x22, 0x21, 0xA2, 0xA1, 0xAF
CORRUPT, KIND, LENGTH, PIXEL = 1, 2, 3, 4
DEADLINE_S = 60
NETWORK = random_network(1)
FOLDING = random_folding(NETWORK, 1)
IMAGES = random_images(NETWORK, 2, 3)


@dataclass
class Client:
    """Bytes to and from a port, with no manners."""

    handle: int

    def exchange(self, line: bytes, answers: int) -> list[Packet | None]:
        """Send ``line``, and wait for so many packets."""
        os.write(self.handle, line)
        stream = PacketStream()
        packets: list[Packet | None] = []
        deadline = time.monotonic() + DEADLINE_S
        while len(packets) < answers and time.monotonic() < deadline:
            packets += stream.feed(os.read(self.handle, 4096))
        return packets


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with simulated_board(NETWORK, FOLDING) as port:
        handle = os.open(port, os.O_RDWR | os.O_NOCTTY)
        try:
            yield Client(handle)
        finally:
            os.close(handle)


def frame(image: int, sequence: int) -> Packet:
    return Packet(FRAME, sequence, IMAGES[image].transpose(1, 2, 0).tobytes())


def answer(image: int, sequence: int) -> Packet:
    """The reference's, as the norm writes it."""
    result = reference.run(NETWORK, IMAGES)
    scores = b"".join(int(score).to_bytes(4, "little", signed=True) for score in result.scores[image])
    return Packet(FRAME_ANSWER, sequence, b"\x00" + int(result.predictions[image]).to_bytes(2, "little") + scores)


def flipped(line: bytes, index: int) -> bytes:
    return line[:index] + bytes([line[index] ^ 0x10]) + line[index + 1 :]


WHOLE = frame(0, 0x21).pack()
SIZE = len(frame(0, 0).payload)


@pytest.mark.parametrize(
    ("wrong", "status", "sequence"),
    [
        pytest.param(flipped(WHOLE, 7), CORRUPT, 0x21, id="a bit of a pixel flipped"),
        pytest.param(flipped(WHOLE, len(WHOLE) - 3), CORRUPT, 0x21, id="a bit of the checksum flipped"),
        pytest.param(WHOLE[:-9] + WHOLE[-1:], CORRUPT, 0x21, id="ends early"),
        pytest.param(Packet(FRAME, 3, bytes(SIZE - 1)).pack(), LENGTH, 3, id="a pixel too few"),
        pytest.param(Packet(FRAME, 4, bytes(SIZE + 1)).pack(), LENGTH, 4, id="a pixel too many"),
        pytest.param(Packet(0x24, 5).pack(), KIND, 5, id="an unknown kind"),
    ],
)
def test_reported_and_the_next_one_answered(client: Client, wrong: bytes, status: int, sequence: int) -> None:
    packets = client.exchange(wrong + frame(1, 0x30).pack(), 2)
    assert packets == [Packet(FAULT, sequence, bytes([status])), answer(1, 0x30)]


def test_a_line_that_stops_and_goes_on_with_the_next(client: Client) -> None:
    """The END in front of the next packet ends the broken one."""
    packets = client.exchange(WHOLE[: len(WHOLE) // 2] + frame(1, 0x31).pack() + frame(0, 0x32).pack(), 3)
    assert packets == [Packet(FAULT, 0x21, bytes([CORRUPT])), answer(1, 0x31), answer(0, 0x32)]


def test_unplugged_midway(tmp_path: Path) -> None:
    save(NETWORK, tmp_path / "model.safetensors")
    np.savez(tmp_path / "data.npz", x=random_images(NETWORK, 20_000, 1))
    with simulated_board(NETWORK, FOLDING) as port:
        files = [str(tmp_path / "model.safetensors"), "--data", str(tmp_path / "data.npz")]
        process = subprocess.Popen(
            [sys.executable, "-m", "hwsnn", "board", "run", *files, "--on", f"serial:{port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + DEADLINE_S
        while process.poll() is None and not _has_open(process.pid, port) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.5)  # into the frames
    stdout, stderr = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, stdout) == (2, "")
    told = stderr.splitlines()[-1]  # a busy machine shows stages before it
    assert told.startswith(f"hwsnn: error: {port}: the connection broke (")
    assert stderr.count("error") == 1


def _has_open(process: int, path: str) -> bool:
    return any(os.path.realpath(link) == path for link in Path(f"/proc/{process}/fd").glob("*"))
