"""``hwsnn board``: its answers, and one line for every board that is none. Threads and software play the boards."""

from __future__ import annotations

import json
import os
import pty
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from hwsnn import reference
from hwsnn.host.serial import handshake
from hwsnn.host.serial.packets import Packet
from hwsnn.interface.serial_protocol import Identity
from hwsnn.model_file.integer_file import model_hash
from tests.cli.board.played import ANSWERS, board_command
from tests.cli.test_cli import expect_refusal
from tests.host.serial.serial_board import FRAME_ANSWER, IMAGES, NETWORK, Board
from tests.support.soft_board import SoftBoard
from tests.support.stage_lines import beside_stages

KEYS = {"images", "accuracy", "images_per_second", "retries", "refused", "mismatches"}


def run(folder: Path, port: str | Path, data: str, *options: str) -> Result:
    return board_command("run", folder, f"serial:{port}", "--data", str(folder / data), *options)


def test_json(folder: Path, board: Board) -> None:
    result = run(folder, board.name, "labelled.npz", "--json")
    assert (result.exit_code, beside_stages(result.stderr), result.stdout.count("\n")) == (0, "", 1)
    fields = json.loads(result.stdout)
    assert fields.keys() == KEYS
    assert fields.pop("images_per_second") > 0
    assert fields == {"images": 40, "accuracy": 0.75, "retries": 0, "refused": 0, "mismatches": 0}


def test_without_labels(folder: Path, board: Board) -> None:
    result = run(folder, board.name, "bare.npz", "-n", "3", "--baud", "1000000", "--json")
    assert json.loads(result.stdout)["accuracy"] is None
    assert [frame.payload for frame in board.frames] == list(ANSWERS)[:3]


@pytest.mark.parametrize("board", [7], indirect=True)
def test_one_score_that_differs_is_a_no(folder: Path, board: Board) -> None:
    result = run(folder, board.name, "labelled.npz", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["mismatches"] == 1


def test_missing_port(folder: Path) -> None:
    for port, wrong in (
        (folder / "ttyNONE", "no such port "),
        (folder / "bare.npz", "not a usable serial port "),
        (folder, "not a usable serial port "),
    ):
        expect_refusal(run(folder, port, "bare.npz"), f"{port}: {wrong}")


def test_silent_port(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "IDENTITY_S", 0.05)
    master, user_side = pty.openpty()
    port = os.ttyname(user_side)
    try:
        expect_refusal(run(folder, port, "bare.npz"), f"{port}: no answer; is it the board's port")
    finally:
        os.close(master)
        os.close(user_side)


def test_baud_wrong(folder: Path) -> None:
    expect_refusal(run(folder, "/dev/ttyNONE", "bare.npz", "--baud", "0"), "'--baud'")


def test_a_zcu102(folder: Path, zcu102: SoftBoard) -> None:
    options = ("--data", str(folder / "labelled.npz"))
    result = board_command("run", folder, "zcu102", *options, "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    fields = json.loads(result.stdout)
    assert fields.pop("images_per_second") > 0
    assert fields == {"images": 40, "accuracy": 0.75, "retries": 0, "refused": 0, "mismatches": 0}
    zcu102.accelerator.alter = lambda number, result: result[:-1] + bytes([result[-1] ^ 1])
    result = board_command("run", folder, "zcu102", *options)
    assert result.exit_code == 1
    assert re.search(r"40 images: .* images/s over zcu102\n40 differ from the reference; 0 frames sent", result.stdout)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sim:digits", "sim:digits: names a model, as does MODEL; say it once, with the address sim"),
        ("nowhere", "nowhere: not an address of a board; those are serial:PORT, sim, or sim:MODEL where "),
        ("zcu102:nowhere.bit", "nowhere.bit: no such file; "),
        ("zcu102", "zcu102: the board holds another model ("),
    ],
)
@pytest.mark.parametrize("name", ["run", "bench", "selftest"])
def test_unknown_board(folder: Path, zcu102: SoftBoard, name: str, address: str, message: str) -> None:
    zcu102.accelerator.constants["MODEL_HASH_3"] ^= 1
    options = ("--data", str(folder / "bare.npz")) if name == "run" else ()
    expect_refusal(board_command(name, folder, address, *options), message)


def test_baud_is_for_serial_ports(folder: Path, zcu102: SoftBoard) -> None:
    result = board_command("selftest", folder, "zcu102", "--baud", "9600")
    expect_refusal(result, "zcu102: bits per second are for a serial port only")


FRAMES, MALFORMED = 0xA000_0080, 0xA000_00A0


def test_selftest(folder: Path, zcu102: SoftBoard) -> None:
    result = board_command("selftest", folder, "zcu102")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == [
        "identity",
        "frames",
        "registers",
        "reset",
        "malformed frame",
    ]
    assert all(": OK: " in line for line in lines)
    assert lines[1] == "frames: OK: 8 frames equal the reference"
    assert all(line.endswith("; then 8 frames equal the reference") for line in lines[2:])
    other = board_command("selftest", folder, "zcu102", "--seed", "1")
    assert other.exit_code == 0
    assert len(set(zcu102.accelerator.frames)) == 1 + 2 * 8  # a blank one, and the random ones of two seeds


@pytest.mark.parametrize(
    ("spoil", "failed"),
    [
        (lambda soft: soft.accelerator.writable.add("CLASSES"), {"registers"}),
        (lambda soft: soft.spoil.update({FRAMES: lambda _: 0}), {"frames", "registers", "reset", "malformed frame"}),
        (lambda soft: soft.spoil.update({MALFORMED: lambda _: 0}), {"malformed frame"}),
    ],
)
def test_selftest_of_a_broken_board(
    folder: Path, zcu102: SoftBoard, spoil: Callable[[SoftBoard], None], failed: set[str]
) -> None:
    spoil(zcu102)
    result = board_command("selftest", folder, "zcu102", "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (1, "")
    fields = json.loads(result.stdout)
    assert fields.keys() == {"passed", "steps"}
    assert not fields["passed"]
    assert {step["name"] for step in fields["steps"] if not step["passed"]} == failed
    assert [step.keys() for step in fields["steps"]] == [{"name", "passed", "text"}] * 5


def test_selftest_with_wrong_scores(folder: Path, zcu102: SoftBoard) -> None:
    zcu102.accelerator.alter = lambda number, result: result[:-1] + bytes([result[-1] ^ (number == 3)])
    result = board_command("selftest", folder, "zcu102")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1] == "frames: FAILED: 1 of 8 frames differ from the reference"


def test_selftest_over_a_serial_line(folder: Path) -> None:
    """The refusal of a frame that is too short is reported, and counted by the host."""

    def reply(packet: Packet, number: int) -> list[bytes]:
        if len(packet.payload) < IMAGES[0].size:
            return [Packet(0xAF, packet.sequence, bytes([3])).pack()]
        image = np.frombuffer(packet.payload, np.uint8).reshape(1, 3, 4, 2).transpose(0, 3, 1, 2)
        found = reference.run(NETWORK, np.ascontiguousarray(image))
        answer = int(found.predictions[0]).to_bytes(2, "little") + found.scores[0].astype("<i4").tobytes()
        return [Packet(FRAME_ANSWER, packet.sequence, b"\x00" + answer).pack()]

    board = Board(reply, Identity.of(NETWORK, model_hash(NETWORK)).pack(), [])
    try:
        result = board_command("selftest", folder, f"serial:{board.name}")
        assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
        assert [line.partition(": ")[0] for line in result.stdout.splitlines()] == [
            "identity",
            "frames",
            "malformed frame",
        ]
        assert result.stdout.count(": OK: ") == 3
    finally:
        board.close()
