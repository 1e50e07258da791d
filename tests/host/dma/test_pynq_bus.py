"""A Zynq board by PYNQ, where a module in its place leads to a board in software. PYNQ itself is not installed here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.board import open_board
from hwsnn.build.boards import AxiBoard, board_names, load_board
from hwsnn.build.processing_systems import PS7, PS8, ProcessingSystem
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.host import Accelerator
from hwsnn.host.dma import load_record, pynq_bus
from hwsnn.interface.addresses import ZYNQ_ULTRASCALE, AddressMap
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.soft_board import SoftBoard, a_network

NETWORK = a_network()
IMAGES = random_images(NETWORK, 300, 4)


@pytest.fixture
def pynq(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakePynq:
    fake = FakePynq(SoftBoard(NETWORK))
    put_in_place(fake, tmp_path / "system", monkeypatch)
    return fake


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    for ending in ("bit", "hwh"):
        (tmp_path / f"small.{ending}").touch()
    return tmp_path / "small.bit"


@pytest.fixture
def loaded(pynq: FakePynq, bitstream: Path) -> Path:
    """The bitstream, loaded by an earlier program of this boot."""
    open_board(f"zcu102:{bitstream}", NETWORK).close()
    pynq.loaded.clear()
    return bitstream


def assert_right(board: Accelerator) -> None:
    expected = reference.run(NETWORK, IMAGES)
    scores, answers = board.infer(IMAGES)
    assert np.array_equal(scores, expected.scores)
    assert np.array_equal(answers, expected.predictions)


@pytest.mark.usefixtures("loaded")
def test_what_is_loaded(pynq: FakePynq) -> None:
    with open_board("zcu102", NETWORK) as board:
        assert_right(board)
        assert board.stats().frames == len(IMAGES)
        assert board.name == "zcu102"
    assert pynq.loaded == []


def test_a_bitstream(pynq: FakePynq, bitstream: Path) -> None:
    stages: list[str] = []
    with open_board(f"zcu102:{bitstream}", NETWORK, stage=stages.append) as board:
        assert_right(board)
    assert pynq.loaded == [str(bitstream)]
    assert stages == ["loading the bitstream"]


@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_every_board_with_axi(name: str, bitstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name, at its addresses."""
    system = load_board(name, AxiBoard).processing_system
    addresses, pynq = system.addresses, FakePynq(SoftBoard(NETWORK, system=system))
    put_in_place(pynq, tmp_path / "system", monkeypatch)
    for address in (f"{name}:{bitstream}", name):
        with open_board(address, NETWORK) as board:
            assert_right(board)
            assert board.name == address
    assert pynq.loaded == [str(bitstream)]
    pynq.PL.ip_dict = {}
    refused(pynq, name, f"{name}: has no AXI DMA at 0x{addresses.dma:X}; open {name}:FILE.bit, .* for the {name}")


@pytest.mark.parametrize("system", [PS7, PS8, replace(PS7, addresses=AddressMap(0x4100_0000, 0x4200_0000, 0x1000))])
def test_any_board(system: ProcessingSystem, bitstream: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the addresses that its bitstream's description says."""
    pynq = FakePynq(SoftBoard(NETWORK, system=system))
    put_in_place(pynq, tmp_path / "system", monkeypatch)
    refused(pynq, "pynq", "pynq: hwsnn has loaded no bitstream since the board was started; open pynq:FILE.bit")
    pynq.trouble = None
    for address in (f"pynq:{bitstream}", "pynq"):
        with open_board(address, NETWORK) as board:
            assert_right(board)
            assert board.name == address
    assert pynq.loaded == [str(bitstream)]


@pytest.mark.parametrize(
    "blocks",
    [
        {},
        {"dma": {"phys_addr": 0xA000_0000, "addr_range": 0x1000}},
        {"accelerator": {"phys_addr": 0xA000_0000}, "dma": {"phys_addr": 0xA001_0000}},
        {"accelerator": {"phys_addr": 0xA000_0000, "addr_range": 0x1000}, "dma": {"type": "memory"}},
        {"accelerator": {"phys_addr": 0xA000_0000, "addr_range": 0x800}, "dma": {"phys_addr": 0xA001_0000}},
    ],
)
def test_any_board_with_something_else(pynq: FakePynq, bitstream: Path, blocks: dict[str, Any]) -> None:
    pynq.blocks = blocks
    message = f"pynq:{bitstream}: has no accelerator and dma as hwsnn build makes them; open pynq:FILE.bit"
    refused(pynq, f"pynq:{bitstream}", message)


def refused(pynq: FakePynq, address: str, message: str) -> None:
    """Opening it is, and nothing is read where nothing would answer."""
    pynq.trouble = AssertionError("registers were touched")
    with pytest.raises(InputError, match=f"^{message}$"):
        open_board(address, NETWORK)


UNKNOWN = "zcu102: hwsnn has loaded no bitstream since the board was started; open zcu102:"


def test_loaded_by_somebody_else(pynq: FakePynq) -> None:
    """By another program, or from BOOT.BIN: PYNQ knows blocks, but they may be another bitstream's."""
    refused(pynq, "zcu102", f"{UNKNOWN}FILE.bit")


def test_loaded_before_the_board_was_started_anew(pynq: FakePynq, loaded: Path) -> None:
    """PYNQ's record outlives that, as here."""
    assert pynq.PL.ip_dict
    load_record.BOOT_ID.write_text("the next boot\n")
    refused(pynq, "zcu102", f"{UNKNOWN}{loaded}")
    pynq.trouble = None
    with open_board(f"zcu102:{loaded}", NETWORK) as board:
        assert_right(board)
    with open_board("zcu102", NETWORK) as board:
        assert_right(board)


def test_a_load_that_failed_is_not_taken_for_the_one_before(pynq: FakePynq, loaded: Path) -> None:
    pynq.trouble = RuntimeError("xclbinutil failed")
    with pytest.raises(InputError, match="xclbinutil failed"):
        open_board(f"zcu102:{loaded}", NETWORK)
    refused(pynq, "zcu102", f"{UNKNOWN}FILE.bit")


@pytest.mark.parametrize("record", ["", "{", "[]", "7", '{"boot_id": "2f0e71d2"}', '{"bitstream": "x.bit"}'])
@pytest.mark.usefixtures("loaded")
def test_a_damaged_record(pynq: FakePynq, record: str) -> None:
    (load_record.FOLDER / load_record.FILE).write_text(record)
    refused(pynq, "zcu102", f"{UNKNOWN}FILE.bit")


@pytest.mark.parametrize("mode", [0o777, 0o720, 0o702])
def test_a_record_that_others_could_have_written(pynq: FakePynq, loaded: Path, mode: int) -> None:
    """It is not believed, and the folder is closed."""
    load_record.FOLDER.chmod(mode)
    refused(pynq, "zcu102", f"{UNKNOWN}FILE.bit")
    assert load_record.FOLDER.stat().st_mode & 0o777 == 0o700
    pynq.trouble = None
    open_board(f"zcu102:{loaded}", NETWORK).close()
    open_board("zcu102", NETWORK).close()


def _not_sticky(folder: Path) -> None:
    folder.parent.chmod(0o777)


def _somebody_elses(folder: Path) -> None:
    os.chown(folder, 1234, -1)


def _below_somebody_elses(folder: Path) -> None:
    os.chown(folder.parent, 1234, -1)


def _a_link_of_somebody_elses(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))
    os.chown(folder, 1234, -1, follow_symlinks=False)


gives_away = pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives away")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_not_sticky, r"{}: others can write to it \(mode 777\), and replace the records of what is loaded below"),
        pytest.param(
            _below_somebody_elses,
            "{}: belongs to .*1234, who could replace the records of what is loaded below",
            marks=gives_away,
        ),
        pytest.param(
            _somebody_elses,
            "{}/hwsnn: belongs to .*1234, who could have put records of what is loaded there; remove it, or",
            marks=gives_away,
        ),
        pytest.param(_a_link_of_somebody_elses, "{}/hwsnn: belongs to .*; remove it, or", marks=gives_away),
    ],
)
def test_a_record_that_others_can_replace(
    pynq: FakePynq, loaded: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(load_record.FOLDER)
    expected = message.format(load_record.FOLDER.parent) + ".* let root alone write there"
    for address in ("zcu102", f"zcu102:{loaded}"):
        refused(pynq, address, expected)
    assert pynq.loaded == []


def test_a_file_in_the_place_of_its_folder(pynq: FakePynq, bitstream: Path) -> None:
    load_record.FOLDER.touch()
    refused(pynq, f"zcu102:{bitstream}", f"{load_record.FOLDER}: must be a folder; remove it")


@pytest.mark.skipif(os.geteuid() != 0, reason="root's record is root's")
@pytest.mark.usefixtures("loaded")
def test_a_user_who_is_not_root(pynq: FakePynq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    refused(pynq, "zcu102", r'zcu102: the hardware may be used by root alone; run this with sudo -E env PATH="\$PATH"')


@pytest.mark.usefixtures("loaded")
def test_others_may_not_even_look_at_the_record() -> None:
    assert load_record.FOLDER.stat().st_mode & 0o777 == 0o700


def test_the_archive_beside_a_bitstream(pynq: FakePynq, bitstream: Path) -> None:
    """PYNQ refuses a bitstream beside which a .xsa of its name lies; so it is given one beside which none lies."""
    bitstream.with_suffix(".xsa").touch()
    bitstream.write_text("bits")
    with pytest.raises(ValueError, match="is not a valid input"):
        pynq.Overlay(str(bitstream))
    for _ in range(2):
        with open_board(f"zcu102:{bitstream}", NETWORK) as board:
            assert_right(board)
            assert board.name == f"zcu102:{bitstream}"
    assert len(set(pynq.loaded)) == 1
    given = Path(pynq.loaded[0])
    assert given.name == bitstream.name
    assert given.read_text() == "bits", "PYNQ reads it again when it loads the next one"
    assert given.with_suffix(".hwh").samefile(bitstream.with_suffix(".hwh"))
    assert {file.name for file in bitstream.parent.glob("small.*")} == {"small.bit", "small.hwh", "small.xsa"}


def test_archives_beside_bitstreams_of_one_name(pynq: FakePynq, bitstream: Path, tmp_path: Path) -> None:
    """PYNQ tells bitstreams apart by their paths."""
    other = tmp_path / "other"
    other.mkdir()
    for folder in (tmp_path, other):
        for ending in ("bit", "hwh", "xsa"):
            (folder / f"small.{ending}").write_text(str(folder))
        open_board(f"zcu102:{folder / 'small.bit'}", NETWORK).close()
    assert [Path(path).read_text() for path in pynq.loaded] == [str(tmp_path), str(other)]


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.mark.parametrize("path", ["/../../../../..{0}/small.bit", "{0}/../{1}/small.bit", "{0}/other/../small.bit"])
def test_a_path_that_leads_up(pynq: FakePynq, bitstream: Path, tmp_path: Path, path: str) -> None:
    """Its links are those of the path without that, and in our folder."""
    (tmp_path / "other").mkdir()
    bitstream.with_suffix(".xsa").touch()
    open_board(f"zcu102:{bitstream}", NETWORK).close()
    outside = tree(tmp_path.parent)
    open_board(f"zcu102:{path.format(tmp_path, tmp_path.name)}", NETWORK).close()
    assert pynq.loaded[0] == pynq.loaded[1]
    assert Path(pynq.loaded[0]).is_relative_to(load_record.FOLDER / load_record.LINKS)
    assert tree(tmp_path.parent) == outside


def test_a_relative_path_that_leads_up(pynq: FakePynq, bitstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user gives it, from a folder deeper than the links lie."""
    bitstream.with_suffix(".xsa").touch()
    deep = bitstream.parent / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    open_board("zcu102:../../small.bit", NETWORK).close()
    links = load_record.FOLDER / load_record.LINKS
    assert pynq.loaded == [str(links.joinpath(*bitstream.parts[1:]))]
    assert not (links.joinpath(*deep.parts[1:])).exists()


def test_links_that_would_be_outside(pynq: FakePynq, bitstream: Path, tmp_path: Path) -> None:
    """Where a link lies where a folder is to be; what it leads to stays as it is."""
    bitstream.with_suffix(".xsa").touch()
    open_board(f"zcu102:{bitstream}", NETWORK).close()
    bitstream.unlink()
    bitstream.mkdir()  # hence a folder below the link to it
    inner = bitstream / "small.bit"
    for ending in ("bit", "hwh", "xsa"):
        inner.with_suffix(f".{ending}").write_text("inner")
    refused(pynq, f"zcu102:{inner}", f"{inner}: its links would be in {bitstream}, outside of .*/links; remove .*")
    assert not inner.is_symlink()
    with pytest.raises(InputError, match="outside of"):
        load_record.linked(Path("/../../../..") / str(tmp_path)[1:] / "small.bit")


def test_a_path_from_here(pynq: FakePynq, bitstream: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bitstream.parent)
    bitstream.with_suffix(".xsa").touch()
    with open_board("zcu102:small.bit", NETWORK) as board:
        assert_right(board)


@pytest.mark.parametrize("blocks", [{"gpio": {"phys_addr": ZYNQ_ULTRASCALE.registers}}, None])
def test_another_bitstream(pynq: FakePynq, loaded: Path, blocks: dict[str, Any] | None) -> None:
    """One that another program loaded through PYNQ since; None: that program had PYNQ forget what it knew."""
    pynq.PL.ip_dict = blocks
    refused(
        pynq, "zcu102", "zcu102: has no AXI DMA at 0xA0010000; open zcu102:FILE.bit, with what hwsnn build makes .*"
    )


def test_a_bitstream_of_something_else(pynq: FakePynq, bitstream: Path) -> None:
    pynq.blocks = {"gpio": {"phys_addr": ZYNQ_ULTRASCALE.registers}}
    refused(pynq, f"zcu102:{bitstream}", f"zcu102:{bitstream}: has no AXI DMA at 0xA0010000; open .*")
    refused(pynq, "zcu102", f"{UNKNOWN}FILE.bit")


@pytest.mark.usefixtures("loaded")
def test_nothing_loaded(pynq: FakePynq) -> None:
    pynq_bus.FPGA_STATE.write_text("unknown\n")
    with pytest.raises(InputError, match=r"^zcu102: no bitstream is loaded; open zcu102:FILE.bit$"):
        open_board("zcu102", NETWORK)


def test_a_bitstream_without_its_description(pynq: FakePynq, bitstream: Path) -> None:
    bitstream.with_suffix(".hwh").unlink()
    with pytest.raises(
        InputError, match=r"small.hwh: no such file; give the .bit of hwsnn build, with its .hwh beside it$"
    ):
        open_board(f"zcu102:{bitstream}", NETWORK)
    assert pynq.loaded == []


@pytest.mark.parametrize(
    ("trouble", "message"),
    [
        (
            PermissionError(13, "Permission denied"),
            r"the hardware may be used by root alone; run this with sudo -E env PATH=\"\$PATH\"$",
        ),
        (
            OSError("Root permissions required."),
            r"the hardware may be used by root alone; run this with sudo -E env PATH=\"\$PATH\"$",
        ),
        (RuntimeError("No Devices Found"), r"PYNQ could not use it \(No Devices Found\)$"),
    ],
)
@pytest.mark.usefixtures("loaded")
def test_trouble_of_pynq(pynq: FakePynq, trouble: Exception, message: str) -> None:
    pynq.trouble = trouble
    with pytest.raises(InputError, match=f"^zcu102: {message}"):
        open_board("zcu102", NETWORK)


def test_without_pynq(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynq", None)
    with pytest.raises(
        InputError, match=r"^zcu102: needs PYNQ \(.*\); on the board, install hwsnn's wheel with its extra pynq "
    ) as caught:
        open_board("zcu102", NETWORK)
    assert "\n" not in str(caught.value)
