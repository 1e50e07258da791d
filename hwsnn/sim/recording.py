"""One simulation of a whole network: its streams' beats, and on request the waveforms of a time."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwsnn.files.scratch import Scratch
from hwsnn.progress import silent
from hwsnn.verilog.emit import TOP

from .boundaries import Boundary, Bytes
from .runner import Waveforms, run_bench

CLOCK_PS = 10_000
"""The period of the simulated clock."""


@dataclass(frozen=True)
class Job:
    """What a simulation does: all ``frames`` without stalls and, with ``stalls``, once more with stalls of ``seed``.

    ``streams``: prefix and bytes of each recorded stream, in the order of the data; a run ends when the last has had
    ``last_beats`` beats, or when nothing has moved for ``stuck_clocks`` cycles. ``end_ps``: the time at which the
    simulation ends anyway.
    """

    seed: int
    stalls: bool
    frames: int
    streams: dict[str, tuple[str, int]]
    last_beats: int
    stuck_clocks: int
    clock_ps: int = CLOCK_PS
    end_ps: int | None = None


@dataclass(frozen=True)
class Pass:
    """One run over all frames: the beats found at each boundary, and the cycles in which they moved.

    Cycle 0 is the one in which the first pixel moved, and ends at ``origin_ps``. ``broken``: how the result's stream
    broke the rules of streams.
    """

    found: dict[str, Bytes]
    cycles: dict[str, npt.NDArray[np.int64]]
    origin_ps: int
    stuck: bool
    broken: str | None

    def time_ps(self, cycle: int) -> int:
        """The time of the clock edge that ends ``cycle``."""
        return self.origin_ps + cycle * CLOCK_PS


def streams_of(compared: list[Boundary]) -> dict[str, tuple[str, int]]:
    """The streams to record, as of ``Job``."""
    return {boundary.name: (boundary.stream, (boundary.bits + 7) // 8) for boundary in compared}


def record(
    simulator: Path,
    job: Job,
    pixels: Bytes,
    *,
    progress: Callable[[int], object] = silent,
    waveforms: Waveforms | None = None,
) -> list[Pass]:
    """Run ``job`` on a simulator of ``build_simulator``. ``pixels``: the packed beats of the input.

    ``progress`` is called with the number of results seen. Raises ``SimulationError`` if it does not run to its end.
    """
    with Scratch("network") as folder:
        np.save(folder / "pixels.npy", pixels)
        (folder / "job.json").write_text(json.dumps(asdict(job)))
        parameters = {"HWSNN_BENCH": str(folder)}
        run_bench(simulator, TOP, "hwsnn.sim.tb_network", parameters, tests=1, progress=progress, waveforms=waveforms)
        summaries = json.loads((folder / "passes.json").read_text())
        with np.load(folder / "beats.npz", allow_pickle=False) as arrays:
            return [
                Pass(
                    {name: arrays[f"beats_{number}_{name}"] for name in job.streams},
                    {name: arrays[f"clocks_{number}_{name}"] - one["first_pixel_clock"] for name in job.streams},
                    one["start"] + one["first_pixel_clock"] * CLOCK_PS,
                    one["stuck"],
                    one["broken"],
                )
                for number, one in enumerate(summaries)
            ]
