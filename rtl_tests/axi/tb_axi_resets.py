"""The cocotb side of ``test_axi_shell``: resets at any moment, as ``docs/axi.md`` says."""

from __future__ import annotations

from typing import Any

import cocotb

from hwsnn.interface.registers import of_kind
from rtl_tests.axi.axi_bench import STATUS_BITS
from rtl_tests.axi.axi_shells import (
    SLOW_CLOCKS,
    expected,
    frame,
    malformed,
    read_all_the_while,
    send_and_check,
    start_bench,
)


@cocotb.test(timeout_time=4, timeout_unit="ms")
@cocotb.parametrize((("name", "pipeline_ns"), [("plain", 7), ("one", 23), ("wide", 10), ("slow", 7), ("timed", 10)]))
async def soft_reset_midway(dut: Any, name: str, pipeline_ns: int) -> None:
    """A soft reset at any moment: what was inside is gone, what comes after is answered, from number 0."""
    bench = start_bench(dut, name, "soft")
    await bench.start(10, pipeline_ns)
    quiet = 2 * SLOW_CLOCKS if name == "slow" else 100
    seen = dict.fromkeys(STATUS_BITS, 0)
    for _ in range(6 if name == "slow" else 16):
        bench.results.clear()
        whole = bench.frames_in.packets
        bench.pause(0.2)
        packets = [malformed(bench) if bench.random.random() < 0.2 else frame(bench) for _ in range(8)]
        for packet in packets:
            bench.send(packet)
        await bench.clocks(bench.random.randrange(150))
        bench.pause(0)
        bench.source.pause = bench.sink.pause = True
        taken = len(packets) - bench.source.count()
        bench.source.clear()  # all but the packet that is offered or on its way
        await bench.clocks(5)
        before = await bench.status()
        await bench.soft_reset()
        await bench.ready()
        after = await bench.status()
        assert before & {"SENDING", "RECEIVING"} <= after
        assert "BUSY" not in after
        for bit in before:
            seen[bit] += 1
        for described in of_kind("counter"):
            if described.name not in ("CLOCKS", "OUTPUT_STALLS"):
                assert await bench.read(described.name) == 0
        assert await bench.read("CLOCKS") < 500

        # Of the time before, the packet that was being sent; of a packet that was offered only, all.
        answered = len(bench.results) + ("SENDING" in after)
        begun = bench.frames_in.packets - whole + ("RECEIVING" in after)
        bench.source.pause = bench.sink.pause = False
        await bench.settle(quiet)
        wanted = expected(packets[:begun], bench.shape)[:answered]
        assert len(wanted) == answered
        assert bench.results == wanted + expected(packets[begun:taken], bench.shape)
        assert await bench.status() == set()
        await bench.soft_reset()
        await bench.ready()
        await send_and_check(bench, [frame(bench), malformed(bench), frame(bench)], quiet)
        await bench.soft_reset()
        await bench.ready()
    assert seen["BUSY"] > 2
    assert seen["RECEIVING"] or name == "one"
    assert seen["SENDING"] or name == "slow"


@cocotb.test(timeout_time=4, timeout_unit="ms")
@cocotb.parametrize(name=["plain", "one", "wide"])
async def soft_reset_in_full_flow(dut: Any, name: str) -> None:
    """Nobody stops for the reset: from some packet on, whole packets are numbered from 0, and none is missing."""
    bench = start_bench(dut, name, "flow")
    await bench.start()
    for _ in range(8):
        bench.results.clear()
        bench.pause(bench.random.choice([0, 0.2]))
        packets = [frame(bench) for _ in range(200 if name == "one" else 40)]
        for packet in packets:
            bench.send(packet)
        await bench.clocks(bench.random.randrange(20, 100))
        await bench.soft_reset()
        await bench.settle()
        wanted = expected(packets, bench.shape)
        again = [at for at, result in enumerate(bench.results) if result.number == 0][-1]
        new = len(bench.results) - again
        assert 0 < new < len(packets)
        assert bench.results[:again] == wanted[:again]
        assert bench.results[again:] == expected(packets[-new:], bench.shape)
        assert await bench.read("FRAMES") == new
        assert await bench.read("MALFORMED") == 0
        await bench.soft_reset()
        await bench.ready()


@cocotb.test(timeout_time=4, timeout_unit="ms")
@cocotb.parametrize(name=["plain", "wide", "slow"])
async def reset_midway(dut: Any, name: str) -> None:
    """``aresetn`` at any moment, on everything."""
    bench = start_bench(dut, name, "hard")
    await bench.start(10, 23)
    for _ in range(4 if name == "slow" else 10):
        bench.pause(0.2)
        for _ in range(6):
            bench.send(frame(bench))
        accesses = cocotb.start_soon(read_all_the_while(bench))
        await bench.clocks(bench.random.randrange(200))
        accesses.cancel()
        bench.source.clear()
        bench.pause(0)
        await bench.reset(bench.random.choice([2, 3, 20]))
        assert await bench.status() == set()
        assert {await bench.read(each.name) for each in of_kind("counter") if each.name != "CLOCKS"} == {0}
        await send_and_check(bench, [malformed(bench), frame(bench)], 2 * SLOW_CLOCKS if name == "slow" else 100)
