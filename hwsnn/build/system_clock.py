"""The system clock of a board, made from its oscillator: it drives the domain ``sync``, in reset until it is stable."""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, Signal, Value
from amaranth.lib.cdc import ResetSynchronizer

from .mmcm import mmcm_setting
from .pll import pll_setting


class Ecp5Clock(Elaboratable):  # type: ignore[misc]
    """``oscillator`` of ``input_hz``, through the PLL of an ECP5, becomes a clock of ``output_hz``."""

    def __init__(self, oscillator: Value, input_hz: int, output_hz: int) -> None:
        self._oscillator, self._setting = oscillator, pll_setting(input_hz, output_hz)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        setting = self._setting
        feedback = Signal()
        locked = Signal()
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
            i_CLKI=self._oscillator,
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
        return m


class UltraScaleClock(Elaboratable):  # type: ignore[misc]
    """``oscillator`` of ``input_hz``, through an MMCM of an UltraScale+, becomes a clock of ``output_hz``.

    A pin of a bank without an MMCM of its own reaches one only through a clock buffer (AMD UG1192).
    """

    def __init__(self, oscillator: Value, input_hz: int, output_hz: int) -> None:
        self._oscillator, self._setting = oscillator, mmcm_setting(input_hz, output_hz)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        setting = self._setting
        buffered = Signal()
        feedback = Signal()
        made = Signal()
        locked = Signal()
        m.submodules.input_buffer = Instance("BUFG", i_I=self._oscillator, o_O=buffered)
        m.submodules.mmcm = Instance(
            "MMCME4_BASE",
            p_CLKIN1_PERIOD=setting.input_period_ns,
            p_DIVCLK_DIVIDE=setting.input_divider,
            p_CLKFBOUT_MULT_F=float(setting.multiplier),
            p_CLKOUT0_DIVIDE_F=float(setting.output_divider),
            i_CLKIN1=buffered,
            i_CLKFBIN=feedback,
            i_RST=0,
            i_PWRDWN=0,
            o_CLKFBOUT=feedback,
            o_CLKOUT0=made,
            o_LOCKED=locked,
        )
        m.submodules.output_buffer = Instance("BUFG", i_I=made, o_O=ClockSignal())
        m.submodules.reset = ResetSynchronizer(~locked)
        return m
