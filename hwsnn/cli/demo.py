"""``hwsnn demo``: the whole flow, ending with one table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..packages import remedy
from ..progress import stages
from .common import emit, json_option, output_option, results_console, say
from .documented import Command

if TYPE_CHECKING:
    from ..demo import DemoResult

FOLDER = Path("hwsnn-demo")


@click.command(
    "demo",
    cls=Command,
    examples=(
        "hwsnn demo",
        "hwsnn demo -o demo",
    ),
)
@output_option("DIR", f"The folder for what it makes (default: {FOLDER}).")
@json_option
@click.pass_context
def command(ctx: click.Context, output: Path | None, as_json: bool) -> None:
    """Verify, build and measure the shipped digits model, and compare it with this CPU.

    Exit status 1 if the hardware differs from the reference, or if the routed design misses its clock.
    """
    from ..demo import run_demo, written_files

    folder = output or FOLDER
    with stages() as show:
        result = run_demo(folder, show.at)
    files = {name: str(path) for name, path in written_files(folder, result).items()}

    def human() -> None:
        _print_table(result)
        for name, path in files.items():
            say(f"{name + ':':14}{path}")
        if "page" not in files:
            say(f"page:         not drawn; matplotlib: not found; {remedy('matplotlib', 'report')}")

    fields = asdict(result) | {"build": result.build.to_json(), "files": files}
    emit(as_json, fields, human)
    if not result.met:
        ctx.exit(1)


def _print_table(result: DemoResult) -> None:
    from .tables import FittingTable

    verification, build = result.verification, result.build
    trust = " (the machine is busy: not to be trusted)" if result.busy else ""
    used = ((name, getattr(build, name), build.available[name]) for name in ("lut", "ff", "bram", "dsp"))
    latency_us = verification.latency_cycles / build.fmax_mhz
    rows = [
        ("accuracy", f"{result.accuracy:.2%} of {result.images} held-out images, in integers"),
        (
            "mismatches",
            (
                f"{verification.mismatches:,} of {verification.spikes_compared:,} bits, {verification.layers} layers, "
                f"{verification.frames} images"
            ),
        ),
        ("cycles per frame", f"{verification.cycles_per_frame:g} (simulated, frames back to back)"),
        ("latency", f"{verification.latency_cycles} cycles (simulated), {latency_us:.1f} us at the post-route clock"),
        (
            "post-route clock",
            (
                f"{build.fmax_mhz:.1f} MHz ({build.board}; built for {build.target_mhz:g} MHz: "
                f"{'met' if build.timing_met else 'NOT MET'})"
            ),
        ),
        ("LUT, FF, BRAM, DSP", ", ".join(f"{count:,} ({count / most:.0%})" for _, count, most in used)),
        ("FPGA", f"{result.fpga_fps:,.0f} frames/s (simulated cycles at the post-route clock)"),
        ("CPU", f"{result.cpu_fps:,.0f} frames/s ({result.cpu_implementation}, {result.cpu})"),
        ("FPGA / CPU", f"{result.fpga_fps / result.cpu_fps:.1f}{trust}"),
    ]
    table = FittingTable(("", ""), title="hwsnn demo: digits", header=False)
    for name, value in rows:
        table.add_row(name, value)
    results_console().print(table)
