"""All shipped models in a table and a plot: accuracy against look-up tables, at every width of weights.

    python benchmarks/models.py -o docs/models

Accuracies are those of the cards, of weights fine-tuned for a width where there are such. Look-up tables and cycles are
the planner's estimates for the design that `hwsnn generate` makes, on an XCZU9EG: seconds for each width.
Writes FILE.svg, and prints the table.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from hwsnn.data.sets import word_of
from hwsnn.errors import InputError
from hwsnn.files.atomic import written_whole
from hwsnn.files.shipped import model_folders
from hwsnn.model_file import float_file
from hwsnn.model_file.by_name import load_model
from hwsnn.planner.constraints import Constraints
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import MAX_WEIGHT_BITS

MARKERS = "os^Dv<>PX*dph"
"""One per model."""


@dataclass(frozen=True)
class Design:
    """A model with weights of ``bits`` bits: ``accuracy`` as a part of 1, and the planner's estimates."""

    bits: int
    accuracy: float
    lut: int
    bram36: float
    cycles: float


def main() -> None:
    """Print the table, and draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="of the plot, without .svg")
    options = parser.parse_args()
    found = {name: designs(name) for name in model_folders()}
    print("| model | bits a weight | accuracy | cycles a frame | LUT | BRAM36 |\n| --- | --- | --- | --- | --- | --- |")
    for name, made in found.items():
        for one in made:
            print(
                f"| `{name}` | {one.bits} | {one.accuracy:.2%} | {one.cycles:,.10g} | {one.lut:,} | {one.bram36:g} |",
                flush=True,
            )
    draw(found, options.output.with_suffix(".svg"))


def designs(name: str) -> list[Design]:
    """A design for every width of which the model's card has the accuracy, and that fits the device.

    Of a model fine-tuned for its width that one alone: its float file has no finer weights.
    """
    folder, shipped = model_folders()[name], load_model(name)
    (own,) = {one.weight_bits for _, layer in shipped.populations() for one in layer.projections}
    made = []
    for bits, accuracy in accuracies((folder / "card.md").read_text(encoding="utf-8")).items():
        if own not in (bits, MAX_WEIGHT_BITS):
            continue
        network = shipped
        if bits != own:
            network, _ = quantize(
                float_file.load(folder / f"{name}-float.safetensors"),
                timesteps=shipped.timesteps,
                encoding=shipped.encoder.kind,
                bits=bits,
                pixel_bits=shipped.pixel_bits,
            )
        try:
            plan = Constraints().plan(network)
        except InputError:  # it does not fit
            continue
        cycles = float(plan.cycles.cycles_per_frame)
        made.append(Design(bits, accuracy, plan.cost.lut, plan.cost.bram18 / 2, cycles))
    return made


def accuracies(card: str) -> dict[int, float]:
    """By weight bits, the best of a card's rows: rounded after training, or fine-tuned."""
    heading = re.search(r"^\| bits \|(.*)\|$", card, re.MULTILINE)
    if heading is None:
        return {}
    bits = [int(text) for text in heading[1].split("|")]
    best: dict[int, float] = {}
    for row in re.findall(
        r"^\| (?:rounded after training|fine-tuned with rounded weights) \|(.*)\|$", card, re.MULTILINE
    ):
        for width, text in zip(bits, row.split("|"), strict=True):
            if text.strip():
                best[width] = max(best.get(width, 0), float(text.strip(" %")) / 100)
    return best


def draw(found: dict[str, list[Design]], path: Path) -> None:
    """Errors over look-up tables, both logarithmic: a line a model, a panel a data set."""
    words = list(dict.fromkeys(str(word_of(name)) for name in found))
    with mpl.rc_context({"svg.hashsalt": "hwsnn", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(9, 3.2 * -(-len(words) // 2)), layout="constrained")
        panels = figure.subplots(-(-len(words) // 2), 2, squeeze=False).flat
        for axes in panels[len(words) :]:
            axes.set_visible(False)
        for word, axes in zip(words, panels, strict=False):
            names = [name for name in found if word_of(name) == word and found[name]]
            for name, marker in zip(names, MARKERS, strict=False):
                points = found[name]
                axes.plot(
                    [one.lut for one in points],
                    [100 * (1 - one.accuracy) for one in points],
                    marker=marker,
                    markersize=4,
                    linewidth=0.8,
                    label=name,
                )
                for one in points:
                    place = one.lut, 100 * (1 - one.accuracy)
                    axes.annotate(str(one.bits), place, xytext=(3, 3), textcoords="offset points", fontsize=6)
            axes.set(xscale="log", yscale="log", title=word, xlabel="look-up tables (estimate)", ylabel="wrong, %")
            axes.grid(which="both", alpha=0.3)
            axes.legend(fontsize=6)
        with written_whole(path) as partial:
            figure.savefig(partial, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
