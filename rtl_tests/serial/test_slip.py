# amaranth: UnusedElaboratable=no

from __future__ import annotations

import random

import pytest

from hwsnn.rtl.serial.slip import SlipDecoder, SlipEncoder
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

END = 0x100
"""A beat that ends a packet; other beats are a byte each."""


def _on_the_line(packet: bytes) -> list[int]:
    line = [0xC0]
    for byte in packet:
        line += {0xC0: [0xDB, 0xDC], 0xDB: [0xDB, 0xDD]}.get(byte, [byte])
    return [*line, 0xC0]


def _packets() -> list[bytes]:
    generator = random.Random(7)
    special = [0xC0, 0xDB, 0xDC, 0xDD]
    packets = [bytes([byte]) for byte in range(256)]
    packets += [bytes([first, second]) for first in special for second in special]
    packets += [bytes(generator.choices([*special, 0, 255], k=generator.randint(1, 20))) for _ in range(40)]
    return packets


PACKETS = _packets()
BEATS = [beat for packet in PACKETS for beat in [*packet, END]]
LINE = [byte for packet in PACKETS for byte in _on_the_line(packet)]

CASES = [
    StreamCase("encoder", SlipEncoder(), BEATS, LINE),
    StreamCase("encoder-empty-packets", SlipEncoder(), [END, END, 5, END, END, 6, END], [0xC0, 5, 0xC0, 0xC0, 6, 0xC0]),
    StreamCase("decoder", SlipDecoder(), LINE, [beat for packet in PACKETS for beat in [END, *packet, END]]),
    StreamCase("decoder-end-after-escape", SlipDecoder(), [1, 0xDB, 0xC0, 0xDC, 0xC0], [1, END, 0xDC, END]),
    StreamCase("decoder-other-byte-after-escape", SlipDecoder(), [0xDB, 7, 0xDB, 0xDB, 0xDC], [7, 0xDB, 0xDC]),
]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    def payload(beats: list[int]) -> list[int]:
        # What a decoder has on its data lines beside an end has no meaning, but these are the bits that it has.
        return [END | 0xC0 if beat == END else beat for beat in beats]

    return run_cases(
        [StreamCase(case.name, case.component, case.inputs, payload(list(case.outputs))) for case in CASES]
    )


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_slip(name: str, results: dict[str, CaseResult]) -> None:
    assert results[name].error is None
