"""The accelerator of every board with a Zynq, synthesized by Yosys for the family of its FPGA, fits there."""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

import pytest

import hwsnn
from hwsnn.build.analysis.resources import measure
from hwsnn.build.boards import AxiBoard, board_names, load_board
from hwsnn.model_file.integer_file import model_hash
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import for_utilization
from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.spec import Network
from tests.support.random_networks import random_network


def assert_fits(network: Network, name: str) -> None:
    """As hwsnn builds it for the board; 7-series and UltraScale+ have block memories and adders of other names."""
    board = load_board(name, AxiBoard)
    device = DEVICES[board.device]
    folding = for_utilization(network, device).folding
    found = measure(AxiShell(network, Pipeline(network, folding), model_hash(network), board.word_bytes), device)
    shares = found.total.shares(device)
    assert 0 < shares["lut"] < device.share
    assert max(shares.values()) < 100
    kinds = {cell[-2:] for cell in found.cells if cell.startswith("RAMB")}
    assert kinds == {"E1" if device.family == "xc7" else "E2"}


@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_a_small_network(name: str) -> None:
    assert_fits(random_network(1), name)


@pytest.mark.long
@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_digits(name: str) -> None:
    assert_fits(hwsnn.load("digits"), name)
