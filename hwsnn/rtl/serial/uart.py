"""A small UART: 8 data bits, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from ..checks import check_integer

MIN_DIVISOR = 4
"""Minimum cycles per bit: the middle of a bit must be distinct from its ends."""


class UartReceiver(wiring.Component):
    """Bytes from a serial line.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least 4.

    Ports
    -----
    rx : Signal(1), in
        The line, idle high; may change at any time. A start bit shorter than half a bit is ignored.
    o : stream out of ``unsigned(8)``
        Bytes.
    lost : Signal(1), out
        High for one cycle when a byte was dropped: its stop bit was 0, or the byte before was not taken in time.

    Timing
    ------
    Latency: 3 cycles from the middle of a byte's stop bit.
    """

    def __init__(self, divisor: int) -> None:
        check_integer("divisor", divisor, MIN_DIVISOR)
        self._divisor = divisor
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8)), "lost": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)
        timer = Signal(range(self._divisor))
        left = Signal(range(10))  # bits to receive, the stop bit last
        shifted = Signal(8)

        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        m.d.sync += [self.lost.eq(0), timer.eq(timer - 1)]
        with m.FSM():
            with m.State("IDLE"):
                m.d.sync += [timer.eq(self._divisor // 2 - 1), left.eq(9)]
                with m.If(~line):
                    m.next = "START"
            with m.State("START"), m.If(timer == 0):
                m.d.sync += timer.eq(self._divisor - 1)
                with m.If(line):
                    m.next = "IDLE"
                with m.Else():
                    m.next = "BITS"
            with m.State("BITS"), m.If(timer == 0):
                m.d.sync += [timer.eq(self._divisor - 1), left.eq(left - 1)]
                with m.If(left > 1):
                    m.d.sync += shifted.eq(Cat(shifted[1:], line))
                with m.Elif(~line):
                    m.d.sync += self.lost.eq(1)
                    m.next = "BREAK"
                with m.Else():
                    with m.If(self.o.valid & ~self.o.ready):
                        m.d.sync += self.lost.eq(1)
                    with m.Else():
                        m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(shifted)]
                    m.next = "IDLE"
            with m.State("BREAK"), m.If(line):
                m.next = "IDLE"
        return m


class UartTransmitter(wiring.Component):
    """Bytes to a serial line.

    Parameters
    ----------
    divisor : int
        Clock cycles per bit, at least 4.

    Ports
    -----
    i : stream in of ``unsigned(8)``
        Bytes.
    tx : Signal(1), out
        The line, idle high.

    Timing
    ------
    Latency: 1 cycle from a byte to its start bit. One byte per 10 bits of the line.
    """

    def __init__(self, divisor: int) -> None:
        check_integer("divisor", divisor, MIN_DIVISOR)
        self._divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        timer = Signal(range(self._divisor))
        left = Signal(range(11))  # bits to send, this one included
        bits = Signal(9)  # the bits after this one

        m.d.comb += self.i.ready.eq((left == 0) | ((left == 1) & (timer == 0)))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [timer.eq(self._divisor - 1), left.eq(10), Cat(self.tx, bits).eq(Cat(0, self.i.payload, 1))]
        with m.Elif((left != 0) & (timer != 0)):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [timer.eq(self._divisor - 1), left.eq(left - 1), Cat(self.tx, bits).eq(Cat(bits, 1))]
        return m
