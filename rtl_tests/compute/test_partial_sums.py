# amaranth: UnusedElaboratable=no
"""What slices add to each lane, by tables, gates and shared adders, against a sum of products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from hwsnn.folding.folding import Sums
from hwsnn.folding.synaptic_sums import SynapticSums
from hwsnn.rtl.compute.partial_sums import GatedSums, TableSums, partial_sums

SLICES = 200


@pytest.mark.parametrize(
    ("shape", "largest", "form", "sections", "fraction_bits"),
    [
        ((1, 3, 1, 2, 9), 1, "lut5", 1, 0),
        ((1, 1, 4, 2, 5), 1, "lut6", 1, 0),  # an accumulator starts from the bases
        ((2, 2, 2, 3, 4), 3, "block", 1, 2),
        ((1, 9, 15, 1, 3), 1, "lut5", 1, 0),  # 135 rows: gates
        ((3, 10, 5, 2, 2), 5, "lut5", 1, 3),
        ((1, 1, 130, 2, 2), 1, "block", 1, 0),
        ((1, 2, 1, 2, 4), 9, "lut6", 1, 1),
        ((1, 4, 1, 2, 5), 255, "block", 1, 0),
        # Sections: a lane each, several, with pixels, and with gates.
        ((1, 2, 1, 4, 9), 1, "lut5", 4, 0),
        ((1, 1, 3, 6, 4), 1, "lut6", 2, 0),
        ((1, 3, 2, 6, 5), 7, "block", 3, 1),
        ((1, 26, 5, 4, 3), 2, "lut5", 2, 0),
        ((1, 1, 1, 5, 7), 255, "adders", 1, 0),
        ((1, 1, 1, 6, 3), 1, "adders", 3, 2),
    ],
)
def test_one_slice_per_cycle(
    shape: tuple[int, ...], largest: int, form: Sums, sections: int, fraction_bits: int
) -> None:
    if form == "adders":
        pytest.importorskip("da4ml")
    rng = np.random.default_rng(list(shape))
    weights, bias = rng.integers(-7, 8, shape), rng.integers(-20, 21, (shape[1], shape[3]))
    weights[..., 0, :] *= rng.integers(0, 2, weights[..., 0, :].shape)
    sums = SynapticSums(weights, bias, largest, form, sections, fraction_bits)
    component, latency = partial_sums(sums), sums.term_clocks + sums.levels
    slices = rng.integers(0, largest, (SLICES, sections * shape[4]), endpoint=True)
    seen_by_lanes = slices.reshape(SLICES, sections, shape[4]).repeat(shape[3] // sections, axis=1)
    rows = rng.integers(0, sums.row_count, SLICES)
    group = rows // shape[2] % shape[1]
    starts = (rows % shape[2] == 0) & (rows < shape[1] * shape[2])
    whole = (bias[group] >> fraction_bits) * starts[:, None]
    expected = np.einsum("nle,nle->nl", sums.rows[rows], seen_by_lanes) + whole
    if sums.starts_from_bases:
        expected -= sums.bases[rows]
    seen: list[list[int]] = []

    async def bench(ctx: Any) -> None:
        for clock in range(SLICES + latency):
            if clock < SLICES:
                ctx.set(component.inputs, sum(int(x) << (k * sums.input_bits) for k, x in enumerate(slices[clock])))
                ctx.set(component.row, int(rows[clock]))
                if isinstance(component, GatedSums):
                    ctx.set(component.group_index, int(group[clock]))
                    ctx.set(component.starts, int(starts[clock]))
            if clock >= latency:
                seen.append([ctx.get(getattr(component, f"lane_{lane}")) for lane in range(sums.lanes)])
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert seen == expected.tolist()


def test_gates_where_a_table_has_no_room_beside_the_row() -> None:
    few, many = (SynapticSums(np.ones((1, 1, f, 1, 2), int), np.ones((1, 1), int), 1, "lut5") for f in (128, 129))
    assert isinstance(partial_sums(few), TableSums)
    assert isinstance(partial_sums(many), GatedSums)
