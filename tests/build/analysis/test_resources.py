"""What designs take of a device, by Yosys."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.build.analysis import resources, synthesis, units
from hwsnn.build.analysis.resources import Resources, Use, measure, use
from hwsnn.build.process import run_side_by_side, run_tool
from hwsnn.build.tools import Tool, find
from hwsnn.errors import InputError, ToolError
from hwsnn.planner.devices import DEVICES
from hwsnn.rtl.compute.rom import Rom


class Part(wiring.Component):  # type: ignore[misc]
    """A component of one input and one output of ``width`` bits; ``build`` gives the output for the input."""

    def __init__(self, width: int, build: Callable[[Module, Signal], object]) -> None:
        super().__init__({"given": In(width), "made": Out(width)})
        self.build = build

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.made.eq(self.build(m, self.given))
        return m


class Parts(wiring.Component):  # type: ignore[misc]
    """Parts beside each other."""

    def __init__(self, parts: dict[str, Part]) -> None:
        ports = {f"{name}_given": In(len(part.given)) for name, part in parts.items()}
        super().__init__(ports | {f"{name}_made": Out(len(part.made)) for name, part in parts.items()})
        self.parts = parts

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, part in self.parts.items():
            m.submodules[name] = part
            m.d.comb += [
                part.given.eq(getattr(self, f"{name}_given")),
                getattr(self, f"{name}_made").eq(part.made),
            ]
        return m


def registered_sum(constant: int) -> Part:
    def build(m: Module, given: Signal) -> Signal:
        total = Signal(8)
        m.d.sync += total.eq(given + constant)
        return total

    return Part(8, build)


def delay(clocks: int) -> Part:
    def build(m: Module, given: Signal) -> Signal:
        for clock in range(clocks):
            later = Signal(8, name=f"later_{clock}", reset_less=True)
            m.d.sync += later.eq(given)
            given = later
        return given

    return Part(8, build)


def queue_memory() -> Part:
    """32 words of 6 bits, written at every clock and read in the same: 8 bits for two addresses are not needed."""

    def build(m: Module, given: Signal) -> Signal:
        m.submodules.words = words = memory.Memory(shape=6, depth=32, init=[])
        count = Signal(5)
        write, read = words.write_port(), words.read_port(domain="comb")
        m.d.sync += count.eq(count + 1)
        m.d.comb += [write.en.eq(1), write.addr.eq(count), write.data.eq(given), read.addr.eq(given)]
        return read.data

    return Part(6, build)


def product() -> Part:
    def build(m: Module, given: Signal) -> Signal:
        result = Signal(32, reset_less=True)
        m.d.sync += result.eq(given[:16].as_signed() * given[16:].as_signed())
        return result

    return Part(32, build)


def table(rows: int, width: int, seed: int = 0) -> Part:
    numbers = np.random.default_rng(seed).integers(0, 1 << width, (rows, 1))
    numbers[0] = (1 << width) - 1

    def build(m: Module, given: Signal) -> Signal:
        m.submodules.numbers = numbers_of = Rom({"number": numbers}, block=True)
        m.d.comb += numbers_of.row.eq(given)
        return numbers_of.number

    return Part(width, build)


QUICK = """read_rtlil {name}.il
hierarchy -top {name}
proc
flatten
opt_clean
techmap
dfflegalize -cell $_SDFFE_PP?P_ 0
techmap -D LUT_WIDTH=6 -map +/gate2lut.v
techmap -D LUT_WIDTH=6 -map +/xilinx/lut_map.v -map +/xilinx/ff_map.v
opt_clean
tee -q -o {name}.json stat -json -tech xilinx
"""
"""A tenth of the work of ``synth_xilinx``, for tests of what becomes of its results."""


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Yosys makes do with the ``QUICK`` script."""
    monkeypatch.setattr(synthesis, "SCRIPT", QUICK)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setattr(synthesis, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def of_yosys(design: wiring.Component, folder: Path, options: str = "") -> dict[str, int]:
    """Cells by type that Yosys counts in all of a design."""
    (folder / "design.il").write_text(rtlil.convert(design, name="top", emit_src=False))
    (folder / "design.ys").write_text(
        f"read_rtlil design.il\nsynth_xilinx -family xcup -top top -noiopad -noclkbuf {options}\n"
        "tee -q -o design.json stat -json\n"
    )
    run_tool(find("yosys"), ["design.ys"], folder, folder / "log")
    cells: dict[str, int] = json.loads((folder / "design.json").read_text())["design"]["num_cells_by_type"]
    return {name: number for name, number in cells.items() if not name.startswith("top")}


@pytest.mark.usefixtures("quick")
def test_equal_parts_are_synthesized_once(cache: Path) -> None:
    found = measure(Parts({"a": registered_sum(3), "b": registered_sum(3), "c": registered_sum(5)}))
    assert (found.instances, found.distinct, found.synthesized) == (4, 3, 3)
    assert found.layers["a"] == found.layers["b"]
    assert len(list(cache.iterdir())) == 3
    assert found.total.ff == 24
    assert found.peak_mib is not None
    assert 50 < found.peak_mib < 2000
    again = measure(Parts({"a": registered_sum(3), "b": registered_sum(3), "c": registered_sum(5)}))
    assert (again.synthesized, again.peak_mib) == (0, None)
    assert (again.total, again.layers, again.cells) == (found.total, found.layers, found.cells)
    changed = measure(Parts({"a": registered_sum(3), "b": registered_sum(3), "c": registered_sum(7)}))
    assert changed.synthesized == 1


def test_kinds_of_resources() -> None:
    parts = {
        "shift": delay(10),
        "queue": queue_memory(),
        "product": product(),
        "half": table(512, 36),
        "whole": table(1024, 36),
        "two": table(1024, 37),
    }
    found = measure(Parts(parts))
    assert found.layers["shift"] == Use(lut=8, srl=8)
    queue = found.layers["queue"]
    assert (queue.lutram, queue.ff, queue.bram36) == (8, 5, 0)
    assert queue.lut > queue.lutram, "the counter takes some as well"
    assert found.layers["product"].dsp == 1
    assert [found.layers[name].bram36 for name in ("half", "whole", "two")] == [0.5, 1, 1.5]
    assert found.total.bram36 == 3
    assert found.between == Use()
    assert found.total.lut == sum(layer.lut for layer in found.layers.values())
    assert found.total.shares(DEVICES["xczu9eg"])["bram36"] == round(100 * 3 / 912, 2)
    json.dumps(found.to_json())


def test_totals_are_those_of_yosys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own statistics of the whole hierarchy, tables with all their numbers included."""
    monkeypatch.setattr(units, "SMALL", 0)

    def design() -> Parts:
        return Parts({"a": registered_sum(3), "b": registered_sum(3), "t": table(512, 20, seed=1), "p": product()})

    assert measure(design()).cells == of_yosys(design(), tmp_path)


@pytest.mark.parametrize("block", [True, False])
def test_a_single_unit_is_what_yosys_makes_of_it_flat(block: bool, tmp_path: Path) -> None:
    def design() -> Rom:
        numbers = np.random.default_rng(1).integers(-300, 300, (64, 8))
        return Rom({"a": numbers, "b": numbers | 4}, block=block)

    found = measure(design())
    assert (found.instances, found.layers) == (1, {})
    assert found.cells == of_yosys(design(), tmp_path, "-flatten")


def test_company_makes_no_difference(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> Resources:
        return measure(Parts({"q": queue_memory(), "p": product()}))

    together = found()
    for file in cache.iterdir():
        file.unlink()
    monkeypatch.setattr(synthesis, "BATCH", 1)
    alone = found()
    assert alone.synthesized == together.synthesized == 3
    assert (alone.components, alone.cells) == (together.components, together.cells)


@pytest.mark.usefixtures("quick")
def test_damaged_entries_are_made_again(cache: Path) -> None:
    def design() -> Parts:
        return Parts({f"sum_{constant}": registered_sum(constant) for constant in (3, 4, 5)})

    found = measure(design())
    entries = {file: file.read_text() for file in cache.iterdir()}
    damages = ["", '{"cells": {"LUT2"', '{"cells": {"LUT2": "8"}, "estimated_lcs": 4}', "[]"]
    for file, damage in zip(entries, damages, strict=True):
        file.write_text(damage)
    again = measure(design())
    assert again.synthesized == 4
    assert again.components == found.components
    assert {file: file.read_text() for file in cache.iterdir()} == entries


@pytest.mark.usefixtures("quick")
def test_an_interrupted_run_is_taken_up_again(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "BATCH", 1)
    calls: list[tuple[int, int]] = []

    def interrupt(done: int, total: int) -> None:
        calls.append((done, total))
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(Parts({"a": registered_sum(3), "b": registered_sum(4)}), progress=interrupt)
    assert calls == [(0, 3), (1, 3)]
    calls.clear()
    found = measure(
        Parts({"a": registered_sum(3), "b": registered_sum(4)}),
        progress=lambda done, total: calls.append((done, total)),
    )
    assert found.synthesized == 2
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_a_bad_tool_is_one_line(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def yosys(script: str) -> None:
        monkeypatch.setattr(resources, "find", lambda name: Tool(name, (sys.executable, "-c", script), "any"))

    yosys("print('ERROR: no such thing'); raise SystemExit(1)")
    with pytest.raises(ToolError) as caught:
        measure(registered_sum(3))
    assert caught.value.summary == "yosys failed: ERROR: no such thing"
    yosys("pass")
    with pytest.raises(ToolError, match="Yosys left no statistics as expected") as caught:
        measure(registered_sum(3))
    assert "\n" not in caught.value.summary
    assert not list(cache.iterdir())


def test_a_device_of_another_family_is_refused() -> None:
    with pytest.raises(InputError, match=r"resources are counted of UltraScale\+ and 7-series devices alone$"):
        measure(registered_sum(3), DEVICES["lfe5u-85"])


def test_cells_of_unknown_size_are_refused() -> None:
    with pytest.raises(ToolError, match="URAM288"):
        use({"LUT2": 3, "URAM288": 1})


def test_cells_are_counted() -> None:
    cells = {"LUT1": 1, "LUT6": 2, "INV": 3, "RAM32M16": 2, "SRL16E": 1, "MUXF7": 9, "FDRE": 5, "RAMB18E2": 3}
    assert use(cells | {"RAMB36E2": 1, "DSP48E2": 2, "CARRY4": 7}) == Use(
        lut=23, lutram=16, srl=1, ff=5, bram36=2.5, dsp=2, carry=7
    )


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_exception_ends_all_that_run(tmp_path: Path) -> None:
    """Ctrl-C among them; what they started ends too."""
    script = (
        "import os, pathlib, subprocess, sys, time\n"
        "if sys.argv[1] == 'slow':\n"
        "    child = subprocess.Popen(['sleep', '60'])\n"
        "    pathlib.Path('made').write_text(str(child.pid))\n"
        "    os.rename('made', 'pid')\n"
        "    time.sleep(60)\n"
        "while not os.path.exists('pid'):\n"
        "    time.sleep(0.01)\n"
        "held = b'x' * 100_000_000\n"
        "time.sleep(1)\n"
    )
    tool = Tool("python", (sys.executable, "-c", script), "any")
    start, peaks = time.monotonic(), []
    ours = b"x" * 400_000_000  # which the run must not be charged with

    def on_end(number: int, peak_bytes: int) -> None:
        assert number == 1
        peaks.append(peak_bytes)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_side_by_side(tool, [["slow"], ["quick"]], tmp_path, 2, on_end)
    assert time.monotonic() - start < 30
    assert 100_000_000 < peaks[0] < len(ours)
    child = int((tmp_path / "pid").read_text())
    while alive(child) and time.monotonic() - start < 30:
        time.sleep(0.01)
    assert not alive(child)
