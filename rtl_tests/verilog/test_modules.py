"""A module per distinct component: nothing passes between two but by their ports, and the text stays readable."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Fragment, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.compute.rom import Rom
from hwsnn.rtl.compute.window_slicer import WindowSlicer
from hwsnn.rtl.network import Pipeline
from hwsnn.rtl.serial.shell import SerialShell
from hwsnn.rtl.stream.counter import ModuloCounter
from hwsnn.rtl.stream.credit import CreditFifo
from hwsnn.rtl.stream.fifo import SkidBuffer
from hwsnn.rtl.window.pool import OrPool
from hwsnn.spec import Network
from hwsnn.verilog import modules
from hwsnn.verilog.describe import description
from hwsnn.verilog.emit import modules_of, verilog_text
from hwsnn.verilog.layout import Words, module_text
from hwsnn.verilog.modules import ModuleSet
from hwsnn.verilog.names import module_names
from hwsnn.verilog.rtlil import Contents, plain_names, with_contents
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_folding, random_network

GOLDEN = Path(__file__).parent / "golden"


def pipeline(network: Network, seed: int) -> Pipeline:
    return Pipeline(network, random_folding(network, seed))


DESIGNS: dict[str, Callable[[], Any]] = {
    **{f"network{seed}": partial(pipeline, random_network(seed), seed) for seed in range(12)},
    **{f"graph{seed}": partial(pipeline, random_graph(seed), seed) for seed in range(12)},
    "axi": lambda: AxiShell(random_network(2), pipeline(random_network(2), 2), "0" * 64),
    "serial": lambda: SerialShell(random_network(2), pipeline(random_network(2), 2), 12, "0" * 64),
}


def passing(top: Any) -> list[str]:
    """The signals that a component shares with what is around it although they are none of its ports."""
    design = Fragment.get(top, None).prepare(hierarchy=("top",))
    found = []
    for fragment, info in design.fragments.items():
        component = next((o for o in fragment.origins or () if isinstance(o, wiring.Component)), None)
        if component is None or type(component).__module__.startswith("amaranth.") or info.parent is None:
            continue
        ports = [Value.cast(value) for _, _, value in component.signature.flatten(component)]
        around = design.fragments[info.parent].used_signals
        clocks = {"clk", "rst"}
        found += [
            f"{type(component).__name__}.{signal.name}"
            for signal in info.used_signals
            if signal in around
            and not any(signal is port for port in ports)
            and signal.name.split("_")[-1] not in clocks
            and signal.name not in ("aclk", "pipeline_clk")
        ]
    return found


@pytest.mark.parametrize("name", DESIGNS)
def test_components_meet_at_their_ports_alone(name: str) -> None:
    """A module is converted by itself: what it shared with others otherwise would be a constant."""
    assert passing(DESIGNS[name]()) == []


@pytest.mark.parametrize("name", ["network5", "network7", "graph3", "axi"])
def test_what_components_are_made_of_tells_them_apart(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal ones are converted once: the text is that of conversions of all."""
    once = verilog_text(DESIGNS[name](), "top")
    monkeypatch.setattr(modules, "_made_of", lambda component: object())
    assert verilog_text(DESIGNS[name](), "top") == once


class _Reaching(wiring.Component):  # type: ignore[misc]
    """Reads a signal inside of a part."""

    def __init__(self) -> None:
        super().__init__({"last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.inside = inside = _Inside()
        m.d.comb += self.last.eq(inside.hidden)
        return m


class _Inside(wiring.Component):  # type: ignore[misc]
    def __init__(self) -> None:
        self.hidden = Signal()
        super().__init__({"step": In(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.hidden.eq(self.step)
        return m


def test_what_reaches_past_the_ports_is_found() -> None:
    assert passing(_Reaching()) == ["_Inside.hidden"]


READABLE: dict[str, Callable[[], Any]] = {
    "or_pool_8_4": lambda: OrPool(8, 4),
    "skid_buffer_8": lambda: SkidBuffer(8),
    "modulo_counter_13": lambda: ModuloCounter(13),
    "credit_fifo_8_3": lambda: CreditFifo(8, 3),
    "table_of_2_rows": lambda: Rom(
        {"lane_0": np.array([[1, 2], [3, 4]]), "lane_1": np.array([[-5, 6], [7, 8]])}, block=True, holds="All numbers."
    ),
}


@pytest.mark.parametrize("name", READABLE)
def test_it_stays_as_readable_as_it_is(name: str) -> None:
    assert verilog_text(READABLE[name](), name) == (GOLDEN / f"{name}.v").read_text()


def test_modules_are_called_by_what_they_are() -> None:
    modules = ModuleSet()
    top = pipeline(random_network(45), 45)
    modules.add(top, modules.elaborated(top))
    names = module_names(modules.modules, "top")
    assert len(set(names.values())) == len(names)
    assert {"top", "conv0_layer", "conv0_neurons", "readout"} <= set(names.values())
    assert any(name.startswith("modulo_counter_") for name in names.values())


def test_names_that_verilog_escapes_are_replaced() -> None:
    memory = 'parameter \\MEMID "\\\\words"' + "\n"
    text = plain_names(f"wire \\$signal$4\ncell \\a \\buf\n{memory}wire \\signal_4\nconnect \\$signal$4")
    assert text == f"wire \\signal_4_2\ncell \\a \\buf_2\n{memory}wire \\signal_4\nconnect \\signal_4_2"


def test_rtlil_fills_memories_as_amaranth_does() -> None:
    def table() -> Rom:
        return Rom({"number": np.array([[-3], [2], [0]])})

    (module,) = modules_of(table()).modules
    filled = with_contents(module.converted.rtlil, module.converted.contents)
    pattern = re.compile(r"cell \$meminit_v2 .*?\n  end\n", re.DOTALL)
    ours, amaranths = (
        [line.split() for line in pattern.findall(text)[0].splitlines()[1:]]
        for text in (filled, rtlil.convert(table(), name="table"))
    )
    assert ours == [line for line in amaranths if line[0] != "attribute"]


def test_memories_are_filled_word_by_word_or_at_once() -> None:
    written = "module m(clk);\n  input clk;\n  wire clk;\n  reg [199:0] a [1:0];\n  reg [7:0] b [3:0];\nendmodule\n"
    memories = {
        "a": Words(Contents(200, (1, (5 << 150) + 3)), [150, 50]),
        "b": Words(Contents(8, (7, 7, 7, 7))),
    }
    text = module_text(written, ["clk"], [], memories)
    assert "    a[0] = { 50'h0, 150'h1 };\n    a[1] = { 50'h5, 150'h3 };\n" in text
    assert "    for (b_word = 0; b_word < 4; b_word = b_word + 1)\n      b[b_word] = 8'h7;\n" in text


def test_comments_have_the_ports_that_are_there_and_numbers_for_names() -> None:
    slicer = WindowSlicer(taps=9, channels=4, bits=1, steps=2, cin_par=2, t_par=1, groups=3, passes=2)
    lines = list(description(slicer))
    assert "  begins : Signal(1), out" in lines
    assert not any(line.startswith("  waits") for line in lines), "it has none without partners"
    assert "This register rotates by a slice per cycle, and moves on by a pass." in lines
    (numbers,) = [line for line in lines if line.startswith("Here: ")]
    assert "taps 9, " in numbers
    assert "groups 3" in numbers
    assert "pass_clocks 6" in numbers
    table = Rom({"a": np.array([[1], [2]]), "b": np.array([[3], [4]])})
    lines = list(description(table))
    assert "  a, b : Signal(shape), out" in lines
    assert not any(line.startswith("  inputs") for line in lines), "a row has one number"
    assert any(line.startswith("  Latency: 2 cycles") for line in lines)
