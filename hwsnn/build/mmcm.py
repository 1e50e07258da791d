"""Settings of the UltraScale+ MMCM: from a board's oscillator to the system clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

MHZ = 1_000_000
# AMD DS925 (Zynq UltraScale+ DC and AC switching characteristics), MMCM, speed grade -1: what every grade can do.
INPUT_HZ = (10 * MHZ, 800 * MHZ)
OUTPUT_HZ = (6_250_000, 667 * MHZ)
PHASE_DETECTOR_HZ = (10 * MHZ, 450 * MHZ)
VCO_HZ = (800 * MHZ, 1600 * MHZ)
# AMD UG974, MMCME4_BASE; whole numbers alone.
INPUT_DIVIDERS = range(1, 107)
MULTIPLIERS = range(2, 129)
OUTPUT_DIVIDERS = range(1, 129)
_BEST_VCO_HZ = sum(VCO_HZ) // 2


@dataclass(frozen=True)
class MmcmSetting:
    """Multiplier and dividers of an MMCME4 that gives the frequency wanted on CLKOUT0."""

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
        """The frequency made."""
        return self.vco_hz / self.output_divider

    @property
    def input_period_ns(self) -> float:
        """Of a clock of the input."""
        return 1e9 / self.input_hz


def mmcm_setting(input_hz: int, output_hz: int) -> MmcmSetting:
    """The setting that makes exactly ``output_hz``, its oscillator as close to the middle of its range as can be.

    Raises ``ValueError`` where no setting does.
    """
    if not INPUT_HZ[0] <= input_hz <= INPUT_HZ[1]:
        raise ValueError(f"input_hz must be from {INPUT_HZ[0]} to {INPUT_HZ[1]}, not {input_hz!r}")
    if not OUTPUT_HZ[0] <= output_hz <= OUTPUT_HZ[1]:
        raise ValueError(f"output_hz must be from {OUTPUT_HZ[0]} to {OUTPUT_HZ[1]}, not {output_hz!r}")
    settings = []
    for input_divider in INPUT_DIVIDERS:
        for output_divider in OUTPUT_DIVIDERS:
            multiplier = Fraction(output_hz * output_divider * input_divider, input_hz)
            if multiplier.denominator == 1 and int(multiplier) in MULTIPLIERS:
                setting = MmcmSetting(input_hz, input_divider, int(multiplier), output_divider)
                if _allowed(setting):
                    settings.append(setting)
    if not settings:
        raise ValueError(f"output_hz must be a frequency the MMCM can make of {input_hz} Hz, not {output_hz!r}")
    return min(settings, key=lambda setting: (setting.input_divider, abs(setting.vco_hz - _BEST_VCO_HZ)))


def _allowed(setting: MmcmSetting) -> bool:
    detector, vco = setting.phase_detector_hz, setting.vco_hz
    return PHASE_DETECTOR_HZ[0] <= detector <= PHASE_DETECTOR_HZ[1] and VCO_HZ[0] <= vco <= VCO_HZ[1]
