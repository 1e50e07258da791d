"""Accelerators with stand-ins for their pipelines: which there are, and packets for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hwsnn.interface.registers import REGISTERS, constants, of_kind, register
from hwsnn.spec import Network
from rtl_tests.axi.axi_bench import AxiBench, Packet, Result, Shape
from rtl_tests.support import stand_in

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
    "timed": Shape(8, (3, 2, 4), 5, 4, steps=5),
}
SLOW_CLOCKS = 500
"""How long the stand-in of ``slow`` waits behind each frame."""
QUIET = (
    "s_axis_tvalid",
    "m_axis_tready",
    "s_axi_awvalid",
    "s_axi_wvalid",
    "s_axi_bready",
    "s_axi_arvalid",
    "s_axi_rready",
)


def network_of(shape: Shape) -> Network:
    """The network that an accelerator of this shape has a stand-in for."""
    return stand_in.network(shape.image, shape.pixel_bits, shape.classes, shape.steps)


def expected(packets: Sequence[Packet], shape: Shape) -> list[Result]:
    """The results of the frames among packets."""
    results = []
    for number, packet in enumerate(packets):
        if packet.sound(shape):
            answer, scores = stand_in.expected(packet.content[: shape.frame_bytes], shape.classes)
            results.append(Result(number, answer, tuple(scores)))
    return results


def start_bench(dut: Any, name: str, seed: object) -> AxiBench:
    """A bench of one of the accelerators; the ports of all others are quiet."""
    for other in SHELLS:
        for signal in QUIET:
            getattr(dut, f"{other}_{signal}").value = 0
    return AxiBench(dut, f"{name}_", SHELLS[name], seed)


def malformed(bench: AxiBench) -> Packet:
    """A random packet that is no frame."""
    image, draw, shape = bench.image(), bench.random, bench.shape
    size = shape.frame_bytes
    kind = draw.choice(["short", "long", "hole", "nothing", "no end", "pixel"])
    if kind == "short" and size > 1:
        return Packet(image[: draw.randrange(1, size)])
    if kind == "hole":
        keep = [1] * size
        keep[draw.randrange(size)] = 0
        return Packet(image, tuple(keep))
    if kind == "nothing":
        return Packet(bytes(shape.word_bytes), (0,) * shape.word_bytes)
    if kind == "no end":
        return Packet(image + bench.image())
    if kind == "pixel" and shape.pixel_bits < 8:
        at = draw.randrange(size)
        return Packet(image[:at] + bytes([image[at] | 1 << draw.randrange(shape.pixel_bits, 8)]) + image[at + 1 :])
    return Packet(image + bytes(draw.randrange(1, 3 * shape.word_bytes)))


def frame(bench: AxiBench) -> Packet:
    """A random frame; what ``tkeep`` leaves out of its last word is anything."""
    image, width = bench.image(), bench.shape.word_bytes
    rest = -len(image) % width
    return Packet(image + bench.random.randbytes(rest), (1,) * len(image) + (0,) * rest)


async def send_and_check(bench: AxiBench, packets: list[Packet], quiet: int = 300) -> None:
    """Send packets right after a reset, and see that exactly their frames are answered."""
    seen = len(bench.results)
    for packet in packets:
        bench.send(packet)
    await bench.settle(quiet)
    wanted = expected(packets, bench.shape)
    assert bench.results[seen:] == wanted
    assert await bench.read("FRAMES") == len(wanted)
    assert await bench.read("MALFORMED") == len(packets) - len(wanted)


async def read_all_the_while(bench: AxiBench) -> None:
    """Read registers in any order: constants never change, counters never fall, what cannot be written is not."""
    fixed = constants(network_of(bench.shape), MODEL_HASH, bench.shape.word_bytes)
    before = {described.name: 0 for described in of_kind("counter")}
    while True:
        described = bench.random.choice(REGISTERS)
        if described.kind != "control":
            await bench.master.write(described.offset, bench.random.randbytes(described.size))
        value = await bench.read(described.name)
        if described.kind == "constant":
            assert value == fixed[described.name]
        elif described.kind == "counter":
            assert value >= before[described.name]
            before[described.name] = value
        elif described.kind == "status":
            assert not register("STATUS").field("RESETTING").of(value)
        else:
            assert value == 0
