"""The cocotb side of a simulated Zynq board: its accelerator, a model of its DMA, and a driver's register accesses."""

from __future__ import annotations

import select
import socket
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import Event, RisingEdge, Timer
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiStreamBus, AxiStreamFrame, AxiStreamSource

from hwsnn.interface.registers import ADDRESS_BITS
from hwsnn.sim.dma_model import DmaModel, Packet
from hwsnn.sim.registers_link import ANSWER, MEMORY, REQUEST, SOCKET, BenchSettings, SharedMemory

RESET_CLOCKS = 20
STEP_CLOCKS = 25
"""Cycles of ``aclk`` to simulate between polls of the socket."""


class Board:
    """The accelerator with the DMA connected to its streams."""

    def __init__(self, dut: Any, settings: BenchSettings, memory: SharedMemory) -> None:
        self._settings = settings
        reset = {"reset": dut.aresetn, "reset_active_level": False}
        self._registers = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.aclk, **reset)
        self._source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.aclk, **reset)
        self._results = AxiStreamBus.from_prefix(dut, "m_axis")
        self._results.tready.value = 0
        self._aclk = dut.aclk
        self._source.queue_occupancy_limit_frames = 1  # beyond the one on its way: frames follow each other closely
        self._dma = DmaModel(memory, settings.dma_bits, self._drop)
        self._more = Event()
        self._room = Event()
        self.moved = False

    def _drop(self) -> None:
        """The DMA was reset: drop the packet that it was sending."""
        self._source.assert_reset()
        self._source.clear()

    def _look(self) -> None:
        """Wake both channels: the state of the DMA may have changed."""
        self._more.set()
        self._room.set()

    async def send(self) -> None:
        """Send every packet that the DMA finds."""
        while True:
            while self._source.full():
                self._source.dequeue_event.clear()
                await self._source.dequeue_event.wait()
            packet = self._dma.to_stream.take()
            if packet is None:
                self._more.clear()
                await self._more.wait()
            else:
                self._source.send_nowait(AxiStreamFrame(packet.data, tx_complete=self._completion(packet)))

    def _completion(self, packet: Packet) -> Any:
        def complete(frame: AxiStreamFrame) -> None:
            self._dma.to_stream.sent(packet)
            self.moved = True

        return complete

    async def receive(self) -> None:
        """Take every word for which the DMA has room."""
        bus, edge = self._results, RisingEdge(self._aclk)
        while True:
            await edge
            if bus.tvalid.value and bus.tready.value:
                data = int(bus.tdata.value).to_bytes(len(bus.tdata) // 8, "little")
                self._dma.from_stream.give(data[: int(bus.tkeep.value).bit_count()], bool(bus.tlast.value))
                self.moved = True
            ready = self._dma.from_stream.ready
            bus.tready.value = int(ready)
            if not ready:
                self._room.clear()
                await self._room.wait()
            elif not bus.tvalid.value:
                await RisingEdge(bus.tvalid)

    async def access(self, write: int, address: int, value: int) -> int:
        """A read, or a write, of the register at a physical address."""
        offset = address % self._settings.window
        if address - offset == self._settings.dma:
            if not write:
                return self._dma.read(offset)
            self._dma.write(offset, value)
            self._look()
        elif address - offset == self._settings.registers:
            offset %= 1 << ADDRESS_BITS
            if not write:
                return int(await self._registers.read_dword(offset))
            await self._registers.write_dword(offset, value)
        else:
            raise LookupError(f"no register at 0x{address:X}")
        return 0


@cocotb.test()
async def serve(dut: Any) -> None:
    """Simulate until the driver closes the socket."""
    dut.aresetn.value = 0
    settings = BenchSettings.from_environment()
    Clock(dut.aclk, settings.bus_ps, unit="ps").start()
    Clock(dut.pipeline_clk, settings.pipeline_ps, unit="ps").start()
    board = Board(dut, settings, SharedMemory(Path(MEMORY), settings.memory_base))
    await Timer(RESET_CLOCKS * settings.bus_ps, "ps")
    dut.aresetn.value = 1
    await Timer(RESET_CLOCKS * settings.bus_ps, "ps")
    cocotb.start_soon(board.send())
    cocotb.start_soon(board.receive())

    quiet = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as driver:
        driver.connect(SOCKET)
        while True:
            # While the hardware is idle, its time stands still until the driver accesses a register.
            asked, _, _ = select.select([driver], [], [], None if quiet > settings.quiet_clocks else 0)
            if asked:
                message = driver.recv(REQUEST.size)
                if not message:
                    return
                number, write, address, value = REQUEST.unpack(message)
                driver.send(ANSWER.pack(number, await board.access(write, address, value)))
            else:
                await Timer(STEP_CLOCKS * settings.bus_ps, "ps")
            quiet = 0 if asked or board.moved else quiet + STEP_CLOCKS
            board.moved = False
