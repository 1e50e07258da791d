# amaranth: UnusedElaboratable=no
"""The gate lets sound frames through, whole, and nothing of any other packet."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from hwsnn.rtl.axi.store_and_forward import FRAMES_INSIDE, StoreAndForward
from rtl_tests.axi.axi_words import Renamed, word, words_of
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

PACKETS = 60
LATENCY = 4
"""Clocks from a frame's last word to its first word out."""

# Bytes of a word, bytes of a frame, bits of a pixel.
GATES = [(4, 12, 8), (4, 13, 6), (8, 1, 1), (8, 31, 8), (16, 200, 4), (4, 32, 8)]


def _packets(width: int, size: int, bits: int, name: str) -> tuple[list[int], list[int], list[int]]:
    """Packets, sound and not: their words, the words of the frames among them, and those frames' numbers."""
    draw = random.Random(name)
    words, kept, numbers = [], [], []
    for number in range(PACKETS):
        values = [draw.getrandbits(bits) for _ in range(size)]
        fault = draw.choice([None, None, "short", "long", "twice", "hole", "early", "large"])
        length = {
            "short": max(size - width, 1),
            "early": max(size // 2, 1),
            "long": size + width,
            "twice": 2 * size,
        }.get(fault or "", size)
        content = (values + [0] * length)[:length]
        keep = [1] * length
        if fault == "hole" or (fault in ("short", "early") and size == 1):
            keep[draw.randrange(length)] = 0
        if fault == "large":
            if bits == 8:
                keep[0] = 0
            else:
                content[draw.randrange(length)] |= 1 << draw.randrange(bits, 8)
        groups, keeps = words_of(content, width), words_of(keep, width)
        for index, (group, kept_lanes) in enumerate(zip(groups, keeps, strict=True)):
            words.append(word(group, kept_lanes, int(index == len(groups) - 1)))
        if fault is None:
            kept += [packed(group, bits) for group in groups]
            numbers.append(number)
    return words, kept, numbers


def _gate(width: int, size: int, bits: int) -> StreamCase:
    words, kept, _ = _packets(width, size, bits, f"gate-{width}-{size}-{bits}")
    gate = Renamed(StoreAndForward(width, size, bits), "i", "o", "numbers")
    return StreamCase(f"gate-{width}-{size}-{bits}", gate, words, kept)


def _numbers(width: int, size: int, bits: int) -> StreamCase:
    words, _, numbers = _packets(width, size, bits, f"numbers-{width}-{size}-{bits}")
    gate = Renamed(StoreAndForward(width, size, bits), "i", "numbers", "o")
    return StreamCase(f"numbers-{width}-{size}-{bits}", gate, words, numbers)


def _lone(width: int, size: int, bits: int) -> StreamCase:
    """A single frame, into an empty gate."""
    groups, keeps = words_of(range(size), width), words_of([1] * size, width)
    words = [word(group, keep, int(group is groups[-1])) for group, keep in zip(groups, keeps, strict=True)]
    gate = Renamed(StoreAndForward(width, size, bits), "i", "o", "numbers")
    return StreamCase(f"lone-{width}-{size}-{bits}", gate, words, [packed(group, bits) for group in groups])


def _long() -> StreamCase:
    """Frames of 70,000 bytes, among packets that a count of 16 bits, or of its words, would take for some."""
    width, size = 16, 70_000
    lengths = [size, size - 65_536, size, size + 65_536, size - width, size + 8192 * width, size]
    words, kept = [], []
    for number, length in enumerate(lengths):
        values = random.Random(number).choices(range(16), k=length)
        groups = words_of(values, width)
        words += [word(group, [1] * width, int(group is groups[-1])) for group in groups]
        kept += [packed(group, 4) for group in groups] if length == size else []
    return StreamCase("gate-long", Renamed(StoreAndForward(width, size, 4), "i", "o", "numbers"), words, kept)


GATE_CASES = [_long(), *(_gate(*shape) for shape in GATES), *(_numbers(*shape) for shape in [(4, 13, 6), (8, 1, 1)])]
LONE_CASES = [_lone(*shape) for shape in [(8, 1, 1), (8, 31, 8)]]
CASES = [*GATE_CASES, *LONE_CASES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=7)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_valid_frames_pass(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_word_per_cycle(case: StreamCase, results: dict[str, CaseResult]) -> None:
    """Whatever is malformed, and however short frames are."""
    clocks = results[case.name].input_clocks
    assert clocks == list(range(clocks[0], clocks[0] + len(case.inputs)))


@pytest.mark.parametrize("case", LONE_CASES, ids=lambda case: case.name)
def test_latency(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    start = result.input_clocks[-1] + LATENCY
    assert result.output_clocks == list(range(start, start + len(case.outputs)))


def test_frames_held() -> None:
    """Nothing is read: it takes two frames, and as many words more as it says, in whole frames."""
    gate = StoreAndForward(4, 24, 8)
    assert gate.words == 6
    assert gate.places == 2 + 3  # 16 words more take three frames
    assert _taken(gate, words=100, reads=False) == gate.places * gate.words + 2  # two are being checked
    assert StoreAndForward(4, 4 * 16, 8).places == 3
    assert StoreAndForward(8, 784, 8).places == 3


def test_frames_with_waiting_numbers() -> None:
    gate = StoreAndForward(4, 4, 8)
    assert gate.places == 18
    assert _taken(gate, words=200, reads=True) == gate.places + FRAMES_INSIDE + 2  # two are checked


def _taken(gate: StoreAndForward, words: int, *, reads: bool) -> int:
    """How many words of sound frames go in where no number is taken."""
    taken = 0

    async def bench(ctx: Any) -> None:
        nonlocal taken
        ctx.set(gate.o.ready, reads)
        ctx.set(gate.i.valid, 1)
        for _ in range(words + 50):
            last = taken % gate.words == gate.words - 1
            ctx.set(gate.i.payload, {"data": taken, "keep": 0b1111, "last": int(last)})
            taken += ctx.get(gate.i.ready)
            await ctx.tick()

    simulator = Simulator(gate)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return taken


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((5, 8, 8), ValueError, "word bytes must be one of 4, 8, 16, not 5"),
        (("8", 8, 8), TypeError, "word bytes must be one of 4, 8, 16, not '8'"),
        ((8, 0, 8), ValueError, "frame bytes must be an integer of at least 1, not 0"),
        ((8, 8, 9), ValueError, "pixel bits must be an integer from 1 to 8, not 9"),
    ],
)
def test_init_wrong(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        StoreAndForward(*arguments)
