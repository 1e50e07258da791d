# amaranth: UnusedElaboratable=no
"""The parts of the accelerator that frames and results go through, against what ``docs/axi.md`` says of their bytes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.rtl.axi.packet_checker import PacketChecker
from hwsnn.rtl.axi.pixel_reader import PixelReader
from hwsnn.rtl.axi.result_writer import ResultWriter
from hwsnn.rtl.axi.signatures import word_layout
from hwsnn.rtl.network import result_layout
from hwsnn.spec import Network
from rtl_tests.axi.axi_words import Renamed, word, words_of
from rtl_tests.support import readouts, stand_in
from rtl_tests.support.bits import packed
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

FRAMES = 12


# Bytes of a word, channels, bits of a pixel, pixels of a frame.
READERS = [
    *((width, channels, 8, 7) for width in (4, 8) for channels in (1, 3, 4, 5, 8, 9)),
    *((16, channels, 3, 5) for channels in (1, 6, 11, 15, 16, 17)),
    *((4, channels, 1, pixels) for channels in (3, 6) for pixels in (1, 2)),
    (8, 24, 5, 1),
    (8, 13, 8, 300),
]


def _reader(width: int, channels: int, bits: int, pixels: int) -> StreamCase:
    name = f"reader-{width}-{channels}-{bits}-{pixels}"
    draw = random.Random(name)
    words, beats = [], []
    for _ in range(FRAMES if pixels < 100 else 2):
        values = [draw.getrandbits(bits) for _ in range(pixels * channels)]
        for group in words_of(values, width):
            words.append(packed(group, bits))
        beats += [packed(values[first : first + channels], bits) for first in range(0, len(values), channels)]
        rest = -len(values) % width  # what follows the last pixel may be anything
        words[-1] |= draw.getrandbits(rest * bits) << ((width - rest) * bits) if rest else 0
    reader = PixelReader(data.ArrayLayout(unsigned(bits), channels), pixels, width)
    return StreamCase(name, Renamed(reader, "i", "pixels"), words, beats)


def _check(width: int, end: int, bits: int) -> StreamCase:
    name = f"check-{width}-{end}-{bits}"
    draw = random.Random(name)
    words, beats = [], []
    whole, ending = (1,) * width, (1,) * end + (0,) * (width - end)
    for _ in range(200):
        content = [draw.getrandbits(bits) for _ in range(width)]
        for lane in range(width):
            if draw.random() < 0.1:
                content[lane] |= 1 << draw.randrange(8)
        keep = draw.choice([whole, ending, tuple(draw.randrange(2) for _ in range(width))])
        last = draw.randrange(2)
        large = [value >> bits != 0 for value in content]
        words.append(word(content, keep, last))
        within, at_end = keep != whole or any(large), keep != ending or any(large[:end])
        lanes = packed(content, bits)
        beats.append(lanes | packed([last, within, at_end], 1) << (width * bits))
    return StreamCase(name, PacketChecker(width, end, bits), words, beats)


class Writer(wiring.Component):  # type: ignore[misc]
    """A result writer: ``i`` brings a number and its result together, ``o`` are the words of the port."""

    def __init__(self, network: Any, width: int) -> None:
        self._writer = ResultWriter(network, width)
        shape = data.StructLayout({"number": unsigned(32), "result": result_layout(network)})
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(word_layout(width)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.writer = writer = self._writer
        m.d.comb += [
            writer.numbers.payload.eq(self.i.payload.number),
            writer.result.payload.eq(self.i.payload.result),
            writer.numbers.valid.eq(self.i.valid),
            writer.result.valid.eq(self.i.valid),
            self.i.ready.eq(writer.result.ready),
            self.o.payload.data.eq(writer.m_axis_tdata),
            self.o.payload.keep.eq(writer.m_axis_tkeep),
            self.o.payload.last.eq(writer.m_axis_tlast),
            self.o.valid.eq(writer.m_axis_tvalid),
            writer.m_axis_tready.eq(self.o.ready),
        ]
        return m


def _writer(name: str, width: int, network: Network) -> StreamCase:
    draw = random.Random(name)
    beats, words = [], []
    for _ in range(20):
        number = draw.getrandbits(32)
        answer, scores, result = readouts.random_result(draw, network)
        beats.append(number | result << 32)
        content = b"".join((value % (1 << 32)).to_bytes(4, "little") for value in (number, answer, *scores))
        groups, keeps = words_of(content, width), words_of([1] * len(content), width)
        for index, (group, keep) in enumerate(zip(groups, keeps, strict=True)):
            words.append(word(group, keep, int(index == len(groups) - 1)))
    return StreamCase(name, Writer(network, width), beats, words)


READER_CASES = [_reader(*shape) for shape in READERS]
CHECK_CASES = [_check(*shape) for shape in [(4, 4, 8), (8, 3, 1), (16, 9, 6)]]
WRITER_CASES = [
    *(
        _writer(f"writer-{width}-{classes}", width, stand_in.network(classes=classes))
        for width, classes in [(4, 1), (4, 10), (8, 2), (8, 3), (16, 2), (16, 5)]
    ),
    *(_writer(f"writer-{readout}", 8, readouts.network(readout)) for readout in readouts.READOUTS),
]
CASES = [*READER_CASES, *CHECK_CASES, *WRITER_CASES]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_beat(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("shape", READERS, ids=str)
def test_reader_rate(shape: tuple[int, int, int, int], results: dict[str, CaseResult]) -> None:
    """A pixel a clock, across frames too, or a word a clock where pixels are wider."""
    width, channels, bits, pixels = shape
    result = results[f"reader-{width}-{channels}-{bits}-{pixels}"]
    clocks = result.output_clocks
    step = -(-channels // width)
    assert clocks == list(range(clocks[0], clocks[0] + step * len(clocks), step))
    assert result.first_latency == (1 if step == 1 else step + 1)


@pytest.mark.parametrize("case", CHECK_CASES, ids=lambda case: case.name)
def test_check_rate(case: StreamCase, results: dict[str, CaseResult]) -> None:
    result = results[case.name]
    start = result.input_clocks[0]
    assert result.input_clocks == list(range(start, start + len(case.inputs)))
    assert result.output_clocks == [clock + 2 for clock in result.input_clocks]
