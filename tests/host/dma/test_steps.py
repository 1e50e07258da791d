"""Frames of values that change with time, and scores of every readout, through the driver and a board in software."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.host.dma.ping_pong import batch_frames
from hwsnn.host.selftest import selftest
from hwsnn.spec import Encoder, Integrator, Network, Neuron, NoLeak, Readout
from tests.host.opened_board import opened
from tests.support.layers import dense_layer
from tests.support.soft_board import SoftBoard, a_network, a_timed_network

TIMED = a_timed_network()


def wide_network() -> Network:
    """100 steps of 700 values: 70,000 bytes a frame."""
    weight = np.arange(3 * 700).reshape(3, 700, 1, 1) % 15 - 7
    layer = dense_layer("last", weight, np.array([5, -5, 0]), 4, Integrator(NoLeak(), 24))
    return Network("wide", (700, 1, 1), 2, Encoder("steps"), 100, (layer,), "max")


@pytest.mark.parametrize("word_bytes", [4, 8, 16])
def test_equals_the_reference(word_bytes: int) -> None:
    frames = random_images(TIMED, 300, 5)
    expected = reference.run(TIMED, frames)
    with opened(SoftBoard(TIMED, word_bytes), network=TIMED) as board:
        scores, answers = board.infer(frames)
    assert np.array_equal(scores, expected.scores)
    assert np.array_equal(answers, expected.predictions)
    assert scores.min() < -(1 << 29)
    assert scores.max() > 1 << 29


def test_the_order_of_bytes() -> None:
    """Row by row, pixel by pixel, step by step, the channels of a step together; by loops."""
    soft, frames = SoftBoard(TIMED), random_images(TIMED, 3, 6)
    with opened(soft, network=TIMED) as board:
        board.infer(frames)
    steps, channels, height, width = TIMED.frame_shape
    order = [(t, c, y, x) for y in range(height) for x in range(width) for t in range(steps) for c in range(channels)]
    assert soft.accelerator.frames == [bytes(int(frame[place]) for place in order) for frame in frames]


def test_frames_of_70_000_bytes() -> None:
    """More of them than a batch has room for, so that both buffers are used twice."""
    network = wide_network()
    frames = random_images(network, 2 * batch_frames(network) + 3, 7)
    assert frames[0].nbytes == 70_000
    assert 2 < batch_frames(network) < 100
    soft = SoftBoard(network)
    with opened(soft, network=network) as board:
        scores, _ = board.infer(frames)
    assert np.array_equal(scores, reference.run(network, frames).scores)
    assert soft.accelerator.frames[-1] == frames[-1, :, :, 0, 0].tobytes()


def test_selftest() -> None:
    with opened(SoftBoard(TIMED), network=TIMED) as board:
        steps = list(selftest(board))
    assert [step.name for step in steps] == ["identity", "frames", "registers", "reset", "malformed frame"]
    assert all(step.passed for step in steps)
    assert ", 4x2x3x3 pixels of 8 bits, T=4, 3 classes, " in steps[0].text


@pytest.mark.parametrize("readout", ["count", "first", "membrane", "sum", "max"])
def test_scores_of_every_readout(readout: Readout) -> None:
    """Counts have no sign, membranes do: as the reference has them."""
    network = a_network()
    if readout in ("count", "first"):
        neuron = Neuron(np.array([300, 200, 100]), NoLeak(), "zero", 20)
        last = replace(network.population(0), neuron=neuron)
    else:
        last = network.population(0)
    network = replace(network, readout=readout, layers=(last,), timesteps=3)
    frames = random_images(network, 40, 8)
    expected = reference.run(network, frames)
    with opened(SoftBoard(network), network=network) as board:
        scores, answers = board.infer(frames)
    assert np.array_equal(scores, expected.scores)
    assert np.array_equal(answers, expected.predictions)
    assert (scores.min() < 0) == network.reads_membranes
    assert len(np.unique(scores)) > 1


@pytest.mark.parametrize("shape", [(2, 2, 3, 3), (2, 3, 2, 3, 3), (4, 2, 3, 3), (1, 2, 4, 3, 3)])
def test_frames_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with (
        opened(SoftBoard(TIMED), network=TIMED) as board,
        pytest.raises(ValueError, match=r"^images must be of shape \(N, 4, 2, 3, 3\), not \("),
    ):
        board.infer(np.zeros(shape, np.uint8))
