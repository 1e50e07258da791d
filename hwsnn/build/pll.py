"""Settings of phase-locked loops: from a board's oscillator to the system clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MHZ = 1_000_000


@dataclass(frozen=True)
class PllSetting:
    """Multiplier and dividers: the input is divided, multiplied in the oscillator, and divided again."""

    input_hz: int
    input_divider: int
    multiplier: int
    output_divider: int

    @property
    def phase_detector_hz(self) -> Fraction:
        """At which the divided input and the feedback are compared."""
        return Fraction(self.input_hz, self.input_divider)

    @property
    def vco_hz(self) -> Fraction:
        """The oscillator's frequency, in front of the output divider."""
        return self.phase_detector_hz * self.multiplier

    @property
    def output_hz(self) -> Fraction:
        """The output frequency."""
        return self.vco_hz / self.output_divider

    @property
    def feedback_divider(self) -> int:
        """What the output is divided by to be compared with the divided input, where the feedback is from there."""
        return self.multiplier // self.output_divider

    @property
    def input_period_ns(self) -> float:
        """The period of the input clock."""
        return 1e9 / self.input_hz


@dataclass(frozen=True)
class Pll:
    """The limits of a kind of PLL: the range of each frequency, and its integer factors.

    ``feedback_from_output``: the multiplier is that of the output, in front of which its oscillator is divided.
    """

    name: str
    input_hz: tuple[int, int]
    output_hz: tuple[int, int]
    phase_detector_hz: tuple[int, int]
    vco_hz: tuple[int, int]
    input_dividers: range
    multipliers: range
    output_dividers: Sequence[int]
    feedback_from_output: bool = False

    def setting(self, input_hz: int, output_hz: int) -> PllSetting:
        """The setting that makes exactly ``output_hz``, with its oscillator closest to the middle of its range.

        Raises ``ValueError`` if there is none.
        """
        for what, frequency, (least, largest) in (
            ("input_hz", input_hz, self.input_hz),
            ("output_hz", output_hz, self.output_hz),
        ):
            if not least <= frequency <= largest:
                raise ValueError(f"{what} must be from {least} to {largest}, not {frequency!r}")
        settings = []
        for input_divider in self.input_dividers:
            for output_divider in self.output_dividers:
                multiplier = Fraction(output_hz * output_divider * input_divider, input_hz)
                factor = multiplier / output_divider if self.feedback_from_output else multiplier
                if factor.denominator == 1 and int(factor) in self.multipliers:
                    setting = PllSetting(input_hz, input_divider, int(multiplier), output_divider)
                    if self._allows(setting):
                        settings.append(setting)
        if not settings:
            raise ValueError(
                f"output_hz must be a frequency the {self.name} can make of {input_hz} Hz, not {output_hz!r}"
            )
        middle = sum(self.vco_hz) // 2
        return min(settings, key=lambda setting: (setting.input_divider, abs(setting.vco_hz - middle)))

    def _allows(self, setting: PllSetting) -> bool:
        least, largest = self.phase_detector_hz
        slowest, fastest = self.vco_hz
        return least <= setting.phase_detector_hz <= largest and slowest <= setting.vco_hz <= fastest


ECP5 = Pll(
    name="PLL",
    # Lattice FPGA-DS-02012 (ECP5 data sheet), sysCLOCK PLL timing.
    input_hz=(8 * MHZ, 400 * MHZ),
    output_hz=(3_125_000, 400 * MHZ),
    phase_detector_hz=(10 * MHZ, 400 * MHZ),
    vco_hz=(400 * MHZ, 800 * MHZ),
    input_dividers=range(1, 129),
    multipliers=range(1, 129),
    output_dividers=range(1, 129),
)
"""An EHXPLLL with feedback from CLKOP, whose divider is the multiplier, and its output on CLKOS."""

RPLL = Pll(
    name="rPLL",
    # Gowin DS226 (GW2AR data sheet), PLL switching characteristics, speed grade C8/I7.
    input_hz=(3 * MHZ, 500 * MHZ),
    output_hz=(3_906_250, 625 * MHZ),
    phase_detector_hz=(3 * MHZ, 500 * MHZ),
    vco_hz=(500 * MHZ, 1250 * MHZ),
    # Gowin UG286 (clock user guide), rPLL.
    input_dividers=range(1, 65),
    multipliers=range(1, 65),
    output_dividers=(2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128),
    feedback_from_output=True,
)
"""An rPLL of a GW2A with its output on CLKOUT, and feedback from there inside it."""

MMCM = Pll(
    name="MMCM",
    # AMD DS925 (Zynq UltraScale+ DC and AC switching characteristics), speed grade -1, the slowest.
    input_hz=(10 * MHZ, 800 * MHZ),
    output_hz=(6_250_000, 667 * MHZ),
    phase_detector_hz=(10 * MHZ, 450 * MHZ),
    vco_hz=(800 * MHZ, 1600 * MHZ),
    # AMD UG974, MMCME4_BASE; whole numbers only.
    input_dividers=range(1, 107),
    multipliers=range(2, 129),
    output_dividers=range(1, 129),
)
"""An MMCME4 of an UltraScale+ with its output on CLKOUT0."""

MMCM_7 = Pll(
    name="MMCM",
    # AMD DS187 (Zynq-7000 XC7Z010 to XC7Z020, DC and AC switching characteristics), speed grade -1, the slowest; the
    # fastest output is what its global clock buffer passes.
    input_hz=(10 * MHZ, 800 * MHZ),
    output_hz=(4_690_000, 464 * MHZ),
    phase_detector_hz=(10 * MHZ, 450 * MHZ),
    vco_hz=(600 * MHZ, 1200 * MHZ),
    # AMD UG472, MMCME2_BASE; whole numbers only.
    input_dividers=range(1, 107),
    multipliers=range(2, 65),
    output_dividers=range(1, 129),
)
"""An MMCME2 of a 7-series FPGA with its output on CLKOUT0."""
