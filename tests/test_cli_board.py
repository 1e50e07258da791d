"""``hwsnn board run``: its answers, and one line for every port that is none. A thread plays the board."""

from __future__ import annotations

import json
import os
import pty
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn import reference
from hwsnn.cli import cli
from hwsnn.host import serial_board
from hwsnn.host.packets import Packet
from hwsnn.model import model_hash, save
from hwsnn.rtl.protocol import Identity
from tests.test_cli import expect_refusal
from tests.test_serial_board import FRAME_ANSWER, IMAGES, NETWORK, Board

KEYS = {"images", "accuracy", "images_per_second", "retries", "mismatches"}
RESULT = reference.run(NETWORK, IMAGES)
ANSWERS = {
    image.transpose(1, 2, 0).tobytes(): b"\x00" + int(best).to_bytes(2, "little") + scores.astype("<i4").tobytes()
    for image, best, scores in zip(IMAGES, RESULT.predictions, RESULT.scores, strict=True)
}


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


def run(folder: Path, port: str | Path, data: str, *options: str) -> Result:
    arguments = [str(folder / "model.safetensors"), "--port", str(port), "--data", str(folder / data)]
    return CliRunner().invoke(cli, ["board", "run", *arguments, *options], prog_name="hwsnn")


def test_json(folder: Path, board: Board) -> None:
    result = run(folder, board.name, "labelled.npz", "--json")
    assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (0, "", 1)
    fields = json.loads(result.stdout)
    assert fields.keys() == KEYS
    assert fields.pop("images_per_second") > 0
    assert fields == {"images": 40, "accuracy": 0.75, "retries": 0, "mismatches": 0}


def test_without_labels(folder: Path, board: Board) -> None:
    result = run(folder, board.name, "bare.npz", "-n", "3", "--baud", "1000000", "--json")
    assert json.loads(result.stdout)["accuracy"] is None
    assert [frame.payload for frame in board.frames] == list(ANSWERS)[:3]


@pytest.mark.parametrize("board", [7], indirect=True)
def test_one_score_that_differs_is_a_no(folder: Path, board: Board) -> None:
    result = run(folder, board.name, "labelled.npz", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["mismatches"] == 1


def test_ports_that_are_none(folder: Path) -> None:
    for port, wrong in (
        (folder / "ttyNONE", "no such port "),
        (folder / "bare.npz", "not a usable serial port "),
        (folder, "not a usable serial port "),
    ):
        expect_refusal(run(folder, port, "bare.npz"), f"{port}: {wrong}")


def test_silent_port(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_board, "IDENTITY_S", 0.05)
    master, user_side = pty.openpty()
    port = os.ttyname(user_side)
    try:
        expect_refusal(run(folder, port, "bare.npz"), f"{port}: no answer; is it the board's port")
    finally:
        os.close(master)
        os.close(user_side)


def test_baud_wrong(folder: Path) -> None:
    expect_refusal(run(folder, "/dev/ttyNONE", "bare.npz", "--baud", "0"), "'--baud'")
