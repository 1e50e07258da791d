"""A simulated board at the end of a line that damages one byte in a hundred, both ways; and lines that break.

Nothing wrong gets through: what the board took for a frame was one, and what the host took for an answer was one.
"""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.board import open_board
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.host.accelerator import Stats
from hwsnn.host.serial import handshake
from rtl_tests.support.serial_pty import simulated_board
from tests.support.noisy_line import NoisyLine
from tests.support.random_networks import random_folding, random_network

NETWORK = random_network(1)
FOLDING = random_folding(NETWORK, 1)
ANSWER_S = 0.25


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with simulated_board(NETWORK, FOLDING) as port:
        yield port


def run(port: str, seed: int, count: int) -> tuple[NoisyLine, Stats]:
    """Run so many images over a noisy line, and see to it that no answer is wrong."""
    images = random_images(NETWORK, count, seed)
    line = NoisyLine(port, seed)
    try:
        with open_board(f"serial:{line.name}", NETWORK, timeout_s=ANSWER_S) as board:
            scores, answers = board.infer(images)
            stats = board.stats()
    finally:
        line.close()
    expected = reference.run(NETWORK, images)
    assert np.array_equal(scores, expected.scores)
    assert np.array_equal(answers, expected.predictions)
    print(
        f"seed {seed}: {count} images; {line.damaged} bytes damaged, {line.wrong_requests} wrong packets to the board,"
    )
    print(f"  {line.faults} reported; {stats}")
    return line, stats


def check(line: NoisyLine, stats: Stats, count: int) -> None:
    # Each wrong packet is reported; none but the one that was half received when the line was closed is not.
    assert line.wrong_requests - 1 <= line.faults <= line.wrong_requests
    # Every frame that did not arrive was sent again, and so was every one whose answer did not.
    assert stats.frames == count
    assert stats.retries >= line.wrong_requests - 20 > 0  # of which some were identity requests
    assert line.frame_requests <= count + stats.retries
    # The host heard of most reports; those that the line damaged it did not.
    assert 0 < stats.malformed <= line.faults


def test_a_hundredth_of_all_bytes(port: str) -> None:
    line, stats = run(port, 1, 40)
    check(line, stats, 40)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 15))
def test_a_hundredth_of_all_bytes_for_long(port: str, seed: int) -> None:
    line, stats = run(port, seed, 1000)
    check(line, stats, 1000)
    assert line.damaged > 1500


def test_unplugged_midway_and_plugged_in_again(port: str) -> None:
    images = random_images(NETWORK, 2000, 7)
    expected = reference.run(NETWORK, images)
    line = NoisyLine(port, 7, rate=0)
    unplugging = threading.Timer(0.5, line.close)
    with open_board(f"serial:{line.name}", NETWORK) as board:
        unplugging.start()
        with pytest.raises(InputError, match=rf"^{line.name}: the connection broke \(.*\); connect the board again$"):
            board.infer(images)
    unplugging.join()
    line = NoisyLine(port, 8, rate=0)
    try:
        with open_board(f"serial:{line.name}", NETWORK) as board:
            assert np.array_equal(board.infer(images[:20]).scores, expected.scores[:20])
    finally:
        line.close()


def test_a_line_that_damages_everything(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handshake, "IDENTITY_S", 0.02)
    line = NoisyLine(port, 9, rate=0.5)
    try:
        with pytest.raises(InputError, match=rf"^{line.name}: no answer; is it the board's port, and has the board "):
            open_board(f"serial:{line.name}", NETWORK)
    finally:
        line.close()
