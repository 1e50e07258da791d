"""The cocotb side of ``test_axi_shell``: frames through accelerators with stand-ins, as ``docs/axi.md`` says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cocotb

from rtl_tests import stand_in
from rtl_tests.axi_bench import AxiBench, Packet, Result, Shape

MODEL_HASH = bytes(range(1, 33)).hex()
SHELLS = {
    "plain": Shape(8, (2, 3, 4), 6, 5),
    "narrow": Shape(4, (1, 4, 5), 8, 3),
    "odd": Shape(8, (3, 3, 5), 7, 5),
    "wide": Shape(4, (7, 2, 3), 8, 4),
    "wider": Shape(16, (19, 2, 2), 3, 6),
    "equal": Shape(8, (8, 3, 7), 8, 3),
    "one": Shape(16, (1, 1, 1), 1, 3),
    "slow": Shape(8, (2, 3, 4), 6, 5),
}
SLOW_CLOCKS = 500
"""How long the stand-in of ``slow`` waits behind each frame."""


def expected(packets: Sequence[Packet], shape: Shape, first: int = 0) -> list[Result]:
    """The results of the frames among packets, of which the first has the number ``first``."""
    results = []
    for number, packet in enumerate(packets, first):
        if packet.sound(shape):
            answer, scores = stand_in.expected(packet.content, shape.classes)
            results.append(Result(number, answer, tuple(scores)))
    return results


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(name=["plain", "one", "odd", "wider"])
async def good_frames(dut: Any, name: str) -> None:
    bench = AxiBench(dut, f"{name}_", SHELLS[name], "good")
    await bench.start()
    packets = [Packet(bench.image()) for _ in range(30)]
    for packet in packets:
        bench.send(packet)
    await bench.settle()
    assert bench.results == expected(packets, bench.shape)
