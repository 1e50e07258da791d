"""The outermost component of a bitstream: clock, reset and pins around a serial shell."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Instance, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from hwsnn.rtl.serial_shell import SerialShell

from .boards import Board
from .pll import pll_setting


class SerialTop(Elaboratable):  # type: ignore[misc]
    """A shell on a board: its system clock comes from a PLL, its reset lasts until the PLL has locked.

    Parameters
    ----------
    board : where the clock and the pins are.
    shell : made for the board's divisor.
    """

    def __init__(self, board: Board, shell: SerialShell) -> None:
        self._board, self._shell = board, shell

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.shell = shell = self._shell
        self._elaborate_clock(m, platform)
        uart = platform.request(*self._board.uart, dir="-")
        m.submodules.rx = rx = io.Buffer("i", uart.rx)
        m.submodules.tx = tx = io.Buffer("o", uart.tx)
        m.d.comb += [shell.rx.eq(rx.i), tx.o.eq(shell.tx)]
        for index, (resource, value) in enumerate(zip(self._board.leds, (shell.accepted, shell.refused), strict=True)):
            m.submodules[f"led_{index}"] = led = io.Buffer("o", platform.request(*resource, dir="-"))
            m.d.comb += led.o.eq(value)
        for name, number, pin in self._board.held_high:
            port = getattr(platform.request(name, number, dir="-"), pin)
            m.submodules[f"{name}_{pin}"] = held = io.Buffer("o", port)
            m.d.comb += held.o.eq(1)
        return m

    def _elaborate_clock(self, m: Module, platform: Any) -> None:
        setting = pll_setting(int(platform.default_clk_frequency), self._board.clock_hz)
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request(platform.default_clk, dir="-"))
        m.domains.sync = ClockDomain()
        feedback, locked = Signal(), Signal()
        m.submodules.pll = Instance(
            "EHXPLLL",
            p_CLKI_DIV=setting.input_divider,
            p_CLKFB_DIV=1,
            p_FEEDBK_PATH="CLKOP",
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=setting.feedback_divider,
            p_CLKOP_CPHASE=setting.feedback_divider - 1,
            p_CLKOP_FPHASE=0,
            p_CLKOS_ENABLE="ENABLED",
            p_CLKOS_DIV=setting.output_divider,
            p_CLKOS_CPHASE=setting.output_divider - 1,
            p_CLKOS_FPHASE=0,
            i_CLKI=oscillator.i,
            i_CLKFB=feedback,
            i_RST=0,
            i_STDBY=0,
            i_PHASESEL0=0,
            i_PHASESEL1=0,
            i_PHASEDIR=0,
            i_PHASESTEP=0,
            i_PHASELOADREG=0,
            i_PLLWAKESYNC=0,
            i_ENCLKOP=0,
            i_ENCLKOS=0,
            o_CLKOP=feedback,
            o_CLKOS=ClockSignal(),
            o_LOCK=locked,
        )
        m.submodules.reset = ResetSynchronizer(~locked)
