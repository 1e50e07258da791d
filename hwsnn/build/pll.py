"""Settings of the ECP5's PLL: from a board's oscillator to the system clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

MHZ = 1_000_000
# Lattice FPGA-DS-02012 (ECP5 data sheet), sysCLOCK PLL timing.
INPUT_HZ = (8 * MHZ, 400 * MHZ)
OUTPUT_HZ = (3_125_000, 400 * MHZ)
PHASE_DETECTOR_HZ = (10 * MHZ, 400 * MHZ)
VCO_HZ = (400 * MHZ, 800 * MHZ)
DIVIDERS = range(1, 129)
_BEST_VCO_HZ = sum(VCO_HZ) // 2


@dataclass(frozen=True)
class PllSetting:
    """Dividers of an EHXPLLL that follows its input through CLKOP and gives the frequency wanted on CLKOS.

    The feedback itself is not divided: CLKOP = input / input_divider.
    """

    input_hz: int
    input_divider: int
    feedback_divider: int
    output_divider: int

    @property
    def phase_detector_hz(self) -> Fraction:
        """At which the divided input and CLKOP are compared."""
        return Fraction(self.input_hz, self.input_divider)

    @property
    def vco_hz(self) -> Fraction:
        """The oscillator's frequency, in front of the output dividers."""
        return self.phase_detector_hz * self.feedback_divider

    @property
    def output_hz(self) -> Fraction:
        """The frequency made."""
        return self.vco_hz / self.output_divider


def pll_setting(input_hz: int, output_hz: int) -> PllSetting:
    """The setting that makes exactly ``output_hz``, its oscillator as close to the middle of its range as can be.

    Raises ``ValueError`` where no setting does.
    """
    if not INPUT_HZ[0] <= input_hz <= INPUT_HZ[1]:
        raise ValueError(f"input_hz must be from {INPUT_HZ[0]} to {INPUT_HZ[1]}, not {input_hz!r}")
    if not OUTPUT_HZ[0] <= output_hz <= OUTPUT_HZ[1]:
        raise ValueError(f"output_hz must be from {OUTPUT_HZ[0]} to {OUTPUT_HZ[1]}, not {output_hz!r}")
    settings = []
    for input_divider in DIVIDERS:
        for output_divider in DIVIDERS:
            ratio = Fraction(output_hz * output_divider * input_divider, input_hz)
            if ratio.denominator == 1 and int(ratio) in DIVIDERS:
                setting = PllSetting(input_hz, input_divider, int(ratio), output_divider)
                if _allowed(setting):
                    settings.append(setting)
    if not settings:
        raise ValueError(f"output_hz must be a frequency the PLL can make of {input_hz} Hz, not {output_hz!r}")
    return min(settings, key=lambda setting: (setting.input_divider, abs(setting.vco_hz - _BEST_VCO_HZ)))


def _allowed(setting: PllSetting) -> bool:
    detector, vco = setting.phase_detector_hz, setting.vco_hz
    return PHASE_DETECTOR_HZ[0] <= detector <= PHASE_DETECTOR_HZ[1] and VCO_HZ[0] <= vco <= VCO_HZ[1]
