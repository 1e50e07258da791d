"""From a target to a folding: the exact cycles meet the target, or one line says why not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwsnn import cycles
from hwsnn.errors import InputError
from hwsnn.folding.file import to_json
from hwsnn.folding.folding import LayerFold
from hwsnn.model_file.by_name import load_model
from hwsnn.planner import Cost, FoldingSearch, TooFastError, TooLargeError, layer_cost, plan
from hwsnn.planner.devices import DEVICES
from hwsnn.planner.room import narrower
from hwsnn.spec import Encoder, Integrator, Network, NoLeak
from tests.support.layers import dense_layer
from tests.support.random_networks import random_folding, random_network

LARGE, SMALL = DEVICES["xczu9eg"], DEVICES["lfe5u-85"]
DIGITS = load_model("digits")
OTHERS = ", or ".join(f"on the {name}" for name in DEVICES if name != SMALL.name)
"""All of them hold digits."""


def _many_classes(side: int = 2) -> Network:
    """Few pixels and many classes: the readout is slowest."""
    weight = np.ones((50, 1, side, side), np.int64)
    layer = dense_layer("dense", weight, np.zeros(50, np.int64), 2, Integrator(NoLeak(), 16))
    return Network("many", (1, side, side), 1, Encoder("direct"), 1, (layer,), "membrane")


@pytest.mark.parametrize("seed", range(12))
def test_random_networks_are_meet_the_target(seed: int) -> None:
    network = random_network(seed)
    slowest = plan.for_initiation_interval(network, SMALL, 10**9)
    clocks = float(slowest.cycles.cycles_per_frame)
    fastest = plan.for_utilization(network, SMALL, 100).cycles.cycles_per_frame
    for part in (1, 0.8, 0.5, 0.3):
        if part * clocks < fastest:
            break
        found = plan.for_initiation_interval(network, SMALL, part * clocks)
        assert found.cycles.cycles_per_frame <= part * clocks
        assert found.cycles == cycles.simulate(network, found.folding)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("model", ["digits", "mnist-small"])
def test_shipped_models_are_meet_the_target(model: str, device: str) -> None:
    network = load_model(model)
    for rate in (1_000, 20_000, 50_000 if device == "gw2ar-18" else 100_000):
        found = plan.for_throughput(network, DEVICES[device], rate, 150)
        assert found.cycles.cycles_per_frame <= 150e6 / rate
        assert found.cycles == cycles.simulate(network, found.folding)
        assert found.device is DEVICES[device]


@pytest.mark.parametrize("percent", [6, 8])
def test_the_next_step_is_faster_indeed(percent: float) -> None:
    network = load_model("mnist-small")
    chosen = plan.for_utilization(network, SMALL, percent)
    for _ in range(2):
        assert chosen.faster is not None
        exact = cycles.simulate(network, cycles.queue_depths(network, chosen.faster.layers)).cycles_per_frame
        expected = chosen.faster.cycles_per_frame
        assert expected - 1 < exact <= expected < chosen.cycles.cycles_per_frame
        chosen = plan.for_initiation_interval(network, SMALL, expected)


def test_a_share_of_the_device() -> None:
    network = load_model("mnist-small")
    chosen = [plan.for_utilization(network, SMALL, percent) for percent in (8, 15, 40)]
    for percent, one in zip((8, 15, 40), chosen, strict=True):
        assert one.cost.lut <= percent / 100 * SMALL.lut
    clocks = [one.cycles.cycles_per_frame for one in chosen]
    assert clocks == sorted(clocks, reverse=True)
    assert clocks[0] > clocks[-1]
    assert plan.for_utilization(network, SMALL).folding == plan.for_utilization(network, SMALL, SMALL.share).folding


def test_a_share_that_is_too_small() -> None:
    with pytest.raises(
        InputError,
        match=r"^digits: its smallest design takes about \d\.\d\d % of the look-up tables of lfe5u-85, not 0\.5 %$",
    ):
        plan.for_utilization(DIGITS, SMALL, 0.5)
    few = replace(SMALL, lut=3000)  # the share of a device is a target, not a limit
    smallest = plan.for_utilization(DIGITS, few)
    taken = 100 * smallest.cost.lut / few.lut
    assert few.share < taken <= 100
    assert smallest.remark == (
        f"the design takes about {taken:.1f} % of the look-up tables of lfe5u-85, more than the usual {few.share:g} %: "
        "none within that was found"
    )
    assert plan.for_utilization(DIGITS, SMALL).remark is None


@pytest.mark.parametrize(
    ("resource", "words"),
    [("lut", "look-up tables"), ("ff", "flip-flops")],
)
def test_what_no_device_holds(resource: str, words: str) -> None:
    """A line says what is short, and by how much."""
    there = getattr(FoldingSearch(DIGITS, SMALL).smallest().cost, resource) // 3
    with pytest.raises(InputError) as caught:
        plan.for_utilization(DIGITS, replace(SMALL, **{resource: there}))
    found = re.fullmatch(
        rf"digits: no design fits the lfe5u-85: it would take about ([\d,]+) {words} of {there:,} \(([\d.]+) %\); "
        rf"by the estimate it would fit {OTHERS}",
        str(caught.value),
    )
    assert found
    taken = int(found[1].replace(",", ""))
    assert taken > there
    assert found[2] == f"{100 * taken / there:.1f}"


def test_fewer_bits_that_would_fit_do() -> None:
    few = replace(SMALL, lut=1300)
    with pytest.raises(InputError, match=rf"it would fit {OTHERS}, or with weights of \d bits$") as caught:
        plan.for_utilization(DIGITS, few)
    bits = int(str(caught.value)[-6])
    fitting = narrower(DIGITS, bits)
    assert {layer.projection.weight_bits for _, layer in fitting.populations()} == {bits}
    assert plan.for_utilization(fitting, few).cost.lut <= 1300
    with pytest.raises(TooLargeError):
        FoldingSearch(DIGITS, few).within_luts(100)


def test_too_few_block_memories_are_made_up_for() -> None:
    """By a design of more look-up tables than is usual, which says so."""
    few = replace(SMALL, bram18=2)
    found = plan.for_utilization(DIGITS, few)
    taken = 100 * found.cost.lut / few.lut
    assert found.cost.bram18 <= 2
    assert (found.remark is None) == (taken <= few.share)


def test_a_share_of_the_flip_flops() -> None:
    """By default a design is within that too; who asks for a share of the look-up tables gets it."""
    usual = plan.for_utilization(DIGITS, SMALL)
    few = replace(SMALL, ff_share=50 * usual.cost.ff / SMALL.ff)
    slower = plan.for_utilization(DIGITS, few)
    assert slower.cost.ff <= usual.cost.ff / 2
    assert slower.cycles.cycles_per_frame > usual.cycles.cycles_per_frame
    assert plan.for_utilization(DIGITS, few, SMALL.share).folding == usual.folding
    least = replace(SMALL, ff_share=1)
    smallest = plan.for_utilization(DIGITS, least)
    taken = 100 * smallest.cost.ff / SMALL.ff
    assert smallest.remark == (
        f"the design takes about {taken:.1f} % of the flip-flops of lfe5u-85, more than the usual 1 %: none within "
        "that was found"
    )


def test_the_gw2ar_18_bounds_a_design() -> None:
    """By its 46 block memories and 15,552 flip-flops."""
    device = DEVICES["gw2ar-18"]
    assert (device.lut, device.ff, device.bram18) == (20_736, 15_552, 46)
    found = plan.for_utilization(DIGITS, device)
    assert found.cost.bram18 <= 46
    assert found.cost.ff * 100 <= device.ff_share * 15_552
    with pytest.raises(InputError, match=r"^mnist: no design fits the gw2ar-18: .* block memories of 18 kbit of 46 \("):
        plan.for_utilization(load_model("mnist"), device)


def larger_than_usual(planned: plan.Plan) -> str:
    """What a remark says of a design that fits, but takes more than its device's share."""
    device = planned.device
    taken = 100 * planned.cost.lut / device.lut
    assert device.share < taken <= 100
    return (
        f"the design takes about {taken:.1f} % of the look-up tables of {device.name}, more than the usual "
        f"{device.share:g} %"
    )


def test_a_rate_that_takes_more_than_is_usual() -> None:
    """It is what was asked for; that it is large is said."""
    usual = plan.for_throughput(DIGITS, LARGE, 100_000, 150)
    assert usual.remark is None
    few = replace(LARGE, lut=int(usual.cost.lut / 0.782))
    large = plan.for_throughput(DIGITS, few, 100_000, 150)
    assert large.remark == f"{larger_than_usual(large)}, for 100,000 frames/s at 150 MHz"
    room = replace(LARGE, lut=usual.cost.lut * 2)
    assert plan.for_throughput(DIGITS, room, 100_000, 150).remark is None, "half of it is what is usual"


def test_folds_that_take_more_than_is_usual() -> None:
    folding = random_folding(DIGITS, 3)
    lut = plan.with_folds(DIGITS, LARGE, folding.layers, folding).cost.lut
    large = plan.with_folds(DIGITS, replace(LARGE, lut=int(lut / 0.782)), folding.layers, folding)
    assert large.remark == f"{larger_than_usual(large)}, by the folds that were given"
    assert plan.with_folds(DIGITS, replace(LARGE, lut=lut * 2), folding.layers, folding).remark is None


def test_a_share_that_was_asked_for_is_no_remark() -> None:
    large = plan.for_utilization(DIGITS, replace(LARGE, lut=8000), 90)
    assert larger_than_usual(large)
    assert large.remark is None


def test_a_rate_that_does_not_fit() -> None:
    fastest = plan.for_utilization(DIGITS, SMALL, 100)
    room = replace(SMALL, ff=fastest.cost.ff * 2 // 3)
    with pytest.raises(InputError, match=r"are too many: no design fits the lfe5u-85: .* flip-flops") as caught:
        plan.for_throughput(DIGITS, room, 1.5e6, 150)
    slower = re.search(r"at about ([\d,]+) frames/s$", str(caught.value))
    assert slower
    found = plan.for_throughput(DIGITS, room, 0.9 * int(slower[1].replace(",", "")), 150)
    assert found.cost.ff <= room.ff
    assert found.faster is None or found.faster.cost.ff <= room.ff


def test_a_share_with_too_few_flip_flops_is_slower() -> None:
    fast = plan.for_utilization(DIGITS, SMALL)
    slow = plan.for_utilization(DIGITS, replace(SMALL, ff=fast.cost.ff * 2 // 3))
    assert slow.cost.ff <= fast.cost.ff * 2 // 3
    assert slow.cycles.cycles_per_frame > fast.cycles.cycles_per_frame


def test_folds_that_do_not_fit_are_taken_and_said() -> None:
    folding = random_folding(DIGITS, 3)
    taken = plan.with_folds(DIGITS, LARGE, folding.layers, folding)
    assert taken.remark is None
    half = replace(LARGE, lut=taken.cost.lut // 2)
    percent = 100 * taken.cost.lut / half.lut
    assert plan.with_folds(DIGITS, half, folding.layers, folding).remark == (
        f"the design does not fit the xczu9eg: it takes about {taken.cost.lut:,} look-up tables of {half.lut:,} "
        f"({percent:.1f} %)"
    )


def test_too_many_frames() -> None:
    with pytest.raises(
        InputError,
        match=r"^digits: 2,000,000 frames/s at 150 MHz are too many: 100 pixels arrive, one per cycle: "
        r"100 cycles per frame at least, not 75$",
    ):
        plan.for_throughput(DIGITS, SMALL, 2e6, 150)
    assert plan.for_throughput(DIGITS, SMALL, 1.5e6, 150).cycles.cycles_per_frame == 100


def test_too_fast_for_what_no_fold_can_change() -> None:
    """The text names the target, not what was tried on the way."""
    fewest = plan.for_utilization(_many_classes(), LARGE).cycles.cycles_per_frame
    assert fewest > 5
    with pytest.raises(
        TooFastError, match=rf"^{float(fewest):g} cycles per frame are the fewest that were found, not 5\.5$"
    ):
        plan.for_initiation_interval(_many_classes(), LARGE, 5.5)


def test_what_limits_it() -> None:
    assert plan.for_utilization(DIGITS, LARGE).limiting == "pixels"
    assert plan.for_initiation_interval(DIGITS, LARGE, 10**9).limiting in {
        layer.name for _, layer in DIGITS.populations()
    }
    encoded = replace(_many_classes(9), encoder=Encoder("poisson"), timesteps=6)
    assert plan.for_utilization(encoded, LARGE).limiting == "encoder"
    assert plan.for_utilization(_many_classes(), LARGE).limiting == "readout"
    assert plan.for_utilization(_many_classes(), LARGE).faster is None
    assert plan.for_utilization(_many_classes(9), LARGE).limiting == "pixels"


def test_folds_that_are_given() -> None:
    folding = random_folding(DIGITS, 3)
    given = plan.with_folds(DIGITS, LARGE, folding.layers, folding)
    assert given.folding is folding
    assert given.cycles == cycles.simulate(DIGITS, folding)
    assert given.faster is None
    assert given.limiting == given.cycles.bottleneck
    costs = [
        layer_cost(
            DIGITS, index, folding.layers.get(layer.name, LayerFold(1, 1)), folding.steps_in(DIGITS, index), LARGE
        )
        for index, layer in enumerate(DIGITS.layers)
    ]
    assert given.cost == sum(costs, Cost())
    assert plan.with_folds(DIGITS, LARGE, folding.layers).folding == cycles.queue_depths(DIGITS, folding.layers)


def test_a_planned_design_from_its_file(tmp_path: Path) -> None:
    planned = plan.for_utilization(DIGITS, SMALL)
    path = tmp_path / "folding.json"
    path.write_text(json.dumps(to_json(planned.folding)))
    assert plan.from_file(DIGITS, SMALL, path) == replace(planned, faster=None)
    path.write_text(json.dumps({"layers": to_json(planned.folding)["layers"]}))
    assert plan.from_file(DIGITS, SMALL, path) == replace(planned, faster=None)
