"""The power and energy that ``hwsnn board bench`` reports: of the board's own monitors, beside Vivado's estimate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .board_common import SIMULATED, Run

if TYPE_CHECKING:
    from ..build.bitstream import PowerEstimate
    from ..host import Accelerator
    from ..host.power import Level, PowerRun, SupplyPower
    from ..interface.power import Supply

THOUSAND = 999.5
"""From here on three digits would take an exponent."""


@dataclass(frozen=True)
class PowerReport:
    """What the monitors read, if there are any, and ``why`` there is nothing, or not all, a line each.

    ``mismatches``: results of frames that were run for the monitors, and that differ from those of the first run.
    """

    measured: PowerRun | None
    why: tuple[str, ...]
    estimate: PowerEstimate | None = None
    mismatches: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON values: watts, microjoules, seconds."""
        run, estimate = self.measured, self.estimate
        return {
            "frames": run and run.frames,
            "seconds": run and run.seconds,
            "interval_s": run and run.interval_s,
            "supplies": [_supply_json(supply, run) for supply in run.supplies] if run else [],
            "estimate": estimate
            and {
                "total_w": estimate.total_w,
                "accelerator_w": estimate.accelerator_w,
                "frame_uj": run and run.microjoules(estimate.total_w),
            },
            "why": list(self.why),
        }

    def lines(self) -> Iterator[str]:
        """The same for people."""
        if self.measured is not None:
            run = self.measured
            yield (
                f"power was read every {run.interval_s * 1e3:.0f} ms while {run.frames:,} frames ran, "
                f"{run.frames / run.seconds:,.0f} frames/s, and before and after"
            )
            for supply in run.supplies:
                yield from _supply_lines(supply, run)
            if self.estimate is not None:
                part = self.estimate.accelerator_w
                yield (
                    f"Vivado's estimate of this build: {self.estimate.total_w:.3f} W the whole chip"
                    + ("" if part is None else f", {part:.3f} W of it the accelerator")
                    + f"; {_uj(run.microjoules(self.estimate.total_w))} per frame at this rate, estimated"
                )
        for line in self.why:
            yield f"power was not measured: {line}"


def power_report(kind: str, board: Accelerator, first: Run) -> PowerReport:
    """Run the frames of ``first`` on the board until its monitors were read often enough; ``kind``: of its address."""
    from ..host.hwmon import MonitorError
    from ..host.power import measure

    supplies = _supplies(kind)
    if isinstance(supplies, str):
        return PowerReport(None, (supplies,))
    mismatches = 0

    def run() -> int:
        nonlocal mismatches
        found = board.infer(first.sent)
        differs = (found.scores != first.found.scores).any(axis=1) | (found.predictions != first.found.predictions)
        mismatches += int(differs.sum())
        return len(first.sent)

    try:
        measured = measure(supplies, run)
    except MonitorError as error:
        return PowerReport(None, (str(error),), mismatches=mismatches)
    return PowerReport(measured, measured.missing, _estimate(), mismatches)


def _supplies(kind: str) -> tuple[Supply, ...] | str:
    """What the monitors of the board measure, or why there are none."""
    from ..board import ANY_ZYNQ
    from ..build.boards import AxiBoard, load_board

    if kind == SIMULATED:
        return "a simulated board has none"
    if kind == "serial":
        return "a board at a serial port has no monitors that hwsnn reads"
    if kind == ANY_ZYNQ:
        return f"{ANY_ZYNQ} does not say which board it is; with its own name, such as zcu102, its monitors are known"
    board = load_board(kind, AxiBoard)
    return board.supplies or f"the {board.title} has no monitors that hwsnn knows"


def _estimate() -> PowerEstimate | None:
    """Of the bitstream that was loaded last."""
    from ..build.bitstream import power_of
    from ..host.dma import load_record

    last = load_record.last()
    return None if last is None else power_of(Path(last.bitstream))


def _supply_json(power: SupplyPower, run: PowerRun) -> dict[str, Any]:
    def level(level: Level) -> dict[str, float]:
        return {"mean_w": level.mean_w, "spread_w": level.spread_w, "samples": level.samples}

    return {
        "of": power.supply.feeds,
        "rails": [rail.name for rail in power.supply.rails],
        "before": level(power.before),
        "running": level(power.running),
        "after": level(power.after),
        "idle": level(power.idle),
        "frame_uj": run.microjoules(power.running.mean_w),
        "frame_above_idle_uj": None if power.above_idle_w is None else run.microjoules(power.above_idle_w),
    }


def _supply_lines(power: SupplyPower, run: PowerRun) -> Iterator[str]:
    rails = ", ".join(rail.name for rail in power.supply.rails)
    idle, running = power.idle, power.running
    yield (
        f"{power.supply.feeds} ({rails}): {idle.mean_w:.3f} W idle, {running.mean_w:.3f} W running "
        f"(spread {idle.spread_w:.3f} and {running.spread_w:.3f} W, {idle.samples} and {running.samples} readings)"
    )
    above = power.above_idle_w
    more = "no more above idle than the spread" if above is None else f"{_uj(run.microjoules(above))} of it above idle"
    yield f"  {_uj(run.microjoules(running.mean_w))} per frame, {more}"


def _uj(energy: float) -> str:
    return f"{energy:,.0f} uJ" if energy >= THOUSAND else f"{energy:.3g} uJ"
