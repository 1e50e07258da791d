"""From a wish to a folding: the exact clocks are what was wished for, or one line says why not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn import cycles, plan
from hwsnn.devices import DEVICES
from hwsnn.errors import InputError
from hwsnn.fold import Cost, TooFastError, layer_cost
from hwsnn.fold.file import to_json
from hwsnn.model_names import load_model
from hwsnn.random_networks import random_folding, random_network
from hwsnn.spec import Dense, Encoder, Integrator, LayerFold, Network, NoLeak

LARGE, SMALL = DEVICES["xczu9eg"], DEVICES["lfe5u-85"]
DIGITS = load_model("digits")


def _many_classes(side: int = 2) -> Network:
    """Few pixels and many classes: the readout is slowest."""
    weight = np.ones((50, 1, side, side), np.int64)
    layer = Dense("dense", weight, np.zeros(50, np.int64), 2, Integrator(NoLeak(), 16))
    return Network("many", (1, side, side), 1, Encoder("direct"), 1, (layer,), "membrane")


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_are_as_fast_as_was_wished(seed: int) -> None:
    network = random_network(seed)
    slowest = plan.for_clocks(network, SMALL, 10**9)
    clocks = float(slowest.clocks.cycles_per_frame)
    fastest = plan.for_share(network, SMALL, 100).clocks.cycles_per_frame
    for part in (1, 0.8, 0.5, 0.3):
        if part * clocks < fastest:
            break
        found = plan.for_clocks(network, SMALL, part * clocks)
        assert found.clocks.cycles_per_frame <= part * clocks
        assert found.clocks == cycles.simulate(network, found.folding)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("model", ["digits", "mnist-small"])
def test_shipped_models_are_as_fast_as_was_wished(model: str, device: str) -> None:
    network = load_model(model)
    for rate in (1_000, 20_000, 100_000):
        found = plan.for_rate(network, DEVICES[device], rate, 150)
        assert found.clocks.cycles_per_frame <= 150e6 / rate
        assert found.clocks == cycles.simulate(network, found.folding)
        assert found.device is DEVICES[device]


@pytest.mark.parametrize("percent", [8, 14])
def test_the_next_step_is_faster_indeed(percent: float) -> None:
    network = load_model("mnist-small")
    chosen = plan.for_share(network, SMALL, percent)
    for _ in range(2):
        assert chosen.faster is not None
        exact = cycles.simulate(network, cycles.queue_depths(network, chosen.faster.layers)).cycles_per_frame
        assert chosen.faster.clocks - 1 < exact <= chosen.faster.clocks < chosen.clocks.cycles_per_frame
        chosen = plan.for_clocks(network, SMALL, chosen.faster.clocks)


def test_a_share_of_the_device() -> None:
    network = load_model("mnist-small")
    chosen = [plan.for_share(network, SMALL, percent) for percent in (8, 15, 40)]
    for percent, one in zip((8, 15, 40), chosen, strict=True):
        assert one.cost.lut <= percent / 100 * SMALL.lut
    clocks = [one.clocks.cycles_per_frame for one in chosen]
    assert clocks == sorted(clocks, reverse=True)
    assert clocks[0] > clocks[-1]
    assert plan.for_share(network, SMALL).folding == plan.for_share(network, SMALL, SMALL.share).folding


def test_a_share_that_is_too_small() -> None:
    with pytest.raises(
        InputError,
        match=r"^digits: its smallest design takes about \d\.\d\d % of the look-up tables of lfe5u-85, not 0\.5 %$",
    ):
        plan.for_share(DIGITS, SMALL, 0.5)
    few = replace(SMALL, lut=200)  # the share of a device is a wish, not a limit
    assert plan.for_share(DIGITS, few).cost.lut > few.share / 100 * few.lut


def test_too_many_frames() -> None:
    with pytest.raises(
        InputError,
        match=r"^digits: 2,000,000 frames/s at 150 MHz are too many: 100 pixels come in, one a clock: "
        r"75 clocks a frame are too few$",
    ):
        plan.for_rate(DIGITS, SMALL, 2e6, 150)
    assert plan.for_rate(DIGITS, SMALL, 1.5e6, 150).clocks.cycles_per_frame == 100


def test_too_fast_for_what_no_fold_can_change() -> None:
    """The text speaks of the wish, not of what was tried on the way."""
    fewest = plan.for_share(_many_classes(), LARGE).clocks.cycles_per_frame
    assert fewest > 5
    with pytest.raises(
        TooFastError, match=rf"^{float(fewest):g} clocks a frame are the fewest that were found, not 5\.5$"
    ):
        plan.for_clocks(_many_classes(), LARGE, 5.5)


def test_what_limits_it() -> None:
    assert plan.for_share(DIGITS, LARGE).limiting == "pixels"
    assert plan.for_clocks(DIGITS, LARGE, 10**9).limiting in {layer.name for _, layer in DIGITS.weighted_layers()}
    encoded = replace(_many_classes(9), encoder=Encoder("poisson"), timesteps=6)
    assert plan.for_share(encoded, LARGE).limiting == "encoder"
    assert plan.for_share(_many_classes(), LARGE).limiting == "readout"
    assert plan.for_share(_many_classes(), LARGE).faster is None
    assert plan.for_share(_many_classes(9), LARGE).limiting == "pixels"


def test_folds_that_are_given() -> None:
    folding = random_folding(DIGITS, 3)
    given = plan.with_folds(DIGITS, LARGE, folding.layers, folding)
    assert given.folding is folding
    assert given.clocks == cycles.simulate(DIGITS, folding)
    assert given.faster is None
    assert given.limiting == given.clocks.bottleneck
    steps = {index: folding.beat_steps(DIGITS, index - 1) for index in range(len(DIGITS.layers))}
    costs = [
        layer_cost(DIGITS, index, folding.layers.get(layer.name, LayerFold(1, 1)), steps[index], LARGE)
        for index, layer in enumerate(DIGITS.layers)
    ]
    assert given.cost == sum(costs, Cost())
    assert plan.with_folds(DIGITS, LARGE, folding.layers).folding == cycles.queue_depths(DIGITS, folding.layers)


def test_a_planned_design_from_its_file(tmp_path: Path) -> None:
    planned = plan.for_share(DIGITS, SMALL)
    path = tmp_path / "folding.json"
    path.write_text(json.dumps(to_json(planned.folding)))
    assert plan.from_file(DIGITS, SMALL, path) == replace(planned, faster=None)
    path.write_text(json.dumps({"layers": to_json(planned.folding)["layers"]}))
    assert plan.from_file(DIGITS, SMALL, path) == replace(planned, faster=None)
