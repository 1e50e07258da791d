"""What the choices behind the folds bring, by the cycle model and the estimate: figures of decisions 2 and 3.

    python benchmarks/fold_choices.py mnist mnist-small digits

The fastest design for the XCZU9EG; then designs as fast with a choice undone, and the first layer without its second
step a clock. Seconds each.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from unittest.mock import patch

from hwsnn.model_file.by_name import load_model
from hwsnn.planner import layer_cycles, search
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.plan import Plan, for_initiation_interval, for_utilization, with_folds

DEVICE = DEVICES["xczu9eg"]
NO_PRICE = 10**9


def show(what: str, plan: Plan) -> None:
    """Print a line."""
    cost = plan.cost
    print(
        f"| {what} | {float(plan.cycles.cycles_per_frame):g} | {plan.cycles.latency_cycles:,} | "
        f"{cost.lut:,}, {cost.ff:,}, {cost.bram18} |",
        flush=True,
    )


def main(*models: str) -> None:
    """Print a table for each model."""
    for model in models:
        network = load_model(model)
        chosen = for_utilization(network, DEVICE, 100)
        clocks, layers = float(chosen.cycles.cycles_per_frame), chosen.folding.layers
        print(f"| {model} | cycles per frame | cycles to a first answer | LUT, FF, BRAM18 |\n| --- | --- | --- | --- |")
        show("as chosen", chosen)
        with patch.object(layer_cycles, "SLACK", 1):
            show("no slack", for_initiation_interval(network, DEVICE, clocks))
        with patch.object(search, "CYCLES_FOR_ALL", NO_PRICE):
            show("no price on latency", for_initiation_interval(network, DEVICE, clocks))
            with patch.object(layer_cycles, "SLACK", 1):
                show("neither", for_initiation_interval(network, DEVICE, clocks))
        first = network.layers[0].name
        one_step = {**layers, first: replace(layers[first], t_par=1, logic_steps=0)}
        show(f"{first} a step at a time", with_folds(network, DEVICE, one_step))


if __name__ == "__main__":
    main(*sys.argv[1:])
