"""Power monitors as Linux shows them (in its sources: Documentation/ABI/testing/sysfs-class-hwmon)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from hwsnn.errors import InputError, reason

ROOT = Path("/sys/class/hwmon")
POWER = "power1_input"
"""The file with a monitor's power, in microwatts."""
INTERVAL_S = 0.1
"""Time between readings of a monitor that does not say how often it measures, in seconds."""
SHORTEST_S, LONGEST_S = 1e-3, 1.0
"""Limits of what a monitor may say."""


class MonitorError(InputError):
    """A power monitor cannot be used."""


@dataclass(frozen=True)
class Monitor:
    """A power monitor. ``name``: as in ``ina226_u79``. ``interval_s``: how often it measures, in seconds."""

    folder: Path
    name: str
    interval_s: float

    def watts(self) -> float:
        """The power now. Raises ``MonitorError`` if there is none, or it is no power."""
        file = self.folder / POWER
        try:
            text = file.read_text().strip()
        except (OSError, ValueError) as error:
            raise MonitorError(f"{file}: cannot be read ({reason(error)})") from None
        try:
            microwatts = float(text)
        except ValueError:
            microwatts = math.nan
        if not 0 <= microwatts < math.inf:
            raise MonitorError(f"{file}: must be a power in microwatts, not {text[:40]!r}")
        return microwatts * 1e-6


def monitors() -> list[Monitor]:
    """The power monitors below ``ROOT``; folders that cannot be read are left out."""
    found = []
    for folder in sorted(ROOT.glob("hwmon*")):
        # A driver of the device tree's own names a monitor by its label; iio-hwmon has the node's name, with - as _.
        name = _text(folder / "label") or _text(folder / "name")
        if name and (folder / POWER).is_file():
            found.append(Monitor(folder, name.replace("-", "_"), _interval(folder)))
    return found


def _interval(folder: Path) -> float:
    try:
        milliseconds = float(_text(folder / "update_interval"))
    except ValueError:
        return INTERVAL_S
    return min(max(milliseconds * 1e-3, SHORTEST_S), LONGEST_S) if milliseconds > 0 else INTERVAL_S


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
