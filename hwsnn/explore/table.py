"""The designs of a sweep as rows, and rows as CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hwsnn.files.atomic import written_whole
from hwsnn.planner.devices import DEVICES

from ..bench import fpga_fps
from .pareto import front
from .points import Accuracy, Design, Result, Task


@dataclass(frozen=True)
class Row:
    """A design. The fields are the columns of the CSV files.

    ``accuracy``: of the integer reference, 0 to 1, on ``images``. ``target_cycles``: the requested cycles per frame.
    ``cycles_per_frame`` and ``latency_cycles``: by the exact cycle model; ``*_at_assumed_clock``: the same at a
    clock of ``assumed_clock_mhz``. ``*_estimate``: by the planner, ``lut_percent_estimate`` of ``device``.
    ``limiting``: the layer that takes most cycles, or ``pixels``. ``on_front``: whether it is Pareto-optimal.
    """

    weight_bits: int
    timesteps: int
    accuracy: float
    images: int
    target_cycles: int
    cycles_per_frame: float
    latency_cycles: int
    assumed_clock_mhz: float
    fps_at_assumed_clock: float
    latency_us_at_assumed_clock: float
    device: str
    lut_estimate: int
    lut_percent_estimate: float
    ff_estimate: int
    bram36_estimate: float
    limiting: str
    model_hash: str
    on_front: bool = False


def rows(results: Sequence[tuple[Task, Result]], clock_mhz: float) -> list[Row]:
    """The designs among ``results``, by bits, time steps and target; the accuracy of each network must be there, too.

    The Pareto front is that of accuracy, frames/s, latency and look-up tables.
    """
    accuracies = {task.settings["model"]: result for task, result in results if isinstance(result, Accuracy)}
    found = [
        _row(task, result, accuracies[task.settings["model"]], clock_mhz)
        for task, result in results
        if isinstance(result, Design)
    ]
    found.sort(key=lambda row: (row.weight_bits, row.timesteps, row.target_cycles))
    best = front([(row.accuracy, row.fps_at_assumed_clock, -row.latency_cycles, -row.lut_estimate) for row in found])
    return [Row(**asdict(row) | {"on_front": index in set(best)}) for index, row in enumerate(found)]


def _row(task: Task, design: Design, accuracy: Accuracy, clock_mhz: float) -> Row:
    device = DEVICES[task.settings["device"]]
    return Row(
        weight_bits=task.weight_bits,
        timesteps=task.timesteps,
        accuracy=accuracy.right / accuracy.images,
        images=accuracy.images,
        target_cycles=task.settings["clocks"],
        cycles_per_frame=design.cycles_per_frame,
        latency_cycles=design.latency_cycles,
        assumed_clock_mhz=clock_mhz,
        fps_at_assumed_clock=round(fpga_fps(design.cycles_per_frame, clock_mhz), 1),
        latency_us_at_assumed_clock=round(design.latency_cycles / clock_mhz, 3),
        device=device.name,
        lut_estimate=design.lut,
        lut_percent_estimate=round(100 * design.lut / device.lut, 2),
        ff_estimate=design.ff,
        bram36_estimate=design.bram18 / 2,
        limiting=design.limiting,
        model_hash=task.settings["model"],
    )


def write_csv(path: Path, found: Iterable[Row]) -> None:
    """Write rows under a heading, whole or not at all."""
    with written_whole(path) as partial, partial.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Row)])
        writer.writerows([_cell(value) for value in asdict(row).values()] for row in found)


def _cell(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value
