"""A serial port that speaks packets; whatever is wrong with the port is an ``InputError`` of one line."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import serial
from serial.tools.list_ports import comports

from hwsnn.errors import InputError, reason

from .packets import Packet, PacketStream

READ_S = 0.02
"""Longest wait for a byte before the reader checks its deadline."""
WRITE_BYTES, WRITE_S = 4096, 10.0
"""A port must accept so many bytes within so many seconds: 9,600 baud do."""


class SerialPort:
    """An open port; it may be used as a context, at whose end it is closed."""

    def __init__(self, name: str, port: Any) -> None:
        self.name = name
        self._port = port
        self._stream = PacketStream()

    def send(self, packet: Packet) -> None:
        """Put a packet on the line."""
        packed = packet.pack()
        with self._reported():
            for first in range(0, len(packed), WRITE_BYTES):
                self._port.write(packed[first : first + WRITE_BYTES])

    def receive(self) -> list[Packet | None]:
        """The packets that have arrived meanwhile, after a short wait if nothing has; None for each corrupt one."""
        with self._reported():
            received: bytes = self._port.read(max(1, self._port.in_waiting))
        return list(self._stream.feed(received))

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def __enter__(self) -> SerialPort:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextlib.contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except serial.SerialTimeoutException:
            raise InputError(f"{self.name}: takes no data; is a board connected to it?") from None
        except (serial.SerialException, OSError) as error:
            raise InputError(f"{self.name}: the connection broke ({reason(error)}); connect the board again") from None


def open_port(name: str, baud: int) -> SerialPort:
    """The port ``name`` (such as ``/dev/ttyUSB0``), exclusively, with nothing received yet."""
    try:
        port = serial.Serial(name, baud, timeout=READ_S, write_timeout=WRITE_S, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        raise InputError(f"{name}: {_trouble(name, error)}") from None
    # An FTDI holds back received bytes for 16 ms unless asked not to; other ports have no such setting.
    with contextlib.suppress(AttributeError, NotImplementedError, OSError, ValueError):
        port.set_low_latency_mode(True)
    return SerialPort(name, port)


def _trouble(name: str, error: Exception) -> str:
    if os.name == "posix" and not Path(name).exists():
        there = ", ".join(sorted(port.device for port in comports())) or "none"
        return f"no such port (ports here: {there}); connect the board, or name its port"
    number = getattr(error, "errno", None)
    if number in (errno.EACCES, errno.EPERM):
        return "no permission to open it; become a member of the group that owns it (often dialout)"
    if number in (errno.EAGAIN, errno.EBUSY):
        return "in use by another program; end that first"
    return f"not a usable serial port ({reason(error)}); name the board's port, such as /dev/ttyUSB0"
