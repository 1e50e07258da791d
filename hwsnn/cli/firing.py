"""The firing of a model's neurons on sample data: measured, joined to a report, and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsnn.data.idx import Split
from hwsnn.data.resolve import ANY, Source, Wish, resolve

from ..data import load, wish_of
from ..progress import stages
from .common import results_console, say

if TYPE_CHECKING:
    from hwsnn.reference.firing import Firing

    from ..spec import Network

SAMPLE_IMAGES = 500
"""Default number of images: enough that a neuron that fires now and then is seen to."""
UNKNOWN = (
    "firing: not measured; --data DATA runs the model on sample data and shows how many neurons of each layer fire"
)
WHERE_TO_LOOK = {
    "dead": "the input may be smaller than in training (--input-scale, --mean, --std), or thresholds too high",
    "saturated": "the input may be larger than in training (--input-scale, --mean, --std), or thresholds too low",
}

sample_count_option = click.option(
    "-n",
    "count",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"Only the first N images of --data.  [default: {SAMPLE_IMAGES}, or all if there are fewer]",
)


@dataclass(frozen=True)
class Sample:
    """``source``: the images, in words. ``layers``: the firing of each layer that passes spikes on, by name."""

    source: str
    images: int
    layers: Mapping[str, Firing]


def located(data: str, wish: Wish = ANY) -> tuple[Source, Split]:
    """Where the images of ``data`` are, and which: training images where there are any, as the network knows them."""
    source = resolve(data, "train", wish)
    return (source, "train") if source.holds("train") else (resolve(data, "test", wish), "test")


def measured(network: Network, data: str, count: int | None) -> Sample:
    """The firing of ``network`` on the first ``count`` images of ``data``, with progress on stderr."""
    from hwsnn.reference.firing import measure

    source, split = located(data, wish_of(network))
    images = load(data, network, count, split).images[: count or SAMPLE_IMAGES]
    with stages() as show:
        show.at("running the reference on sample data", 0, len(images), "images")
        layers = measure(network, images, progress=show.advance)
    kind = {"train": "training images", "test": "test images"}[split] if source.path.is_dir() else "images"
    return Sample(f"{kind} of {Path(data).resolve().name}", len(images), layers)


def with_sample(report: dict[str, Any], sample: Sample | None) -> dict[str, Any]:
    """The JSON of a quantizer's report, and what was measured: null where it was not."""
    if sample is None:
        return report | {"sample": None, "layers": [layer | {"activity": None} for layer in report["layers"]]}
    activity = {name: asdict(firing) | {"verdict": firing.verdict} for name, firing in sample.layers.items()}
    layers = [layer | {"activity": activity.get(layer["name"])} for layer in report["layers"]]
    return report | {"sample": {"source": sample.source, "images": sample.images}, "layers": layers}


def show_sample(sample: Sample | None) -> None:
    """Print a table of the layers, and a line for each that is dead or saturated."""
    if sample is None:
        say(UNKNOWN)
        return
    from .tables import FittingTable

    numbers = ("neurons", "fire\nat all", "fire at\nevery step", "spikes per\nneuron and step")
    table = FittingTable(("layer",), numbers, f"firing on {sample.images:,} {sample.source}")
    for layer, firing in sample.layers.items():
        table.add_row(layer, f"{firing.neurons:,}", *map(_share, (firing.ever, firing.always)), f"{firing.rate:.3g}")
    results_console().print(table)
    for layer, firing in sample.layers.items():
        if firing.verdict == "dead":
            say(f"{layer} is dead: {_share(firing.ever)} of its neurons ever fire; {WHERE_TO_LOOK['dead']}")
        elif firing.verdict == "saturated":
            always = f"{_share(firing.always)} of its neurons fire at every step of every image"
            say(f"{layer} is saturated: {always}; {WHERE_TO_LOOK['saturated']}")


def _share(share: float) -> str:
    return f"{share:.1%}"
