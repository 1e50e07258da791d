"""``hwsnn board bench``: frames/s, cycles per frame, and the power by the board's own monitors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model

from .board_common import SIMULATED, Run, address_options, opened, scheme_of
from .board_power import power_report
from .common import data_option, emit, json_option, model_argument, say, seed_option
from .documented import Command

if TYPE_CHECKING:
    from ..bench import CpuFigure

FRAMES = {SIMULATED: 64, "serial": 500}
"""How many frames are run where nobody says, by the kind of address."""
MOST_FRAMES = 20_000
MOST_IMAGES = 1000
"""Different images that are taken at most: the reference, which they are compared with, may be slow."""


@click.command(
    "bench",
    cls=Command,
    examples=(
        "hwsnn board bench digits --on serial:/dev/ttyUSB0",
        "hwsnn board bench digits --on sim: -n 16",
    ),
)
@model_argument
@address_options
@data_option()
@click.option("-n", "count", type=click.IntRange(min=1), metavar="N", help="Frames to run.  [default: by the board]")
@seed_option
@json_option
@click.pass_context
def bench(
    ctx: click.Context,
    model: str,
    address: str,
    baud: int | None,
    data: str | None,
    count: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure frames/s through the driver, cycles per frame by the board's counters, and the energy of a frame.

    N frames are run, cycling through the images; without --data they are random. A board is compared with this CPU, by
    the fastest implementation that is installed here, measured in the same run. A simulated one is not: its wall time
    is the simulator's, and only its cycle counts are meaningful. Where a board has power monitors that Linux reads, the
    frames are run again and again for them. Exit status 1 if a score or a predicted class differs.
    """
    network = load_model(model)

    from ..bench import cpu_figures, fastest
    from ..data import load, random_images

    kind = scheme_of(address)
    frames = count or FRAMES.get(kind, MOST_FRAMES)
    distinct = min(frames, MOST_IMAGES)
    images = load(data, network).images[:distinct] if data else random_images(network, distinct, seed)
    with opened(address, network, baud) as (board, runner):
        board.infer(images[:1])  # so that the first frame's way through an empty board is not measured
        result = runner.run(images, frames)
        runner.show.at("reading the power monitors")
        power = power_report(kind, board, result)
    cpu = None if kind == SIMULATED else fastest(cpu_figures(network, images))
    mismatches = result.mismatches + power.mismatches
    fields = _fields(kind, result, cpu) | {"power": power.to_json(), "mismatches": mismatches}

    def human() -> None:
        _show(fields, result, cpu)
        for line in power.lines():
            say(line)
        say(f"{mismatches:,} differ from the reference; {result.grown.retries:,} frames sent again")

    emit(as_json, fields, human)
    if mismatches:
        ctx.exit(1)


def _fields(kind: str, result: Run, cpu: CpuFigure | None) -> dict[str, Any]:
    """The figures of the run, for JSON."""
    from ..bench import this_cpu

    frames, grown = len(result.sent), result.grown

    def a_frame(total: int | None) -> float | None:
        return None if total is None else total / frames

    return {
        "images": frames,
        "seconds": result.seconds,
        "images_per_second": frames / result.seconds,
        "simulated": kind == SIMULATED,
        "cycles_per_frame": a_frame(grown.clocks),
        "input_stalls_per_frame": a_frame(grown.input_stalls),
        "output_stalls_per_frame": a_frame(grown.output_stalls),
        "cpu_images_per_second": cpu and cpu.fps,
        "cpu_implementation": cpu and f"{cpu.name}; {cpu.use}",
        "cpu": cpu and str(this_cpu()),
        "retries": grown.retries,
        "refused": grown.malformed,
    }


def _show(fields: dict[str, Any], result: Run, cpu: CpuFigure | None) -> None:
    say(f"{fields['images']:,} images in {result.seconds:,.3g} s, {fields['images_per_second']:,.0f} images/s")
    if fields["simulated"]:
        say("this is the simulator's time, not a board's; the cycles are the design's")
    if fields["cycles_per_frame"] is not None:
        say(
            f"{fields['cycles_per_frame']:,.1f} pipeline cycles per frame; bus cycles stalled per frame: "
            f"{fields['input_stalls_per_frame']:,.1f} at the input, "
            f"{fields['output_stalls_per_frame']:,.1f} at the output"
        )
    if cpu is not None:
        ratio = fields["images_per_second"] / cpu.fps
        say(f"this CPU ({fields['cpu']}; {fields['cpu_implementation']}): {cpu.fps:,.0f} images/s")
        say(f"the board over this CPU: {ratio:.3g}")
