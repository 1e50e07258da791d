"""The cocotb side of ``test_axi_shell`` that goes on for as long as it is told to: anything at all, in any order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import cocotb

from hwsnn.interface.registers import of_kind
from rtl_tests.axi.axi_bench import Packet
from rtl_tests.axi.axi_shells import expected, frame, malformed, read_all_the_while, start_bench


@cocotb.test(timeout_time=400, timeout_unit="ms")
@cocotb.parametrize(
    (
        ("name", "aclk_ns", "pipeline_ns"),
        [("plain", 10, 7), ("odd", 10, 23), ("wide", 9, 10)],
    )
)
async def anything(dut: Any, name: str, aclk_ns: int, pipeline_ns: int) -> None:
    """Frames and malformed packets in any order, pauses on every channel, registers read all the while."""
    bench = start_bench(dut, name, "anything")
    await bench.start(aclk_ns, pipeline_ns)
    bench.pause(0.1)
    reading = cocotb.start_soon(read_all_the_while(bench))
    wanted_words, words, packets = int(os.environ["HWSNN_WORDS"]), 0, list[Packet]()
    while words < wanted_words:
        packet = malformed(bench) if bench.random.random() < 0.25 else frame(bench)
        packets.append(packet)
        bench.send(packet)
        words += -(-len(packet.content) // bench.shape.word_bytes)
    await bench.settle()
    reading.cancel()
    wanted = expected(packets, bench.shape)
    assert bench.results == wanted
    bad = len(packets) - len(wanted)
    assert words // 100 < bad < len(wanted)
    await bench.clocks(50)
    bench.pause(0)
    counters = {described.name: await bench.read(described.name) for described in of_kind("counter")}
    clocks = counters.pop("CLOCKS") * pipeline_ns / aclk_ns
    assert counters == {
        "FRAMES": len(wanted),
        "INPUT_STALLS": bench.frames_in.stalls,
        "OUTPUT_STALLS": bench.results_out.stalls,
        "MALFORMED": bad,
    }
    assert (bench.frames_in.moved, bench.frames_in.packets) == (words, len(packets))
    assert 0.9 * bench.rules.clocks - 100 < clocks < bench.rules.clocks
    figures = {
        "accelerator": name,
        "words in": words,
        "stalls in": bench.frames_in.stalls,
        "malformed packets": bad,
        "frames answered": len(bench.results),
        "words out": bench.results_out.moved,
        "register accesses": bench.access["r"].moved + bench.access["b"].moved,
        "clocks": bench.rules.clocks,
    }
    with Path(os.environ["HWSNN_FIGURES"]).open("a") as file:
        file.write(f"{figures}\n")
