"""Benches for components with one stream in, ``i``, and one out, ``o``: many cases in one simulator, one build."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Module
from amaranth.lib import wiring

from .runner import build_simulator, run_bench

TOP = "cases"


@dataclass(frozen=True)
class StreamCase:
    """A component with streams ``i`` and ``o``, what goes in and what must come out: payload bits, in order."""

    name: str
    component: Any
    inputs: Sequence[int]
    outputs: Sequence[int]


@dataclass(frozen=True)
class CaseResult:
    """What a case did. ``error``: the first thing wrong, stalled or not, or ``None``.

    ``input_clocks`` and ``output_clocks``: at which clock each beat moved when neither end ever stalled.
    """

    error: str | None
    input_clocks: list[int]
    output_clocks: list[int]

    @property
    def first_latency(self) -> int:
        """Clocks from the first beat in to the first beat out, unstalled."""
        return self.output_clocks[0] - self.input_clocks[0]


class _Cases(wiring.Component):  # type: ignore[misc]
    """All cases side by side, each with its own ports."""

    def __init__(self, cases: Sequence[StreamCase]) -> None:
        self._cases = {f"case{index}": case.component for index, case in enumerate(cases)}
        members = {}
        for name, component in self._cases.items():
            for port in "io":
                members[f"{name}_{port}"] = component.signature.members[port]
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, component in self._cases.items():
            m.submodules[name] = component
            for port in "io":
                wiring.connect(m, wiring.flipped(getattr(self, f"{name}_{port}")), getattr(component, port))
        return m


def run_cases(cases: Sequence[StreamCase], *, seed: int = 1) -> dict[str, CaseResult]:
    """Run every case twice in Verilator: without stalls, and with random stalls at both ends drawn from ``seed``.

    Returns the results by case name. Raises ``SimulationError`` where the bench itself fails.
    """
    if len({case.name for case in cases}) != len(cases):
        raise ValueError("case names must differ")
    text = verilog.convert(_Cases(cases), name=TOP, strip_internal_attrs=True)
    with tempfile.TemporaryDirectory(prefix="hwsnn-bench-") as scratch:
        job, results = Path(scratch) / "job.json", Path(scratch) / "results.json"
        beats = [[list(map(int, case.inputs)), list(map(int, case.outputs))] for case in cases]
        job.write_text(json.dumps({"seed": seed, "cases": beats}))
        parameters = {"HWSNN_JOB": str(job), "HWSNN_RESULTS": str(results)}
        run_bench(build_simulator(text, TOP), TOP, "hwsnn.sim.tb_stream", parameters, tests=1)
        outcome = json.loads(results.read_text())
    return {
        case.name: CaseResult(entry["error"], entry["input_clocks"], entry["output_clocks"])
        for case, entry in zip(cases, outcome, strict=True)
    }
