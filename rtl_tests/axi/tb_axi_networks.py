"""The cocotb side of ``test_axi_networks``: images through whole networks, all of them at once."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock

from rtl_tests.axi.axi_bench import AxiBench, Packet, Result, Shape

QUIET_CLOCKS = 3000
"""Longer than any of these networks takes for a frame."""


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def scores_are_the_references(dut: Any) -> None:
    """With pauses on every channel, malformed packets in between and registers read all the while."""
    job = json.loads(Path(os.environ["HWSNN_JOB"]).read_text())
    benches = {}
    for name, each in job.items():
        shape = Shape(each["word_bytes"], tuple(each["image"]), each["pixel_bits"], each["classes"], each["steps"])
        benches[name] = AxiBench(dut, f"{name}_", shape, "networks")
    Clock(dut.aclk, 10, unit="ns").start()
    Clock(dut.pipeline_clk, 7, unit="ns").start()
    dut.aresetn.value = 0
    for bench in benches.values():
        bench.listen()
    await next(iter(benches.values())).clocks(20)
    dut.aresetn.value = 1
    wanted = {}
    for name, bench in benches.items():
        await bench.ready()
        bench.pause(0.2)
        wanted[name] = send(bench, job[name])
    for name, bench in benches.items():
        while len(bench.results) < len(wanted[name]):
            assert await bench.read("FRAMES") <= len(bench.results) + 1
        await bench.settle(QUIET_CLOCKS)
        assert bench.results == wanted[name]
        assert await bench.status() == set()


def send(bench: AxiBench, job: dict[str, Any]) -> list[Result]:
    """Send the images of a job, and a malformed packet now and then. Returns the results to come."""
    results, number = [], 0
    for image, answer, scores in zip(job["images"], job["answers"], job["scores"], strict=True):
        if bench.random.random() < 0.2:
            bench.send(Packet(bytes.fromhex(image) + b"\0" * bench.shape.word_bytes))
            number += 1
        bench.send(Packet(bytes.fromhex(image)))
        results.append(Result(number, answer, tuple(scores)))
        number += 1
    return results
