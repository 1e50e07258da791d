"""The spikes of all output folds of a pass, until the next pass has its own."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.sim import Simulator

from hwsnn.rtl.compute.feedback import Feedback


@pytest.mark.parametrize(("groups", "fold_bits", "bits"), [(1, 3, 3), (3, 4, 12), (3, 4, 10), (1, 5, 1)])
def test_spikes_of_the_last_pass(groups: int, fold_bits: int, bits: int) -> None:
    feedback, seen = Feedback(groups, fold_bits, bits), list[tuple[int, int]]()
    passes = [[(7 * number + 3 * g) % (1 << fold_bits) for g in range(groups)] for number in range(8)]

    async def bench(ctx: Any) -> None:
        for folds in passes:
            for fold in folds:
                ctx.set(feedback.i.valid, 1)
                ctx.set(feedback.i.payload, fold)
                await ctx.tick()
                ctx.set(feedback.i.valid, 0)
                ctx.set(feedback.i.payload, ~fold)
                await ctx.tick().repeat(2)
            of_step = ctx.get(feedback.spikes)
            ctx.set(feedback.first, 1)
            seen.append((of_step, ctx.get(feedback.spikes)))
            ctx.set(feedback.first, 0)

    simulator = Simulator(feedback)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    whole = [sum(fold << (g * fold_bits) for g, fold in enumerate(folds)) % (1 << bits) for folds in passes]
    assert seen == [(spikes, 0) for spikes in whole]
    assert len(set(whole)) > 1


def test_init_wrong() -> None:
    with pytest.raises(ValueError, match=r"^bits must be an integer from 1 to 6, not 7$"):
        Feedback(2, 3, 7)
