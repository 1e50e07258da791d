"""The cocotb side of ``serial_pty``: the board's serial line on one end, a pseudo-terminal on the other."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import tty
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, Timer

from hwsnn.sim.agents import reset

CLOCK_NS = 10
IDLE_CLOCKS = 1000
"""Cycles to simulate between polls of an idle terminal."""
IDLE_WAIT_S = 0.001
"""How long such a poll may block, so that an idle board does not use the processor."""


class Line:
    """A serial line of 8 data bits, one stop bit, and the terminal whose bytes it carries."""

    def __init__(self, dut: Any, divisor: int, terminal: int) -> None:
        self._rx, self._tx, self._terminal = dut.rx, dut.tx, terminal
        self._bit_ns = divisor * CLOCK_NS

    async def to_board(self, byte: int) -> None:
        """Send one byte."""
        for bit in (0, *((byte >> index) & 1 for index in range(8)), 1):
            self._rx.value = bit
            await Timer(self._bit_ns, "ns")

    async def from_board(self) -> None:
        """Forward every byte that the board sends."""
        while True:
            await FallingEdge(self._tx)
            await Timer(self._bit_ns + self._bit_ns // 2, "ns")
            byte = 0
            for index in range(8):
                byte |= int(self._tx.value) << index
                await Timer(self._bit_ns, "ns")
            if not int(self._tx.value):
                raise RuntimeError("the board sent a byte without a stop bit")
            # Nobody reads, and the terminal is full: the byte is lost, as it would be on a real line.
            with contextlib.suppress(BlockingIOError):
                os.write(self._terminal, bytes([byte]))


@cocotb.test()
async def serve(dut: Any) -> None:
    """Simulate until the file that names the terminal is removed."""
    port = Path(os.environ["HWSNN_PORT"])
    terminal, user_side = pty.openpty()  # the user's side stays open: the terminal outlives its users
    tty.setraw(user_side)
    os.set_blocking(terminal, False)
    line = Line(dut, int(os.environ["HWSNN_DIVISOR"]), terminal)
    Clock(dut.clk, CLOCK_NS, unit="ns").start()
    dut.rx.value = 1
    await reset(dut)
    cocotb.start_soon(line.from_board())

    partial = port.with_suffix(".partial")
    partial.write_text(os.ttyname(user_side))
    partial.rename(port)
    while port.exists():
        if select.select([terminal], [], [], IDLE_WAIT_S)[0]:
            for byte in os.read(terminal, 256):
                await line.to_board(byte)
        else:
            await Timer(IDLE_CLOCKS * CLOCK_NS, "ns")
