"""Power by monitors, in trees that are written as Linux documents them; see ``tests/support/hwmon_tree.py``."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hwsnn.build.boards import AxiBoard, board_names, load_board
from hwsnn.errors import InputError
from hwsnn.host import hwmon, power
from hwsnn.host.hwmon import MonitorError
from hwsnn.host.power import measure, readable
from hwsnn.interface.power import Rail, Supply
from tests.support.hwmon_tree import CHIP_W, LOGIC_W, ZCU102, iio_hwmon, ina2xx, other_sensors, zcu102_tree

LOGIC, CHIP = load_board("zcu102", AxiBoard).supplies
ONE = Supply("one", (Rail("VCCINT", ("ina226_u79",)),))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of monitors, empty."""
    monkeypatch.setattr(hwmon, "ROOT", tmp_path / "hwmon")
    return hwmon.ROOT


@pytest.mark.parametrize("old", [False, True])
def test_monitors_of_a_zcu102(root: Path, old: bool) -> None:
    """By both drivers; what is no power monitor is none."""
    zcu102_tree(root, old)
    found = {monitor.name: monitor for monitor in hwmon.monitors()}
    assert found.keys() == {f"ina226_{part}" for part in ZCU102}
    assert {monitor.interval_s for monitor in found.values()} == {hwmon.INTERVAL_S if old else 0.001}
    assert found["ina226_u76"].watts() == pytest.approx(1.15)
    assert sum(monitor.watts() for monitor in readable(LOGIC)) == pytest.approx(LOGIC_W)
    assert sum(monitor.watts() for monitor in readable(CHIP)) == pytest.approx(CHIP_W)


@pytest.mark.parametrize(
    ("board", "driver", "name"),
    [
        ("zcu104", iio_hwmon, "ina226"),
        ("zcu104", ina2xx, None),
        ("zcu104", ina2xx, "ina226-u183"),
        ("kv260", iio_hwmon, "ina260_u14"),
        ("kv260", ina2xx, "ina260-u14"),
        ("kr260", iio_hwmon, "ina260_u3"),
        ("kr260", ina2xx, "ina260-u14"),
    ],
)
def test_boards_with_one_monitor(root: Path, board: str, driver: Callable[..., Path], name: str | None) -> None:
    other_sensors(root)
    chip = "ina226" if board == "zcu104" else "ina260"
    folder = driver(root, name, 14_050_000, 2) if driver is iio_hwmon else driver(root, name, chip, 14_050_000, 2)
    (supply,) = load_board(board, AxiBoard).supplies
    assert [monitor.folder for monitor in readable(supply)] == [folder]
    assert readable(supply)[0].watts() == pytest.approx(14.05)


@pytest.mark.parametrize("name", board_names(AxiBoard))
def test_what_boards_say_of_their_supplies(name: str) -> None:
    board = load_board(name, AxiBoard)
    assert bool(board.supplies) == (name in ("zcu102", "zcu104", "kv260", "kr260"))
    for supply in board.supplies:
        rails = [rail.name for rail in supply.rails]
        names = [name for rail in supply.rails for name in rail.monitors]
        assert rails
        assert len(set(rails)) == len(rails)
        assert len(set(names)) == len(names)
        assert all("-" not in name for name in names), "they are compared with - as _"


@pytest.mark.parametrize(
    ("interval", "seconds"),
    [("35", 0.035), ("0", 0.1), ("-5", 0.1), ("often", 0.1), ("", 0.1), ("0.01", 0.001), ("17000", 1.0), ("nan", 0.1)],
)
def test_intervals(root: Path, interval: str, seconds: float) -> None:
    (ina2xx(root, "ina226-u79", "ina226", 1, 0) / "update_interval").write_text(interval)
    assert [monitor.interval_s for monitor in hwmon.monitors()] == [pytest.approx(seconds)]


@pytest.mark.parametrize("text", ["", "much\n", "-12500\n", "nan\n", "inf\n", "12 500\n"])
def test_what_is_no_power(root: Path, text: str) -> None:
    folder = ina2xx(root, "ina226-u79", "ina226", 1, 0)
    (folder / "power1_input").write_text(text)
    (monitor,) = hwmon.monitors()
    refused(monitor.watts, f"{folder}/power1_input: must be a power in microwatts, not {text.strip()!r}")


def test_files_that_cannot_be_read(root: Path) -> None:
    folder = ina2xx(root, "ina226-u79", "ina226", 1, 0)
    (monitor,) = hwmon.monitors()
    (folder / "power1_input").write_bytes(b"\xff\xfe")
    refused(monitor.watts, f"{folder}/power1_input: cannot be read ('utf-8' codec ")
    shutil.rmtree(folder)
    refused(monitor.watts, f"{folder}/power1_input: cannot be read ([Errno 2] ")
    folder.touch()  # no folder
    nameless = root / "hwmon1"
    nameless.mkdir()
    (nameless / "power1_input").write_text("1")
    assert hwmon.monitors() == []


def refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        call()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_supplies_that_cannot_be_read(root: Path) -> None:
    refused(
        lambda: readable(LOGIC),
        f"the programmable logic: {root} has no ina226_u79 for VCCINT (monitors there: none)",
    )
    folders = zcu102_tree(root)
    shutil.rmtree(folders["u81"])
    missing = f"the programmable logic: {root} has no ina226_u81 for VCCBRAM (monitors there: ina226_u15, "
    refused(lambda: readable(LOGIC), missing)
    (supply,) = load_board("zcu104", AxiBoard).supplies
    for part in folders.keys() - {"u81"}:
        (folders[part] / "label").unlink()
    refused(lambda: readable(supply), f"the whole board: {root} has 17 monitors called ina226; which of them is 12 V")


class Frames:
    """Frames that take ``running`` microwatts at one monitor, which takes ``idle`` while nothing runs."""

    def __init__(
        self, folder: Path, idle: Sequence[int], running: int, monkeypatch: pytest.MonkeyPatch, per_run: int = 40
    ) -> None:
        self._file, self._idle, self._running, self._per_run = folder / "power1_input", list(idle), running, per_run
        self.runs = 0
        monkeypatch.setattr("hwsnn.host.power.time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        """Nothing runs: at first, and again after the frames."""
        self._set(self._idle[0] if self.runs == 0 else self._idle[-1])

    def run(self) -> int:
        self.runs += 1
        self._set(self._running)
        return self._per_run

    def _set(self, microwatts: int) -> None:
        if self._file.read_text() != f"{microwatts}\n":  # before the first reading: no thread sees half of it
            self._file.write_text(f"{microwatts}\n")


def test_energy(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeated until there are readings enough, though one run takes no time."""
    frames = Frames(zcu102_tree(root)["u79"], [737_500, 837_500], 1_500_000, monkeypatch)
    found = measure((LOGIC, CHIP), frames.run)
    assert found.missing == ()
    assert found.frames == 40 * frames.runs > 40
    logic, chip = found.supplies
    assert (logic.supply, chip.supply) == (LOGIC, CHIP)
    for level in (logic.before, logic.running, logic.after):
        assert level.samples >= power.SAMPLES
        assert level.spread_w == pytest.approx(0, abs=1e-9)
    assert logic.before.mean_w == pytest.approx(LOGIC_W)
    assert logic.after.mean_w == pytest.approx(LOGIC_W + 0.1)
    assert logic.running.mean_w == pytest.approx(LOGIC_W + 0.7625)
    assert chip.running.mean_w == pytest.approx(CHIP_W + 0.7625)
    assert logic.idle.samples == logic.before.samples + logic.after.samples
    share = logic.after.samples / logic.idle.samples
    assert logic.idle.mean_w == pytest.approx(LOGIC_W + 0.1 * share)
    assert logic.idle.spread_w == pytest.approx(0.1 * (share * (1 - share)) ** 0.5)
    assert logic.above_idle_w == pytest.approx(0.7625 - 0.1 * share)
    assert found.microjoules(logic.running.mean_w) == pytest.approx(
        (LOGIC_W + 0.7625) * 1e6 * found.seconds / found.frames
    )


def test_no_more_than_the_spread(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or even less: the difference means nothing then."""
    frames = Frames(ina2xx(root, "ina226-u79", "ina226", 0, 0), [700_000, 900_000], 810_000, monkeypatch)
    (found,) = measure((ONE,), frames.run).supplies
    assert found.idle.spread_w == pytest.approx(0.1, rel=0.2)
    assert found.above_idle_w is None


def test_one_of_two_supplies(root: Path) -> None:
    shutil.rmtree(zcu102_tree(root)["u92"])
    found = measure((LOGIC, CHIP), lambda: 1)
    assert [each.supply for each in found.supplies] == [LOGIC]
    (missing,) = found.missing
    assert missing.startswith(f"logic and processors without I/O: {root} has no ina226_u92 for VCCPSDDRPLL (")


def test_no_supply_at_all(root: Path) -> None:
    refused(lambda: measure((LOGIC, CHIP), lambda: 1), f"the programmable logic: {root} has no ina226_u79 for ")


def test_a_monitor_that_vanishes_while_frames_run(root: Path) -> None:
    """Frames are not run for ever for it, and the board's own errors are not taken for the monitor's."""
    folder = ina2xx(root, "ina226-u79", "ina226", 725_000, 0)

    def run() -> int:
        shutil.rmtree(folder, ignore_errors=True)
        return 1

    with pytest.raises(MonitorError, match="power1_input: cannot be read"):
        measure((ONE,), run)


def test_a_board_that_fails(root: Path) -> None:
    ina2xx(root, "ina226-u79", "ina226", 725_000, 0)

    def run() -> int:
        raise InputError("the board is gone")

    with pytest.raises(InputError, match=r"^the board is gone$") as caught:
        measure((ONE,), run)
    assert not isinstance(caught.value, MonitorError)


def test_monitors_that_are_slow(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No figure is made of too few readings."""
    folder = ina2xx(root, "ina226-u79", "ina226", 725_000, 0)
    (folder / "update_interval").write_text("1000")
    monkeypatch.setattr(power, "PATIENCE_S", 0.0)
    monkeypatch.setattr("hwsnn.host.power.time.sleep", lambda seconds: None)
    refused(lambda: measure((ONE,), lambda: 1), f"{root}: 0 readings in 0 s, and 20 are needed")
