"""``hwsnn board``: its answers, and one line for every board that is none. Threads and software play the boards."""

from __future__ import annotations

import json
import os
import pty
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from hwsnn import reference
from hwsnn.bench import CpuFigure
from hwsnn.cli import cli
from hwsnn.host.dma import load_record
from hwsnn.host.serial import handshake
from hwsnn.host.serial.packets import Packet
from hwsnn.interface.serial_protocol import Identity
from hwsnn.model_file.integer_file import model_hash, save
from tests.cli.test_cli import expect_refusal
from tests.host.serial.serial_board import FRAME_ANSWER, IMAGES, NETWORK, Board
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.soft_board import SoftBoard
from tests.support.stage_lines import beside_stages

KEYS = {"images", "accuracy", "images_per_second", "retries", "refused", "mismatches"}
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


def board_command(name: str, folder: Path, address: str, *options: str) -> Result:
    arguments = ["board", name, str(folder / "model.safetensors"), "--on", address, *options]
    return CliRunner().invoke(cli, arguments, prog_name="hwsnn")


def run(folder: Path, port: str | Path, data: str, *options: str) -> Result:
    return board_command("run", folder, f"serial:{port}", "--data", str(folder / data), *options)


@pytest.fixture
def zcu102(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SoftBoard:
    """A board in software in the place of the real one."""
    soft = SoftBoard(NETWORK)
    put_in_place(FakePynq(soft), tmp_path / "system", monkeypatch)
    load_record.remember(tmp_path / "small.bit")
    return soft


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
        ("sim:digits", "sim:digits: names a model, and so does the caller; say it once, with the address sim"),
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
GROWTH = {"CLOCKS": 500, "INPUT_STALLS": 7, "OUTPUT_STALLS": 3}
BENCH_KEYS = {
    "images",
    "seconds",
    "images_per_second",
    "simulated",
    "cycles_per_frame",
    "input_stalls_per_frame",
    "output_stalls_per_frame",
    "cpu_images_per_second",
    "cpu_implementation",
    "cpu",
    "retries",
    "refused",
    "mismatches",
}


def _cpu(fps: float) -> tuple[CpuFigure, ...]:
    """Figures of a machine whose compiled code is the fastest."""
    rates = {"numpy reference": fps / 9, "compiled": fps}
    return tuple(CpuFigure(rate, 1.5, 0.0, name, cores=2) for name, rate in rates.items())


def test_bench(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the counters grew by, while the images ran; not what stood there before."""
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    give = zcu102.accelerator.give

    def counting() -> tuple[bytes, bool] | None:
        word = give()
        if word is not None and word[1]:  # a result's last
            counters = zcu102.accelerator.counters
            counters |= {name: counters[name] + by for name, by in GROWTH.items()}
        return word

    zcu102.accelerator.give = counting  # type: ignore[method-assign]
    result = board_command("bench", folder, "zcu102", "-n", "100", "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    fields = json.loads(result.stdout)
    assert fields.keys() == BENCH_KEYS
    assert 500 <= fields["cycles_per_frame"] < 510  # the software's clock also ticks at every access
    assert (fields["input_stalls_per_frame"], fields["output_stalls_per_frame"]) == (7.0, 3.0)
    assert fields["images_per_second"] == pytest.approx(100 / fields["seconds"])
    assert (fields["images"], fields["simulated"], fields["mismatches"]) == (100, False, 0)
    assert fields["cpu_images_per_second"] == 1000.0
    assert len(zcu102.accelerator.frames) == 101


def test_bench_takes_images_in_turn(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(float(len(images))))
    options = ("--data", str(folder / "bare.npz"), "-n", "100", "--json")
    zcu102.accelerator.alter = lambda number, result: result[:-1] + bytes([result[-1] ^ (number in (50, 99))])
    result = board_command("bench", folder, "zcu102", *options)
    fields = json.loads(result.stdout)
    assert (fields["images"], fields["mismatches"], fields["cpu_images_per_second"]) == (100, 2, 40.0)
    frames = zcu102.accelerator.frames[1:]
    assert len(frames) == 100
    assert frames[:20] == frames[80:]
    assert len(set(frames)) == 40


def test_bench_for_people(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    zcu102.accelerator.alter = lambda number, result: result[:-1] + bytes([result[-1] ^ (number == 9)])
    result = board_command("bench", folder, "zcu102", "--data", str(folder / "bare.npz"), "-n", "40")
    assert result.exit_code == 1
    first, clocks, cpu, ratio, last = result.stdout.splitlines()
    assert re.fullmatch(r"40 images in [0-9.e-]+ s, [0-9,]+ images/s", first)
    stalls = r"bus cycles stalled per frame: 0\.0 at the input, 0\.0 at the output"
    assert re.fullmatch(r"[0-9.]+ pipeline cycles per frame; " + stalls, clocks)
    assert re.fullmatch(r"this CPU \(.+; compiled; 1\.50 of 2 cores used, 0\.00 by others\): 1,000 images/s", cpu)
    assert re.fullmatch(r"the board over this CPU: [0-9.e+]+", ratio)
    assert last == "1 differ from the reference; 0 frames sent again"


def test_bench_over_a_serial_line(folder: Path, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no counters; how often frames were sent again is the host's own count."""
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    result = board_command("bench", folder, f"serial:{board.name}", "--data", str(folder / "bare.npz"), "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    fields = json.loads(result.stdout)
    assert (fields["cycles_per_frame"], fields["input_stalls_per_frame"], fields["retries"]) == (None, None, 0)
    assert (fields["images"], fields["mismatches"]) == (500, 0)
    assert len(board.frames) == 501


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
