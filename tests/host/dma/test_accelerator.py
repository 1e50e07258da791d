"""The driver of the AXI accelerator against a board in software: its results, its memory and its checks."""

from __future__ import annotations

import struct
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.build.processing_systems import PS7, PS8, ProcessingSystem
from hwsnn.data import random_images
from hwsnn.host.dma.ping_pong import BATCH_FRAMES
from hwsnn.interface.addresses import AddressMap
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.host.opened_board import DMA, DMA_STATUS, FEW, IMAGES, NETWORK, assert_right, opened
from tests.support.layers import dense_layer
from tests.support.soft_board import SoftBoard


@pytest.mark.parametrize(
    ("word_bytes", "count"),
    [
        *((8, count) for count in (1, 2, BATCH_FRAMES, BATCH_FRAMES + 1, len(IMAGES))),
        *((word_bytes, count) for word_bytes in (4, 16) for count in (1, 2, BATCH_FRAMES + 1)),
    ],
)
def test_equals_the_reference(word_bytes: int, count: int) -> None:
    soft = SoftBoard(NETWORK, word_bytes)
    with opened(soft) as board:
        assert_right(board, count)
        stats = board.stats()
    assert (stats.frames, stats.malformed, stats.retries) == (count, 0, 0)
    assert len(soft.accelerator.frames) == count


def test_a_board_with_other_addresses() -> None:
    with opened(
        SoftBoard(NETWORK, system=replace(PS8, addresses=AddressMap(0x4000_3000, 0x4000_1000, 0x1000)))
    ) as board:
        assert_right(board, 3)


@pytest.mark.parametrize("system", [PS7, PS8])
def test_one_after_the_other(system: ProcessingSystem) -> None:
    """Batches of every size follow each other on the same two buffers; addresses of the DMA have 32 and 64 bits."""
    with opened(SoftBoard(NETWORK, system=system)) as board:
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


def test_two_buffers_are_on_the_way() -> None:
    """The DMA has been given the second batch when the first result comes."""
    soft = SoftBoard(NETWORK)
    tails: list[int] = []
    write = soft.write

    def spy(address: int, value: int) -> None:
        if address == DMA + 0x14:
            tails.append(len(soft.accelerator.frames))
        write(address, value)

    soft.write = spy  # type: ignore[method-assign]
    with opened(soft) as board:
        board.infer(IMAGES)
    assert len(tails) == 3
    assert tails[1] < BATCH_FRAMES
    assert BATCH_FRAMES <= tails[2] < 2 * BATCH_FRAMES


def test_counts_beyond_32_bits() -> None:
    soft = SoftBoard(NETWORK)
    with opened(soft) as board:
        soft.accelerator.counters |= {"CLOCKS": 0x1_2345_6789, "INPUT_STALLS": 5, "OUTPUT_STALLS": 1 << 33}
        stats = board.stats()
    assert stats.clocks is not None
    assert 0 <= stats.clocks - 0x1_2345_6789 < 20
    assert (stats.input_stalls, stats.output_stalls) == (5, 1 << 33)


def test_slow_results_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts is how long the next one takes, not all. By a clock that ticks with every look at the board."""
    soft = SoftBoard(NETWORK)
    polls = 0
    give = soft.accelerator.give

    def seldom() -> tuple[bytes, bool] | None:
        nonlocal polls
        polls += 1
        return give() if polls % 40 == 0 else None

    soft.accelerator.give = seldom  # type: ignore[method-assign]
    monkeypatch.setattr(
        "hwsnn.host.dma.accelerator.time", SimpleNamespace(monotonic=lambda: polls, sleep=lambda _: None)
    )
    with opened(soft, timeout_s=1000) as board:
        assert_right(board, 20)
    assert polls > 2000


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


def test_checks_of_a_sound_board() -> None:
    with opened(SoftBoard(NETWORK)) as board:
        assert "small, " in board.describe()
        assert [check.name for check in board.checks()] == ["registers", "reset", "malformed frame"]
        for check in board.checks():
            assert check.run()
            assert_right(board, 3)
        assert board.stats().malformed == 1


def test_a_malformed_frame_after_trouble() -> None:
    """What went wrong before does not count against it."""
    with opened(SoftBoard(NETWORK)) as board:
        with pytest.raises(ZeroDivisionError):
            board.infer(IMAGES, lambda done: 1 // 0)
        assert board.checks()[2].run() == "dropped and counted, the next one answered"


def test_a_pixel_a_frame() -> None:
    """The smallest there is: a shorter one cannot be sent, so the malformed one is longer."""
    layer = dense_layer(
        "last", np.array([3, -2]).reshape(2, 1, 1, 1), np.zeros(2, np.int64), 4, Integrator(NoLeak(), 16)
    )
    network = Network("tiny", (1, 1, 1), 8, Encoder("direct"), 1, (layer,), "membrane")
    images = random_images(network, 600, 2)
    with opened(SoftBoard(network), network=network) as board:
        for check in board.checks():
            check.run()
        assert np.array_equal(board.infer(images[:, 0]).scores, reference.run(network, images).scores)
