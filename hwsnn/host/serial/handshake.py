"""The handshake with a board at a serial port: which model it holds; ``docs/link.md`` defines it."""

from __future__ import annotations

import random
import time

from hwsnn.errors import InputError
from hwsnn.host.accelerator import model_words, wrong_model_error
from hwsnn.interface.serial_protocol import INTERFACE_VERSION, SEQUENCES, Identity, PacketKind, version_of
from hwsnn.model_file.integer_file import model_hash
from hwsnn.spec import Network

from .packets import Packet
from .port import SerialPort

IDENTITY_ATTEMPTS = 20
IDENTITY_S = 0.25
"""Time-out of an identity before it is requested again, in seconds."""
LEFTOVERS_S = 30.0
"""Time-out for the answers to an earlier program, in seconds."""


def handshake(line: SerialPort, network: Network) -> Identity:
    """Check that the board holds ``network``, and wait until it has answered what an earlier program sent.

    Raises ``InputError`` if it does not answer, or holds another model.
    """
    expected = Identity.of(network, model_hash(network))
    deadline = time.monotonic() + LEFTOVERS_S
    while True:
        payload = _ask_identity(line)
        try:
            found = Identity.unpack(payload[1:-1])
        except ValueError:
            raise InputError(
                f"{line.name}: the board's identity is of another form; load the bitstream that this hwsnn builds"
            ) from None
        if found != expected:
            raise wrong_model_error(line.name, identity_text(found), network, identity_text(expected))
        if payload[-1] == 0:
            return found
        if time.monotonic() > deadline:
            raise InputError(f"{line.name}: the board does not finish earlier frames; load its bitstream again")


def identity_text(identity: Identity) -> str:
    """An identity in a few words."""
    shape = (identity.frame_steps, identity.channels, identity.height, identity.width)
    return model_words(identity.model_hash, shape, identity.pixel_bits, identity.timesteps, identity.classes)


def _version_error(line: SerialPort, version: int) -> InputError:
    return InputError(
        f"{line.name}: the board speaks version {version} of the link, not {INTERFACE_VERSION}; "
        "load the bitstream that this hwsnn builds"
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
                if packet and version_of(packet.kind) != INTERFACE_VERSION:
                    raise _version_error(line, version_of(packet.kind))
                if packet and packet.kind == PacketKind.IDENTITY_ANSWER and packet.sequence in asked:
                    return packet.payload
    raise InputError(
        f"{line.name}: no answer; is it the board's port, and has the board been loaded with its bitstream?"
    )
