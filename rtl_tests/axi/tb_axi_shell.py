"""The cocotb side of ``test_axi_shell``: frames through accelerators with stand-ins, as ``docs/axi.md`` says."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from hwsnn.interface.registers import constants, register
from rtl_tests.axi.axi_bench import Packet
from rtl_tests.axi.axi_rules import Rules, stream_channel
from rtl_tests.axi.axi_shells import MODEL_HASH, SLOW_CLOCKS, expected, frame, network_of, send_and_check, start_bench


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(
    (
        ("name", "aclk_ns", "pipeline_ns", "pauses"),
        [
            ("plain", 10, 7, 0.0),
            ("plain", 10, 7, 0.3),
            ("narrow", 10, 23, 0.2),
            ("odd", 7, 10, 0.2),
            ("wide", 23, 7, 0.1),
            ("wider", 10, 3, 0.2),
            ("equal", 10, 10, 0.3),
            ("one", 10, 9, 0.0),
            ("timed", 10, 7, 0.3),
        ],
    )
)
async def good_frames(dut: Any, name: str, aclk_ns: int, pipeline_ns: int, pauses: float) -> None:
    bench = start_bench(dut, name, "good")
    await bench.start(aclk_ns, pipeline_ns)
    bench.pause(pauses)
    await send_and_check(bench, [frame(bench) for _ in range(40)])
    assert await bench.status() == set()


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(
    (
        ("name", "aclk_ns", "pipeline_ns", "clocks_a_pixel"),
        [
            ("plain", 10, 10, 1),
            ("plain", 10, 7, 1),
            ("narrow", 10, 7, 1),
            ("odd", 10, 7, 1),
            ("equal", 10, 10, 1),
            ("equal", 10, 11, 1),
            ("wide", 10, 10, 2),
            ("wider", 10, 9, 2),
            ("timed", 10, 10, 1),
        ],
    )
)
async def every_clock_brings_a_pixel(dut: Any, name: str, aclk_ns: int, pipeline_ns: int, clocks_a_pixel: int) -> None:
    """Frames back to back go into the pipeline without a gap, within frames and between them."""
    bench = start_bench(dut, name, "gaps")
    await bench.start(aclk_ns, pipeline_ns)
    moves = getattr(dut, f"{name}_pixel_moves")
    clocks: list[int] = []

    async def watch() -> None:
        clock = 0
        while True:
            await RisingEdge(dut.pipeline_clk)
            clock += 1
            if moves.value:
                clocks.append(clock)

    cocotb.start_soon(watch())
    packets = [frame(bench) for _ in range(24)]
    await send_and_check(bench, packets)
    assert len(clocks) == len(packets) * bench.shape.frame_beats
    assert {after - before for before, after in pairwise(clocks)} == {clocks_a_pixel}


@cocotb.test(timeout_time=1, timeout_unit="ms")
@cocotb.parametrize(name=["plain", "odd", "wide", "wider", "equal", "one", "timed"])
async def malformed_packets(dut: Any, name: str) -> None:
    """Whatever is wrong with a packet, the frame behind it is answered, and has the right number."""
    bench = start_bench(dut, name, "malformed")
    await bench.start()
    width, size = bench.shape.word_bytes, bench.shape.frame_bytes
    image, after = bench.image(), bytes(width)
    wrong = [
        Packet(after, (0,) * width),
        Packet(image + b"\0"),
        Packet(image + after),
        Packet(image + after, (1,) * size + (0,) * width),
        Packet(image + bench.image()),
        Packet(image + bytes(40 * size)),
        Packet(after + image, (0,) * width + (1,) * size),
        Packet(image, (0,) + (1,) * (size - 1)) if size > 1 else Packet(image, (0,)),
        Packet(image, (1,) * (size - 1) + (0,)),
    ]
    if size > 1:
        wrong += [Packet(image[:-1]), Packet(image[:1]), Packet(image[: max(size // 2, 1)])]
        wrong += [Packet(image[:-1] + b"\0", (1,) * (size - 1) + (0,))]
    if size > width:
        wrong += [Packet(image[:width]), Packet(image[:-width])]
    if bench.shape.pixel_bits < 8:
        for at in {0, size // 2, size - 1}:
            wrong.append(Packet(image[:at] + bytes([1 << bench.shape.pixel_bits]) + image[at + 1 :]))
            wrong.append(Packet(image[:at] + b"\x80" + image[at + 1 :]))
    assert not any(packet.sound(bench.shape) for packet in wrong)
    packets = []
    for packet in wrong:
        packets += [packet, frame(bench)]
    await send_and_check(bench, [*packets, *wrong, frame(bench)])


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def registers(dut: Any) -> None:
    """Every address of the port, and writes of every kind."""
    bench = start_bench(dut, "plain", "registers")
    await bench.start()
    bench.pause(0.4)
    shape = bench.shape
    held = {
        register(name).offset: value
        for name, value in constants(network_of(shape), MODEL_HASH, shape.word_bytes).items()
    }
    low_clocks = register("CLOCKS").offset
    await bench.read("INPUT_STALLS")  # there are none, so its high word is 0 as well
    for offset in range(0, 0x200, 4):
        answer = await bench.master.read(offset, 4)
        assert int(answer.resp) == 0
        if offset != low_clocks:
            assert int.from_bytes(answer.data, "little") == held.get(offset, 0), hex(offset)
    for offset in (0x400, 0x800, 0xFFC, 0x804, 0x408):  # what a decoder with too few bits would mistake
        assert not any((await bench.master.read(offset, 4)).data)
    send = frame(bench)
    bench.send(send)
    await bench.settle()
    assert await bench.read("FRAMES") == 1
    for offset in [*range(0, 0x100, 4), 0x408, 0x808]:
        if offset != register("CONTROL").offset:
            answer = await bench.master.write(offset, b"\xff\xff\xff\xff")
            assert int(answer.resp) == 0
    await bench.master.write(register("CONTROL").offset, b"\xfe\xff\xff\xff")  # all but the bit
    assert await bench.read("FRAMES") == 1
    await bench.master.write(register("CONTROL").offset, b"\x01")  # its byte alone
    await bench.ready()
    assert await bench.read("FRAMES") == 0
    bench.rules.check()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_write_in_any_order(dut: Any) -> None:
    """Address first, data first, or both at once; and no access waits for another of the other kind."""
    bench = start_bench(dut, "plain", "order")
    await bench.start()
    write = bench.master.write_if
    for late in (write.aw_channel, write.w_channel):
        late.pause = True
        done = cocotb.start_soon(bench.soft_reset())
        await bench.clocks(30)
        assert not done.done()
        assert "RESETTING" not in await bench.status()
        late.pause = False
        await done
        assert "RESETTING" in await bench.status()
        await bench.ready()
    bench.master.read_if.r_channel.pause = True
    reading = cocotb.start_soon(bench.read("ID"))
    await bench.clocks(30)
    await bench.soft_reset()
    assert not reading.done()
    bench.master.read_if.r_channel.pause = False
    assert (await reading).to_bytes(4, "little") == b"HWSN"
    bench.rules.check()


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def results_do_not_wait_for_ready(dut: Any) -> None:
    """All that can be inside is inside, nothing comes out; the rest waits, and all is answered in the end."""
    bench = start_bench(dut, "one", "stuck")
    await bench.start()
    bench.sink.pause = True
    packets = [frame(bench) for _ in range(150)]
    for packet in packets:
        bench.send(packet)
    await bench.clocks(1000)
    assert bench.results_out.moved == 0
    assert bench.results_out.stalls > 900
    assert 40 < bench.frames_in.packets < len(packets)
    assert await bench.status() == {"SENDING", "BUSY"}
    bench.sink.pause = False
    await bench.settle()
    assert bench.results == expected(packets, bench.shape)
    assert await bench.read("INPUT_STALLS") == bench.frames_in.stalls
    assert await bench.read("OUTPUT_STALLS") == bench.results_out.stalls


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def two_frames_are_kept(dut: Any) -> None:
    """While the network works on a frame, two more go in."""
    bench = start_bench(dut, "slow", "kept")
    await bench.start()
    packets = [frame(bench) for _ in range(4)]
    for packet in packets[:3]:
        bench.send(packet)
    await bench.clocks(60)
    assert bench.frames_in.packets == 3
    assert await bench.status() == {"BUSY"}
    bench.send(packets[3])
    await bench.settle(2 * SLOW_CLOCKS)
    assert bench.results == expected(packets, bench.shape)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def the_rules_find_what_breaks_them(dut: Any) -> None:
    """Offers that are withdrawn, that change, that are made in reset: each is noticed, and nothing of a good port."""
    start_bench(dut, "plain", "rules")
    channels = {name: stream_channel(dut, f"{name}_m_axis") for name in ("withdraws", "changes", "resets", "fair")}
    rules = Rules(dut.aclk, dut.aresetn, list(channels.values()))
    Clock(dut.aclk, 10, unit="ns").start()
    for name in channels:
        getattr(dut, f"{name}_m_axis_tready").value = 0
    dut.aresetn.value = 0
    cocotb.start_soon(rules.watch())
    for clock in range(60):
        await RisingEdge(dut.aclk)
        dut.aresetn.value = clock > 5
        for name in channels:
            getattr(dut, f"{name}_m_axis_tready").value = clock % 4 == 0
    messages = {name: channel.errors[0].partition(": ")[2] for name, channel in channels.items() if channel.errors}
    assert messages.pop("changes").startswith("payload changed from ")
    assert messages == {"withdraws": "valid fell before the beat had moved", "resets": "valid is high in reset"}
    assert channels["fair"].moved > 5
