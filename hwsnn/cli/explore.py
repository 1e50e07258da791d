"""``hwsnn explore``: the Pareto front of the designs of a trained network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsnn.float_network import Compare
from hwsnn.planner.constraints import DEFAULT_MHZ

from ..errors import InputError
from ..progress import stages
from ..spec import MAX_TIMESTEPS, MAX_WEIGHT_BITS, MIN_WEIGHT_BITS, EncoderKind, Readout, Reset
from . import completers
from .common import count_option, data_option, emit, json_option, output_option, results_console, say
from .documented import Command
from .folding import clock_option, device_option
from .module_source import ModuleOptions, is_module, module_options
from .source import (
    compare_option,
    counted_as,
    encoding_option,
    input_options,
    read_trained,
    readout_option,
    reset_option,
    trained_path,
)

if TYPE_CHECKING:
    from ..explore.points import Result, Task
    from ..explore.space import Variant
    from ..explore.table import Row
    from .tables import FittingTable

MOST_CLOCKS = 1_000_000_000
DEFAULT_POINTS = 8


def _integers(low: int, high: int) -> Callable[[click.Context, click.Parameter, str | None], tuple[int, ...] | None]:
    """Integers from ``low`` to ``high``, as in ``2-4,8``, in order."""

    def parse(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[int, ...] | None:
        if text is None:
            return None
        found: set[int] = set()
        for part in text.split(","):
            ends = part.strip().split("-")
            if not 1 <= len(ends) <= 2 or not all(end.isascii() and end.isdigit() and len(end) < 12 for end in ends):
                raise click.BadParameter(f"must be integers such as 2-4,8, not {text!r}")
            first, last = int(ends[0]), int(ends[-1])
            if not low <= first <= last <= high:
                raise click.BadParameter(f"must be from {low} to {high}, in order, not {part.strip()!r}")
            if last - first > MAX_TIMESTEPS:
                raise click.BadParameter(f"{part.strip()!r} are too many; name some of them, with commas")
            found |= set(range(first, last + 1))
        return tuple(sorted(found))

    return parse


@click.command(
    "explore",
    cls=Command,
    examples=(
        "hwsnn explore mnist-small --data mnist -o sweep",
        "hwsnn explore net.nir --data mnist --bits 3-8 --timesteps 2,4 --points 5 -o sweep",
    ),
)
@click.argument("source", metavar="SRC", shell_complete=completers.source)
@data_option(required=True, split="its last 10,000 training images, see --split")
@count_option
@click.option(
    "--split",
    type=click.Choice(["train-tail", "test"]),
    help="The images of a folder: the last 10,000 training images, or the test images.  [default: train-tail]",
)
@click.option(
    "--bits",
    default=f"2-{MAX_WEIGHT_BITS}",
    show_default=True,
    callback=_integers(MIN_WEIGHT_BITS, MAX_WEIGHT_BITS),
    metavar="LIST",
    help="Weight bits, rounded after training.",
)
@click.option(
    "--timesteps",
    callback=_integers(1, MAX_TIMESTEPS),
    metavar="LIST",
    help="Time steps per frame, without retraining.  [default: as in training, where SRC says so]",
)
@click.option(
    "--clocks",
    callback=_integers(1, MOST_CLOCKS),
    metavar="LIST",
    help="Maximum cycles per frame: one design for each.",
)
@click.option(
    "--points",
    type=click.IntRange(2, 1000),
    metavar="K",
    help="In place of --clocks: K targets, in geometric series from one pixel per cycle to the smallest design.  "
    f"[default: {DEFAULT_POINTS}]",
)
@device_option
@clock_option
@encoding_option
@readout_option
@reset_option
@compare_option
@input_options
@module_options
@click.option("--scheduler", metavar="ADDRESS", help="A Dask cluster to work on.  [default: this machine's cores]")
@output_option("DIR", "Folder to write into. A sweep that was stopped resumes from there.", required=True)
@json_option
def command(
    source: str,
    data: str,
    count: int | None,
    split: Any,
    bits: tuple[int, ...],
    timesteps: tuple[int, ...] | None,
    clocks: tuple[int, ...] | None,
    points: int | None,
    device: str,
    clock_mhz: float | None,
    encoding: EncoderKind | None,
    readout: Readout | None,
    reset: Reset | None,
    compare: Compare | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    input_scale: float | None,
    pixel_bits: int,
    weights: Path | None,
    sample: tuple[int, ...] | None,
    forward: Any,
    scheduler: str | None,
    output: Path,
    as_json: bool,
) -> None:
    """Sweep folding, weight bits and time steps of the trained network SRC, and find the Pareto-optimal designs.

    SRC is a module, FILE.py:NAME, a NIR graph or a float .safetensors, as for quantize, or the name of a shipped model.
    The output is accuracy, frames/s, latency and look-up tables of every design, in DIR/points.csv, and of those on the
    Pareto front, in DIR/pareto.csv, pareto.png and pareto.svg.

    Test images are for measuring a finished model; an accuracy on the images that chose the design is too good. So the
    last training images are the default, and SRC should be trained without them. Choosing by the right images is the
    user's responsibility.

    The processes on this machine are closed to its other users. A --scheduler must be trusted, and so must all who can
    reach it: Dask sends Python objects between its processes, and those can run anything, here too.
    """
    if clocks is not None and points is not None:
        raise click.UsageError("--clocks and --points must not be given together")
    from hwsnn.planner.devices import DEVICES

    from ..explore import plot, space, table
    from ..explore.images import measured
    from ..explore.points import Refusal, Store
    from ..explore.sweep import cluster, cores, sweep

    source = source if is_module(source) else str(trained_path(source))
    module = ModuleOptions(
        weights, sample, forward, timesteps[0] if timesteps and len(timesteps) == 1 else None, encoding
    )
    with stages() as show:
        show.at("quantizing")
        counted = counted_as(mean, std, input_scale, pixel_bits)
        options = {"encoding": encoding, "readout": readout, "reset": reset, **counted}
        name, variants = _variants(source, module, bits, timesteps, compare, options)
        images, which = measured(data, variants[0].network, split, count)
        show.at("planning")
        tasks = space.tasks(variants, DEVICES[device], clocks or points or DEFAULT_POINTS, space.data_hash(images))
    store = Store(output)
    results = {task.key: result for task in tasks if (result := store.get(task)) is not None}
    missing = [task for task in tasks if task.key not in results]

    def keep(task: Task, result: Result) -> None:
        store.put(task, result)
        results[task.key] = result
        show.advance(1)

    with stages() as show:
        show.at("exploring", len(results), len(tasks), "designs")
        if missing:
            networks = {variant.model_hash: variant.network for variant in variants}
            with cluster(scheduler, min(cores(), len(missing))) as client:
                sweep(client, missing, networks, images, keep)

    refusals = [result for result in results.values() if isinstance(result, Refusal)]
    rows = table.rows([(task, results[task.key]) for task in tasks], clock_mhz or DEFAULT_MHZ)
    if not rows:
        raise InputError(f"{source}: there is no such design: {refusals[0].reason}")
    front = [row for row in rows if row.on_front]
    files = [output / "points.csv", output / "pareto.csv"]
    for file, content in zip(files, (rows, front), strict=True):
        table.write_csv(file, content)
    files += plot.draw(rows, f"{name}: accuracy on {len(images.images):,} images", output / "pareto")
    fields = {
        "source": source,
        "accuracy_on": which,
        "images": len(images.images),
        "tasks": len(tasks),
        "tasks_done_now": len(missing),
        "designs": len(rows),
        "refused": len(refusals),
        "front": [asdict(row) for row in front],
        "files": [str(file) for file in files],
    }

    def human() -> None:
        say(f"{name}: networks {len(variants)}, designs {len(rows)}, of them on the front {len(front)}")
        if refusals:
            say(f"targets that cannot be met: {len(refusals)}, such as: {refusals[0].reason}")
        say(f"accuracy on {len(images.images):,} images of {which}")
        results_console().print(_table(front))
        for file in files:
            say(f"wrote {file}")

    emit(as_json, fields, human)


def _variants(
    source: str,
    module: ModuleOptions,
    bits: tuple[int, ...],
    timesteps: tuple[int, ...] | None,
    compare: Compare | None,
    options: dict[str, Any],
) -> tuple[str, list[Variant]]:
    """The name of the trained network ``source``, and its integer networks; ``options`` of the quantizer."""
    from ..explore.space import variants

    trained = read_trained(source, reset=options["reset"], compare=compare, module=module).network
    steps = timesteps or (trained.timesteps and (trained.timesteps,))
    if not steps:
        raise InputError(f"{source}: does not say how many time steps it was trained for; give them: --timesteps 2")
    try:
        return trained.name, variants(trained, bits, steps, **options)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def _table(front: list[Row]) -> FittingTable:
    from .tables import FittingTable

    numbers = ("bits", "T", "accuracy", "frames/s", "cycles\nper frame", "latency,\nus", "LUT", "BRAM36")
    title = f"the front on {front[0].device}, at an assumed {front[0].assumed_clock_mhz:g} MHz"
    table = FittingTable((), numbers, title)
    for row in sorted(front, key=lambda row: row.lut_estimate):
        table.add_row(
            str(row.weight_bits),
            str(row.timesteps),
            f"{row.accuracy:.2%}",
            f"{row.fps_at_assumed_clock:,.0f}",
            f"{row.cycles_per_frame:,g}",
            f"{row.latency_us_at_assumed_clock:,.2f}",
            f"{row.lut_estimate:,} ({row.lut_percent_estimate:g}%)",
            f"{row.bram36_estimate:g}",
        )
    return table
