# amaranth: UnusedElaboratable=no
"""Results of every readout as packets of the serial link: counts have no sign, membranes do."""

from __future__ import annotations

import random
import zlib

import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.interface.serial_protocol import Identity
from hwsnn.rtl.network import result_layout
from hwsnn.rtl.serial.response_writer import ResponseWriter
from hwsnn.rtl.serial.slip import PACKET_BYTES
from hwsnn.spec import Network, Readout
from rtl_tests.support.readouts import READOUTS, network, random_result
from rtl_tests.support.stream_bench import CaseResult, StreamCase, run_cases

RESULTS = 12
END = 0x100
"""The bit of ``PACKET_BYTES`` that ends a packet; the other bits are any then."""


class Writer(wiring.Component):  # type: ignore[misc]
    """``i`` brings a sequence number and its result together; nothing else is ever to be said."""

    def __init__(self, network: Network) -> None:
        self._writer = ResponseWriter(network, Identity.of(network, "00" * 32))
        shape = data.StructLayout({"sequence": unsigned(8), "result": result_layout(network)})
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(PACKET_BYTES))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.writer = writer = self._writer
        m.d.comb += [
            writer.sequences.payload.eq(self.i.payload.sequence),
            writer.result.payload.eq(self.i.payload.result),
            writer.sequences.valid.eq(self.i.valid),
            writer.result.valid.eq(self.i.valid),
            self.i.ready.eq(writer.result.ready),
            self.o.payload.end.eq(writer.o.payload.end),
            self.o.payload.data.eq(writer.o.payload.data & ~writer.o.payload.end.replicate(8)),
            self.o.valid.eq(writer.o.valid),
            writer.o.ready.eq(self.o.ready),
        ]
        return m


def _case(readout: Readout) -> StreamCase:
    draw, model = random.Random(readout), network(readout)
    beats: list[int] = []
    line: list[int] = []
    for _ in range(RESULTS):
        sequence = draw.randrange(256)
        answer, scores, result = random_result(draw, model)
        beats.append(sequence | result << 8)
        payload = b"\0" + answer.to_bytes(2, "little")
        payload += b"".join(score.to_bytes(4, "little", signed=True) for score in scores)
        content = bytes([0xA2, sequence]) + len(payload).to_bytes(4, "little") + payload
        line += [*content, *zlib.crc32(content).to_bytes(4, "little"), END]
    return StreamCase(readout, Writer(model), beats, line)


CASES = [_case(readout) for readout in READOUTS]


@pytest.fixture(scope="module")
def results() -> dict[str, CaseResult]:
    return run_cases(CASES, seed=4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_byte(case: StreamCase, results: dict[str, CaseResult]) -> None:
    assert results[case.name].error is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_clocks(case: StreamCase, results: dict[str, CaseResult]) -> None:
    """A packet of n bytes takes n + 3 cycles, which begin with that of the result."""
    result = results[case.name]
    size = len(case.outputs) // RESULTS - 1
    assert result.first_latency == 1
    assert result.input_clocks == [result.input_clocks[0] + (size + 3) * index for index in range(RESULTS)]
