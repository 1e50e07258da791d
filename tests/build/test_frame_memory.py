"""Frames that a board has no memory for are refused by name, before any tool runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwsnn.build.boards import AxiBoard, Ecp5Board, load_board
from hwsnn.build.frame_memory import block_memories, require_frame_memory
from hwsnn.build.open_flow import build
from hwsnn.build.serial_top import serial_top
from hwsnn.build.vivado.axi_project import AxiProject
from hwsnn.errors import InputError
from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import with_folds
from hwsnn.rtl.axi import store_and_forward
from hwsnn.rtl.serial import frame_buffer
from hwsnn.spec import Encoder, Integrator, Network, NoLeak, Shape
from tests.support.layers import dense_layer

ULX3S, KV260 = load_board("ulx3s-85f", Ecp5Board), load_board("kv260", AxiBoard)
FOLDING = Folding({"last": LayerFold(1, 1)}, {"last": 1}, {})


def network(shape: Shape, steps: int, pixel_bits: int) -> Network:
    layer = dense_layer("last", np.ones((2, *shape), np.int64), np.zeros(2, np.int64), 2, Integrator(NoLeak(), 32))
    return Network("timed", shape, pixel_bits, Encoder("steps"), steps, (layer,), "membrane")


@pytest.mark.parametrize(
    ("words", "bits", "blocks"),
    [
        (1, 1, 1),
        (2048, 8, 1),
        (2049, 8, 2),
        (16384, 1, 1),
        (16384, 2, 2),
        (512, 36, 1),
        (512, 64, 2),
        (140_000, 8, 69),
    ],
)
def test_block_memories(words: int, bits: int, blocks: int) -> None:
    assert block_memories(words, bits) == blocks


def test_what_the_links_keep() -> None:
    assert frame_buffer.memory_size(70_000, 8) == (140_000, 8)
    assert store_and_forward.memory_size(8, 70_000, 8) == (2 * 16_384 + 8_750, 64)
    assert store_and_forward.memory_size(4, 4, 3) == (17 * 1 + 1, 12)


def test_700_values_at_100_steps_fit_a_ulx3s() -> None:
    """A third of its block memories."""
    require_frame_memory(network((700, 1, 1), 100, 8), ULX3S, *frame_buffer.memory_size(70_000, 8))


def test_serial_board(tmp_path: Path) -> None:
    message = (
        r"^timed: does not fit Radiona ULX3S 85F: to keep frames of 250,000 bytes takes 245 block memories of 18 kbit, "
        r"and the lfe5u-85 has 208$"
    )
    large = network((1000, 1, 1), 250, 8)
    with pytest.raises(InputError, match=message):
        serial_top(large, FOLDING, ULX3S)
    with pytest.raises(InputError, match=message):
        build(large, FOLDING, ULX3S, tmp_path / "results")
    assert list(tmp_path.iterdir()) == []


def test_axi_board(tmp_path: Path) -> None:
    large = network((4000, 1, 1), 250, 8)
    plan = with_folds(large, DEVICES[KV260.device], {"last": LayerFold(1, 1)}, FOLDING)
    message = (
        r"^timed: does not fit AMD Kria KV260: .* of 1,000,000 bytes takes 1,514 block memories of 18 kbit, and the "
    )
    with pytest.raises(InputError, match=message):
        AxiProject(large, plan, KV260, 150).write(tmp_path)
    assert not list(tmp_path.glob("*.v"))
