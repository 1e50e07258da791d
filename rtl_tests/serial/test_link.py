# amaranth: UnusedElaboratable=no

from __future__ import annotations

from typing import Any

import pytest
from amaranth.back import verilog
from amaranth.hdl import Const, Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.serial.frame_buffer import FrameBuffer
from hwsnn.rtl.serial.link import Link
from hwsnn.sim.runner import build_simulator, run_bench
from rtl_tests.serial.link_bench import LINKS, SLOW_CLOCKS
from rtl_tests.support import stand_in

MODEL_HASH = "0123456789abcdef" + "00" * 24


class Links(wiring.Component):  # type: ignore[misc]
    """The links under test side by side, each with a stand-in for its pipeline."""

    def __init__(self) -> None:
        members: dict[str, Any] = {}
        for name in LINKS:
            members |= {f"{name}_i": In(stream.Signature(8)), f"{name}_o": Out(stream.Signature(8))}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, network in LINKS.items():
            link = Link(network, MODEL_HASH)
            pipeline = stand_in.StandIn(network, SLOW_CLOCKS if name == "slow" else 0)
            m.submodules[name], m.submodules[f"{name}_pipeline"] = link, pipeline
            line = wiring.flipped(getattr(self, f"{name}_i"))
            m.d.comb += [link.i.payload.eq(line.payload), link.i.valid.eq(line.valid), line.ready.eq(Const(1))]
            wiring.connect(m, link.pixels, pipeline.pixels)
            wiring.connect(m, pipeline.result, link.result)
            wiring.connect(m, link.o, wiring.flipped(getattr(self, f"{name}_o")))
        return m


def test_link() -> None:
    text = verilog.convert(Links(), name="links", strip_internal_attrs=True)
    run_bench(build_simulator(text, "links", long_run=True), "links", "rtl_tests.serial.tb_link", {}, tests=34)


def test_image_too_large() -> None:
    with pytest.raises(
        ValueError, match=r"^a frame must be at most 1,048,575 bytes to fit a packet .*, not 1,048,576$"
    ):
        Link(stand_in.network((1, 1024, 1024)), MODEL_HASH)


def test_frame_store_init_wrong() -> None:
    with pytest.raises(TypeError, match=r"^layout must be an ArrayLayout of at most 8 bits an element, not "):
        FrameBuffer(data.ArrayLayout(unsigned(9), 1), 4)
    with pytest.raises(ValueError, match=r"^pixels must be an integer of at least 1, not 0$"):
        FrameBuffer(data.ArrayLayout(unsigned(8), 1), 0)
