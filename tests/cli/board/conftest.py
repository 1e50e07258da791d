"""A model with data, and boards that hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hwsnn.host.dma import load_record
from hwsnn.host.serial.packets import Packet
from hwsnn.interface.serial_protocol import Identity
from hwsnn.model_file.integer_file import model_hash, save
from tests.cli.board.played import ANSWERS, RESULT
from tests.host.serial.serial_board import FRAME_ANSWER, IMAGES, NETWORK, Board
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.soft_board import SoftBoard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model, and data whose labels are right for all but ten of forty images."""
    labels = RESULT.predictions.copy()
    labels[:10] = (labels[:10] + 1) % NETWORK.classes
    save(NETWORK, tmp_path / "model.safetensors")
    np.savez(tmp_path / "labelled.npz", x=IMAGES, y=labels)
    np.savez(tmp_path / "bare.npz", x=IMAGES)
    return tmp_path


@pytest.fixture(params=[None])
def board(request: pytest.FixtureRequest) -> Iterator[Board]:
    """A board that computes what the reference does; where ``param`` is a number, but for that image's last score."""

    def reply(packet: Packet, number: int) -> list[bytes]:
        payload = ANSWERS[packet.payload]
        if number == request.param:
            payload = payload[:-4] + bytes([payload[-4] ^ 1]) + payload[-3:]
        return [Packet(FRAME_ANSWER, packet.sequence, payload).pack()]

    board = Board(reply, Identity.of(NETWORK, model_hash(NETWORK)).pack(), [])
    try:
        yield board
    finally:
        board.close()


@pytest.fixture
def zcu102(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SoftBoard:
    """A board in software in the place of the real one."""
    soft = SoftBoard(NETWORK)
    put_in_place(FakePynq(soft), tmp_path / "system", monkeypatch)
    load_record.remember(tmp_path / "small.bit")
    return soft
