"""``hwsnn build``: a bitstream, with utilization and timing from the tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..model_names import load_model
from .common import emit, json_option, model_argument, output_option, progress
from .folding import Wish, folding_options


@click.command("build")
@model_argument
@click.option("--board", required=True, metavar="BOARD", help="The board to build for, such as ulx3s-85f.")
@output_option("DIR", "The folder for the bitstream, reports and logs.", required=True)
@folding_options(own_device=True, own_clock=True)
@json_option
@click.pass_context
def command(ctx: click.Context, model: str, board: str, output: Path, wish: Wish, as_json: bool) -> None:
    """Synthesize, place and route MODEL with its serial link for a board.

    A design that misses its clock is written and reported all the same; the exit status is then 1.
    """
    network = load_model(model)

    from ..build.boards import NextpnrBoard, load_board
    from ..build.ecp5 import build

    target = load_board(board, NextpnrBoard)
    plan = wish.plan(network, target.device, target.clock_mhz)
    with progress() as bars:
        tasks: dict[str, Any] = {}

        def step(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=total)
            bars.update(tasks[name], completed=done, total=total)

        report = build(network, plan.folding, target, output, progress=step)
    fields = {
        "bitstream": str(report.bitstream),
        "fmax_mhz": report.fmax_mhz,
        "lut": report.lut,
        "ff": report.ff,
        "bram": report.bram,
        "dsp": report.dsp,
    }

    def human() -> None:
        used = ", ".join(
            f"{getattr(report, name):,} {name.upper()} ({getattr(report, name) / report.available[name]:.0%})"
            for name in ("lut", "ff", "bram", "dsp")
        )
        met = "met" if report.timing_met else "NOT MET"
        click.echo(
            f"{report.bitstream}\n{report.fmax_mhz:.1f} MHz post-route; {report.target_mhz:g} MHz: {met}\n{used}"
        )

    emit(as_json, fields, human)
    if not report.timing_met:
        ctx.exit(1)
