"""``hwsnn verify``: the simulated hardware against the reference, at every layer boundary."""

from __future__ import annotations

import click

from hwsnn.model_file.by_name import load_model
from hwsnn.planner.constraints import Constraints

from ..progress import stages
from .common import count_option, data_option, emit, json_option, model_argument, seed_option
from .folding import folding_options, planned, remark

RANDOM_FRAMES = 10
"""Default number of random images, without --data and -n."""


@click.command("verify")
@model_argument
@data_option()
@count_option
@seed_option
@folding_options()
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    data: str | None,
    count: int | None,
    seed: int,
    constraints: Constraints,
    as_json: bool,
) -> None:
    """Simulate the Verilog of MODEL and compare every layer's spikes with the reference, bit by bit.

    Without --data the images are random. All frames run once back to back, and once more with random stalls at both
    ends. Exit status 1 if anything differs. The design must fit the --device, except with --fold.
    """
    network = load_model(model)

    from ..data import load, random_images
    from ..sim.network_bench import run_network

    images = load(data, network, count).images if data else random_images(network, count or RANDOM_FRAMES, seed)
    with stages() as show:
        show.at("planning")
        plan = planned(constraints, network)
        show.at("building the simulator")
        result = run_network(
            network,
            plan.folding,
            images,
            seed=seed,
            progress=lambda done, total: show.at("comparing frames", done, total),
        )
    fields = {
        "frames": result.frames,
        "layers": result.layers,
        "spikes_compared": result.spikes_compared,
        "mismatches": result.mismatches,
        "cycles_per_frame": result.cycles_per_frame,
        "latency_cycles": result.latency_cycles,
        **remark(plan),
    }

    def human() -> None:
        click.echo(
            f"{result.frames} frames, {result.layers} layers, {result.spikes_compared:,} bits compared with the "
            f"reference, {result.mismatches:,} mismatches\n"
            f"{result.cycles_per_frame:g} cycles per frame back to back, {result.latency_cycles} cycles from a frame's "
            "first pixel to its result (simulated)"
        )
        if result.first_mismatch:
            click.echo(f"first mismatch at {result.first_mismatch}")

    emit(as_json, fields, human)
    if result.mismatches:
        ctx.exit(1)
