"""``hwsnn verify``: the simulated hardware against the reference, at every layer boundary."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from hwsnn.model_file.by_name import load_model
from hwsnn.planner.constraints import Constraints

from ..progress import stages
from .common import as_path, count_option, data_option, emit, json_option, model_argument, say, seed_option, verdict
from .documented import Command
from .folding import folding_options, planned, remark

RANDOM_FRAMES = 10
"""Default number of random images, without --data and -n."""


@click.command(
    "verify",
    cls=Command,
    examples=(
        "hwsnn verify digits --data digits -n 20",
        "hwsnn verify net.safetensors --until conv2 --debug out",
    ),
)
@model_argument
@data_option()
@count_option
@seed_option
@click.option("--until", metavar="LAYER", help="Compare up to this layer, and end the simulation with its output.")
@click.option(
    "--debug",
    metavar="DIR",
    type=click.Path(),
    callback=as_path,
    help="The folder for what shows the first difference: design.v, beats.npz, first.json, dump.vcd, streams.gtkw.",
)
@folding_options()
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    data: str | None,
    count: int | None,
    seed: int,
    until: str | None,
    debug: Path | None,
    constraints: Constraints,
    as_json: bool,
) -> None:
    """Simulate the Verilog of MODEL and compare every layer's spikes with the reference, bit by bit.

    Without --data the images are random. All frames run once back to back, and once more with random stalls at both
    ends. The first difference of each layer is printed, and the exit status is 1 if there is any. The design must fit
    the --device, except with --fold.
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
            until=until,
            debug=debug,
            stage=show.at,
            progress=lambda done, total: show.at("comparing frames", done, total, "frames"),
        )
    fields = {
        "frames": result.frames,
        "layers": result.layers,
        "spikes_compared": result.spikes_compared,
        "mismatches": result.mismatches,
        "differences": [asdict(difference) for difference in result.differences],
        "cycles_per_frame": result.cycles_per_frame,
        "latency_cycles": result.latency_cycles,
        **remark(plan),
    }

    def human() -> None:
        say(
            f"{result.frames} frames, {result.layers} layers, {result.spikes_compared:,} bits compared with the "
            f"reference, {verdict(f'{result.mismatches:,} mismatches', good=not result.mismatches)}\n"
            f"{result.cycles_per_frame:g} cycles per frame back to back, {result.latency_cycles} cycles from a frame's "
            f"first pixel to {'its result' if until is None else f'the last of the output of {until}'} (simulated)"
        )
        if result.first is not None:
            say(f"The first difference of each layer; begin with {result.first.layer}:")
        for difference in result.differences:
            say(f"  {difference}")

    emit(as_json, fields, human)
    if result.mismatches:
        ctx.exit(1)
