"""Forks and joins of the cycle model: every clock as in a simulation step by step."""

from __future__ import annotations

from itertools import islice

import pytest

from hwsnn.cycles.connected import DeadlockError
from hwsnn.cycles.pipeline import Pipeline
from tests.support.random_pipelines import RandomPipeline
from tests.support.stepped_pipeline import run

FRAMES = 6


@pytest.mark.parametrize("seed", range(300))
def test_every_clock_is_that_of_a_simulation_step_by_step(seed: int) -> None:
    pipeline = RandomPipeline(seed)
    clocks_there = list(run(pipeline.parts, pipeline.sink, pipeline.beats, FRAMES))
    simulated = [clock - pipeline.source.waited for clock in clocks_there]
    model = Pipeline(pipeline.sections, pipeline.depths)
    clocks = list[int]()
    deadlock = None
    try:
        clocks.extend(islice(model.result_clocks(), FRAMES))
    except DeadlockError as error:
        deadlock = str(error)
    assert clocks == simulated
    assert (deadlock is None) == (len(simulated) == FRAMES)
