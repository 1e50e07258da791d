from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from hwsnn.build.boards import Board, board_names, load_board
from hwsnn.build.ecp5 import TOP, write_design
from hwsnn.build.pll import pll_setting
from hwsnn.build.serial_top import SerialTop
from hwsnn.devices import DEVICES
from hwsnn.errors import InputError
from hwsnn.model import model_hash
from hwsnn.rtl.network import Pipeline
from hwsnn.rtl.serial_shell import SerialShell
from hwsnn.spec import Dense, Encoder, Folding, Integrator, LayerFold, Network, NoLeak

MHZ = 1_000_000


def tiny_network(shape: tuple[int, int, int] = (1, 2, 3)) -> Network:
    weight = np.arange(-3, -3 + 2 * shape[0] * shape[1] * shape[2], dtype=np.int64) % 7 - 3
    layer = Dense("last", weight.reshape(2, *shape), np.array([1, -1]), 4, Integrator(NoLeak(), 16))
    return Network("tiny", shape, 4, Encoder("direct"), 2, (layer,), "membrane")


def top_of(board: Board) -> SerialTop:
    network = tiny_network()
    pipeline = Pipeline(network, Folding({"last": LayerFold(1, 2)}, {"last": 1}, {}))
    return SerialTop(board, SerialShell(network, pipeline, board.divisor, model_hash(network)))


@pytest.mark.parametrize("name", board_names())
def test_every_board(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board's design, pins and script are made without any tool."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    board = load_board(name)
    assert board.name == name
    assert board.device in DEVICES
    assert board.baud >= MHZ
    assert board.divisor * board.baud == board.clock_hz
    assert board.clock_mhz == board.clock_hz / 1e6 >= 50
    write_design(top_of(board), board, tmp_path)
    assert f"-top {TOP}" in (tmp_path / f"{TOP}.ys").read_text()


def test_ulx3s(tmp_path: Path) -> None:
    board = load_board("ulx3s-85f")
    write_design(top_of(board), board, tmp_path)
    pins = (tmp_path / f"{TOP}.lpf").read_text()
    # Schematics of the ULX3S: oscillator; FTDI's TXD and RXD; the first two LEDs; GPIO0 of the ESP32.
    for port, site in [
        ("clk25_0__io", "G2"),
        ("uart_0__rx__io", "M1"),
        ("uart_0__tx__io", "L4"),
        ("led_0__io", "B2"),
        ("led_1__io", "C2"),
        ("esp32_0__gpio0__io", "L2"),
    ]:
        assert f'LOCATE COMP "{port}" SITE "{site}";' in pins
    assert 'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;' in pins
    assert pins.count("LOCATE") == 6
    assert "EHXPLLL" in (tmp_path / f"{TOP}.il").read_text()


def test_unknown_board() -> None:
    for name in ("zcu9000", "", "../boards/ulx3s_85f", "ulx3s_85f"):
        with pytest.raises(InputError, match=r"^.*: no such board; the boards are .*\bulx3s-85f\b") as caught:
            load_board(name)
        assert "\n" not in str(caught.value)


def test_baud_must_divide_the_clock() -> None:
    with pytest.raises(ValueError, match=r"^baud must divide the clock of 50000000 Hz, not be 3000000$"):
        Board("b", "B", "lfe5u-85", object, (), 50 * MHZ, 3 * MHZ, ("uart", 0), (("led", 0), ("led", 1)))


@pytest.mark.parametrize("input_mhz", [10, 25, 50, 100])
@pytest.mark.parametrize("output_mhz", [50, 60, 75, 80, 100, 125, 200])
def test_pll(input_mhz: int, output_mhz: int) -> None:
    setting = pll_setting(input_mhz * MHZ, output_mhz * MHZ)
    compared = Fraction(input_mhz, setting.input_divider)
    oscillator = compared * setting.feedback_divider
    assert oscillator / setting.output_divider == output_mhz
    assert 10 <= compared <= 400
    assert 400 <= oscillator <= 800
    for divider in (setting.input_divider, setting.feedback_divider, setting.output_divider):
        assert 1 <= divider <= 128
    assert (setting.phase_detector_hz, setting.vco_hz) == (compared * MHZ, oscillator * MHZ)
    assert setting.output_hz == output_mhz * MHZ


@pytest.mark.parametrize(
    ("input_hz", "output_hz", "message"),
    [
        (25 * MHZ, 64 * MHZ, "output_hz must be a frequency the PLL can make of 25000000 Hz, not 64000000"),
        (25 * MHZ, 401 * MHZ, "output_hz must be from 3125000 to 400000000, not 401000000"),
        (25 * MHZ, 3 * MHZ, "output_hz must be from 3125000 to 400000000, not 3000000"),
        (7 * MHZ, 50 * MHZ, "input_hz must be from 8000000 to 400000000, not 7000000"),
    ],
)
def test_pll_cannot(input_hz: int, output_hz: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        pll_setting(input_hz, output_hz)


def test_pll_64_of_25_is_really_impossible() -> None:
    """Brute force over all dividers, from the data sheet's limits."""
    assert not [
        (a, b, c)
        for a in range(1, 129)
        for b in range(1, 129)
        for c in range(1, 129)
        if 25 * b == 64 * a * c and 10 * a <= 25 and 400 * a <= 25 * b <= 800 * a
    ]
