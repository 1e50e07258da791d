"""``hwsnn generate``: Verilog, a manifest and the folding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model
from hwsnn.planner.constraints import DEFAULT_MHZ, Constraints

from ..progress import stages
from .common import emit, json_option, model_argument, output_option, say
from .documented import Command
from .folding import folding_options, planned, remark

if TYPE_CHECKING:
    from hwsnn.planner import Candidate
    from hwsnn.planner.plan import Plan


def limit(plan: Plan) -> str:
    """What limits a design, in words."""
    words = {
        "pixels": f"the pixels, which arrive {'one' if plan.folding.pixels_per_cycle == 1 else 'two'} per cycle",
        "encoder": "the encoder, which makes one time step per cycle",
        "readout": "the readout",
    }
    return words.get(plan.limiting, f"layer {plan.limiting}")


@click.command(
    "generate",
    cls=Command,
    examples=(
        "hwsnn generate digits -o out",
        "hwsnn generate mnist --device xczu9eg --max-lut 50 -o out",
        "hwsnn generate net.safetensors --target-fps 20000 --clock-mhz 150 -o out",
    ),
)
@model_argument
@output_option("DIR", "The folder for the Verilog, manifest.json and folding.json.", required=True)
@folding_options()
@json_option
def command(model: str, output: Path, constraints: Constraints, as_json: bool) -> None:
    """Write the Verilog of MODEL, one module per component, a manifest of its ports and widths, and its folding.

    Without --target-fps, --max-lut and --fold this is the fastest design within a share of the device. The cycles per
    frame are exact; the resources are an estimate. A design that is larger than the device is refused, except with
    --fold: its folds are used as they are, and a line says which resource is short.
    """
    network = load_model(model)

    from hwsnn.verilog.design import write_design

    with stages() as show:
        show.at("planning")
        plan = planned(constraints, network)
        show.at("generating Verilog")
        design = write_design(network, plan, output)
    clock, device = constraints.clock_mhz or DEFAULT_MHZ, plan.device
    clocks = float(plan.cycles.cycles_per_frame)
    step = None if plan.faster is None else _next_step(plan, plan.faster)
    fields = {
        "verilog": str(design.verilog),
        "manifest": str(design.manifest),
        "folding": str(design.folding),
        "lines": design.lines,
        "cycles_per_frame": clocks,
        "pixels_per_cycle": plan.folding.pixels_per_cycle,
        "latency_cycles": plan.cycles.latency_cycles,
        "assumed_clock_mhz": clock,
        "fps_at_assumed_clock": clock * 1e6 / clocks,
        "device": device.name,
        "estimated_lut": plan.cost.lut,
        "estimated_ff": plan.cost.ff,
        "estimated_bram18": plan.cost.bram18,
        "estimated_percent": plan.cost.shares(device),
        **remark(plan),
        "limiting": plan.limiting,
        "next_step": step,
    }

    def human() -> None:
        say(
            f"{fields['verilog']}  {fields['lines']:,} lines\n{fields['manifest']}\n{fields['folding']}\n"
            f"{clocks:g} cycles per frame by the cycle model: {fields['fps_at_assumed_clock']:,.0f} frames/s at an "
            f"assumed {clock:g} MHz; {plan.cycles.latency_cycles:,} cycles to a first result\n"
            f"about {plan.cost.described(device)} of {device.title}"
        )
        say(f"limited by {limit(plan)}")
        if plan.faster is not None and step is not None:
            say(
                f"{plan.faster.cycles_per_frame:,} cycles per frame, by other folds of {', '.join(step['layers'])}: "
                f"about {plan.faster.cost.described(device)}"
            )

    emit(as_json, fields, human)


def _next_step(plan: Plan, faster: Candidate) -> dict[str, Any]:
    """What the next faster design takes, and the layers whose folds differ."""
    return {
        "cycles_per_frame": faster.cycles_per_frame,
        "layers": [name for name, fold in faster.layers.items() if fold != plan.folding.layers[name]],
        "estimated_lut": faster.cost.lut,
        "estimated_ff": faster.cost.ff,
        "estimated_bram18": faster.cost.bram18,
        "estimated_percent": faster.cost.shares(plan.device),
    }
