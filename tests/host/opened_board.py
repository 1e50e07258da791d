"""The driver of the AXI accelerator, opened on a board in software."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.host import Accelerator
from hwsnn.host.dma.accelerator import DmaAccelerator
from hwsnn.host.dma.ping_pong import BATCH_FRAMES
from hwsnn.interface.addresses import ZYNQ_ULTRASCALE
from hwsnn.spec import Network
from tests.support.soft_board import SoftBoard, SoftBus, a_network

NETWORK = a_network()
IMAGES = random_images(NETWORK, 2 * BATCH_FRAMES + 77, 5)
EXPECTED = reference.run(NETWORK, IMAGES)
FEW = IMAGES[:3]
REGISTERS, DMA = ZYNQ_ULTRASCALE.registers, ZYNQ_ULTRASCALE.dma
DMA_STATUS = (DMA + 0x04, DMA + 0x34)


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
