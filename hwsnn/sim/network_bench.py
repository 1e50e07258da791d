"""Whole networks in simulation: the generated Verilog against the reference, at every layer boundary."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsnn.cycles import simulate
from hwsnn.files.scratch import Scratch
from hwsnn.folding.folding import Folding
from hwsnn.folding.pipeline_depths import layer_output
from hwsnn.interface.frames import in_wire_order
from hwsnn.model_file.integer_file import model_hash
from hwsnn.progress import CountProgress, silent
from hwsnn.reference import run as run_reference
from hwsnn.rtl.network import Pipeline, layer_instance
from hwsnn.spec import Network
from hwsnn.spec.integers import Images
from hwsnn.verilog.emit import TOP, to_verilog

from .runner import SimulationError, build_simulator, run_bench, simulation_environment

MEASURED_FRAMES = 8
"""Minimum number of back-to-back frames, to measure the steady interval between their results."""

LONG_RUN_CLOCKS = 2_000_000
"""Beyond which a simulator is compiled with optimization: it then pays off with a small MNIST model."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class NetworkResult:
    """The outcome of a simulation.

    ``spikes_compared`` counts the spike bits (and score bits) compared over all runs, ``mismatches`` those that
    differed or never came; ``first_mismatch`` describes where the first one is.
    ``cycles_per_frame``: the steady interval between results of back-to-back frames without stalls;
    ``latency_cycles``: from the first pixel of the first frame to its result; ``result_clocks``: from that pixel to the
    result of every simulated frame.
    """

    frames: int
    layers: int
    spikes_compared: int
    mismatches: int
    first_mismatch: str | None
    cycles_per_frame: float
    latency_cycles: int
    result_clocks: tuple[int, ...]


def run_network(
    network: Network,
    folding: Folding,
    images: Images,
    *,
    seed: int = 1,
    stalls: bool = True,
    progress: CountProgress = silent,
    verilog: str | None = None,
) -> NetworkResult:
    """Simulate the network on ``images`` (N, *frame shape) and compare every boundary with the reference.

    All frames run once without stalls (cyclically repeated to at least ``MEASURED_FRAMES``) and, with ``stalls``,
    once more with random stalls at both ends drawn from ``seed``. ``verilog`` replaces the generated text: for tests
    of the checker. ``progress`` is called with results seen and results expected. Raises ``SimulationError`` if the
    simulation itself fails or gets stuck before anything differed, and ``InputError`` if a tool is missing.
    """
    simulation_environment()  # what is missing is said before minutes of other work
    frames = len(images)
    images = images[np.arange(max(frames, MEASURED_FRAMES)) % frames]
    beats = expected_beats(network, folding, images)
    names = [name.removeprefix("boundary_") for name in beats if name.startswith("boundary_")]
    streams = {name: f"{name if name == 'encoder' else layer_instance(name)}_o" for name in names}
    if verilog is None:
        verilog = to_verilog(Pipeline(network, folding), model_hash(network))
    clocks = simulate(network, folding)
    stuck_clocks = 10_000 + 4 * int(clocks.cycles_per_frame + clocks.latency_cycles)
    with Scratch("network") as folder:
        job = {"seed": seed, "stalls": stalls, "boundaries": streams, "beats": str(folder / "beats.npz")}
        (folder / "job.json").write_text(json.dumps(job | {"stuck_clocks": stuck_clocks}))
        np.savez(folder / "beats.npz", **beats)  # type: ignore[arg-type]
        parameters = {"HWSNN_JOB": str(folder / "job.json"), "HWSNN_RESULTS": str(folder / "results.json")}
        total = len(images) * (2 if stalls else 1)
        long_run = total * clocks.cycles_per_frame > LONG_RUN_CLOCKS
        simulator = build_simulator(without_header(verilog), TOP, long_run=long_run)
        progress(0, total)
        run_bench(
            simulator,
            TOP,
            "hwsnn.sim.tb_network",
            parameters,
            tests=1,
            progress=lambda done: progress(done, total),
        )
        passes = json.loads((folder / "results.json").read_text())
    return _result(network, frames, len(images), beats, passes)


def expected_beats(network: Network, folding: Folding, images: Images) -> dict[str, Bytes]:
    """The beats expected at each boundary, by the reference: (beats, bytes) arrays, a beat's bits little-endian.

    Keys: ``pixels``, ``boundary_NAME`` for the encoder and every layer, and ``result``.
    """
    outcome = run_reference(network, images, trace=True)
    pixels = in_wire_order(images).reshape(-1, network.input_shape[0])  # all channels in a beat
    beats = {"pixels": _pack(pixels, network.pixel_bits)}
    if network.encoder.spikes:
        beats["boundary_encoder"] = _boundary(outcome.spikes["encoder"], 1, 1)
    values: npt.NDArray[Any]
    for index, layer in enumerate(network.layers):
        if network.gives_spikes(index):
            values = outcome.spikes[layer.name]
        elif layer_output(network, index) == "membranes":
            values = outcome.membranes[layer.name]
        else:
            values = outcome.membranes[layer.name][:, -1:]
        steps = min(folding.beat_steps(network, index), values.shape[1])
        beats[f"boundary_{layer.name}"] = _boundary(values, steps, _entry_bits(network, index))
    answers = _bits(outcome.predictions[:, None], network.answer_bits)
    beats["result"] = _bytes(np.concatenate([answers, _bits(outcome.scores, network.score_bits)], axis=1))
    return beats


def _boundary(values: npt.NDArray[Any], steps: int, width: int) -> Bytes:
    """(N, T, C, H, W) entries of ``width`` bits in the order of the stream, ``steps`` and all channels in a beat."""
    whole = np.pad(in_wire_order(values), ((0, 0), (0, 0), (0, 0), (0, -values.shape[1] % steps), (0, 0)))
    return _pack(whole.reshape(-1, steps * values.shape[2]), width)


def _entry_bits(network: Network, index: int) -> int:
    """Bits of what a channel has at a step behind layer ``index``: of a number of spikes, or of a membrane."""
    if network.gives_spikes(index):
        return network.outputs(index).bits
    return network.population(index).neuron.membrane_bits


def _bits(values: npt.NDArray[Any], width: int) -> Bytes:
    """(beats, entries) integers as (beats, entries * width) bits, two's complement, least significant first."""
    bits = (values.astype(np.int64)[..., None] >> np.arange(width)) & 1
    return bits.reshape(len(values), -1).astype(np.uint8)


def _bytes(bits: Bytes) -> Bytes:
    return np.packbits(bits, axis=1, bitorder="little")


def _pack(values: npt.NDArray[Any], width: int) -> Bytes:
    return _bytes(_bits(values, width))


def without_header(verilog: str) -> str:
    """The text without its leading comments: the same logic is simulated by the same cached build."""
    lines = verilog.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("// "))


def _result(
    network: Network, frames: int, simulated: int, beats: dict[str, Bytes], passes: list[dict[str, Any]]
) -> NetworkResult:
    per_pass = simulated * sum(_boundary_bits(network).values())
    mismatches = sum(entry["mismatches"] for one in passes for entry in one["boundaries"].values())
    first = _first_mismatch(network, simulated, beats, passes)
    if first is None and any(one["stuck"] for one in passes):
        raise SimulationError("the simulation got stuck")
    results = [clock - passes[0]["first_pixel_clock"] for clock in passes[0]["result_clocks"]]
    half = len(results) // 2
    steady = (results[-1] - results[half]) / (len(results) - 1 - half) if len(results) - 1 > half else 0.0
    return NetworkResult(
        frames=frames,
        layers=len(network.layers),
        spikes_compared=per_pass * len(passes),
        mismatches=mismatches,
        first_mismatch=first,
        cycles_per_frame=int(steady) if steady == int(steady) else steady,
        latency_cycles=results[0] if results else 0,
        result_clocks=tuple(results),
    )


def _key(name: str) -> str:
    return name if name == "result" else f"boundary_{name}"


def _boundary_bits(network: Network) -> dict[str, int]:
    """Bits compared per frame at each boundary, in the order of the data."""
    steps = network.timesteps
    bits = {"encoder": steps * math.prod(network.input_shape)} if network.encoder.spikes else {}
    for index, layer in enumerate(network.layers):
        last_only = not network.gives_spikes(index) and layer_output(network, index) == "last membranes"
        entries = math.prod(network.shapes[index + 1]) * (1 if last_only else steps)
        bits[layer.name] = entries * _entry_bits(network, index)
    return bits | {"result": network.answer_bits + network.classes * network.score_bits}


def _first_mismatch(
    network: Network, simulated: int, beats: dict[str, Bytes], passes: list[dict[str, Any]]
) -> str | None:
    """Description of the first mismatch, at the earliest boundary in the order of the data."""
    for number, one in enumerate(passes):
        for name in _boundary_bits(network):
            entry = one["boundaries"][name]
            if entry["mismatches"]:
                a_frame = len(beats[_key(name)]) // simulated
                frame, beat = divmod(entry["first"], a_frame)
                stalled = " (with stalls)" if number else ""
                return f"{name}: frame {frame}, beat {beat} of {a_frame}{stalled}"
    return None
