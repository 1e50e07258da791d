"""Pipelines of the cycle model that no network makes: of few beats, in bursts, with queues of all depths."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import ceil
from random import Random

import pytest

from hwsnn.cycles.components import Component, CreditFifo, Engine, Push, SkidBuffer
from hwsnn.cycles.ends import Encoder, Scores
from hwsnn.cycles.pipeline import Pipeline
from hwsnn.cycles.sections import Branch, Part, Section, Sections

DEEP = 80
"""Places of a queue that lets frames fall behind for long before it is full."""


def _schedule(random: Random, windows: int) -> list[tuple[bool, bool, int]]:
    passes = [number == 0 for _ in range(windows) for number in range(random.randint(1, 2))]
    schedule = [(takes, random.random() < 0.7, random.choice((1, 2, 3, 6))) for takes in passes]
    return [*schedule[:-1], (schedule[-1][0], True, schedule[-1][2])]


def _sections(random: Random, beats: int) -> Iterator[tuple[int, list[Part]]]:
    """Parts from queue to queue, and the beats of a frame that come to them."""

    def encoder(push: Push, depth: float) -> Component:
        return Encoder(push, 1)

    first = [Part("", encoder, beats)] if random.random() < 0.4 else []
    for number in range(random.randint(2, 4)):
        schedule = _schedule(random, beats)
        made = sum(makes for _, makes, _ in schedule)
        engine = Part("", lambda push, depth, schedule=schedule: Engine(push, schedule), made)  # type: ignore[misc]
        queue = partial(CreditFifo, delay=random.randint(1, 6))
        skid = Part("", lambda push, depth: SkidBuffer(push), beats)
        yield beats, [*first, skid, engine, Part("", queue, made, (f"{number}", "results"))]
        beats, first = made, []
    if random.random() < 0.4:
        latency, interval = random.choice(((2, 1), (5, 1), (2, 2), (6, 2)))
        count = Part("", lambda push, depth: Scores(push, beats, latency, interval), 1)
        yield beats, [count, Part("", lambda push, depth: CreditFifo(push, 2, 5), 1)]


def _line(beats: int, parts: list[Part]) -> list[Section]:
    sections = Sections()
    sections.close([sections.extend(Branch(None, beats), parts)])
    return sections.all


@pytest.mark.parametrize("seed", range(300))
def test_what_is_proved_to_fall_behind_does(seed: int) -> None:
    random = Random(seed)
    sections = list(_sections(random, random.randint(1, 8)))
    clocks = max(ceil(Pipeline(_line(beats, parts), {}).steady().clocks) for beats, parts in sections)
    parts = [part for _, section in sections for part in section]
    line = _line(sections[0][0], parts)
    for _ in range(4):
        depths = {part.queue: random.choice((DEEP, random.randint(1, 4))) for part in parts if part.queue}
        steady = Pipeline(line, depths, clocks).steady()
        kept = Pipeline(line, depths, clocks).keeps(clocks, steady.latency)
        assert kept == (steady.peaks if steady.clocks == clocks else None)
        assert Pipeline(line, depths, clocks).keeps(clocks, steady.latency - 1) is None
