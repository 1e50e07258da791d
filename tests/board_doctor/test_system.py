"""What Linux says, by a tree that is made up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from hwsnn.board_doctor import system
from hwsnn.host import hwmon
from hwsnn.host.dma import load_record
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.hwmon_tree import zcu102_tree
from tests.support.linux_tree import zcu102_linux
from tests.support.soft_board import SoftBoard, a_network


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a ZCU102's Linux."""
    monkeypatch.setattr(system, "ROOT", tmp_path / "root")
    put_in_place(FakePynq(SoftBoard(a_network())), tmp_path / "system", monkeypatch)
    zcu102_linux(system.ROOT)
    return system.ROOT


def lines(section: Callable[[], Iterable[str]]) -> list[str]:
    return list(section())


@pytest.mark.usefixtures("root")
def test_versions() -> None:
    found = lines(system.versions)
    assert found[0].startswith("hwsnn ")
    assert "pynq: not installed" in found
    assert found[-4:] == [
        "Linux: 5.15.19-xilinx-v2022.1",
        "its build: #1 SMP Mon Apr 11 17:52:14 UTC 2022",
        "zocl, XRT's driver: 2.13.0",
        "XRT: 2.13.0, 2022.1",
    ]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (
            "Package: bash\nVersion: 5\n\nPackage: xrt\nStatus: ok\nVersion: 2.13\n",
            "Version: 2.13",
        ),
        ("Package: xrt\n\nPackage: bash\nVersion: 5\n", "of some version"),
        ("", "neither version.json nor a package of this name"),
        (None, "neither version.json nor a package of this name"),
    ],
)
@pytest.mark.parametrize("damage", [None, "{", "[]", "{}"])
def test_xrt(root: Path, status: str | None, expected: str, damage: str | None) -> None:
    """As a package, where its own file is not there, or is damaged."""
    file = root / "opt/xilinx/xrt/version.json"
    file.unlink() if damage is None else file.write_text(damage)
    if status is not None:
        (root / "var/lib/dpkg").mkdir(parents=True)
        (root / "var/lib/dpkg/status").write_text(status)
    assert lines(system.versions)[-1] == f"XRT: {expected}"


def test_image(root: Path) -> None:
    """Without the address of a repository, which may have a password in it."""
    revisions = ["PYNQ's REVISION: Release 2022_09_30 7eb5a1e", "PYNQ's REVISION: Board 2022_09_30 7eb5a1e"]
    release = ['PRETTY_NAME="PynqLinux, based on Ubuntu 22.04"', 'VERSION="3.0 (Belfast)"']
    assert lines(system.image) == release + revisions
    (root / "boot").mkdir()
    (root / "home/xilinx/REVISION").rename(root / "boot/REVISION")
    assert lines(system.image) == release + revisions
    (root / "boot/REVISION").unlink()
    assert lines(system.image) == [*release, "no REVISION of PYNQ's images"]


def test_board(root: Path) -> None:
    assert lines(system.board) == [
        "model: ZynqMP ZCU102 Rev1.0",
        "compatible: xlnx,zynqmp-zcu102-rev1.0, xlnx,zynqmp-zcu102, xlnx,zynqmp",
        "chosen/pynq_board: ZCU102",
    ]
    shutil.rmtree(root / "proc/device-tree/chosen")
    (root / "proc/device-tree/chosen").mkdir()
    (root / "proc/device-tree/chosen/pynq_board").mkdir()
    assert lines(system.board)[-1].startswith("chosen/pynq_board: cannot be read ([Errno 21] ")


def test_memory(root: Path) -> None:
    assert lines(system.memory) == [
        "MemTotal: 4019140 kB",
        "MemAvailable: 3602144 kB",
        "CmaTotal: 524288 kB",
        "CmaFree: 500124 kB",
    ]
    (root / "proc/meminfo").write_text("MemTotal: 1 kB\nnonsense")
    assert lines(system.memory)[2] == "CmaTotal: not there"


def test_logic(root: Path) -> None:
    manager = ["fpga0/name: Xilinx ZynqMP FPGA Manager", "fpga0/state: operating", "fpga0/status:", "fpga0/flags: 0"]
    assert [line.rstrip() for line in lines(system.logic)] == [
        *manager,
        "hwsnn's record: nothing is known to be loaded",
    ]
    load_record.remember(Path("/home/alice/small.bit"))
    assert lines(system.logic)[-1] == "hwsnn's record: small.bit, loaded since the board was started"
    load_record.BOOT_ID.write_text("the next boot\n")
    assert lines(system.logic)[-1] == "hwsnn's record: small.bit, loaded before the board was started, so no longer"
    shutil.rmtree(root / "sys/class/fpga_manager")
    assert lines(system.logic)[0] == "no FPGA manager"


def test_clocks(root: Path) -> None:
    found = lines(system.clocks)
    assert [line.split()[0] for line in found] == ["enable", "clock", "pl0_ref_mux", "pl0_ref"]
    (root / "sys/kernel/debug/clk/clk_summary").write_text("a\nb\n xpl0 1\n")
    assert lines(system.clocks) == ["none is called pl0 or fclk0"]


@pytest.mark.usefixtures("root")
def test_power_monitors() -> None:
    assert lines(system.power_monitors) == ["0 power monitors, 0 others: none"]
    folders = zcu102_tree(hwmon.ROOT)
    (folders["u65"] / "power1_input").write_text("?")
    found = lines(system.power_monitors)
    assert f"{folders['u79'].name}: ina226_u79, 0.7375 W, every 1 ms" in found
    (line,) = (line for line in found if "ina226_u65" in line)
    assert "must be a power in microwatts, not '?'" in line
    assert found[-1] == "18 power monitors, 2 others: ps_ams, irps5401"


def test_kernel_log(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What concerns; of the command line nothing, whatever is in it."""
    expected = [
        "[    0.000100] cma: Reserved 512 MiB at 0x0000000057c00000",
        "[    5.200000] xilinx-axidma a0010000.dma: probed",
        "[    5.300000] axi_ethernet: MAC 00:0a:35:01:02:03",
        "[   61.234567] fpga_manager fpga0: writing \x1b[31msmall.bin to Xilinx ZynqMP FPGA Manager",
    ]
    assert lines(system.kernel_log) == [*expected, "(4 of 4 lines that concern)"]
    monkeypatch.setattr(system, "MOST_LOG_LINES", 2)
    assert lines(system.kernel_log) == [*expected[2:], "(2 of 4 lines that concern)"]
    (root / "dev/kmsg").unlink()
    with pytest.raises(FileNotFoundError):
        lines(system.kernel_log)


def test_a_kernel_log_that_moves_on(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record at a time, until there is none; those that were overwritten are skipped."""
    records: list[bytes | Exception] = [
        b"6,1,1,-;dma one\n",
        BrokenPipeError(),
        b"6,3,3,-;dma \xff three\n",
        BlockingIOError(),
    ]

    def read(opened: int, size: int) -> bytes:
        record = records.pop(0)
        if isinstance(record, Exception):
            raise record
        return record

    monkeypatch.setattr("hwsnn.board_doctor.system.os.read", read)
    assert lines(system.kernel_log) == [
        "[    0.000001] dma one",
        "[    0.000003] dma \ufffd three",
        "(2 of 2 lines that concern)",
    ]
