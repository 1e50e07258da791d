# amaranth: UnusedElaboratable=no

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.serial.uart import UartReceiver, UartTransmitter
from hwsnn.sim.runner import build_simulator, run_bench

DIVISORS = (4, 25)
BENCHES = 6 + 2 + 1 + 2 + 1


class Loops(wiring.Component):  # type: ignore[misc]
    """For each divisor a receiver whose bytes go to a transmitter, unless held."""

    def __init__(self) -> None:
        members: dict[str, Any] = {}
        for divisor in DIVISORS:
            members |= {f"rx_{divisor}": In(1), f"hold_{divisor}": In(1)}
            members |= {f"tx_{divisor}": Out(1), f"lost_{divisor}": Out(1)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for divisor in DIVISORS:
            receiver, transmitter = UartReceiver(divisor), UartTransmitter(divisor)
            m.submodules += receiver, transmitter
            hold = getattr(self, f"hold_{divisor}")
            m.d.comb += [
                receiver.rx.eq(getattr(self, f"rx_{divisor}")),
                transmitter.i.payload.eq(receiver.o.payload),
                transmitter.i.valid.eq(receiver.o.valid & ~hold),
                receiver.o.ready.eq(transmitter.i.ready & ~hold),
                getattr(self, f"tx_{divisor}").eq(transmitter.tx),
                getattr(self, f"lost_{divisor}").eq(receiver.lost),
            ]
        return m


def test_uart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    simulator = build_simulator(verilog.convert(Loops(), name="loops"), "loops")
    run_bench(simulator, "loops", "tb_uart", {}, tests=BENCHES)


@pytest.mark.parametrize("component", [UartReceiver, UartTransmitter])
def test_init_wrong(component: type) -> None:
    with pytest.raises(ValueError, match=r"^divisor must be an integer of at least 4, not 3$"):
        component(3)
    with pytest.raises(TypeError, match=r"^divisor must be an integer of at least 4, not 25\.0$"):
        component(25.0)
