"""``hwsnn run``: the bit-exact reference on images."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from .common import count_option, data_option, emit, json_option, load_model, model_argument, output_option, progress


@click.command("run")
@model_argument
@data_option(required=True)
@count_option
@output_option("OUT.npz", "Write the arrays predictions (N,) and scores (N, classes) here.")
@click.option("--trace", is_flag=True, help="Write every layer's spikes too: spikes_LAYER (N, T, C, H, W).")
@json_option
def command(model: str, data: str, count: int | None, output: Path | None, trace: bool, as_json: bool) -> None:
    """Run MODEL's integer reference on images: what the hardware computes, bit by bit."""
    if trace and output is None:
        raise click.UsageError("--trace writes spikes to a file: name it with -o OUT.npz", click.get_current_context())

    import numpy as np

    from ..data import load
    from ..files import written_whole
    from ..reference import run

    network = load_model(model)
    with written_whole(output) if output else nullcontext() as partial:
        loaded = load(data, network, count)
        with progress() as bars:
            task = bars.add_task("running the reference", total=len(loaded.images))
            start = perf_counter()
            result = run(network, loaded.images, trace=trace, progress=lambda done: bars.advance(task, done))
            seconds = perf_counter() - start
        if partial:
            arrays: dict[str, Any] = {"predictions": result.predictions, "scores": result.scores}
            arrays |= {f"spikes_{layer}": spikes for layer, spikes in result.spikes.items()}
            with partial.open("wb") as file:
                np.savez_compressed(file, **arrays)

    right = None if loaded.labels is None else int((result.predictions == loaded.labels).sum())
    images = len(loaded.images)
    fields = {
        "images": images,
        "accuracy": None if right is None else right / images,
        "images_per_second": images / seconds,
    }

    def human() -> None:
        accuracy = "no labels to compare with" if right is None else f"{right:,} right, {right / images:.2%}"
        click.echo(f"{images:,} images: {accuracy}; {images / seconds:,.0f} images/s on this CPU")
        if output:
            click.echo(f"wrote {output}")

    emit(as_json, fields, human)
