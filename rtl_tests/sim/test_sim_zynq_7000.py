"""``sim:`` of a board with a Zynq-7000: the same driver on the verilated accelerator, with a DMA of 32-bit addresses.

What does not depend on the kind of board is in ``test_sim_board.py``.
"""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.board import open_board
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.host.dma.accelerator import DmaAccelerator
from hwsnn.host.selftest import selftest
from tests.support.random_networks import random_network

NETWORK = random_network(1)
IMAGES = random_images(NETWORK, 600, 3)
EXPECTED = reference.run(NETWORK, IMAGES)


@pytest.fixture(scope="module")
def board() -> Iterator[DmaAccelerator]:
    with open_board("sim", NETWORK, board="pynq-z2") as board:
        assert isinstance(board, DmaAccelerator)
        yield board


def assert_right(board: DmaAccelerator, count: int) -> None:
    scores, answers = board.infer(IMAGES[:count])
    assert np.array_equal(scores, EXPECTED.scores[:count])
    assert np.array_equal(answers, EXPECTED.predictions[:count])


def test_equals_the_reference(board: DmaAccelerator) -> None:
    """Registers and memory are where a Zynq-7000 has them."""
    assert board._bus.addresses.registers == 0x4000_0000
    assert {buffer.frames.first >> 28 for buffer in board._buffers} == {1}
    for count in (1, 600, 3):
        assert_right(board, count)


def test_selftest(board: DmaAccelerator) -> None:
    assert [step.text for step in selftest(board) if not step.passed] == []


class StopError(Exception):
    pass


def test_interrupted_runs_are_forgotten(board: DmaAccelerator) -> None:
    for count in range(0, 50, 10):
        left = count

        def stop(done: int) -> None:
            nonlocal left
            left -= done
            if left < 0:
                raise StopError

        with pytest.raises(StopError):
            board.infer(IMAGES, stop)
        assert_right(board, 30)
        assert board.stats().frames == 30


def test_a_dma_error_and_a_second_try(board: DmaAccelerator) -> None:
    """The frames of the second buffer are said to lie where no memory is."""
    table = board._buffers[1].frames._table
    sound = table["buffer"].copy()
    table["buffer"] = 0x2000_0000
    with pytest.raises(InputError, match=r"^sim:random1: the DMA that brings frames reports DMADecErr: "):
        board.infer(IMAGES)
    table["buffer"] = sound
    assert_right(board, 600)
