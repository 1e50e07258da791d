"""``hwsnn board bench``: frames/s, counters, power. Threads and software play the boards."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from hwsnn.bench import CpuFigure
from hwsnn.build.processing_systems import PS7
from hwsnn.host import hwmon
from hwsnn.host.dma import load_record
from tests.cli.board.played import board_command
from tests.host.serial.serial_board import NETWORK, Board
from tests.support.fake_pynq import FakePynq, put_in_place
from tests.support.hwmon_tree import CHIP_W, LOGIC_W, zcu102_tree
from tests.support.soft_board import SoftBoard
from tests.support.stage_lines import beside_stages

GROWTH = {"CLOCKS": 500, "INPUT_STALLS": 7, "OUTPUT_STALLS": 3}
BENCH_KEYS = {
    "images",
    "seconds",
    "images_per_second",
    "simulated",
    "cycles_per_frame",
    "input_stalls_per_frame",
    "output_stalls_per_frame",
    "cpu_images_per_second",
    "cpu_implementation",
    "cpu",
    "retries",
    "refused",
    "power",
    "mismatches",
}


def _cpu(fps: float) -> tuple[CpuFigure, ...]:
    """Figures of a machine whose compiled code is the fastest."""
    rates = {"numpy reference": fps / 9, "compiled": fps}
    return tuple(CpuFigure(rate, 1.5, 0.0, name, cores=2) for name, rate in rates.items())


def test_bench(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the counters grew by, while the images ran; not what stood there before."""
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    give = zcu102.accelerator.give

    def counting() -> tuple[bytes, bool] | None:
        word = give()
        if word is not None and word[1]:  # a result's last
            counters = zcu102.accelerator.counters
            counters |= {name: counters[name] + by for name, by in GROWTH.items()}
        return word

    zcu102.accelerator.give = counting  # type: ignore[method-assign]
    result = board_command("bench", folder, "zcu102", "-n", "100", "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    fields = json.loads(result.stdout)
    assert fields.keys() == BENCH_KEYS
    assert 500 <= fields["cycles_per_frame"] < 510  # the software's clock also ticks at every access
    assert (fields["input_stalls_per_frame"], fields["output_stalls_per_frame"]) == (7.0, 3.0)
    assert fields["images_per_second"] == pytest.approx(100 / fields["seconds"])
    assert (fields["images"], fields["simulated"], fields["mismatches"]) == (100, False, 0)
    assert fields["cpu_images_per_second"] == 1000.0
    assert len(zcu102.accelerator.frames) == 101


def test_bench_takes_images_in_turn(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(float(len(images))))
    options = ("--data", str(folder / "bare.npz"), "-n", "100", "--json")
    zcu102.accelerator.alter = lambda number, result: result[:-1] + bytes([result[-1] ^ (number in (50, 99))])
    result = board_command("bench", folder, "zcu102", *options)
    fields = json.loads(result.stdout)
    assert (fields["images"], fields["mismatches"], fields["cpu_images_per_second"]) == (100, 2, 40.0)
    frames = zcu102.accelerator.frames[1:]
    assert len(frames) == 100
    assert frames[:20] == frames[80:]
    assert len(set(frames)) == 40


def test_bench_for_people(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    zcu102.accelerator.alter = lambda number, result: result[:-1] + bytes([result[-1] ^ (number == 9)])
    result = board_command("bench", folder, "zcu102", "--data", str(folder / "bare.npz"), "-n", "40")
    assert result.exit_code == 1
    first, clocks, cpu, ratio, power, last = result.stdout.splitlines()
    assert re.fullmatch(r"40 images in [0-9.e-]+ s, [0-9,]+ images/s", first)
    stalls = r"bus cycles stalled per frame: 0\.0 at the input, 0\.0 at the output"
    assert re.fullmatch(r"[0-9.]+ pipeline cycles per frame; " + stalls, clocks)
    assert re.fullmatch(r"this CPU \(.+; compiled; 1\.50 of 2 cores used, 0\.00 by others\): 1,000 images/s", cpu)
    assert re.fullmatch(r"the board over this CPU: [0-9.e+]+", ratio)
    assert re.fullmatch(r"power was not measured: the programmable logic: .* \(monitors there: none\); logic .*", power)
    assert last == "1 differ from the reference; 0 frames sent again"


def test_bench_over_a_serial_line(folder: Path, board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no counters; how often frames were sent again is the host's own count."""
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    result = board_command("bench", folder, f"serial:{board.name}", "--data", str(folder / "bare.npz"), "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    fields = json.loads(result.stdout)
    assert (fields["cycles_per_frame"], fields["input_stalls_per_frame"], fields["retries"]) == (None, None, 0)
    assert (fields["images"], fields["mismatches"]) == (500, 0)
    assert fields["power"] == NO_POWER | {"why": ["a board at a serial port has no monitors that hwsnn reads"]}
    assert len(board.frames) == 501


NO_POWER: dict[str, Any] = {"frames": None, "seconds": None, "interval_s": None, "supplies": [], "estimate": None}


def built(folder: Path, **power: object) -> None:
    """``folder/small.bit``, which is loaded, as a build leaves it."""
    (folder / "build.json").write_text(json.dumps({"bitstream": "out/small.bit", "board": "zcu102"}))
    (folder / "power.json").write_text(json.dumps(power))


def test_bench_reads_the_power(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frames run again and again meanwhile; what is not as in the first run is a mismatch."""
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    zcu102_tree(hwmon.ROOT)
    built(folder, total_w=4.251, accelerator_w=0.48)
    zcu102.accelerator.alter = lambda number, result: result[:-1] + bytes([result[-1] ^ (number == 30)])
    result = board_command("bench", folder, "zcu102", "-n", "20", "--json")
    assert (result.exit_code, beside_stages(result.stderr)) == (1, "")
    fields = json.loads(result.stdout)
    assert (fields["images"], fields["mismatches"]) == (20, 1)
    power = fields["power"]
    assert power.keys() == NO_POWER.keys() | {"why"}
    assert power["frames"] == len(zcu102.accelerator.frames) - 21
    seconds_a_frame = power["seconds"] / power["frames"]
    assert (power["interval_s"], power["why"]) == (0.001, [])
    logic, chip = power["supplies"]
    assert (logic["of"], logic["rails"]) == ("the programmable logic", ["VCCINT", "VCCBRAM", "VCCAUX"])
    for supply, watts in ((logic, LOGIC_W), (chip, CHIP_W)):
        for part in ("before", "running", "after", "idle"):
            assert supply[part].keys() == {"mean_w", "spread_w", "samples"}
            assert supply[part]["mean_w"] == pytest.approx(watts)
            assert supply[part]["samples"] >= 20
        assert supply["frame_uj"] == pytest.approx(watts * seconds_a_frame * 1e6)
        assert supply["frame_above_idle_uj"] is None
    assert power["estimate"].pop("frame_uj") == pytest.approx(4.251e6 * seconds_a_frame)
    assert power["estimate"] == {"total_w": 4.251, "accelerator_w": 0.48}


def test_bench_shows_the_power(folder: Path, zcu102: SoftBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    parts = zcu102_tree(hwmon.ROOT)
    built(folder, total_w=4.251, accelerator_w=None)
    lines = power_lines(board_command("bench", folder, "zcu102", "-n", "20"))
    number = "[0-9.,]+"
    spread = rf"\(spread 0\.000 and 0\.000 W, {number} and {number} readings\)"
    expectations = (
        r"power was read every 1 ms while [0-9,]+ frames ran, [0-9,]+ frames/s, and before and after",
        rf"the programmable logic \(VCCINT, VCCBRAM, VCCAUX\): 0\.975 W idle, 0\.975 W running {spread}",
        rf"  {number} uJ per frame, no more above idle than the spread",
        rf"logic and processors without I/O \(VCCINT, .*, VCCPSDDRPLL\): 2\.775 W idle, 2\.775 W running {spread}",
        rf"  {number} uJ per frame, no more above idle than the spread",
        rf"Vivado's estimate of this build: 4\.251 W the whole chip; {number} uJ per frame at this rate, estimated",
    )
    for line, expected in zip(lines, expectations, strict=True):
        assert re.fullmatch(expected, line), line
    (parts["u92"] / "power1_input").write_text("none\n")
    (line,) = power_lines(board_command("bench", folder, "zcu102", "-n", "20"))
    assert line == (f"power was not measured: {parts['u92']}/power1_input: must be a power in microwatts, not 'none'")


def power_lines(result: Result) -> list[str]:
    assert (result.exit_code, beside_stages(result.stderr)) == (0, "")
    return result.stdout.splitlines()[4:-1]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("pynq-z2", "the TUL PYNQ-Z2 has no monitors that hwsnn knows"),
        ("pynq", "pynq does not say which board it is; with its own name, such as zcu102, its monitors are known"),
    ],
)
def test_boards_whose_power_is_not_read(
    folder: Path, name: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwsnn.bench.cpu_figures", lambda network, images: _cpu(1000.0))
    put_in_place(FakePynq(SoftBoard(NETWORK, system=PS7)), tmp_path / "system", monkeypatch)
    load_record.remember(tmp_path / "small.bit")
    zcu102_tree(hwmon.ROOT)
    assert power_lines(board_command("bench", folder, name, "-n", "20")) == [f"power was not measured: {why}"]
