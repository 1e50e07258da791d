"""The cocotb side of ``test_uart``: a receiver and a transmitter, one behind the other, at two speeds."""

from __future__ import annotations

import random
import warnings
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, Timer
from cocotbext.uart import UartSink, UartSource

from hwsnn.sim.agents import reset

CLOCK_NS = 100

warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"cocotbext\.uart")


class Line:
    """One loop of the design, and how to drive its line by hand."""

    def __init__(self, dut: Any, divisor: int) -> None:
        self.divisor = divisor
        self.clk: Any = dut.clk
        self.rx: Any = getattr(dut, f"rx_{divisor}")
        self.tx: Any = getattr(dut, f"tx_{divisor}")
        self.hold: Any = getattr(dut, f"hold_{divisor}")
        self.lost: Any = getattr(dut, f"lost_{divisor}")
        self.lost_count = 0

    @property
    def bit_ns(self) -> int:
        return self.divisor * CLOCK_NS

    async def start(self, dut: Any) -> UartSink:
        """Reset with an idle line, and listen."""
        Clock(dut.clk, CLOCK_NS, unit="ns").start()
        self.rx.value = 1
        self.hold.value = 0
        await reset(dut)
        cocotb.start_soon(self._count_lost())
        return UartSink(self.tx, baud=1e9 / self.bit_ns)

    async def _count_lost(self) -> None:
        while True:
            await RisingEdge(self.clk)
            self.lost_count += int(self.lost.value)

    async def levels(self, *bits: int) -> None:
        """Drive the line with these levels, one a bit time."""
        for bit in bits:
            self.rx.value = bit
            await Timer(self.bit_ns, "ns")

    async def byte(self, value: int, stop: int = 1) -> None:
        """Drive one byte onto the line."""
        await self.levels(0, *((value >> index) & 1 for index in range(8)), stop)

    async def quiet(self, bits: int = 30) -> None:
        """Wait for some bit times."""
        await Timer(bits * self.bit_ns, "ns")


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(divisor=[4, 25], baud_percent=[98, 100, 102])
async def every_byte(dut: Any, divisor: int, baud_percent: int) -> None:
    line = Line(dut, divisor)
    sink = await line.start(dut)
    sent = bytes(random.Random(divisor).sample(range(256), 256))
    # A sender that is too fast leaves a longer gap, or the loop could not keep up.
    source = UartSource(line.rx, baud=1e9 / line.bit_ns * baud_percent / 100, stop_bits=2 if baud_percent > 100 else 1)
    await source.write(sent)
    await source.wait()
    await line.quiet()
    assert bytes(sink.read_nowait()) == sent
    assert line.lost_count == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(divisor=[4, 25])
async def framing_error(dut: Any, divisor: int) -> None:
    line = Line(dut, divisor)
    sink = await line.start(dut)
    await line.byte(0x5A, stop=0)
    await line.levels(1)
    await line.byte(0xA5)
    await line.levels(*[0] * 40)  # a break
    await line.levels(1)
    await line.byte(0x00)
    await line.quiet()
    assert bytes(sink.read_nowait()) == b"\xa5\x00"
    assert line.lost_count == 2


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def glitch(dut: Any) -> None:
    line = Line(dut, 25)
    sink = await line.start(dut)
    line.rx.value = 0
    await Timer(9 * CLOCK_NS, "ns")
    line.rx.value = 1
    await Timer(6 * CLOCK_NS, "ns")
    await line.byte(0x3C)
    await line.quiet()
    assert bytes(sink.read_nowait()) == b"\x3c"
    assert line.lost_count == 0


@cocotb.test(timeout_time=20, timeout_unit="ms")
@cocotb.parametrize(divisor=[4, 25])
async def overrun(dut: Any, divisor: int) -> None:
    line = Line(dut, divisor)
    sink = await line.start(dut)
    line.hold.value = 1
    for value in (1, 2, 3):
        await line.byte(value)
    await line.quiet()
    assert line.lost_count == 2
    line.hold.value = 0
    await line.byte(4)
    await line.quiet()
    assert bytes(sink.read_nowait()) == b"\x01\x04"


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def bit_times(dut: Any) -> None:
    """Bits are exactly ``divisor`` clocks long, bytes follow each other without a gap."""
    line = Line(dut, 25)
    await line.start(dut)
    source = UartSource(line.rx, baud=1e9 / line.bit_ns)
    await source.write(b"\x55\x55")
    while line.tx.value == 1:
        await RisingEdge(dut.clk)
    levels = []
    for _ in range(20 * line.divisor):
        levels.append(int(line.tx.value))
        await ClockCycles(dut.clk, 1)
    assert levels == [bit for bit in [0, 1] * 10 for _ in range(line.divisor)]
