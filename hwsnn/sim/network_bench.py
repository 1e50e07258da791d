"""Whole networks in simulation: the generated Verilog against the reference, at every layer boundary."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwsnn.cycles import simulate
from hwsnn.errors import InputError
from hwsnn.files.atomic import folder_written_whole
from hwsnn.folding.column_pairs import column_pairs
from hwsnn.folding.folding import Folding
from hwsnn.interface.frames import in_wire_order
from hwsnn.model_file.integer_file import model_hash
from hwsnn.progress import CountProgress, Stage, silent
from hwsnn.reference import run as run_reference
from hwsnn.rtl.network import Pipeline
from hwsnn.spec import Network
from hwsnn.spec.integers import Images
from hwsnn.verilog.emit import TOP, to_verilog

from .boundaries import RESULT, Boundary, boundaries, pack
from .debug_folder import write_debug_folder
from .differences import Difference, differing_bits, first_difference
from .recording import Job, Pass, record, streams_of
from .runner import SimulationError, build_simulator, simulation_environment

MEASURED_FRAMES = 8
"""Minimum number of back-to-back frames, to measure the steady interval between their results."""

LONG_RUN_CLOCKS = 2_000_000
"""Beyond which a simulator is compiled with optimization: it then pays off with a small MNIST model."""


@dataclass(frozen=True)
class NetworkResult:
    """The outcome of a simulation.

    ``layers``: how many were compared. ``spikes_compared`` counts the spike bits (and score bits) compared over all
    runs, ``mismatches`` those that differed or never came; ``differences``: the first of each layer, in the order of
    the data. ``cycles_per_frame``: the steady interval between results of back-to-back frames without stalls;
    ``latency_cycles``: from the first pixel of the first frame to its result; ``result_clocks``: from that pixel to the
    result of every simulated frame. If only a part of the layers was compared, the output of the last of these takes
    the place of the results.
    """

    frames: int
    layers: int
    spikes_compared: int
    mismatches: int
    differences: tuple[Difference, ...]
    cycles_per_frame: float
    latency_cycles: int
    result_clocks: tuple[int, ...]

    @property
    def first(self) -> Difference | None:
        """The difference to begin with."""
        return first_of(self.differences)

    @property
    def first_mismatch(self) -> str | None:
        """The difference to begin with, in words."""
        return None if self.first is None else str(self.first)


def run_network(
    network: Network,
    folding: Folding,
    images: Images,
    *,
    seed: int = 1,
    stalls: bool = True,
    until: str | None = None,
    debug: Path | None = None,
    progress: CountProgress = silent,
    stage: Stage = silent,
    verilog: str | None = None,
) -> NetworkResult:
    """Simulate the network on ``images`` (N, *frame shape) and compare every boundary with the reference.

    All frames run once without stalls (cyclically repeated to at least ``MEASURED_FRAMES``) and, with ``stalls``,
    once more with random stalls at both ends drawn from ``seed``. ``until``: the last layer that is compared; the
    simulation ends with its output. ``debug``: a folder for what shows the first difference, see ``debug_folder``.
    ``verilog`` replaces the generated text: for tests of the checker. ``progress`` is called with results seen and
    results expected, ``stage`` with the name of what comes after the comparison.

    Raises ``SimulationError`` if the simulation itself fails or gets stuck before anything differed, and ``InputError``
    if a tool is missing, ``until`` is not one of the layers or the folder cannot be written.
    """
    simulation_environment()  # what is missing is said before minutes of other work
    _check_until(network, until)
    with nullcontext() if debug is None else folder_written_whole(debug) as folder:
        frames = len(images)
        images = images[np.arange(max(frames, MEASURED_FRAMES)) % frames]
        compared = _up_to(until, boundaries(network, folding, run_reference(network, images, trace=True)))
        if verilog is None:
            verilog = to_verilog(Pipeline(network, folding), model_hash(network))
        clocks = simulate(network, folding)
        stuck_clocks = 10_000 + 4 * int(clocks.cycles_per_frame + clocks.latency_cycles)
        job = Job(seed, stalls, len(images), streams_of(compared), len(compared[-1].expected), stuck_clocks)
        total = len(images) * (2 if stalls else 1)
        long_run = total * clocks.cycles_per_frame > LONG_RUN_CLOCKS
        simulator = build_simulator(without_header(verilog), TOP, long_run=long_run)
        beats = in_wire_order(images if folding.pixels_per_cycle == 1 else column_pairs(images))
        pixels = pack(beats.reshape(-1, network.input_shape[0] * folding.pixels_per_cycle), network.pixel_bits)
        progress(0, total)
        passes = record(simulator, job, pixels, progress=lambda done: progress(done, total))
        result = _result(network, frames, compared, passes)
        if folder is not None:
            stage("recording waveforms")
            write_debug_folder(folder, verilog, compared, passes, result.first, job, pixels)
    return result


def first_of(differences: tuple[Difference, ...]) -> Difference | None:
    """The one to begin with, in the run without stalls if it has any: the earliest in the order of the data.

    Where a layer stops, those behind it starve and those before it have no room any more, all without a wrong beat. The
    earliest frame that it missed is its own.
    """

    def order(difference: Difference) -> tuple[bool, int]:
        missing = difference.kind == "missing"
        return difference.stalls, 1 + difference.frame if missing else 0

    return min(differences, key=order, default=None)


def without_header(verilog: str) -> str:
    """The text without its leading comments: the same logic is simulated by the same cached build."""
    lines = verilog.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("// "))


def _check_until(network: Network, until: str | None) -> None:
    names = ["encoder"] * network.encoder.spikes + [layer.name for layer in network.layers]
    if until is not None and until not in names:
        raise InputError(f"--until must be one of {', '.join(names)}, not {until!r}")


def _up_to(until: str | None, every: list[Boundary]) -> list[Boundary]:
    names = [boundary.name for boundary in every]
    return every[: names.index(RESULT if until is None else until) + 1]


def _result(network: Network, frames: int, compared: list[Boundary], passes: list[Pass]) -> NetworkResult:
    mismatches, differences = 0, list[Difference]()
    for boundary in compared:
        expected, first = boundary.packed(), None
        for number, one in enumerate(passes):
            found = boundary.compared(one.found[boundary.name])
            mismatches += differing_bits(expected, found)
            first = first or first_difference(boundary, expected, found, one.cycles[boundary.name], stalls=number > 0)
        differences += [first] if first else []
    for one in passes:
        if not mismatches and (one.stuck or one.broken):
            raise SimulationError(one.broken or "the simulation got stuck")
    last = compared[-1]
    results = [int(cycle) for cycle in passes[0].cycles[last.name][last.beats - 1 :: last.beats]]
    half = len(results) // 2
    steady = (results[-1] - results[half]) / (len(results) - 1 - half) if len(results) - 1 > half else 0.0
    simulated = len(last.expected) // last.beats
    return NetworkResult(
        frames=frames,
        layers=sum(boundary.name not in ("encoder", RESULT) for boundary in compared),
        spikes_compared=sum(boundary.frame_bits for boundary in compared) * simulated * len(passes),
        mismatches=mismatches,
        differences=tuple(differences),
        cycles_per_frame=int(steady) if steady == int(steady) else steady,
        latency_cycles=results[0] if results else 0,
        result_clocks=tuple(results),
    )
