"""Benches for components with one stream in, ``i``, and one out, ``o``: many cases in one simulator, one build."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Const, Module, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.files.scratch import Scratch
from hwsnn.sim.runner import build_simulator, run_bench
from hwsnn.verilog.emit import verilog_text

TOP = "cases"


@dataclass(frozen=True)
class StreamCase:
    """A component with streams ``i`` and ``o``, its input beats and its expected output beats: payload bits, in order.

    Either stream may be valid-only (always ready): input beats then have gaps, and output beats are never stalled.
    """

    name: str
    component: Any
    inputs: Sequence[int]
    outputs: Sequence[int]


@dataclass(frozen=True)
class CaseResult:
    """The result of a case. ``error``: the first error, with or without stalls, or ``None``.

    ``input_clocks`` and ``output_clocks``: the cycle in which each beat moved, in the run without stalls.
    """

    error: str | None
    input_clocks: list[int]
    output_clocks: list[int]

    @property
    def first_latency(self) -> int:
        """Cycles from the first beat in to the first beat out, without stalls."""
        return self.output_clocks[0] - self.input_clocks[0]


class _Cases(wiring.Component):  # type: ignore[misc]
    """All cases side by side, with ready/valid ports: a valid-only stream cannot be a port of the top module."""

    def __init__(self, cases: Sequence[StreamCase]) -> None:
        self._cases = {f"case{index}": case.component for index, case in enumerate(cases)}
        members = {}
        for name, component in self._cases.items():
            members[f"{name}_i"] = In(stream.Signature(component.i.payload.shape()))
            members[f"{name}_o"] = Out(stream.Signature(component.o.payload.shape()))
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, component in self._cases.items():
            m.submodules[name] = component
            source, sink = getattr(self, f"{name}_i"), getattr(self, f"{name}_o")
            for before, after in ((source, component.i), (component.o, sink)):
                m.d.comb += [
                    after.valid.eq(before.valid),
                    Value.cast(after.payload).eq(Value.cast(before.payload)),
                ]
                if not _is_flow(before):
                    m.d.comb += before.ready.eq(after.ready)
        return m


def _is_flow(port: Any) -> bool:
    return isinstance(port.ready, Const)


def run_cases(cases: Sequence[StreamCase], *, seed: int = 1) -> dict[str, CaseResult]:
    """Run every case twice in Verilator: without stalls, and with random stalls at both ends drawn from ``seed``.

    A valid-only output cannot be stalled; then only the gaps in the input make the second run differ.

    Returns the results by case name. Raises ``SimulationError`` where the bench itself fails.
    """
    if len({case.name for case in cases}) != len(cases):
        raise ValueError("case names must differ")
    text = verilog_text(_Cases(cases), TOP)
    with Scratch("bench") as folder:
        job, results = folder / "job.json", folder / "results.json"
        beats = [
            [list(map(int, case.inputs)), list(map(int, case.outputs)), _is_flow(case.component.o)] for case in cases
        ]
        job.write_text(json.dumps({"seed": seed, "cases": beats}))
        parameters = {"HWSNN_JOB": str(job), "HWSNN_RESULTS": str(results)}
        run_bench(build_simulator(text, TOP), TOP, "rtl_tests.support.tb_stream", parameters, tests=1)
        outcome = json.loads(results.read_text())
    return {
        case.name: CaseResult(entry["error"], entry["input_clocks"], entry["output_clocks"])
        for case, entry in zip(cases, outcome, strict=True)
    }
