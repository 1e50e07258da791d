"""How long figures take, and what they say of the machine: on a clock of our own, where nothing takes any time."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from hwsnn.bench import timing
from hwsnn.bench.timing import Usage, best_batch, deadline, repeated, timed, usage
from hwsnn.progress import silent

IMAGES = np.arange(7, dtype=np.uint8).reshape(7, 1)


@dataclass
class Machine:
    """An implementation that takes ``overhead`` seconds a run and ``an_image`` seconds each, beside others.

    Of each second it gets ``share`` of two cores, and others use ``others`` of them.
    """

    overhead: float = 0.0
    an_image: float = 1e-3
    share: float = 1.0
    others: float = 0.0
    now: float = 100.0
    runs: list[int] = field(default_factory=list)

    def run(self, images: np.ndarray, batch: int | None = None) -> None:
        self.runs.append(len(images))
        self.now += (self.overhead + self.an_image * len(images)) / self.share

    def usage(self) -> Usage:
        return Usage(self.now, 2 * self.share * self.now, (2 * self.share + self.others) * self.now)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(timing, "perf_counter", lambda: made.now)
    monkeypatch.setattr(timing, "usage", made.usage)
    return made


def test_the_rate_is_that_of_many_images(machine: Machine) -> None:
    machine.overhead = 0.1
    done: list[tuple[int, int]] = []
    found = timed(machine.run, IMAGES, lambda *at: done.append(at), deadline())
    images = machine.runs[-1]
    assert found.fps == pytest.approx(images / (0.1 + 1e-3 * images))
    assert machine.runs[0] == 1
    assert machine.runs[-5:] == [images] * 5
    assert 0.25 <= 0.1 + 1e-3 * images <= 1
    assert done == [(count, 5) for count in range(1, 6)]


def test_one_slow_run_does_not_count(machine: Machine) -> None:
    def run(images: np.ndarray) -> None:
        machine.run(images)
        machine.now += 3 * (len(machine.runs) == 8)

    assert timed(run, IMAGES, silent, deadline()).fps == pytest.approx(1000)


def test_use_of_the_cores(machine: Machine) -> None:
    machine.share, machine.others = 0.4, 1.1
    found = timed(machine.run, IMAGES, silent, deadline())
    assert found.cores_used == pytest.approx(0.8)
    assert found.cores_used_by_others == pytest.approx(1.1)


def test_nothing_is_said_of_others_where_the_system_does_not(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "usage", lambda: Usage(machine.now, machine.now, None))
    assert timed(machine.run, IMAGES, silent, deadline()).cores_used_by_others is None


@pytest.mark.parametrize("an_image", [1e-7, 1e-3, 1, 19.0])
@pytest.mark.parametrize("share", [1, 0.3])
def test_a_figure_takes_less_than_a_minute(machine: Machine, an_image: float, share: float) -> None:
    machine.an_image, machine.share = an_image, share
    start, until = machine.now, deadline()
    batch = best_batch(machine.run, IMAGES, 8, 4096, until) if an_image <= 1 else 8
    timed(lambda images: machine.run(images, batch), IMAGES, silent, until)
    assert machine.now - start < 60 + 2 * an_image / share  # the first image takes what it takes


def test_a_machine_that_becomes_busy_ends_in_time(machine: Machine) -> None:
    """As PyTorch's two threads beside one other process: dozens of times slower."""

    def run(images: np.ndarray) -> None:
        machine.share = 1 if len(machine.runs) < 3 else 0.03
        machine.run(images)

    start = machine.now
    timed(run, IMAGES, silent, deadline())
    assert machine.now - start < 60


@pytest.mark.parametrize(("overhead", "best"), [(0.0, 8), (1e-3, 64)])
def test_the_fastest_batch(machine: Machine, overhead: float, best: int) -> None:
    def run(images: np.ndarray, batch: int) -> None:
        machine.run(images)
        machine.now += overhead + 1e-3 * (len(images) > best) * len(images)

    assert best_batch(run, IMAGES, 8, 4096, deadline()) == best
    assert max(machine.runs) == 4 * best  # two slower ones were enough


def test_repeated_images_come_in_turn() -> None:
    assert repeated(IMAGES, 9).ravel().tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1]


def test_the_counters_of_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """User, nice, system, interrupts and stolen time of our cores alone; neither idle nor waiting, nor guests twice."""
    ticks = os.sysconf("SC_CLK_TCK")
    stat = tmp_path / "stat"
    stat.write_text(
        "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 1 2 3 50 60 4 5 6 7 8\ncpu1 9 9 9 9 9 9 9 9 9 9\n"
        "cpu2 100 0 0 0 0 0 0 0 100 0\nintr 123 4 5\n"
    )
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 2})
    assert usage(stat).everything == 121 / ticks
    assert usage(tmp_path / "nothing").everything is None


def test_the_time_of_this_process_is_a_part_of_all() -> None:
    before = usage()
    sum(range(3_000_000))
    after = usage()
    assert 0 < after.own - before.own <= 2 * (after.wall - before.wall)
    if before.everything is not None and after.everything is not None:
        assert after.everything >= before.everything
