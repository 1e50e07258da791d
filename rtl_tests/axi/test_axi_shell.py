"""The accelerator behind AXI, with stand-ins for its pipeline."""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth.back import verilog
from amaranth.hdl import ClockDomain, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.axi.signatures import stream_ports
from hwsnn.sim.runner import build_simulator, run_bench
from rtl_tests.axi.axi_design import SideBySide
from rtl_tests.axi.axi_shells import MODEL_HASH, SHELLS, SLOW_CLOCKS, network_of
from rtl_tests.support import stand_in

TOP = "shells"
MANNERS = ("withdraws", "changes", "resets", "fair")
SHORT, LONG = 3000, 100_000
"""Words that go into each of the accelerators in any order, at least."""


class Rude(wiring.Component):  # type: ignore[misc]
    """A stream port that breaks a rule of AXI, or (``fair``) none."""

    def __init__(self, manner: str) -> None:
        self._manner = manner
        super().__init__({"aclk": In(1), "aresetn": In(1)} | stream_ports("m_axis", 4, Out))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sync = ClockDomain(local=True)
        sync.clk = self.aclk
        m.domains += sync
        m.d.comb += sync.rst.eq(~self.aresetn & (self._manner != "resets"))
        count = Signal(4)
        taken = self.m_axis_tvalid & self.m_axis_tready
        with m.If(~self.m_axis_tvalid | taken | (self._manner == "withdraws")):
            m.d.sync += self.m_axis_tvalid.eq(~self.m_axis_tvalid)
        with m.If(taken | (self._manner == "changes")):
            m.d.sync += count.eq(count + 1)
        m.d.comb += [self.m_axis_tdata.eq(count), self.m_axis_tkeep.eq(0b1111), self.m_axis_tlast.eq(1)]
        return m


class Shells(SideBySide):
    """The accelerators under test, whether a pixel moves in each, and ports that break rules."""

    def __init__(self) -> None:
        self._pipelines: dict[str, Any] = {}
        parts: dict[str, Any] = {manner: Rude(manner) for manner in MANNERS}
        for name, shape in SHELLS.items():
            network = network_of(shape)
            slow = name == "slow"
            pipeline = stand_in.StandIn(network, SLOW_CLOCKS) if slow else stand_in.GaplessStandIn(network)
            self._pipelines[name] = pipeline
            parts[name] = AxiShell(network, pipeline, MODEL_HASH, shape.word_bytes)
        super().__init__(parts, {f"{name}_pixel_moves": Out(1) for name in SHELLS})

    def elaborate(self, platform: object) -> Module:
        m = super().elaborate(platform)
        for name, pipeline in self._pipelines.items():
            moves = pipeline.pixels.valid & pipeline.pixels.ready
            m.d.comb += getattr(self, f"{name}_pixel_moves").eq(moves)
        return m


@pytest.fixture(scope="module")
def simulator() -> Path:
    return build_simulator(verilog.convert(Shells(), name=TOP, strip_internal_attrs=True), TOP)


def test_shell(simulator: Path) -> None:
    run_bench(simulator, TOP, "rtl_tests.axi.tb_axi_shell", {}, tests=30)


def test_resets(simulator: Path) -> None:
    run_bench(simulator, TOP, "rtl_tests.axi.tb_axi_resets", {}, tests=11)


@pytest.mark.parametrize("words", [SHORT, pytest.param(LONG, marks=pytest.mark.long)])
def test_anything(words: int, simulator: Path, tmp_path: Path) -> None:
    """``pytest -m long -rP`` goes on for longer, and shows what was sent and seen."""
    figures = tmp_path / "figures.txt"
    parameters = {"HWSNN_WORDS": str(words), "HWSNN_FIGURES": str(figures)}
    run_bench(simulator, TOP, "rtl_tests.axi.tb_axi_anything", parameters, tests=3)
    print(figures.read_text())
