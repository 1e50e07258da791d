"""What ``hwsnn build`` left in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwsnn.build.report import RESOURCES
from hwsnn.errors import InputError

from .json_file import mapping, number, read_json, text

REMEDY = "give a folder that hwsnn build wrote a bitstream into"


@dataclass(frozen=True)
class CriticalPath:
    """The slowest path between two clocks: where it begins and ends, and how long logic and wires take, in ns."""

    begin: str
    end: str
    logic_ns: float
    routing_ns: float


@dataclass(frozen=True)
class Slack:
    """Of a kind of check, in ns: the worst, and the sum of the negative ones; None where there is no such path."""

    check: str
    worst_ns: float | None
    total_ns: float | None


@dataclass(frozen=True)
class BuildFolder:
    """A finished build. ``used`` and ``available``: by resource. ``power``: in watts and degrees, by name."""

    folder: Path
    board: str
    target_mhz: float
    fmax_mhz: float
    timing_met: bool
    used: dict[str, float]
    available: dict[str, float]
    seconds: dict[str, float]
    versions: dict[str, str]
    paths: tuple[CriticalPath, ...]
    slacks: tuple[Slack, ...]
    power: dict[str, float]
    activity: str

    @property
    def slack_ns(self) -> float:
        """Of the pipeline's clock: the period that was asked for less the one that is reached."""
        return 1000 / self.target_mhz - 1000 / self.fmax_mhz


def read_build(folder: Path, sha256: str) -> BuildFolder:
    """The build in ``folder``, of the model with that hash. Raises ``InputError`` if there is none."""
    path = folder / "build.json"
    found = read_json(path, "report of a build", REMEDY)
    its = text(path, found, "model_sha256")
    if its != sha256:
        raise InputError(f"{path}: must be of this model, {sha256[:16]}, not of {its[:16]}; build it with hwsnn build")
    available = mapping(path, found, "available")
    seconds, versions = mapping(path, found, "stage_seconds"), mapping(path, found, "versions")
    target, fmax = number(path, found, "target_mhz"), number(path, found, "fmax_mhz")
    if target <= 0 or fmax <= 0:
        raise InputError(f"{path}: clocks must be above 0, not {target:g} and {fmax:g}")
    timing = read_json(folder / "timing.json", "report of the timing", REMEDY)
    power_file = folder / "power.json"
    power = read_json(power_file, "report of the power", REMEDY) if power_file.is_file() else {}
    return BuildFolder(
        folder,
        text(path, found, "board"),
        target,
        fmax,
        found.get("timing_met") is True,
        {name: number(path, found, name) for name in RESOURCES},
        {name: number(path, available, name) for name in RESOURCES},
        {name: number(path, seconds, name) for name in seconds},
        {name: text(path, versions, name) for name in versions},
        _paths(timing),
        _slacks(timing),
        {name: number(power_file, power, name) for name in power if isinstance(power[name], int | float)},
        _activity(found.get("activity")),
    )


def _activity(found: Any) -> str:
    """Where the switching activity of a power estimate is from, in words."""
    if not isinstance(found, dict):
        return "Vivado's guess of the activity"
    return f"the activity of {found.get('frames')} {found.get('source')}"


def _paths(timing: Any) -> tuple[CriticalPath, ...]:
    """Of nextpnr's report; none of other tools'."""
    every = timing.get("critical_paths", []) if isinstance(timing, dict) else []
    found = []
    for path in every if isinstance(every, list) else []:
        try:
            delays = [(step["type"] == "routing", float(step["delay"])) for step in path["path"]]
            routing = sum(delay for routed, delay in delays if routed)
            logic = sum(delay for routed, delay in delays if not routed)
            found.append(CriticalPath(str(path["from"]), str(path["to"]), logic, routing))
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(found)


def _slacks(timing: Any) -> tuple[Slack, ...]:
    """Of Vivado's reports, as ``hwsnn.build.vivado.reports`` reads them; none of other tools'."""
    every = timing.get("slacks", {}) if isinstance(timing, dict) else {}
    found = []
    for check, values in every.items() if isinstance(every, dict) else ():
        ends = [values.get(name) if isinstance(values, dict) else None for name in ("worst_ns", "total_ns")]
        worst, total = (float(end) if isinstance(end, int | float) else None for end in ends)
        found.append(Slack(str(check), worst, total))
    return tuple(found)
