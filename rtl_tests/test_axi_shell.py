"""The accelerator behind AXI, with stand-ins for its pipeline."""

# amaranth: UnusedElaboratable=no

from __future__ import annotations

from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.axi.shell import AxiShell
from hwsnn.rtl.axi.signatures import register_ports, stream_ports
from hwsnn.sim.runner import build_simulator, run_bench
from rtl_tests import stand_in
from rtl_tests.tb_axi_shell import MODEL_HASH, SHELLS, SLOW_CLOCKS

TOP = "shells"


class Shells(wiring.Component):  # type: ignore[misc]
    """The accelerators under test side by side: ``NAME_s_axi_awaddr`` and so on, and whether a pixel moves in each."""

    def __init__(self) -> None:
        members: dict[str, Any] = {"aclk": In(1), "aresetn": In(1), "pipeline_clk": In(1)}
        for name, shape in SHELLS.items():
            members |= register_ports(f"{name}_s_axi")
            members |= stream_ports(f"{name}_s_axis", shape.word_bytes, In)
            members |= stream_ports(f"{name}_m_axis", shape.word_bytes, Out)
            members[f"{name}_pixel_moves"] = Out(1)
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, shape in SHELLS.items():
            network = stand_in.network(shape.image, shape.pixel_bits, shape.classes)
            slow = name == "slow"
            pipeline = stand_in.StandIn(network, SLOW_CLOCKS) if slow else stand_in.GaplessStandIn(network)
            m.submodules[name] = shell = AxiShell(network, pipeline, MODEL_HASH, shape.word_bytes)
            for port, member in shell.signature.members.items():
                inside = getattr(shell, port)
                outside = getattr(self, port if port in self.signature.members else f"{name}_{port}")
                m.d.comb += inside.eq(outside) if member.flow == In else outside.eq(inside)
            moves = pipeline.pixels.valid & pipeline.pixels.ready
            m.d.comb += getattr(self, f"{name}_pixel_moves").eq(moves)
        return m


def test_shell() -> None:
    text = verilog.convert(Shells(), name=TOP, strip_internal_attrs=True)
    run_bench(build_simulator(text, TOP), TOP, "rtl_tests.tb_axi_shell", {}, tests=4)
