"""What every board has in common: addresses, models, images, closing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.board import open_board
from hwsnn.build.boards import AxiBoard, SerialBoard, board_names, load_board
from hwsnn.errors import InputError
from hwsnn.host import Stats
from hwsnn.host.dma.accelerator import DmaAccelerator
from hwsnn.host.serial.accelerator import BAUD
from hwsnn.model_file.integer_file import save
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer
from tests.support.soft_board import SoftBoard, SoftBus, a_network

NETWORK = a_network()
PAGES = Path(__file__).parents[2] / "docs" / "boards"


def one_channel() -> Network:
    weight = np.arange(2 * 12).reshape(2, 1, 3, 4) % 15 - 7
    layer = dense_layer("last", weight, np.zeros(2, np.int64), 4, Integrator(NoLeak(), 16))
    return Network("flat", (1, 3, 4), 4, Encoder("direct"), 1, (layer,), "membrane")


FLAT = one_channel()


def a_board(network: Network = NETWORK) -> DmaAccelerator:
    return DmaAccelerator(SoftBus(SoftBoard(network)), network, 1.0)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "",
            r"^\(nothing\): not an address of a board; those are serial:PORT, sim, .*, and BOARD .*, zcu102, ",
        ),
        ("ulx3s-85f:x", "^ulx3s-85f:x: not an address of a board; those are "),
        ("zcu105", "^zcu105: not an address of a board; those are "),
        ("zcu102:", "^zcu102:: not an address of a board; "),
        ("sim:", "^sim:: not an address of a board; "),
        ("serial", "^serial: lacks the port; such as serial:/dev/ttyUSB0$"),
        ("/dev/null", r"^/dev/null: not an address of a board; .*; perhaps serial:/dev/null\?$"),
        ("serial:/dev/ttyNOPE", "^/dev/ttyNOPE: no such port "),
        ("zcu102:nowhere.bit", "^nowhere.bit: no such file; give the .bit of hwsnn build, with its .hwh beside it$"),
    ],
)
def test_malformed_address(monkeypatch: pytest.MonkeyPatch, address: str, message: str) -> None:
    monkeypatch.setattr("hwsnn.host.dma.pynq_bus.importlib.import_module", lambda name: object())
    with pytest.raises(InputError, match=message):
        open_board(address, NETWORK)


@pytest.mark.parametrize(
    ("address", "options", "message"),
    [
        ("zcu102", {"timeout_s": 0.0}, r"^zcu102: the time-out must be more than 0 s, not 0$"),
        ("zcu102", {"timeout_s": float("nan")}, r"^zcu102: the time-out must be more than 0 s, not nan$"),
        ("sim", {"baud": 9600}, r"^sim: bits per second are for a serial port only, and at least 1; not 9600$"),
        ("zcu102", {"baud": 9600}, r"^zcu102: bits per second are for a serial port only, and at least 1; not 9600$"),
        ("serial:/dev/ttyNOPE", {"baud": 0}, r"^serial:/dev/ttyNOPE: bits per second are .*; not 0$"),
        ("zcu102", {"board": "zcu102"}, r"^zcu102: board names what sim simulates, and is for sim only; not zcu102$"),
        ("serial:/dev/ttyNOPE", {"board": "zcu102"}, r"^serial:/dev/ttyNOPE: board names .*; not zcu102$"),
        ("sim", {"board": "ulx3s-85f"}, r"^ulx3s-85f: is no board with AXI; such are "),
    ],
)
def test_options_that_are_wrong(address: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        open_board(address, NETWORK, **options)


def test_missing_model() -> None:
    for address in ("zcu102", "serial:/dev/ttyNOPE", "sim"):
        with pytest.raises(InputError, match=f"^{address}: say which model it holds: a .safetensors file, or "):
            open_board(address)
        with pytest.raises(InputError, match=r"^nowhere: no such model file; "):
            open_board(address, "nowhere")
    with pytest.raises(InputError, match=r"^nowhere: no such model file; "):
        open_board("sim:nowhere")
    with pytest.raises(InputError, match=r"^sim:digits: names a model, as does MODEL; say it once, with "):
        open_board("sim:digits", "digits")


def test_models_by_network_path_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However it is said, a simulation is made of it."""
    found: list[tuple[Network, AxiBoard]] = []

    def simulated(network: Network, board: AxiBoard, stage: Any) -> SoftBus:
        found.append((network, board))
        return SoftBus(SoftBoard(network))

    monkeypatch.setattr("hwsnn.sim.board.SimBus", simulated)
    save(NETWORK, tmp_path / "model.safetensors")
    for model in (tmp_path / "model.safetensors", str(tmp_path / "model.safetensors"), NETWORK):
        open_board("sim", model).close()
    open_board("sim", "digits").close()
    open_board("sim:digits").close()
    assert [network.name for network, _ in found] == [NETWORK.name] * 3 + ["digits"] * 2
    assert found[2][0] is NETWORK
    assert {board.name for _, board in found} == {"zcu102"}


@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_which_board_is_simulated(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[AxiBoard] = []

    def simulated(network: Network, board: AxiBoard, stage: Any) -> SoftBus:
        found.append(board)
        return SoftBus(SoftBoard(network, system=board.processing_system))

    monkeypatch.setattr("hwsnn.sim.board.SimBus", simulated)
    with open_board("sim", NETWORK, board=name) as board:
        assert board.infer(np.zeros((1, 2, 3, 3), np.uint8)).predictions.shape == (1,)
    assert [board.name for board in found] == [name]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((1, 2, 3, 3), np.int64), r"^images must be a uint8 array, not int64$"),
        ([[1, 2]], r"^images must be a uint8 array, not list$"),
        (np.zeros((1, 3, 3), np.uint8), r"^images must be of shape \(N, 2, 3, 3\), not \(1, 3, 3\)$"),
        (np.zeros((2, 3, 3), np.uint8), r"^images must be of shape \(N, 2, 3, 3\), not \(2, 3, 3\)$"),
        (np.zeros((1, 3, 3, 2), np.uint8), r"^images must be of shape "),
        (np.full((1, 2, 3, 3), 128, np.uint8), r"^pixels must be at most 127, not 128$"),
    ],
)
def test_malformed_images(images: Any, message: str) -> None:
    with a_board() as board:
        with pytest.raises(ValueError, match=message):
            board.infer(images)
        assert board.infer(np.zeros((1, 2, 3, 3), np.uint8)).predictions.shape == (1,)


def test_one_channel_needs_no_axis_of_its_own() -> None:
    images = np.random.default_rng(1).integers(0, 16, (5, 3, 4), np.uint8)
    with a_board(FLAT) as board:
        without, with_axis = board.infer(images), board.infer(images[:, np.newaxis])
        assert np.array_equal(without.scores, with_axis.scores)
        with pytest.raises(
            ValueError, match=r"^images must be of shape \(N, 1, 3, 4\) or \(N, 3, 4\), not \(5, 4, 3\)$"
        ):
            board.infer(images.transpose(0, 2, 1))


def test_images_in_any_memory_order() -> None:
    images = np.random.default_rng(1).integers(0, 128, (300, 3, 3, 2), np.uint8).transpose(0, 3, 1, 2)[::-2]
    assert not images.flags.c_contiguous
    with a_board() as board:
        assert np.array_equal(board.infer(images).scores, board.infer(np.ascontiguousarray(images)).scores)


def test_no_image_at_all() -> None:
    with a_board() as board:
        found = board.infer(np.zeros((0, 2, 3, 3), np.uint8))
    assert (found.scores.shape, found.predictions.shape) == ((0, 3), (0,))
    assert found.scores.dtype == found.predictions.dtype == np.dtype(np.int64)


def test_what_comes_out() -> None:
    with a_board() as board:
        found = board.infer(np.zeros((4, 2, 3, 3), np.uint8))
    assert (found.scores.shape, found.predictions.shape) == ((4, 3), (4,))
    assert found.scores.dtype == found.predictions.dtype == np.dtype(np.int64)


def test_closed() -> None:
    bus = SoftBus(SoftBoard(NETWORK))
    board = DmaAccelerator(bus, NETWORK, 1.0)
    board.close()
    board.close()
    assert bus.closed == 1
    message = r"^soft: was closed; open it again$"
    with pytest.raises(ValueError, match=message):
        board.infer(np.zeros((0, 2, 3, 3), np.uint8))
    with pytest.raises(ValueError, match=message):
        board.stats()
    with pytest.raises(ValueError, match=message):
        board.describe()
    with pytest.raises(ValueError, match=message), board:
        pass


@pytest.mark.parametrize("name", board_names(SerialBoard))
def test_a_board_of_another_speed_says_so(name: str) -> None:
    baud, page = load_board(name, SerialBoard).baud, PAGES / f"{name}.md"
    assert baud == BAUD or f"--baud {baud}" in page.read_text()


def test_growth_of_stats() -> None:
    earlier, now = Stats(1, 20, 3, 4, 5, 6), Stats(10, 200, 30, 40, 50, 60)
    assert now - earlier == Stats(9, 180, 27, 36, 45, 54)
    assert Stats(3, None, None, None, 2, 1) - Stats(1, None, None, None, 1, 1) == Stats(2, None, None, None, 1, 0)
