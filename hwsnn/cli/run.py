"""``hwsnn run``: the bit-exact reference on images."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model, model_path

from ..packages import require
from ..progress import stages
from .common import (
    count_option,
    data_option,
    emit,
    json_option,
    model_argument,
    output_option,
    require_another,
    results_console,
    say,
    say_remark,
)
from .documented import Command

if TYPE_CHECKING:
    from hwsnn.reference.activity import Activity

    from ..spec import Network
    from .tables import FittingTable


@click.command(
    "run",
    cls=Command,
    examples=(
        "hwsnn run digits --data digits",
        "hwsnn run net.safetensors --data images.npz -n 100 -o out.npz --trace",
    ),
)
@model_argument
@data_option(required=True)
@count_option
@output_option("OUT.npz", "Write the arrays predictions (N,) and scores (N, classes) here.")
@click.option("--trace", is_flag=True, help="Write every layer's spikes too: spikes_LAYER (N, T, C, H, W).")
@click.option("--activity", is_flag=True, help="Count every layer's spikes and synaptic operations, in a second run.")
@click.option(
    "--engine",
    type=click.Choice(("numpy", "compiled")),
    default="numpy",
    show_default=True,
    help="What computes: the reference, or compiled code with the same scores, faster (needs the extra compiled).",
)
@json_option
def command(
    model: str,
    data: str,
    count: int | None,
    output: Path | None,
    trace: bool,
    activity: bool,
    engine: str,
    as_json: bool,
) -> None:
    """Run MODEL's integer reference on images: bit for bit what the hardware computes."""
    if trace and output is None:
        raise click.UsageError("--trace writes spikes to a file: name it with -o OUT.npz", click.get_current_context())
    if trace and engine == "compiled":
        raise click.UsageError(
            "--trace needs --engine numpy: compiled code keeps no spikes", click.get_current_context()
        )
    if engine == "compiled":
        require("numba", ", which --engine compiled needs")

    import numpy as np

    from hwsnn.data.resolve import path_of
    from hwsnn.files.atomic import written_whole
    from hwsnn.reference.activity import measure

    from ..data import load
    from ..reference import run

    network = load_model(model)
    require_another(output, model=model_path(model), data=path_of(data))
    with written_whole(output) if output else nullcontext() as partial:
        loaded = load(data, network, count)
        with stages() as show:
            if engine == "compiled":
                from ..compiled import run as run_compiled

                show.at("compiling")
                run_compiled(network, loaded.images[:1])  # what is not in the cache is compiled here
                show.at("running compiled code", 0, len(loaded.images), "images")
                start = perf_counter()
                result = run_compiled(network, loaded.images, progress=show.advance)
            else:
                show.at("running the reference", 0, len(loaded.images), "images")
                start = perf_counter()
                result = run(network, loaded.images, trace=trace, progress=show.advance)
            seconds = perf_counter() - start
            measured = None
            if activity:
                show.at("counting spikes", 0, len(loaded.images), "images")
                measured = measure(network, loaded.images, progress=show.advance)
            if partial:
                show.at("writing")
                arrays: dict[str, Any] = {"predictions": result.predictions, "scores": result.scores}
                arrays |= {f"spikes_{layer}": spikes for layer, spikes in result.spikes.items()}
                with partial.open("wb") as file:
                    np.savez_compressed(file, **arrays)

    right = None if loaded.labels is None else int((result.predictions == loaded.labels).sum())
    images = len(loaded.images)
    fields: dict[str, Any] = {
        "images": images,
        "accuracy": None if right is None else right / images,
        "remark": loaded.remark or None,
        "images_per_second": images / seconds,
    }
    if measured:
        fields["activity_per_image"] = _figures(measured)

    def human() -> None:
        accuracy = "no labels to compare with" if right is None else f"{right:,} right, {right / images:.2%}"
        say(f"{images:,} images: {accuracy}; {images / seconds:,.0f} images/s on this CPU")
        say_remark(loaded)
        if measured:
            results_console().print(_table(network, measured))
        if output:
            say(f"wrote {output}")

    emit(as_json, fields, human)


def _figures(activity: Activity) -> dict[str, Any]:
    return {
        "spikes": activity.spikes,
        "total_spikes": activity.total_spikes,
        "synaptic_operations": activity.synaptic_operations,
        "total_synaptic_operations": activity.total_synaptic_operations,
        "multiply_adds": activity.total_multiply_adds,
    }


def _table(network: Network, activity: Activity) -> FittingTable:
    """Spikes and operations per image; empty where they have no meaning, such as operations of a pool."""
    from .tables import FittingTable

    names = [layer.name for layer in network.layers]
    columns = [
        ("spikes", activity.spikes, activity.total_spikes),
        ("synaptic operations", activity.synaptic_operations, activity.total_synaptic_operations),
    ]
    if not network.encoder.spikes:
        columns.append(("multiply-adds on pixels", activity.multiply_adds, activity.total_multiply_adds))
    else:
        names = ["encoder", *names]
    table = FittingTable(("layer",), [heading for heading, _, _ in columns], "an image, on average")
    for name in names:
        table.add_row(name, *(f"{values[name]:,.1f}" if name in values else "" for _, values, _ in columns))
    table.add_section()
    table.add_row("total", *(f"{total:,.1f}" for _, _, total in columns))
    return table
