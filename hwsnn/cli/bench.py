"""``hwsnn bench``: simulated cycles and latency, compared with the CPU and published systems, in one run."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwsnn.model_file.by_name import load_model
from hwsnn.planner.constraints import DEFAULT_MHZ, Constraints
from hwsnn.planner.devices import AMD_FAMILIES, DEVICES

from ..errors import InputError
from ..packages import remedy
from ..progress import stages
from .common import (
    command_line,
    count_option,
    data_option,
    emit,
    json_option,
    model_argument,
    output_option,
    results_console,
    say,
    seed_option,
)
from .documented import Command
from .folding import folding_options, planned, remark
from .generate import limit

if TYPE_CHECKING:
    from hwsnn.bench.report import BenchReport
    from hwsnn.build.analysis.resources import Use

    from .tables import FittingTable

FRAMES = 16
"""The minimum number of frames to simulate back to back."""
PAGE = "index.html"
PAGE_IMAGES = 500
"""Images whose answers the page shows, at most: those of all take the reference minutes."""


@click.command(
    "bench",
    cls=Command,
    examples=(
        "hwsnn bench digits --data digits",
        "hwsnn bench mnist --synth --device xczu9eg -o out",
    ),
)
@model_argument
@data_option()
@count_option
@seed_option
@folding_options()
@click.option("--synth", is_flag=True, help="Count what the design takes of an AMD device, by Yosys: minutes.")
@output_option("DIR", "The folder for bench.json, index.html, roofline.png and roofline.svg (needs the extra report).")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    data: str | None,
    count: int | None,
    seed: int,
    constraints: Constraints,
    synth: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Measure MODEL's cycles per frame and latency in simulated RTL, and the frames/s of this CPU.

    At least 16 frames go through the hardware back to back, cycling through the images, and every bit at every layer
    boundary is compared with the reference. Without --data the images are random. Frame rates of the FPGA are simulated
    cycles at an assumed clock; hwsnn build finds the clock that a board really reaches. Exit status 1 if the hardware's
    results differ: -o then writes nothing.
    """
    network = load_model(model)
    if synth and DEVICES[constraints.device].family not in AMD_FAMILIES:
        raise InputError(f"--synth counts what a design takes of an AMD device, not of the {constraints.device}")
    if output is not None:
        import matplotlib.figure  # noqa: F401  # before minutes of other work

    import numpy as np

    from hwsnn.bench.report import BenchReport
    from hwsnn.build.analysis.resources import measure
    from hwsnn.files.atomic import folder_written_whole

    from ..bench import cpu_figures, this_cpu
    from ..build.tools import find
    from ..data import load, random_images
    from ..rtl.network import Pipeline
    from ..sim.network_bench import run_network

    if synth:
        find("yosys")  # before minutes of other work
    images = load(data, network, count).images if data else random_images(network, count or FRAMES, seed)
    with folder_written_whole(output) if output is not None else nullcontext() as folder:
        with stages() as show:
            show.at("planning")
            plan = planned(constraints, network)
            show.at("building the simulator")
            simulated = run_network(
                network,
                plan.folding,
                images[np.arange(max(count or 0, FRAMES)) % len(images)],
                seed=seed,
                stalls=False,
                progress=lambda done, total: show.at("simulating frames", done, total, "frames"),
            )
            resources = None
            if synth:
                show.at("synthesizing parts")
                resources = measure(
                    Pipeline(network, plan.folding),
                    plan.device,
                    progress=lambda done, total: show.at("synthesizing parts", done, total, "parts"),
                )
            cpu = this_cpu()
            figures = cpu_figures(network, images, lambda done, total: show.at("timing the CPU", done, total))
        clock_mhz = constraints.clock_mhz or DEFAULT_MHZ
        report = BenchReport(network, plan, simulated, clock_mhz, cpu, figures, resources)
        fields = report.to_json() | remark(plan)
        if simulated.mismatches:
            emit(as_json, fields, lambda: print_report(report))
            click.echo(f"hwsnn: the hardware's results differ: {simulated.first_mismatch}", err=True)
            ctx.exit(1)
        if folder is not None:
            from ..bench.roofline import draw

            (folder / "bench.json").write_text(json.dumps(fields, indent=2, allow_nan=False) + "\n")
            draw(report, folder)
            with stages() as show:
                show.at("drawing the page")
                (folder / PAGE).write_text(_page(ctx, report, data, min(len(images), PAGE_IMAGES)), encoding="utf-8")
    emit(as_json, fields, lambda: print_report(report, output))


def _page(ctx: click.Context, report: BenchReport, data: str | None, some: int) -> str:
    """The page of ``hwsnn report`` with what was measured, and with the answers to the first ``some`` images."""
    from hwsnn.report.benchmarked import Benchmarked
    from hwsnn.report.measured import measure
    from hwsnn.report.subject import of_plan
    from hwsnn.report.write import Contents, html_of

    network = report.network
    measured = None if data is None else measure(network, data, some)
    benchmarked = Benchmarked(report.simulated, report.cpu, report.figures, report.resources, report.sizes)
    subject = of_plan(ctx.params["model"], network, report.plan, report.assumed_mhz)
    return html_of(Contents(subject, (command_line(ctx),), measured, benchmarked))


def print_report(report: BenchReport, output: Path | None = None) -> None:
    network, plan, simulated, console = report.network, report.plan, report.simulated, results_console()
    clocks = f"{simulated.cycles_per_frame:,.10g}"
    difference = report.model_difference
    say(
        f"{network.name}, T = {network.timesteps}, on {plan.device.title}: about {plan.cost.described(plan.device)} "
        f"(estimated), limited by {limit(plan)}\n"
        f"{len(simulated.result_clocks)} frames simulated back to back: {simulated.spikes_compared:,} bits compared "
        f"with the reference, {simulated.mismatches:,} mismatches\n"
        f"{clocks} cycles per frame, {simulated.latency_cycles:,} cycles from a frame's first pixel to its result "
        f"(simulated)\n"
        f"{float(plan.cycles.cycles_per_frame):,.10g} and {plan.cycles.latency_cycles:,} by the cycle model: "
        + ("equal, at every result" if difference is None else f"DIFFERENT: {difference}"),
    )
    console.print(_rates(report, clocks))
    if report.published:
        console.print(_published(report))
    if report.resources is not None:
        console.print(_sizes(report))
    if output is not None:
        for name in ("bench.json", PAGE, "roofline.png", "roofline.svg"):
            say(str(output / name))


def _rates(report: BenchReport, clocks: str) -> FittingTable:
    from ..bench import installed_version
    from .tables import FittingTable

    table = FittingTable(("",), ("frames/s", "latency", "over the CPU"), str(report.cpu))
    for rate in report.rates:
        fps, latency = f"{rate.fps:,.0f}", f"{rate.latency_us:,.1f} us"
        table.add_row(
            f"FPGA: {clocks} simulated cycles, {rate.clock}", fps, latency, f"{rate.fps / report.cpu_fps:.1f}"
        )
    for figure in report.figures:
        name = "the CPU" if figure is report.fastest else "CPU"
        ratio = "1" if figure is report.fastest else f"{figure.fps / report.cpu_fps:.2f}"
        table.add_row(f"{name}: {figure.name}; {figure.use}", f"{figure.fps:,.0f}", "", ratio)
    if installed_version("numba") is None:
        lacks = f"CPU: compiled code is not measured, for numba is not installed; {remedy('numba')}"
        table.add_row(lacks, "", "", "")
    if installed_version("torch") is None:
        table.add_row("CPU: PyTorch is not installed: not measured", "", "", "")
    return table


def _published(report: BenchReport) -> FittingTable:
    from .tables import FittingTable

    numbers = ("accuracy, %", "T", "clock, MHz", "frames/s", "latency")
    table = FittingTable(("published", "device"), numbers, "As published, on MNIST; empty: not known")
    for system in report.published:
        table.add_row(
            f"{system.name} {system.year}" + (f" ({system.notes})" if system.notes else ""),
            system.device,
            _known(system.accuracy),
            _known(system.timesteps),
            ("<= " if system.clock_at_most else "") + _known(system.clock_mhz),
            _known(system.fps),
            "" if system.latency_ms is None else f"{system.latency_ms:g} ms",
        )
    return table


def _sizes(report: BenchReport) -> FittingTable:
    """Resources of each layer, and the total with its share of the device."""
    from .tables import FittingTable

    resources = report.resources
    assert resources is not None
    numbers = (
        "LUT",
        "FF",
        "BRAM36",
        "DSP",
        "synapses\na clock",
        "LUT of the layer\na synapse",
        "LUT of its sums\na synapse",
    )
    table = FittingTable(("layer",), numbers, f"{resources.device.title} by {resources.tool}: synthesized, not placed")
    for name, size in report.sizes.items():
        table.add_row(
            name,
            *_amounts(size.use),
            _known(size.synapses_per_cycle),
            *(_known(value and round(value, 2)) for value in (size.lut_per_synapse, size.sums_lut_per_synapse)),
        )
    table.add_section()
    table.add_row("total", *_amounts(resources.total))
    shares = resources.total.shares(resources.device)
    table.add_row("of the device", *(f"{shares[name]:g} %" for name in ("lut", "ff", "bram36", "dsp")))
    return table


def _amounts(use: Use) -> list[str]:
    return [f"{use.lut:,}", f"{use.ff:,}", f"{use.bram36:,.10g}", f"{use.dsp:,}"]


def _known(value: float | None) -> str:
    return "" if value is None else f"{value:,.10g}"
