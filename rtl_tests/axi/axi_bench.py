"""Drives an accelerator by its AXI ports with cocotbext-axi, and knows what ``docs/axi.md`` says must come of it."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource

from hwsnn.interface.registers import register
from hwsnn.sim.agents import Stalls
from rtl_tests.axi.axi_rules import Rules, register_channels, stream_channel

STATUS_BITS = ("RESETTING", "SENDING", "RECEIVING", "BUSY")


@dataclass(frozen=True)
class Shape:
    """What of an accelerator its ports show. ``image``: (channels, height, width). ``steps``: of a frame, if any."""

    word_bytes: int
    image: tuple[int, int, int]
    pixel_bits: int
    classes: int
    steps: int | None = None

    @property
    def frame_beats(self) -> int:
        _, height, width = self.image
        return height * width * (self.steps or 1)

    @property
    def frame_bytes(self) -> int:
        return self.image[0] * self.frame_beats


@dataclass(frozen=True)
class Packet:
    """Bytes that go in as one packet, and which of them ``tkeep`` marks as there."""

    content: bytes
    keep: tuple[int, ...] | None = None

    def sound(self, shape: Shape) -> bool:
        """Whether it is a frame."""
        size, width = shape.frame_bytes, shape.word_bytes
        keep = self.keep or (1,) * len(self.content)
        return (
            -(-len(keep) // width) == -(-size // width)
            and all(keep[:size])
            and len(keep) >= size
            and not any(keep[size:])
            and max(self.content[:size]) < 1 << shape.pixel_bits
        )


@dataclass(frozen=True)
class Result:
    """A result's packet, taken apart."""

    number: int
    answer: int
    scores: tuple[int, ...]


def take_apart(frame: Any, shape: Shape) -> Result:
    """A result as a sink got it, its form checked."""
    content, keep, size = bytes(frame.tdata), list(frame.tkeep), 8 + 4 * shape.classes
    words = -(-size // shape.word_bytes)
    assert len(content) == words * shape.word_bytes
    assert keep == [1] * size + [0] * (len(content) - size)
    assert not any(content[size:]), "bytes outside tkeep must be 0"
    fields = [content[first : first + 4] for first in range(0, size, 4)]
    scores = tuple(int.from_bytes(field, "little", signed=True) for field in fields[2:])
    return Result(int.from_bytes(fields[0], "little"), int.from_bytes(fields[1], "little"), scores)


def pauses(seed: str, probability: float, longest: int = 8) -> Iterator[bool]:
    """For every clock whether to pause in it."""
    stalls = Stalls(random.Random(seed), probability, longest)
    while True:
        yield stalls.pause()


class AxiBench:
    """An accelerator's three ports. ``prefix`` is what the names of its ports start with.

    ``results`` are those that have come so far.
    """

    def __init__(self, dut: Any, prefix: str, shape: Shape, seed: object) -> None:
        self.dut, self.shape = dut, shape
        self.seed = f"{prefix}/{seed}"
        self.random = random.Random(self.seed)
        self.results: list[Result] = []
        self.quiet = 0
        names = {port: f"{prefix}{port}" for port in ("s_axi", "s_axis", "m_axis")}
        at = (dut.aclk, dut.aresetn)
        self.frames_in, self.results_out = stream_channel(dut, names["s_axis"]), stream_channel(dut, names["m_axis"])
        self.access = register_channels(dut, names["s_axi"])
        self.rules = Rules(*at, [self.frames_in, self.results_out, *self.access.values()])
        low = {"reset_active_level": False}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, names["s_axis"]), *at, **low)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, names["m_axis"]), *at, **low)
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, names["s_axi"]), *at, **low)
        for talker in (self.source, self.sink, self.master.write_if, self.master.read_if):
            talker.log.setLevel(logging.WARNING)

    async def start(self, aclk_ns: float = 10, pipeline_ns: float = 7) -> None:
        """Start the clocks, reset, and wait until the accelerator is ready."""
        Clock(self.dut.aclk, aclk_ns, unit="ns").start()
        Clock(self.dut.pipeline_clk, pipeline_ns, unit="ns").start()
        self.dut.aresetn.value = 0
        self.listen()
        await self.reset()

    def listen(self) -> None:
        """Take results, and watch the rules, from now on."""
        cocotb.start_soon(self.rules.watch())
        cocotb.start_soon(self._listen())

    async def reset(self, clocks: int = 20) -> None:
        """Reset everything by ``aresetn``, and wait until the accelerator is ready."""
        self.dut.aresetn.value = 0
        await self.clocks(clocks)
        self.dut.aresetn.value = 1
        await self.clocks(1)
        await self.ready()

    async def _listen(self) -> None:
        while True:
            await RisingEdge(self.dut.aclk)
            self.quiet += 1
            while not self.sink.empty():
                self.results.append(take_apart(self.sink.recv_nowait(compact=False), self.shape))
                self.quiet = 0

    async def clocks(self, count: int) -> None:
        """Let some clocks of ``aclk`` pass."""
        for _ in range(count):
            await RisingEdge(self.dut.aclk)

    def pause(self, probability: float, longest: int = 8) -> None:
        """Pause on every channel from now on, or on none where the probability is 0."""
        write, read = self.master.write_if, self.master.read_if
        channels = (write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)
        for index, channel in enumerate((self.source, self.sink, *channels)):
            if probability:
                channel.set_pause_generator(pauses(f"{self.seed}/{index}", probability, longest))
            else:
                channel.clear_pause_generator()
                channel.pause = False

    def image(self) -> bytes:
        """A random frame."""
        return bytes(self.random.getrandbits(self.shape.pixel_bits) for _ in range(self.shape.frame_bytes))

    def send(self, packet: Packet) -> None:
        """Put a packet behind those that wait to be sent."""
        keep = None if packet.keep is None else list(packet.keep)
        self.source.send_nowait(AxiStreamFrame(tdata=packet.content, tkeep=keep))

    async def sent(self) -> None:
        """Wait until all packets have gone in."""
        await self.source.wait()

    async def settle(self, clocks: int = 300) -> None:
        """Wait until all packets have gone in, and no more results come."""
        await self.sent()
        self.quiet = 0
        while self.quiet < clocks:
            await RisingEdge(self.dut.aclk)
        self.rules.check()

    async def read(self, name: str) -> int:
        """What a register holds: of a counter, its low word, then its high word."""
        described = register(name)
        value = 0
        for first in range(0, described.size, 4):
            answer = await self.master.read(described.offset + first, 4)
            value |= int.from_bytes(answer.data, "little") << (8 * first)
        return value

    async def status(self) -> set[str]:
        """The bits of STATUS that are set."""
        value = await self.read("STATUS")
        return {name for name in STATUS_BITS if register("STATUS").field(name).of(value)}

    async def soft_reset(self) -> None:
        """Write RESET."""
        await self.master.write(register("CONTROL").offset, (1).to_bytes(4, "little"))

    async def ready(self) -> None:
        """Wait until no reset is under way."""
        while "RESETTING" in await self.status():
            pass
