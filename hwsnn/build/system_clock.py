"""The system clock of a board, made from its oscillator: the domain ``sync``, in reset until the clock is stable.

Each function adds to a module that has the domain: ``oscillator`` of ``input_hz`` becomes a clock of ``output_hz``.
"""

from __future__ import annotations

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, Value
from amaranth.lib.cdc import ResetSynchronizer

from .pll import ECP5, MHZ, MMCM, RPLL


def ecp5_clock(m: Module, oscillator: Value, input_hz: int, output_hz: int) -> None:
    """Use the PLL of an ECP5."""
    setting = ECP5.setting(input_hz, output_hz)
    feedback = Signal()
    locked = Signal()
    m.submodules.pll = Instance(
        "EHXPLLL",
        p_CLKI_DIV=setting.input_divider,
        p_CLKFB_DIV=1,
        p_FEEDBK_PATH="CLKOP",
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=setting.multiplier,
        p_CLKOP_CPHASE=setting.multiplier - 1,
        p_CLKOP_FPHASE=0,
        p_CLKOS_ENABLE="ENABLED",
        p_CLKOS_DIV=setting.output_divider,
        p_CLKOS_CPHASE=setting.output_divider - 1,
        p_CLKOS_FPHASE=0,
        i_CLKI=oscillator,
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


def gowin_clock(m: Module, oscillator: Value, input_hz: int, output_hz: int) -> None:
    """Use an rPLL of a GW2A. Its ports and parameters are those of Gowin UG286; divider settings count from 0.

    Its feedback is inside it, and CLKFB stays open: where that is a constant, nextpnr 0.11 looks for clock dividers on
    the way from each of the PLL's other constant ports, which takes it a minute.
    """
    setting = RPLL.setting(input_hz, output_hz)
    locked = Signal()
    m.submodules.pll = Instance(
        "rPLL",
        p_FCLKIN=f"{input_hz / MHZ:g}",
        p_IDIV_SEL=setting.input_divider - 1,
        p_FBDIV_SEL=setting.feedback_divider - 1,
        p_ODIV_SEL=setting.output_divider,
        p_CLKFB_SEL="internal",
        i_CLKIN=oscillator,
        i_RESET=0,
        i_RESET_P=0,
        i_IDSEL=Const(0, 6),
        i_FBDSEL=Const(0, 6),
        i_ODSEL=Const(0, 6),
        i_PSDA=Const(0, 4),
        i_DUTYDA=Const(0, 4),
        i_FDLY=Const(0, 4),
        o_CLKOUT=ClockSignal(),
        o_LOCK=locked,
    )
    m.submodules.reset = ResetSynchronizer(~locked)


def ultrascale_clock(m: Module, oscillator: Value, input_hz: int, output_hz: int) -> None:
    """Use an MMCM of an UltraScale+.

    A pin in a bank without an MMCM reaches one only through a clock buffer (AMD UG1192).
    """
    setting = MMCM.setting(input_hz, output_hz)
    buffered = Signal()
    feedback = Signal()
    made = Signal()
    locked = Signal()
    m.submodules.mmcm_input = Instance("BUFG", i_I=oscillator, o_O=buffered)
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
    m.submodules.mmcm_output = Instance("BUFG", i_I=made, o_O=ClockSignal())
    m.submodules.reset = ResetSynchronizer(~locked)
