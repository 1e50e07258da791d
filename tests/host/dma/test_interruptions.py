"""The driver of the AXI accelerator, interrupted at every one of its accesses to the board: later answers are right.

The DMA takes words without being asked, and a reset comes in the middle of packets on both ways.
"""

from __future__ import annotations

import functools
import random
from contextlib import suppress

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.build.processing_systems import PS7, PS8, ProcessingSystem
from hwsnn.data import random_images
from hwsnn.host import Accelerator
from hwsnn.host.dma.accelerator import DmaAccelerator
from hwsnn.host.dma.bus import Buffer
from tests.support.soft_board import SoftBoard, SoftBuffer, SoftBus, a_network

FRAMES = 6


class InterruptionError(Exception):
    pass


class InterruptedBus(SoftBus):
    """``left``: how many more accesses there are before one raises ``InterruptionError``, once."""

    left: int | None = None

    def touch(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise InterruptionError

    def read32(self, address: int) -> int:
        self.touch()
        return super().read32(address)

    def write32(self, address: int, value: int) -> None:
        self.touch()
        super().write32(address, value)

    def allocate(self, size: int) -> Buffer:
        return InterruptedBuffer(self, size)


class InterruptedBuffer(SoftBuffer):
    """Memory on an ``InterruptedBus``."""

    def __init__(self, bus: InterruptedBus, size: int) -> None:
        super().__init__(bus.board, size)
        self._bus = bus

    def flush(self) -> None:
        self._bus.touch()
        super().flush()

    def invalidate(self) -> None:
        self._bus.touch()
        super().invalidate()


def interrupted(board: Accelerator, bus: InterruptedBus, images: np.ndarray, accesses: int) -> bool:  # type: ignore[type-arg]
    """Run ``images`` until there were so many accesses; whether that was before the end."""
    bus.left = accesses
    with suppress(InterruptionError):
        board.infer(images)
    was, bus.left = bus.left is None, None
    return was


@pytest.mark.parametrize("most_words", [1, 2, 5])
@pytest.mark.parametrize(
    ("classes", "word_bytes", "system"), [(1, 16, PS8), (1, 8, PS8), (3, 4, PS8), (10, 8, PS7), (40, 8, PS8)]
)
def test_interrupted_at_every_access(
    classes: int, word_bytes: int, system: ProcessingSystem, most_words: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a run, and in the reset and the run after it; results are of 1 to 21 words: the DMA takes four unasked.

    ``most_words``: moved each way between two accesses.
    """
    monkeypatch.setattr("hwsnn.host.dma.accelerator.SHORTEST_S", 0)
    monkeypatch.setattr("hwsnn.host.dma.accelerator.LONGEST_S", 0)
    network = a_network(classes=classes)
    images = random_images(network, FRAMES, classes)
    expected = reference.run(network, images)
    chance = random.Random(classes * word_bytes * most_words)
    pace = functools.partial(chance.randrange, most_words + 1)
    bus = InterruptedBus(SoftBoard(network, word_bytes, pace, system))
    with DmaAccelerator(bus, network, 5.0) as board:
        accesses = 0
        while interrupted(board, bus, images, accesses):
            if chance.randrange(2):
                interrupted(board, bus, images, chance.randrange(2 * accesses + 1))
            for count in (chance.randrange(1, FRAMES + 1), FRAMES):
                scores, answers = board.infer(images[:count])
                assert np.array_equal(scores, expected.scores[:count]), accesses
                assert np.array_equal(answers, expected.predictions[:count]), accesses
            accesses += 1
    assert accesses > FRAMES
