"""``docs/boards/``: a page for each board, which names what is the board's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwsnn.build.boards import AxiBoard, SerialBoard, board_names, load_board

PAGES = Path(__file__).parents[1] / "docs" / "boards"
INDEX = (PAGES / "README.md").read_text()
SHARED = (PAGES / "zynq.md").read_text()


def test_every_page_is_of_a_board_or_shared() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} == {*board_names(), "README", "zynq"}


@pytest.mark.parametrize("name", board_names())
def test_the_index_leads_to_each_page(name: str) -> None:
    assert f"| [`{name}`]({name}.md)" in INDEX


@pytest.mark.parametrize("name", board_names())
def test_a_page_goes_from_a_build_to_the_doctor(name: str) -> None:
    page = (PAGES / f"{name}.md").read_text()
    assert f"hwsnn build digits --board {name} -o " in page
    assert "hwsnn board doctor" in page or "(zynq.md#when-it-fails)" in page
    assert "\\*" in page, "it says what was not tried"


@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_a_page_of_a_zynq(name: str) -> None:
    """What its files say, and the address of its own driver; the shared steps lead back to it."""
    board, page = load_board(name, AxiBoard), (PAGES / f"{name}.md").read_text()
    assert f"`{board.board_part}`" in page
    assert f"frames/s at {board.clock_mhz:g} MHz" in page
    assert set(re.findall(r"--on (\S+)", page)) == {f"{name}:digits-{name}.bit"}
    assert page.count("[the same for all](zynq.md#") == 2
    assert f"[`{name}`]({name}.md)" in SHARED


@pytest.mark.parametrize("name", board_names(SerialBoard))
def test_a_page_of_a_serial_board(name: str) -> None:
    """A baud rate that is not the driver's own is named wherever a port is."""
    board, page = load_board(name, SerialBoard), (PAGES / f"{name}.md").read_text()
    ports = re.findall(r"--on serial:\S+(?: --baud (\d+))?", page)
    assert set(ports) == {"" if board.baud == 2_000_000 else str(board.baud)}
    assert f".{board.bitstream_ending.lstrip('.')} --board {name}\n" in page
