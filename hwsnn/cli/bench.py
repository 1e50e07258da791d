"""``hwsnn bench``: simulated clocks a frame at a stated clock, against the CPU, in one run."""

from __future__ import annotations

import click

from .common import count_option, data_option, emit, json_option, load_model, model_argument, progress, seed_option

FRAMES = 16
"""Frames to simulate where no number is asked for."""
BOARD = "ulx3s-85f"
SLOWEST_MHZ, FASTEST_MHZ = 0.001, 1000


def _clock(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not SLOWEST_MHZ <= value <= FASTEST_MHZ:  # click's own range lets nan pass
        raise click.BadParameter(f"must be from {SLOWEST_MHZ} to {FASTEST_MHZ}, not {value:g}")
    return value


@click.command("bench")
@model_argument
@data_option()
@count_option
@seed_option
@click.option(
    "--clock-mhz",
    type=float,
    callback=_clock,
    help=f"The FPGA clock to assume (default: that of the {BOARD} design).",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    data: str | None,
    count: int | None,
    seed: int,
    clock_mhz: float | None,
    as_json: bool,
) -> None:
    """Measure MODEL's clocks a frame and latency in simulated RTL, and the frames a second of this CPU.

    Without --data the images are random. The frame rate of the FPGA is simulated clocks at an assumed clock; hwsnn
    build finds the clock that a board really reaches. Exit status 1 if the hardware's answers differ.
    """
    network = load_model(model)

    from ..bench import cpu_figures, fastest, fpga_fps, this_cpu, torch_version
    from ..build.boards import load_board
    from ..data import load, random_images
    from ..fold import choose
    from ..sim.network_bench import run_network

    clock = clock_mhz or load_board(BOARD).clock_mhz
    images = load(data, network, count).images if data else random_images(network, count or FRAMES, seed)
    simulated = images if count else images[:FRAMES]
    with progress() as bars:
        task = bars.add_task("building the simulator", total=None)

        def show(description: str, done: int, total: int) -> None:
            bars.update(task, description=description, completed=done, total=total)

        result = run_network(
            network,
            choose(network),
            simulated,
            seed=seed,
            stalls=False,
            progress=lambda done, total: show("simulating frames", done, total),
        )
        figures = cpu_figures(network, images, lambda done, total: show("timing the CPU", done, total))
    cpu = fastest(figures)
    fpga = fpga_fps(result.cycles_per_frame, clock)
    fields = {
        "cycles_per_frame": result.cycles_per_frame,
        "latency_cycles": result.latency_cycles,
        "clock_mhz": clock,
        "fpga_fps": fpga,
        "cpu_fps": cpu.fps,
        "cpu": {figure.name: figure.fps for figure in figures},
        "speedup": fpga / cpu.fps,
    }

    def human() -> None:
        assumed = "as asked" if clock_mhz else f"assumed: the clock of the {BOARD} design"
        click.echo(
            f"FPGA {fpga:,.0f} frames/s: {result.cycles_per_frame:g} clocks a frame (simulated) at {clock:g} MHz "
            f"({assumed})\n"
            f"     {result.latency_cycles} clocks from a frame's first pixel to its answer: "
            f"{result.latency_cycles / clock:,.1f} us at that clock\n"
            + "".join(f"CPU  {figure.fps:,.0f} frames/s: {figure.name}\n" for figure in figures)
            + ("" if torch_version() else "     PyTorch is not installed: not measured\n")
            + f"     on {this_cpu()}\n"
            f"FPGA / CPU {fpga / cpu.fps:.1f}, the CPU at its faster: {cpu.name}"
        )

    emit(as_json, fields, human)
    if result.mismatches:
        click.echo(f"hwsnn: the hardware's answers differ: {result.first_mismatch}", err=True)
        ctx.exit(1)
