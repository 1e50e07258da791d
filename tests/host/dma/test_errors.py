"""The driver of the AXI accelerator against a board in software that is broken in many ways: one line says how."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from hwsnn.errors import InputError
from hwsnn.host.dma import channel, registers
from hwsnn.interface.registers import register
from tests.host.opened_board import DMA, DMA_STATUS, FEW, IMAGES, NETWORK, REGISTERS, assert_right, opened, refusal
from tests.support.soft_board import SoftBoard


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ID", 0xFFFF_FFFF, r"^soft: holds no hwsnn accelerator \(ID reads 0xFFFFFFFF\); load its bitstream$"),
        ("VERSION", 1, r"^soft: the accelerator has version 1 of the interface, not 2; load the bitstream that this "),
        (
            "MODEL_HASH_0",
            0x04030201,
            r"^soft: the board holds another model \(01020304[0-9a-f]{8}, 2x3x3 ",
        ),
        ("MODEL_HASH_7", 7, "^soft: the board holds another model "),
        (
            "HEIGHT",
            4,
            r"^soft: the board holds another model \(.*, 2x4x3 pixels of 7 bits, T=2, 3 classes\) ",
        ),
        ("CHANNELS", 1, "^soft: the board holds another model "),
        ("TIMESTEPS", 3, "^soft: the board holds another model "),
        ("PIXEL_BITS", 8, "^soft: the board holds another model "),
        ("FRAME_BYTES", 19, "^soft: the board holds another model "),
        ("RESULT_BYTES", 19, "^soft: the board holds another model "),
        ("FRAME_STEPS", 2, r"^soft: the board holds another model \(.*, 2x2x3x3 pixels of 7 bits, T=2, 3 classes\) "),
        ("WORD_BYTES", 5, "^soft: the accelerator has words of 5 bytes; load the bitstream again$"),
    ],
)
def test_another_accelerator(name: str, value: int, message: str) -> None:
    soft = SoftBoard(NETWORK)
    soft.accelerator.constants[name] = value
    refusal(soft, message)
    assert soft.written == []  # it is somebody else's


def test_a_reset_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registers, "RESET_S", 0.01)
    soft = SoftBoard(NETWORK)
    soft.accelerator.stuck_in_reset = True
    refusal(soft, "^soft: the accelerator's reset does not end; load the bitstream again$")


@pytest.mark.parametrize(
    ("address", "bit", "trouble"),
    [(DMA, 1 << 2, "its reset does not end"), (DMA + 0x34, 1, "it does not start")],
)
def test_a_dma_that_does_not_listen(monkeypatch: pytest.MonkeyPatch, address: int, bit: int, trouble: str) -> None:
    monkeypatch.setattr(channel, "HALT_S", 0.01)
    soft = SoftBoard(NETWORK)
    soft.spoil[address] = lambda value: value | bit
    refusal(soft, rf"^soft: the DMA that (brings frames|takes results): {trouble}; load the bitstream again$")


ERRORS = {
    1 << 4: "DMAIntErr",
    1 << 5: "DMASlvErr",
    1 << 6: "DMADecErr",
    1 << 8: "SGIntErr",
    1 << 9: "SGSlvErr",
    1 << 10: "SGDecErr",
}


@pytest.mark.parametrize("bit", ERRORS)
@pytest.mark.parametrize(("channel", "way"), [(0, "brings frames"), (1, "takes results")])
def test_errors_of_the_dma(bit: int, channel: int, way: str) -> None:
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        soft.accelerator.alter = lambda number, result: None
        soft.spoil[DMA_STATUS[channel]] = lambda value: value | bit | 1
        with pytest.raises(InputError, match=rf"^soft: the DMA that {way} reports {ERRORS[bit]}: [^\n]+$"):
            board.infer(FEW)
        soft.spoil.clear()
        soft.accelerator.alter = lambda number, result: result
        assert_right(board, 20)


def test_a_dma_that_stops_without_a_word() -> None:
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        soft.accelerator.alter = lambda number, result: None
        soft.spoil[DMA_STATUS[1]] = lambda value: value | 1
        with pytest.raises(InputError, match=r"^soft: the DMA that takes results reports it stopped$"):
            board.infer(FEW)


@pytest.mark.parametrize("bit", [1 << 28, 1 << 29, 1 << 30])
@pytest.mark.parametrize(("way", "to_stream"), [("brings frames", True), ("takes results", False)])
def test_errors_of_a_packet(bit: int, way: str, to_stream: bool) -> None:
    soft = SoftBoard(NETWORK)
    channel = soft.dma.to_stream if to_stream else soft.dma.from_stream
    complete, completed = channel.complete, 0

    def spoil(descriptor: object, status: int) -> None:
        nonlocal completed
        completed += 1
        complete(descriptor, status | (bit if completed == 3 else 0))  # type: ignore[arg-type]

    channel.complete = spoil  # type: ignore[assignment, method-assign]
    with (
        opened(soft) as board,
        pytest.raises(InputError, match=f"^soft: the DMA that {way} reports that packet 2 of 10 went wrong$"),
    ):
        board.infer(IMAGES[:10])


def test_a_result_that_never_comes() -> None:
    soft = SoftBoard(NETWORK)
    with opened(soft, timeout_s=0.05) as board:
        soft.accelerator.alter = lambda number, result: None if number == 2 else result
        with pytest.raises(
            InputError,
            match=r"^soft: no result came in 0\.05 s; the accelerator answered 2 of 3 frames, and refused 0 as ",
        ):
            board.infer(FEW)
        soft.accelerator.alter = lambda number, result: result
        assert_right(board, 300)


def changed(place: int, value: int) -> Callable[[int, bytes], bytes]:
    """A word of result 5 becomes another."""

    def alter(number: int, result: bytes) -> bytes:
        words = list(struct.unpack("<5I", result))
        if number == 5:
            words[place] = value
        return struct.pack("<5I", *words)

    return alter


@pytest.mark.parametrize(
    ("alter", "message"),
    [
        (
            changed(0, 6),
            "after frame 5 was sent, the answer to frame 6 came: frames were lost; load ",
        ),
        (changed(0, 0x1_0005 - 5), "after frame 5 was sent, the answer to frame 65536 came: "),
        (changed(1, 3), "answered with a class that 3 classes lack; load it again"),
        (changed(1, 0xFFFF_FFFF), "answered with a class that 3 classes lack; "),
        (lambda number, result: result[:-4] if number == 5 else result, "result 5 has not 20 bytes; load "),
        (lambda number, result: result + bytes(4) if number == 5 else result, "result 5 has not 20 bytes; load "),
    ],
)
def test_malformed_results(alter: Callable[[int, bytes], bytes], message: str) -> None:
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        soft.accelerator.alter = alter
        with pytest.raises(InputError, match=f"^soft: {message}"):
            board.infer(IMAGES[:10])
        soft.accelerator.alter = lambda number, result: result
        assert_right(board, 10)


def test_a_frame_lost_on_the_way() -> None:
    """The answers behind it are not taken for those of the frames before."""
    soft = SoftBoard(NETWORK)
    with opened(soft, timeout_s=0.05) as board:
        take, taken = soft.accelerator.take, 0

        def spoil(packet: bytes) -> None:
            nonlocal taken
            taken += 1
            take(packet[:-1] if taken == 4 else packet)

        soft.accelerator.take = spoil  # type: ignore[method-assign]
        with pytest.raises(InputError, match=r"; the accelerator answered 9 of 10 frames, and refused 1 as malformed$"):
            board.infer(IMAGES[:10])


def test_a_board_out_of_reach_can_be_closed() -> None:
    def gone(address: int) -> int:
        raise InputError("soft: is gone")

    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        soft.read = gone  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            board.infer(IMAGES, lambda done: 1 // 0)
        with pytest.raises(InputError, match=r"^soft: is gone$"):
            board.infer(IMAGES)


def failing(soft: SoftBoard, name: str) -> str:
    with opened(soft, timeout_s=0.05) as board:
        (check,) = [check for check in board.checks() if check.name == name]
        with pytest.raises(InputError) as caught:
            check.run()
    return str(caught.value)


def test_registers_that_are_wrong() -> None:
    soft = SoftBoard(NETWORK)
    soft.accelerator.writable = {"CLASSES"}
    assert failing(soft, "registers") == "soft: CLASSES was written, and is constant; load the bitstream again"
    soft = SoftBoard(NETWORK)
    soft.spoil[REGISTERS + 0x58] = lambda value: 3
    assert failing(soft, "registers") == "soft: reads 0x00000003 at offset 0x058, not 0; load it again"


def test_counters_that_are_wrong() -> None:
    soft = SoftBoard(NETWORK)
    soft.spoil[REGISTERS + register("CLOCKS").offset] = lambda value: 3
    assert failing(soft, "reset") == "soft: the pipeline's clock stands still; load the bitstream again"
    soft = SoftBoard(NETWORK)
    soft.spoil[REGISTERS + register("FRAMES").offset] = lambda value: 3
    assert failing(soft, "reset") == "soft: after a reset, FRAMES is 3 and MALFORMED 0"
    soft = SoftBoard(NETWORK)
    soft.spoil[REGISTERS + register("MALFORMED").offset] = lambda value: 3
    assert failing(soft, "malformed frame") == "soft: counted 0 malformed frames where one was sent"


def test_frames_too_large_for_the_dma(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.host.dma.accelerator.LENGTH", 17)
    refusal(SoftBoard(NETWORK), "^small: a frame must be at most 17 bytes for the DMA, not 18$")
