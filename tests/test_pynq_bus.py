"""A ZCU102 by PYNQ, where a module in PYNQ's place leads to a board in software. PYNQ itself is not installed here."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.host import Accelerator, pynq_bus
from tests.fake_pynq import REGISTERS, FakePynq
from tests.soft_board import SoftBoard, a_network

NETWORK = a_network()
IMAGES = random_images(NETWORK, 300, 4)


@pytest.fixture
def pynq(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakePynq:
    fake = FakePynq(SoftBoard(NETWORK))
    monkeypatch.setitem(sys.modules, "pynq", fake)  # type: ignore[arg-type]
    state = tmp_path / "state"
    state.write_text("operating\n")
    monkeypatch.setattr(pynq_bus, "FPGA_STATE", state)
    return fake


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    for ending in ("bit", "hwh"):
        (tmp_path / f"small.{ending}").touch()
    return tmp_path / "small.bit"


def assert_right(board: Accelerator) -> None:
    expected = reference.run(NETWORK, IMAGES)
    scores, answers = board.infer(IMAGES)
    assert np.array_equal(scores, expected.scores)
    assert np.array_equal(answers, expected.predictions)


def test_what_is_loaded(pynq: FakePynq) -> None:
    with Accelerator.open("zcu102", NETWORK) as board:
        assert_right(board)
        assert board.stats().frames == len(IMAGES)
        assert board.name == "zcu102"
    assert pynq.loaded == []


def test_a_bitstream(pynq: FakePynq, bitstream: Path) -> None:
    stages: list[str] = []
    with Accelerator.open(f"zcu102:{bitstream}", NETWORK, stage=stages.append) as board:
        assert_right(board)
    assert pynq.loaded == [str(bitstream)]
    assert stages == ["loading the bitstream"]


def test_loaded_by_somebody_else(pynq: FakePynq) -> None:
    """PYNQ knows only of what it loaded itself; the accelerator's own registers are asked all the same."""
    pynq.PL.ip_dict = None
    with Accelerator.open("zcu102", NETWORK) as board:
        assert_right(board)
    pynq.board.accelerator.constants["ID"] = 0
    with pytest.raises(InputError, match=r"^zcu102: holds no hwsnn accelerator \(ID reads 0x00000000\); "):
        Accelerator.open("zcu102", NETWORK)


def test_another_bitstream(pynq: FakePynq, bitstream: Path) -> None:
    """Nothing is read where nothing would answer."""
    pynq.blocks = pynq.PL.ip_dict = {"gpio": {"phys_addr": REGISTERS}}
    pynq.trouble = AssertionError("registers were touched")
    for address in ("zcu102", f"zcu102:{bitstream}"):
        with pytest.raises(
            InputError, match=rf"^{address}: has no AXI DMA at 0xA0010000; load what hwsnn build makes "
        ):
            Accelerator.open(address, NETWORK)


def test_nothing_loaded(pynq: FakePynq) -> None:
    pynq_bus.FPGA_STATE.write_text("unknown\n")
    with pytest.raises(InputError, match=r"^zcu102: no bitstream is loaded; open zcu102:FILE.bit$"):
        Accelerator.open("zcu102", NETWORK)


def test_a_bitstream_without_its_description(pynq: FakePynq, bitstream: Path) -> None:
    bitstream.with_suffix(".hwh").unlink()
    with pytest.raises(
        InputError, match=r"small.hwh: no such file; give the .bit of hwsnn build, with its .hwh beside it$"
    ):
        Accelerator.open(f"zcu102:{bitstream}", NETWORK)
    assert pynq.loaded == []


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (PermissionError(13, "Permission denied"), r"the hardware may be used by root alone; run this with sudo -E$"),
        (OSError("Root permissions required."), r"the hardware may be used by root alone; run this with sudo -E$"),
        (RuntimeError("No Devices Found"), r"PYNQ could not use it \(No Devices Found\)$"),
    ],
)
def test_trouble_of_pynq(pynq: FakePynq, trouble: Exception, message: str) -> None:
    pynq.trouble = trouble
    with pytest.raises(InputError, match=f"^zcu102: {message}"):
        Accelerator.open("zcu102", NETWORK)


def test_without_pynq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(
        InputError, match=r"^zcu102: needs PYNQ \(.*\); on the board: pip install 'hwsnn\[pynq\]' "
    ) as caught:
        Accelerator.open("zcu102", NETWORK)
    assert "\n" not in str(caught.value)
