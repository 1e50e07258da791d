"""Shared adders beside tables, by Yosys on two families: the figures of docs/decisions/0011-shared-adders.md.

    python -m benchmarks.shared_adders [spikes] [mnist]

``spikes``: 24 outputs of 144 spikes at 8, 4 and 2 bits, with random weights of a Laplace distribution, all of them used
in every cycle. ``mnist``: the first layer of ``models/mnist``, 64 outputs of 25 pixels. Minutes each.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.synaptic_sums import FAMILIES, cells, summary
from hwsnn.folding.folding import LayerFold, Sums
from hwsnn.folding.synaptic_sums import SynapticSums, synaptic_sums
from hwsnn.model_file.by_name import load_model
from hwsnn.rtl.compute.synapses import Synapses

TABLES: tuple[Sums, ...] = ("lut5", "lut6")
"""The form that suits the look-up tables of each family."""


def show(name: str, sums: dict[Sums, SynapticSums]) -> None:
    """Print a line for tables and for shared adders."""
    for forms in (TABLES, ("adders", "adders")):
        figures = []
        for form, command in zip(forms, FAMILIES.values(), strict=True):
            component = Synapses(sums[form], sums[form].currents.width)
            figures.append(f"{summary(cells(component, command))}, {component.latency} cycles")
        what = "shared adders" if forms[0] == "adders" else "tables"
        print(f"{name:<16} {what:<14} " + "    ".join(figures), flush=True)


def spikes() -> None:
    """Layers of random weights."""
    random = np.random.default_rng(4)
    for bits in (8, 4, 2):
        most = (1 << bits - 1) - 1
        weights = np.clip(np.rint(random.laplace(0, most / 4, (1, 1, 1, 24, 144))), -most, most).astype(np.int64)
        bias = np.zeros((1, 24), np.int64)
        show(f"spikes, {bits} bits", {form: SynapticSums(weights, bias, 1, form) for form in (*TABLES, "adders")})


def mnist() -> None:
    """The layer whose inputs are pixels."""
    network = load_model("mnist")
    folds = {form: LayerFold(1, 64, network.timesteps, form) for form in (*TABLES, "adders")}
    show("conv1 of mnist", {form: synaptic_sums(network, 0, fold)[0][0] for form, fold in folds.items()})


if __name__ == "__main__":
    print(f"{'':<32}" + "    ".join(f"{name}: LUT, FF, BRAM" for name in FAMILIES))
    for each in sys.argv[1:] or ("spikes", "mnist"):
        {"spikes": spikes, "mnist": mnist}[each]()
