"""The converted network under every encoding, number of time steps and weight width: the figures of docs/encodings.md.

    python benchmarks/encodings.py --data mnist [--hold-out N] [-o FOLDER]

One network of rates, that of the mnist-converted model, is converted for each encoding and number of steps, made 8-bit
integers and measured on the test images: as converted, and calibrated layer by layer on 1,600 training images. The
model itself, calibrated further, is measured with narrower weights. Tables and plot go into docs.

FOLDER (models/mnist_converted) is where `hwsnn train mnist-converted` left its checkpoints; without them the network of
rates is trained first. Finished points are kept there too: a script that was stopped goes on from there. With
--hold-out the last N training images are left out and measured in place of the test images, and only tables are
printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import get_args

import matplotlib as mpl
import torch
from matplotlib.figure import Figure

from hwsnn.data import LabelledData
from hwsnn.files.atomic import written_whole
from hwsnn.model_file.integer_file import model_hash
from hwsnn.progress import stages
from hwsnn.quantization.quantize import quantize
from hwsnn.reference import run as reference
from hwsnn.spec import Encoder, EncoderKind, Network
from hwsnn.train.convert import convert
from hwsnn.train.network import TrainableNetwork, export
from hwsnn.train.recipe import Run
from hwsnn.train.runner import learn
from models.mnist_converted import recipe as mnist_converted

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "models" / "mnist_converted"
PAGE = ROOT / "docs" / "encodings.md"
BEGIN, END = "<!-- made by benchmarks/encodings.py -->\n", "<!-- end -->\n"
ENCODINGS: tuple[EncoderKind, ...] = get_args(EncoderKind)
STEPS = (1, 2, 3, 4, 6, 8)
CALIBRATED_STEPS = STEPS[:5]
CALIBRATED = 1_600
BITS = (8, 7, 6, 5, 4, 3, 2)

Curves = dict[str, dict[int, float]]
"""Accuracy by encoding and number of steps."""


class Measurements:
    """Accuracies on one set of images, each measured once: a file holds them by the hash of the model."""

    def __init__(self, data: LabelledData, path: Path) -> None:
        self._data, self._path = data, path
        self._known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}

    def accuracy(self, what: str, network: Network) -> float:
        """The part of the images that the network answers rightly; ``what`` it is, for who watches."""
        key = model_hash(network)
        if key not in self._known:
            with stages() as show:
                show.at(what, 0, len(self._data.images))
                result = reference(network, self._data.images, progress=show.advance)
            self._known[key] = float((result.predictions == self._data.labels).mean())
            with written_whole(self._path) as partial:
                partial.write_text(json.dumps(self._known, indent=1))
        print(f"{what}: {self._known[key]:.2%}", flush=True)
        return self._known[key]


def integers(network: TrainableNetwork, bits: int = 8) -> Network:
    """The network with integer weights of so many bits."""
    encoder = Encoder(network.encoding)
    return quantize(export(network, "study"), timesteps=network.timesteps, encoding=encoder, bits=bits)[0]


def table(title: str, columns: dict[str, dict[int, float]]) -> list[str]:
    """A Markdown table: a row for each key, in percent."""
    rows = next(iter(columns.values()))
    lines = [f"| {title} | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    return lines + [
        f"| {row} | " + " | ".join(f"{column[row]:.2%}" for column in columns.values()) + " |" for row in rows
    ]


def plot(plain: Curves, calibrated: Curves) -> None:
    """Wrong answers against time steps, on two logarithmic axes: docs/encodings.svg and .png."""
    with mpl.rc_context({"svg.hashsalt": "hwsnn", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(7.5, 4.5), layout="constrained")
        axes = figure.subplots()
        for index, encoding in enumerate(ENCODINGS):
            for curves, style, suffix in ((calibrated, "o-", ", calibrated"), (plain, ".:", "")):
                curve = curves[encoding]
                wrong = [100 * (1 - accuracy) for accuracy in curve.values()]
                axes.plot(list(curve), wrong, style, color=f"C{index}", label=f"{encoding}{suffix}")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks(STEPS, [str(steps) for steps in STEPS])
        axes.set_yticks([0.5, 1, 2, 5, 10, 20, 50, 100], ["0.5", "1", "2", "5", "10", "20", "50", "100"])
        axes.minorticks_off()
        axes.set_xlabel("time steps")
        axes.set_ylabel("wrong answers, %")
        axes.grid(alpha=0.3)
        axes.legend(ncols=2, fontsize=8)
        for kind, options in (("svg", {"metadata": {"Date": None}}), ("png", {"dpi": 150})):
            with written_whole(PAGE.with_suffix(f".{kind}")) as partial:
                figure.savefig(partial, **options)


def main() -> None:
    """Measure all points that are not known yet, then write tables and plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--hold-out", dest="held_out", type=int, default=0, metavar="N")
    parser.add_argument("-o", dest="folder", type=Path, default=MODEL, metavar="FOLDER")
    options = parser.parse_args()
    recipe = mnist_converted.RECIPE
    run = Run(recipe, recipe.name, options.data, options.folder, 0, options.held_out, torch.device("cpu"))
    rates, _ = learn(run)
    mnist_converted.scale(run, rates)
    measured = Measurements(run.measured, options.folder / ".cache" / f"accuracies-{options.held_out}.json")

    plain: Curves = {encoding: {} for encoding in ENCODINGS}
    calibrated: Curves = {encoding: {} for encoding in ENCODINGS}
    for steps in STEPS:
        for encoding in ENCODINGS:
            converted = convert(rates, timesteps=steps, encoding=encoding)
            plain[encoding][steps] = measured.accuracy(f"{encoding}, T = {steps}", integers(converted))
            if steps in CALIBRATED_STEPS:
                converted = mnist_converted.spikes(run, rates, steps, encoding, CALIBRATED)
                what = f"{encoding}, T = {steps}, calibrated"
                calibrated[encoding][steps] = measured.accuracy(what, integers(converted))
    model = mnist_converted.model(run, rates)
    narrow = {bits: measured.accuracy(f"the model, {bits} bits", integers(model, bits)) for bits in BITS}

    lines = [f"Calibrated layer by layer on {CALIBRATED:,} training images:", "", *table("T", calibrated), ""]
    lines += ["As converted:", "", *table("T", plain), ""]
    by_bits = {f"T = {recipe.timesteps}, `{recipe.encoding}`": narrow}
    lines += ["The model, of which all layers are calibrated together too:", "", *table("weight bits", by_bits)]
    text = "\n".join(lines) + "\n"
    if run.held_out:
        print(text)
        return
    plot(plain, calibrated)
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END)[1]
    with written_whole(PAGE) as partial:
        partial.write_text(before + BEGIN + "\n" + text + "\n" + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
