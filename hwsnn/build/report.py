"""The result of a build, from the tools' own reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hwsnn.errors import ToolError

RESOURCES = ("lut", "ff", "bram", "dsp")
"""The kinds of resources: four-input look-ups, carry and RAM ones included; flip-flops; block RAMs of 18 kbit; 18 x 18
multipliers."""


@dataclass(frozen=True)
class Routed:
    """nextpnr's figures for a routed design. ``fmax_mhz``: of the system clock. ``available``: by our names."""

    fmax_mhz: float
    timing_met: bool
    lut: int
    ff: int
    bram: int
    dsp: int
    available: dict[str, int]


@dataclass(frozen=True)
class BuildReport:
    """A finished build. Frequencies in MHz; ``available`` and ``stage_seconds`` by resource and by stage.

    ``timing_met``: every clock of the routed design reaches its frequency, ``target_mhz`` for the system clock.
    """

    bitstream: Path
    board: str
    model_sha256: str
    target_mhz: float
    fmax_mhz: float
    timing_met: bool
    lut: int
    ff: int
    bram: int
    dsp: int
    available: dict[str, int]
    stage_seconds: dict[str, float]
    versions: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON values."""
        return asdict(self) | {"bitstream": str(self.bitstream)}


def parse_routed(file: Path, target_mhz: float, cells: Mapping[str, str]) -> Routed:
    """Read the report that nextpnr wrote with ``--report``; ``cells``: its name of each of ``RESOURCES``.

    Raises ``ToolError`` if there is none, if it is incomplete, or if no clock has the target frequency.
    """
    try:
        report = json.loads(file.read_text())
        clocks = {net: (float(clock["achieved"]), float(clock["constraint"])) for net, clock in report["fmax"].items()}
        use = {name: report["utilization"][cells[name]] for name in RESOURCES}
        used = {name: int(entry["used"]) for name, entry in use.items()}
        available = {name: int(entry["available"]) for name, entry in use.items()}
    except OSError as error:
        raise ToolError(f"nextpnr left no report ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ToolError(f"nextpnr's report is not as expected ({type(error).__name__}: {error})") from None
    achieved = [fmax for fmax, wanted in clocks.values() if abs(wanted - target_mhz) <= 1e-3 * target_mhz]
    if not achieved:
        found = ", ".join(f"{net} {wanted:g} MHz" for net, (_, wanted) in sorted(clocks.items())) or "none"
        raise ToolError(f"nextpnr's report has no clock of {target_mhz:g} MHz (clocks: {found})")
    met = all(fmax >= wanted for fmax, wanted in clocks.values())
    return Routed(min(achieved), met, available=available, **used)
