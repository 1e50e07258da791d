# amaranth: UnusedElaboratable=no

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.board import open_board
from hwsnn.build.boards import SerialBoard, board_names, load_board
from hwsnn.cycles import queue_depths
from hwsnn.data import random_images
from hwsnn.files.shipped import folder
from hwsnn.folding.column_pairs import with_pixels
from hwsnn.host.serial.packets import Packet
from hwsnn.host.serial.port import open_port
from hwsnn.interface.frames import in_wire_order
from hwsnn.interface.serial_protocol import PacketKind
from hwsnn.model_file import integer_file
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from rtl_tests.support.serial_pty import simulated_board
from tests.support.random_networks import random_folding, random_folds, random_network
from tests.support.wishes import Wishes

IMAGES = 25
BAUD = 2_000_000
ANSWER_S = 60.0
"""Time-out of an answer at the speed of a board: a simulator on a busy machine is slower than any board."""


@dataclass
class Simulated:
    """A simulated board, of images or of frames with steps, and what it should say."""

    port: str
    folder: Path
    images: np.ndarray  # type: ignore[type-arg]


@pytest.fixture(scope="module", params=[1, 14])
def board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulated]:
    network, folder = random_network(request.param), tmp_path_factory.mktemp("board")
    images = random_images(network, IMAGES, 3)
    integer_file.save(network, folder / "model.safetensors")
    last = network.population(len(network.layers) - 1)
    other = replace(network, layers=(*network.layers[:-1], replace(last, bias=last.bias + 1)))
    integer_file.save(other, folder / "other.safetensors")
    np.savez(folder / "data.npz", x=images, y=reference.run(network, images).predictions)
    with simulated_board(network, random_folding(network, request.param)) as port:
        yield Simulated(port, folder, images)


def board_run(board: Simulated, name: str = "model", *options: str) -> subprocess.CompletedProcess[str]:
    arguments = [
        str(board.folder / f"{name}.safetensors"),
        "--on",
        f"serial:{board.port}",
        "--data",
        str(board.folder / "data.npz"),
    ]
    command = [sys.executable, "-m", "hwsnn", "board", "run", *arguments, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def assert_right(outcome: subprocess.CompletedProcess[str], images: int = IMAGES) -> None:
    assert outcome.returncode == 0, outcome.stderr
    fields = json.loads(outcome.stdout)
    assert fields.pop("images_per_second") > 0
    assert fields == {"images": images, "accuracy": 1.0, "mismatches": 0, "retries": 0, "refused": 0}


def test_equals_the_reference(board: Simulated) -> None:
    assert_right(board_run(board, "model", "--json"))
    assert_right(board_run(board, "model", "--json", "-n", "1"), images=1)


def test_for_people(board: Simulated) -> None:
    outcome = board_run(board)
    assert outcome.returncode == 0
    assert "25 images: 25 right, 100.00%; " in outcome.stdout
    assert "0 differ from the reference; 0 frames sent again" in outcome.stdout


def test_another_model_is_refused(board: Simulated) -> None:
    outcome = board_run(board, "other")
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    assert outcome.stderr.startswith(f"hwsnn: error: {board.port}: the board holds another model (")
    assert outcome.stderr.count("\n") == 1


def test_after_noise_and_half_a_frame(board: Simulated) -> None:
    handle = os.open(board.port, os.O_WRONLY | os.O_NOCTTY)
    frame = Packet(PacketKind.FRAME_REQUEST, 3, in_wire_order(board.images)[0].tobytes()).pack()
    os.write(handle, b"\x00\xdbnoise\xc0\xc0" + frame[: len(frame) // 2])
    os.close(handle)
    assert_right(board_run(board, "model", "--json"))


def test_after_a_program_that_left_without_its_answers(board: Simulated) -> None:
    with open_port(board.port, BAUD) as line:
        for sequence in range(2):
            line.send(Packet(PacketKind.FRAME_REQUEST, sequence, in_wire_order(board.images)[-1].tobytes()))
    assert_right(board_run(board, "model", "--json"))


def test_corrupt_frame_is_reported(board: Simulated) -> None:
    good = Packet(PacketKind.FRAME_REQUEST, 9, in_wire_order(board.images)[0].tobytes())
    bad = bytearray(good.pack())
    bad[-3] ^= 1
    with open_port(board.port, BAUD) as line:
        line._port.write(bytes(bad))
        line.send(good)
        packets: list[Packet | None] = []
        while len(packets) < 2:
            packets += line.receive()
    assert packets[0] == Packet(PacketKind.FAULT, 9, b"\x01")
    assert packets[1] is not None
    assert (packets[1].kind, packets[1].sequence) == (PacketKind.FRAME_ANSWER, 9)


def test_two_pixels_per_cycle() -> None:
    network = random_network(617, Wishes(encoding="direct"))
    images = random_images(network, 5, 3)
    folding = queue_depths(network, random_folds(with_pixels(network, 2), 617), 2)
    with (
        simulated_board(network, folding) as port,
        open_board(f"serial:{port}", network, timeout_s=ANSWER_S) as opened,
    ):
        found = opened.infer(images)
    np.testing.assert_array_equal(found.scores, reference.run(network, images).scores)


@pytest.mark.parametrize(
    "name",
    [
        name if name == "ulx3s-85f" else pytest.param(name, marks=pytest.mark.long)  # the same design at another speed
        for name in board_names(SerialBoard)
    ],
)
def test_digits_at_the_speed_of_the_board(name: str) -> None:
    """What the bitstream holds around clock and pins, its line as many clocks a bit as on the board."""
    network = integer_file.load(folder("models") / "digits" / "digits.safetensors")
    board = load_board(name, SerialBoard)
    images = random_images(network, 10, 5)
    found = reference.run(network, images)
    folding = for_utilization(network, DEVICES[board.device]).folding
    with (
        simulated_board(network, folding, board.divisor) as port,
        open_board(f"serial:{port}", network, timeout_s=ANSWER_S) as opened,
    ):
        answer = opened.infer(images)
        stats = opened.stats()
    np.testing.assert_array_equal(answer.scores, found.scores)
    np.testing.assert_array_equal(answer.predictions, found.predictions)
    assert (stats.frames, stats.retries, stats.malformed) == (10, 0, 0)
