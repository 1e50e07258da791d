"""The whole flow on the shipped digits model: verify, build, compare with the CPU."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from . import data, reference
from .bench import Cpu, CpuFigure, cpu_figures, fastest, fpga_fps, this_cpu
from .build.boards import Ecp5Board, load_board
from .build.open_flow import build, programs
from .build.report import BuildReport
from .build.tools import find
from .files.atomic import written_whole
from .files.shipped import folder
from .model_file.integer_file import load, model_hash
from .packages import module_file
from .planner.devices import DEVICES
from .planner.plan import Plan, for_utilization
from .sim.network_bench import NetworkResult, run_network
from .sim.runner import simulation_environment
from .spec import Network
from .verilog.design import write_design

MODEL, BOARD = "digits", "ulx3s-85f"
VERIFIED_FRAMES = 100

Step = Callable[[str, int, int], None]
"""Called with a step's name, how far it is, and its length (0: not known)."""


@dataclass(frozen=True)
class DemoResult:
    """All results of the demo, in the units of their names. ``busy``: others used the CPU while it was timed."""

    model_sha256: str
    images: int
    accuracy: float
    verification: NetworkResult
    build: BuildReport
    cpu: Cpu
    cpu_implementation: str
    cpu_fps: float
    busy: bool
    fpga_fps: float

    @property
    def met(self) -> bool:
        """Whether the hardware equals the reference and the routed design meets its clock."""
        return self.verification.mismatches == 0 and self.build.timing_met


def run_demo(output: Path, step: Step) -> DemoResult:
    """Run all steps in order, writing into the folder ``output``; ``step`` is called with the progress.

    Every file appears complete or not at all. Raises ``InputError`` and ``ToolError`` as its parts do.
    """
    network = load(folder("models") / MODEL / f"{MODEL}.safetensors")
    held_out = data.load(MODEL, network)
    board = load_board(BOARD, Ecp5Board)
    if held_out.labels is None:
        raise ValueError("the shipped images must have labels")
    simulation_environment()  # missing tools are reported before anything is made
    for tool in programs(board):
        find(tool)
    step("reference", 0, 0)
    outcome = reference.run(network, held_out.images)

    step("Verilog", 0, 0)
    plan = for_utilization(network, DEVICES[board.device])
    folding = plan.folding
    write_design(network, plan, output)

    step("simulator", 0, 0)
    frames = held_out.images[:VERIFIED_FRAMES]
    verification = run_network(network, folding, frames, progress=lambda done, total: step("verification", done, total))
    report = build(network, folding, board, output, progress=step)
    figures = cpu_figures(network, held_out.images, lambda done, total: step("CPU", done, total))
    best = fastest(figures)
    result = DemoResult(
        model_sha256=model_hash(network),
        images=len(held_out.images),
        accuracy=float(np.mean(outcome.predictions == held_out.labels)),
        verification=verification,
        build=report,
        cpu=this_cpu(),
        cpu_implementation=best.name,
        cpu_fps=best.fps,
        busy=best.busy,
        fpga_fps=fpga_fps(verification.cycles_per_frame, report.fmax_mhz),
    )
    with written_whole(output / "results.json") as file:
        file.write_text(json.dumps(asdict(result), indent=2, default=str) + "\n")
    if draws_page():
        step("page", 0, 0)
        _write_page(network, plan, board, result, figures, output)
    return result


def draws_page() -> bool:
    """Whether there is what draws the page: the extra ``report``."""
    return module_file("matplotlib") is not None


def _write_page(
    network: Network,
    plan: Plan,
    board: Ecp5Board,
    result: DemoResult,
    figures: tuple[CpuFigure, ...],
    output: Path,
) -> None:
    """The page of ``hwsnn report`` with what the demo measured."""
    from .report.benchmarked import Benchmarked
    from .report.build_folder import read_build
    from .report.measured import measure
    from .report.subject import of_plan
    from .report.write import Contents, write_page

    contents = Contents(
        of_plan(MODEL, network, plan, board.clock_mhz),
        ("hwsnn demo -o DIR",),
        measure(network, MODEL),
        Benchmarked(result.verification, result.cpu, figures),
        read_build(output, result.model_sha256),
    )
    write_page(contents, output)


def written_files(output: Path, result: DemoResult) -> dict[str, Path]:
    """The files that ``run_demo`` leaves in ``output``, by kind."""
    return {
        "bitstream": result.build.bitstream,
        "Verilog": output / f"{MODEL}.v",
        "manifest": output / "manifest.json",
        "folding": output / "folding.json",
        "build report": output / "build.json",
        "all results": output / "results.json",
    } | ({"page": output / "index.html"} if draws_page() else {})
