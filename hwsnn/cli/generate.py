"""``hwsnn generate``: Verilog, a manifest and the folding."""

from __future__ import annotations

import json
from pathlib import Path

import click

from hwsnn.model_file.by_name import load_model

from ..progress import stages
from .common import emit, json_option, model_argument, output_option
from .folding import DEFAULT_MHZ, Wish, folding_options, remark

LIMITS = {
    "pixels": "the pixels, which come one a clock",
    "encoder": "the encoder, which makes a time step a clock",
    "readout": "the readout",
}
"""What may limit a design and is no layer."""


@click.command("generate")
@model_argument
@output_option("DIR", "The folder for the Verilog, manifest.json and folding.json.", required=True)
@folding_options()
@json_option
def command(model: str, output: Path, wish: Wish, as_json: bool) -> None:
    """Write the Verilog of MODEL, one module a component, a manifest of its ports and widths, and its folding.

    Without --target-fps, --max-lut and --fold it is the fastest design within a share of the device. The clocks a frame
    are exact; what the design takes of the device is an estimate. One that is larger than the device is refused, but
    for the folds of --fold: those are taken as they are, and a line says what is short.
    """
    network = load_model(model)

    from hwsnn.files.atomic import folder_written_whole
    from hwsnn.folding.file import to_json
    from hwsnn.model_file.integer_file import model_hash
    from hwsnn.verilog.emit import to_verilog
    from hwsnn.verilog.manifest import manifest

    from ..rtl.network import Pipeline

    file = f"{network.name}.v"
    with stages() as show:
        show.at("planning")
        plan = wish.plan(network)
        show.at("generating Verilog")
        with folder_written_whole(output) as folder:
            text = to_verilog(Pipeline(network, plan.folding), model_hash(network))
            (folder / file).write_text(text)
            described = manifest(network, plan.folding, plan.clocks)
            (folder / "manifest.json").write_text(json.dumps(described, indent=2) + "\n")
            (folder / "folding.json").write_text(json.dumps(to_json(plan.folding), indent=2) + "\n")
    clock, device = wish.clock_mhz or DEFAULT_MHZ, plan.device
    clocks = float(plan.clocks.cycles_per_frame)
    share = 100 * plan.cost.lut / device.lut
    fields = {
        "verilog": str(output / file),
        "manifest": str(output / "manifest.json"),
        "folding": str(output / "folding.json"),
        "lines": text.count("\n"),
        "clocks_per_frame": clocks,
        "latency_clocks": plan.clocks.latency_cycles,
        "assumed_clock_mhz": clock,
        "fps_at_assumed_clock": clock * 1e6 / clocks,
        "device": device.name,
        "estimated_lut": plan.cost.lut,
        "estimated_ff": plan.cost.ff,
        "estimated_bram18": plan.cost.bram18,
        **remark(plan),
        "limiting": plan.limiting,
        "next_step": None
        if plan.faster is None
        else {"clocks_per_frame": plan.faster.clocks, "estimated_lut": plan.faster.cost.lut},
    }

    def human() -> None:
        click.echo(
            f"{fields['verilog']}  {fields['lines']:,} lines\n{fields['manifest']}\n{fields['folding']}\n"
            f"{clocks:g} clocks a frame by the cycle model: {fields['fps_at_assumed_clock']:,.0f} frames/s at an "
            f"assumed {clock:g} MHz; {plan.clocks.latency_cycles:,} clocks to a first answer\n"
            f"about {plan.cost.lut:,} LUT ({share:.1f} % of {device.title}), {plan.cost.ff:,} FF, "
            f"{plan.cost.bram18 / 2:g} BRAM36"
        )
        step = ""
        if plan.faster is not None:
            lut = plan.faster.cost.lut
            step = f"; {plan.faster.clocks:,} clocks would take about {lut:,} LUT ({100 * lut / device.lut:.1f} %)"
        click.echo(f"limited by {LIMITS.get(plan.limiting, f'layer {plan.limiting}')}{step}")

    emit(as_json, fields, human)
