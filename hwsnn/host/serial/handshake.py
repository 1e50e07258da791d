"""The handshake with a board at a serial port: which model it holds; ``docs/link.md`` defines it."""

from __future__ import annotations

import random
import time

from hwsnn.errors import InputError
from hwsnn.host.accelerator import wrong_model_error
from hwsnn.interface.serial_protocol import SEQUENCES, Identity, PacketKind
from hwsnn.model_file.integer_file import model_hash
from hwsnn.spec import Network

from .packets import Packet
from .port import SerialPort

IDENTITY_ATTEMPTS = 20
IDENTITY_S = 0.25
"""How long to wait for an identity before it is requested again."""
LEFTOVERS_S = 30.0
"""How long the board may take to answer what an earlier program sent."""


def handshake(line: SerialPort, network: Network) -> Identity:
    """Check that the board holds ``network``, and wait until it has answered what an earlier program sent.

    Raises ``InputError`` where it does not answer, or holds another model.
    """
    expected = Identity.of(network, model_hash(network))
    deadline = time.monotonic() + LEFTOVERS_S
    while True:
        payload = _ask_identity(line)
        try:
            found = Identity.unpack(payload[1:-1])
        except ValueError:
            raise InputError(
                f"{line.name}: the board speaks another version of the link; load the bitstream that this hwsnn builds"
            ) from None
        if found.version != expected.version:
            raise InputError(
                f"{line.name}: the board speaks version {found.version} of the link, not {expected.version}; "
                "load the bitstream that this hwsnn builds"
            )
        if found != expected:
            raise wrong_model_error(line.name, identity_text(found), network, identity_text(expected))
        if payload[-1] == 0:
            return found
        if time.monotonic() > deadline:
            raise InputError(f"{line.name}: the board does not finish earlier frames; load its bitstream again")


def identity_text(identity: Identity) -> str:
    """An identity in a few words."""
    return (
        f"{identity.model_hash.hex()}, {identity.channels}x{identity.height}x{identity.width} pixels of "
        f"{identity.pixel_bits} bits, T={identity.timesteps}, {identity.classes} classes"
    )


def _ask_identity(line: SerialPort) -> bytes:
    start = random.randrange(SEQUENCES)  # answers to an earlier program's requests are not ours
    asked = set()
    for sequence in (number % SEQUENCES for number in range(start, start + IDENTITY_ATTEMPTS)):
        line.send(Packet(PacketKind.IDENTITY_REQUEST, sequence))
        asked.add(sequence)
        deadline = time.monotonic() + IDENTITY_S
        while time.monotonic() < deadline:
            for packet in line.receive():
                if packet and packet.kind == PacketKind.IDENTITY_ANSWER and packet.sequence in asked:
                    return packet.payload
    raise InputError(
        f"{line.name}: no answer; is it the board's port, and has the board been loaded with its bitstream?"
    )
