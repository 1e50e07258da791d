# amaranth: UnusedElaboratable=no
"""The accelerator's counters, its port for frames, and its registers, each alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from amaranth.sim import Simulator

from hwsnn.interface.registers import REGISTERS, constants, of_kind, register
from hwsnn.rtl.axi.axis_sink import AxisSink
from hwsnn.rtl.axi.level_counter import LevelCounter
from hwsnn.rtl.axi.register_file import RegisterFile
from hwsnn.rtl.axi.restart_counter import RestartCounter
from hwsnn.rtl.axi.result_writer import ResultWriter
from hwsnn.rtl.axi.signatures import register_ports, stream_ports, word_layout
from hwsnn.rtl.axi.wide_counter import WideCounter
from rtl_tests.support import stand_in


def simulate(component: Any, bench: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Run a bench, which sets the component's inputs and looks at its outputs clock by clock."""
    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize(("bits", "part_bits"), [(6, 2), (7, 3), (3, 3), (5, 1), (4, 23)])
def test_wide_counter(bits: int, part_bits: int) -> None:
    counter = WideCounter(bits, part_bits)
    draw = random.Random(bits)
    events = [draw.random() < 0.8 for _ in range(3 << bits)]
    seen: list[int] = []

    async def bench(ctx: Any) -> None:
        for event in events:
            ctx.set(counter.counts, event)
            seen.append(ctx.get(counter.value))
            await ctx.tick()

    simulate(counter, bench)
    counts = [sum(events[: max(clock + 1 - counter.latency, 0)]) % (1 << bits) for clock in range(len(events))]
    assert seen == counts
    assert counter.latency == 1 + -(-bits // part_bits)


@pytest.mark.parametrize("limit", [1, 2, 3, 8])
def test_level_counter(limit: int) -> None:
    level, draw = LevelCounter(limit), random.Random(limit)
    ends = set()

    async def bench(ctx: Any) -> None:
        count = 0
        for _ in range(60 * limit):
            some, room = bool(ctx.get(level.some)), bool(ctx.get(level.room))
            assert (some, room) == (count > 0, count < limit)
            ends.add((some, room))
            down = some and draw.random() < 0.5
            up = (room or down) and draw.random() < 0.5
            ctx.set(level.up, up)
            ctx.set(level.down, down)
            count += up - down
            await ctx.tick()

    simulate(level, bench)
    assert {(False, True), (True, False)} <= ends


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8])
def test_restart_counter(length: int) -> None:
    counter, draw = RestartCounter(length), random.Random(length)
    restarts = set()

    async def bench(ctx: Any) -> None:
        count = 0
        for _ in range(300 * length):
            if count < length:
                assert (ctx.get(counter.count), bool(ctx.get(counter.last))) == (count, count == length - 1)
            step, restart = draw.random() < 0.7, draw.random() < 0.5 / length or count >= length
            ctx.set(counter.step, step)
            ctx.set(counter.restart, restart)
            if step:
                restarts.add(count) if restart else None
                count = 0 if restart else count + 1
            await ctx.tick()

    simulate(counter, bench)
    assert restarts >= {0, length - 1, length}


def test_axis_sink() -> None:
    """Words at random, soft resets at random: what is passed on are whole packets, of the time since the last one."""
    intake, draw = AxisSink(4), random.Random(1)
    met = set()

    async def bench(ctx: Any) -> None:
        packet, offered, dropping, left = 0, False, False, 3
        receiving = False
        for clock in range(4000):
            start = left == 0 and clock > 10 and draw.random() < 0.03
            resetting = left > 0
            ctx.set(intake.start, start)
            ctx.set(intake.resetting, resetting)
            ctx.set(intake.o.ready, resetting or draw.random() < 0.6)
            if not offered and draw.random() < 0.7:
                offered = True
                ctx.set(intake.s_axis_tdata, packet)
                ctx.set(intake.s_axis_tkeep, 0b1111)
                ctx.set(intake.s_axis_tlast, draw.random() < 0.3)
            ctx.set(intake.s_axis_tvalid, offered)
            last, ready = ctx.get(intake.s_axis_tlast), ctx.get(intake.s_axis_tready)
            taken = bool(offered and ready)
            assert ctx.get(intake.receiving) == receiving
            assert ctx.get(intake.stalled) == (offered and not taken)
            passed_on = bool(ctx.get(intake.o.valid) & ctx.get(intake.o.ready))
            assert passed_on == (taken and not dropping)
            if passed_on:
                assert ctx.get(intake.o.payload) == word_layout(4).const({"data": packet, "keep": 0b1111, "last": last})
            if resetting and clock > 10:
                assert not taken or dropping
                assert ready == dropping
            if taken:
                receiving, offered = not last, False
                packet += 1
            dropping = receiving and (dropping or start)
            met.add((dropping, resetting))
            left = draw.randrange(1, 12) if start else max(left - 1, 0)
            await ctx.tick()

    simulate(intake, bench)
    assert len(met) == 4


def test_writer_in_a_soft_reset() -> None:
    """No packet begins; the one that was offered goes on, unchanged, and does not count as answered."""
    writer = ResultWriter(stand_in.network(classes=1), 4)  # packets of three words

    async def bench(ctx: Any) -> None:
        async def packet(number: int, *, reset_at: int, ready_at: int) -> list[tuple[int, int, int]]:
            words = []
            for clock in range(12):
                ctx.set(writer.numbers.payload, number)
                for port in (writer.numbers, writer.result):
                    ctx.set(port.valid, clock == 0)
                ctx.set(writer.resetting, reset_at <= clock < reset_at + 4)
                ctx.set(writer.m_axis_tready, clock >= ready_at)
                if ctx.get(writer.m_axis_tvalid) and clock >= ready_at:
                    words.append((clock, ctx.get(writer.m_axis_tdata), ctx.get(writer.answered)))
                await ctx.tick()
            return words

        assert await packet(7, reset_at=20, ready_at=0) == [(1, 7, 0), (2, 0, 0), (3, 0, 1)]
        assert await packet(8, reset_at=0, ready_at=0) == []
        assert await packet(9, reset_at=1, ready_at=3) == [(3, 9, 0), (4, 0, 0), (5, 0, 0)]
        assert await packet(10, reset_at=1, ready_at=7) == [(7, 10, 0), (8, 0, 0), (9, 0, 0)]
        assert await packet(11, reset_at=20, ready_at=2) == [(2, 11, 0), (3, 0, 0), (4, 0, 1)]

    simulate(writer, bench)


class Registers:
    """Drives a register file by hand, with none of its channels in step."""

    def __init__(self, ctx: Any, file: RegisterFile) -> None:
        self.ctx, self.file = ctx, file

    async def read(self, address: int) -> int:
        """The register at an address; the answer is taken late."""
        ctx, file = self.ctx, self.file
        ctx.set(file.s_axi_araddr, address)
        ctx.set(file.s_axi_arvalid, 1)
        await ctx.tick().until(file.s_axi_arready)
        ctx.set(file.s_axi_arvalid, 0)
        clocks = 1
        while not ctx.get(file.s_axi_rvalid):
            await ctx.tick()
            clocks += 1
        assert clocks == 4
        value: int = ctx.get(file.s_axi_rdata)
        await ctx.tick().repeat(3)
        assert (ctx.get(file.s_axi_rdata), ctx.get(file.s_axi_rresp)) == (value, 0)
        ctx.set(file.s_axi_rready, 1)
        await ctx.tick()
        ctx.set(file.s_axi_rready, 0)
        return value

    async def write(self, address: int, value: int, strobe: int, *, address_first: bool) -> int:
        """Write; the answer is taken late. Returns for how many clocks RESET was given."""
        ctx, file = self.ctx, self.file
        ctx.set(file.s_axi_awaddr, address)
        ctx.set(file.s_axi_wdata, value)
        ctx.set(file.s_axi_wstrb, strobe)
        pulses = 0
        for clock in range(16):
            ctx.set(file.s_axi_awvalid, clock == (0 if address_first else 3))
            ctx.set(file.s_axi_wvalid, clock == (3 if address_first else 0))
            ctx.set(file.s_axi_bready, clock == 15)
            pulses += ctx.get(file.control.reset)
            assert clock != 15 or (ctx.get(file.s_axi_bvalid), ctx.get(file.s_axi_bresp)) == (1, 0)
            assert not ctx.get(file.control.reset) or not ctx.get(file.s_axi_bvalid)  # it begins before the answer
            await ctx.tick()
        assert not ctx.get(file.s_axi_bvalid)
        return pulses


CONSTANTS = constants(stand_in.network(), bytes(range(32)).hex(), 8)


def test_counters_are_read_of_one_moment() -> None:
    """The high word belongs to the last low word read of the same counter, whatever happens between."""
    file = RegisterFile(CONSTANTS)

    async def bench(ctx: Any) -> None:
        port = Registers(ctx, file)
        moment = {described.name: 0 for described in of_kind("counter")}
        draw = random.Random(2)
        for _ in range(60):
            values = {name: draw.getrandbits(64) for name in moment}
            for name, value in values.items():
                ctx.set(getattr(file, name.lower()), value)
            name = draw.choice(list(values))
            if draw.random() < 0.6:
                moment[name] = values[name]
                assert await port.read(register(name).offset) == values[name] % (1 << 32)
            else:
                assert await port.read(register(name).offset + 4) == moment[name] >> 32

    simulate(file, bench)


def test_status_and_constants() -> None:
    file = RegisterFile(CONSTANTS)

    async def bench(ctx: Any) -> None:
        port = Registers(ctx, file)
        for name, value in CONSTANTS.items():
            assert await port.read(register(name).offset) == value
            assert await port.read(register(name).offset + 3) == value  # the two lowest bits are ignored
        for field in register("STATUS").fields:
            ctx.set(file.status, {each.name.lower(): int(each is field) for each in register("STATUS").fields})
            assert await port.read(register("STATUS").offset) == field.mask
        assert await port.read(register("CONTROL").offset) == 0

    simulate(file, bench)


def test_writes() -> None:
    """A 1 where RESET is, in a byte that is written, at its address."""
    file, control = RegisterFile(CONSTANTS), register("CONTROL").offset

    async def bench(ctx: Any) -> None:
        port = Registers(ctx, file)
        for first in (True, False):
            assert await port.write(control, 1, 0b0001, address_first=first) == 1
            assert await port.write(control + 2, 0xFFFFFFFF, 0b1111, address_first=first) == 1
            assert await port.write(control, 0xFFFFFFFF, 0b1110, address_first=first) == 0
            assert await port.write(control, 0xFFFFFFFE, 0b1111, address_first=first) == 0
            for other in (0, control - 4, control + 4, control + 0x400, control + 0x800):
                assert await port.write(other, 0xFFFFFFFF, 0b1111, address_first=first) == 0
            assert await port.write(control, 3, 0b0011, address_first=first) == 1

    simulate(file, bench)


def test_every_register_has_a_place() -> None:
    taken = [offset for each in REGISTERS for offset in range(each.offset, each.offset + each.size, 4)]
    assert len(taken) == len(set(taken))
    members = set(RegisterFile(CONSTANTS).signature.members)
    assert members - set(register_ports()) == {each.name.lower() for each in REGISTERS if each.kind != "constant"}


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: WideCounter(0), ValueError, "bits must be an integer of at least 1, not 0"),
        (lambda: WideCounter(8, 24), ValueError, "part bits must be an integer from 1 to 23, not 24"),
        (lambda: LevelCounter(0), ValueError, "limit must be an integer of at least 1, not 0"),
        (lambda: RestartCounter("2"), TypeError, "length must be an integer of at least 1, not '2'"),  # type: ignore[arg-type]
        (lambda: AxisSink(2), ValueError, "word bytes must be one of 4, 8, 16, not 2"),
        (lambda: stream_ports("s", None, None), TypeError, "word bytes must be one of 4, 8, 16, not None"),  # type: ignore[arg-type]
        (lambda: RegisterFile(CONSTANTS | {"ID": 1 << 32}), ValueError, "ID must fit 32 bits, not be 4294967296"),
        (lambda: RegisterFile({"ID": 1}), ValueError, "constants must be CHANNELS, CLASSES, .*, WORD_BYTES, not ID"),
    ],
)
def test_init_wrong(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{message}$"):
        make()
