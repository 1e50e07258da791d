"""The driver of the AXI accelerator against a board in software, which is sound, or broken in many ways."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.host import Accelerator, dma_channel, registers
from hwsnn.host.dma_accelerator import DmaAccelerator
from hwsnn.host.dma_bank import BANK_FRAMES
from hwsnn.register_map import ZCU102_DMA, ZCU102_REGISTERS, register
from hwsnn.spec import Dense, Encoder, Integrator, Network, NoLeak
from tests.support.soft_board import SoftBoard, SoftBus, a_network

NETWORK = a_network()
IMAGES = random_images(NETWORK, 2 * BANK_FRAMES + 77, 5)
EXPECTED = reference.run(NETWORK, IMAGES)
FEW = IMAGES[:3]
DMA_STATUS = (ZCU102_DMA + 0x04, ZCU102_DMA + 0x34)


@contextmanager
def opened(soft: SoftBoard, timeout_s: float = 5.0, network: Network = NETWORK) -> Iterator[DmaAccelerator]:
    bus = SoftBus(soft)
    with DmaAccelerator(bus, network, timeout_s) as board:
        yield board
    assert bus.closed == 1


def assert_right(board: Accelerator, count: int) -> None:
    scores, answers = board.infer(IMAGES[:count])
    assert np.array_equal(scores, EXPECTED.scores[:count])
    assert np.array_equal(answers, EXPECTED.predictions[:count])


def refusal(soft: SoftBoard, message: str, network: Network = NETWORK) -> str:
    """What opening the board is refused with; the bus is closed then."""
    bus = SoftBus(soft)
    with pytest.raises(InputError, match=message) as caught:
        DmaAccelerator(bus, network, 1.0)
    assert bus.closed == 1
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("word_bytes", [4, 8, 16])
@pytest.mark.parametrize("count", [1, 2, BANK_FRAMES, BANK_FRAMES + 1, len(IMAGES)])
def test_equals_the_reference(word_bytes: int, count: int) -> None:
    soft = SoftBoard(NETWORK, word_bytes)
    with opened(soft) as board:
        assert_right(board, count)
        stats = board.stats()
    assert (stats.frames, stats.malformed, stats.retries) == (count, 0, 0)
    assert len(soft.accelerator.frames) == count


def test_one_after_the_other() -> None:
    """Batches of every size follow each other on the same two banks."""
    with opened(SoftBoard(NETWORK)) as board:
        for count in (1, 0, 300, 2, 256, 512, 3):
            assert_right(board, count)
        assert board.stats().frames == 1 + 300 + 2 + 256 + 512 + 3


def test_the_order_of_bytes() -> None:
    """A byte a channel of a pixel, row by row, the channels of a pixel together; by loops."""
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        board.infer(FEW)
    channels, height, width = NETWORK.input_shape
    assert soft.accelerator.frames == [
        bytes(int(image[c, y, x]) for y in range(height) for x in range(width) for c in range(channels))
        for image in FEW
    ]


def test_progress_counts_every_result() -> None:
    done: list[int] = []
    with opened(SoftBoard(NETWORK)) as board:
        board.infer(IMAGES, done.append)
    assert sum(done) == len(IMAGES)
    assert len(done) > 3
    assert min(done) > 0


def test_two_banks_are_on_the_way() -> None:
    """The DMA has been given the second batch when the first result comes."""
    soft = SoftBoard(NETWORK)
    tails: list[int] = []
    write = soft.write

    def spy(address: int, value: int) -> None:
        if address == ZCU102_DMA + 0x14:
            tails.append(len(soft.accelerator.frames))
        write(address, value)

    soft.write = spy  # type: ignore[method-assign]
    with opened(soft) as board:
        board.infer(IMAGES)
    assert len(tails) == 3
    assert tails[1] < BANK_FRAMES
    assert BANK_FRAMES <= tails[2] < 2 * BANK_FRAMES


def test_counts_beyond_32_bits() -> None:
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        soft.accelerator.counters |= {"CLOCKS": 0x1_2345_6789, "INPUT_STALLS": 5, "OUTPUT_STALLS": 1 << 33}
        stats = board.stats()
    assert stats.clocks is not None
    assert 0 <= stats.clocks - 0x1_2345_6789 < 20
    assert (stats.input_stalls, stats.output_stalls) == (5, 1 << 33)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ID", 0xFFFF_FFFF, r"^soft: holds no hwsnn accelerator \(ID reads 0xFFFFFFFF\); load its bitstream$"),
        ("VERSION", 2, r"^soft: the accelerator has version 2 of the interface, not 1; load the bitstream that this "),
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
    [(ZCU102_DMA, 1 << 2, "its reset does not end"), (ZCU102_DMA + 0x34, 1, "it does not start")],
)
def test_a_dma_that_does_not_listen(monkeypatch: pytest.MonkeyPatch, address: int, bit: int, trouble: str) -> None:
    monkeypatch.setattr(dma_channel, "HALT_S", 0.01)
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


def test_slow_results_are_no_late_ones() -> None:
    """What counts is how long the next one takes, not all."""
    soft = SoftBoard(NETWORK)
    polls = 0
    give = soft.accelerator.give

    def seldom() -> tuple[bytes, bool] | None:
        nonlocal polls
        polls += 1
        return give() if polls % 40 == 0 else None

    soft.accelerator.give = seldom  # type: ignore[method-assign]
    with opened(soft, timeout_s=0.2) as board:
        assert_right(board, 20)


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
def test_results_that_are_none(alter: Callable[[int, bytes], bytes], message: str) -> None:
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


def test_packet_numbers_start_again_after_the_last() -> None:
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        board._packets = soft.accelerator.packets = (1 << 32) - 5
        assert_right(board, 20)


@pytest.mark.parametrize("sending", [False, True])
@pytest.mark.parametrize("receiving", [False, True])
def test_what_was_on_its_way_before_is_shed(sending: bool, receiving: bool) -> None:
    """A result that was offered when the reset came, and the rest of a frame, both of an earlier program."""
    soft = SoftBoard(NETWORK)
    soft.accelerator.offered = struct.pack("<5I", 0, 1, 7, 7, 7) if sending else b""
    soft.accelerator.receiving = receiving
    with opened(soft) as board:
        assert soft.accelerator.frames == []
        assert_right(board, 300)
        assert board.stats().frames == 300


def test_an_interrupted_run_is_forgotten() -> None:
    class InterruptionError(Exception):
        pass

    def interrupt(done: int) -> None:
        raise InterruptionError

    with opened(SoftBoard(NETWORK)) as board:
        for _ in range(3):
            with pytest.raises(InterruptionError):
                board.infer(IMAGES, interrupt)
            assert_right(board, 300)


def stopped(soft: SoftBoard) -> bool:
    """Whether both channels of the DMA are halted."""
    return all(soft.read(address) & 1 for address in DMA_STATUS)


def test_memory_is_left_alone_in_the_end() -> None:
    """The DMA is stopped when a board is closed, and as soon as a run ends early: its memory may go to others."""
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        assert_right(board, 3)
        assert not stopped(soft)
        with pytest.raises(ZeroDivisionError):
            board.infer(IMAGES, lambda done: 1 // 0)
        assert stopped(soft)
        assert_right(board, 3)
        assert not stopped(soft)
    assert stopped(soft)


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


def test_checks_of_a_sound_board() -> None:
    with opened(SoftBoard(NETWORK)) as board:
        assert "small, " in board.describe()
        assert [check.name for check in board.checks()] == ["registers", "reset", "malformed frame"]
        for check in board.checks():
            assert check.run()
            assert_right(board, 3)
        assert board.stats().malformed == 1


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
    soft.spoil[ZCU102_REGISTERS + 0x54] = lambda value: 3
    assert failing(soft, "registers") == "soft: reads 0x00000003 at offset 0x054, not 0; load it again"


def test_counters_that_are_wrong() -> None:
    soft = SoftBoard(NETWORK)
    soft.spoil[ZCU102_REGISTERS + register("CLOCKS").offset] = lambda value: 3
    assert failing(soft, "reset") == "soft: the pipeline's clock stands still; load the bitstream again"
    soft = SoftBoard(NETWORK)
    soft.spoil[ZCU102_REGISTERS + register("FRAMES").offset] = lambda value: 3
    assert failing(soft, "reset") == "soft: after a reset, FRAMES is 3 and MALFORMED 0"
    soft = SoftBoard(NETWORK)
    soft.spoil[ZCU102_REGISTERS + register("MALFORMED").offset] = lambda value: 3
    assert failing(soft, "malformed frame") == "soft: counted 0 malformed frames where one was sent"


def test_a_malformed_frame_after_trouble() -> None:
    """What went wrong before does not count against it."""
    with opened(SoftBoard(NETWORK)) as board:
        with pytest.raises(ZeroDivisionError):
            board.infer(IMAGES, lambda done: 1 // 0)
        assert board.checks()[2].run() == "dropped and counted, the next one answered"


def test_frames_too_large_for_the_dma(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.host.dma_accelerator.LENGTH", 17)
    refusal(SoftBoard(NETWORK), "^small: a frame must be at most 17 bytes for the DMA, not 18$")


def test_a_pixel_a_frame() -> None:
    """The smallest there is: a shorter one cannot be sent, so the malformed one is longer."""
    layer = Dense("last", np.array([3, -2]).reshape(2, 1, 1, 1), np.zeros(2, np.int64), 4, Integrator(NoLeak(), 16))
    network = Network("tiny", (1, 1, 1), 8, Encoder("direct"), 1, (layer,), "membrane")
    images = random_images(network, 600, 2)
    with opened(SoftBoard(network), network=network) as board:
        for check in board.checks():
            check.run()
        assert np.array_equal(board.infer(images[:, 0]).scores, reference.run(network, images).scores)
