"""The accelerator's registers, described once: hardware, driver, C header and ``docs/registers.md`` are made from this.

``docs/axi.md`` says what they mean. This module needs only Python, so that drivers can be small.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Protocol

INTERFACE_VERSION = 2
"""As in ``docs/axi.md``: it is increased when an older driver would misread the accelerator."""
MAGIC = int.from_bytes(b"HWSN", "little")
"""The value of ``ID``."""
ADDRESS_BITS = 12
"""Of the AXI4-Lite port: all registers are within 4 KiB."""
REGISTER_BYTES = 4
COUNTER_BYTES = 8
HASH_WORDS = 8
"""The number of registers for the SHA-256 of a model."""
WORD_BYTES = (4, 8, 16)
"""The widths that the streams' words may have."""

NUMBER_BYTES = 4
ANSWER_BYTES = 4
SCORE_BYTES = 4
RESULT_NUMBER = 0
"""Offset in a result, in bytes, of the number of its frame's packet."""
RESULT_ANSWER = RESULT_NUMBER + NUMBER_BYTES
RESULT_SCORES = RESULT_ANSWER + ANSWER_BYTES
"""Offset of the score of class 0; that of class k is ``k * SCORE_BYTES`` higher."""

RegisterKind = Literal["constant", "status", "control", "counter"]


@dataclass(frozen=True)
class Field:
    """Bits of a register: ``width`` of them, from bit ``lsb`` upwards."""

    name: str
    lsb: int
    width: int
    text: str

    @property
    def mask(self) -> int:
        """The field's bits, in place."""
        return ((1 << self.width) - 1) << self.lsb

    def of(self, value: int) -> int:
        """The value of the field in a value of its register."""
        return (value & self.mask) >> self.lsb


@dataclass(frozen=True)
class Register:
    """A register: ``offset`` in bytes from the first, ``text`` for people.

    ``kind``: ``constant`` is fixed when the accelerator is generated; ``status`` is read only; ``control`` is write
    only and reads 0; a ``counter`` has 64 bits, its low word at ``offset`` and its high word behind.
    """

    name: str
    offset: int
    kind: RegisterKind
    text: str
    fields: tuple[Field, ...] = ()

    @property
    def size(self) -> int:
        """In bytes."""
        return COUNTER_BYTES if self.kind == "counter" else REGISTER_BYTES

    def field(self, name: str) -> Field:
        """The field ``name``. Raises ``KeyError`` if there is none."""
        return {field.name: field for field in self.fields}[name]


def _hash_word(index: int) -> Register:
    first = index * REGISTER_BYTES
    text = f"bytes {first} to {first + REGISTER_BYTES - 1} of the model's SHA-256"
    return Register(f"MODEL_HASH_{index}", 0x010 + first, "constant", text)


REGISTERS: tuple[Register, ...] = (
    Register("ID", 0x000, "constant", f"0x{MAGIC:08X}: the letters HWSN, the first in the lowest byte"),
    Register("VERSION", 0x004, "constant", f"version of the interface: {INTERFACE_VERSION}"),
    Register(
        "CONTROL",
        0x008,
        "control",
        "commands; a 1 gives one, a 0 does nothing",
        (Field("RESET", 0, 1, "forget all frames, and start counters and packet numbers from 0"),),
    ),
    Register(
        "STATUS",
        0x00C,
        "status",
        "the present state",
        (
            Field("RESETTING", 0, 1, "a reset has not ended yet"),
            Field("SENDING", 1, 1, "a result was offered, and its last word not taken yet"),
            Field("RECEIVING", 2, 1, "a frame's first word has arrived, and its last not yet"),
            Field("BUSY", 3, 1, "frames are inside that were not answered yet"),
        ),
    ),
    *(_hash_word(index) for index in range(HASH_WORDS)),
    Register("HEIGHT", 0x030, "constant", "rows of an image"),
    Register("WIDTH", 0x034, "constant", "pixels of a row"),
    Register("CHANNELS", 0x038, "constant", "channels of a pixel, a byte each"),
    Register("TIMESTEPS", 0x03C, "constant", "time steps of a frame"),
    Register("CLASSES", 0x040, "constant", "scores of a result"),
    Register("PIXEL_BITS", 0x044, "constant", "n: no channel of a pixel may be larger than 2^n - 1"),
    Register("WORD_BYTES", 0x048, "constant", "bytes of a word of both streams: 4, 8 or 16"),
    Register("FRAME_BYTES", 0x04C, "constant", "bytes of a frame"),
    Register("RESULT_BYTES", 0x050, "constant", "bytes of a result"),
    Register("FRAME_STEPS", 0x054, "constant", "steps in a frame: TIMESTEPS where the input changes with time, else 1"),
    Register("FRAMES", 0x080, "counter", "results whose last word was taken"),
    Register("CLOCKS", 0x088, "counter", "cycles of the pipeline"),
    Register("INPUT_STALLS", 0x090, "counter", "bus cycles in which a frame's word was offered and not taken"),
    Register("OUTPUT_STALLS", 0x098, "counter", "bus cycles in which a result's word was offered and not taken"),
    Register("MALFORMED", 0x0A0, "counter", "malformed packets"),
)
"""All registers, by rising offset."""

_BY_NAME = {register.name: register for register in REGISTERS}


def register(name: str) -> Register:
    """The register ``name``. Raises ``KeyError`` if there is none."""
    return _BY_NAME[name]


def of_kind(kind: RegisterKind) -> tuple[Register, ...]:
    """The registers of a kind, by rising offset."""
    return tuple(register for register in REGISTERS if register.kind == kind)


class Geometry(Protocol):
    """The part of ``hwsnn.spec.Network`` that the interface describes."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""

    @property
    def pixel_bits(self) -> int: ...

    @property
    def timesteps(self) -> int: ...

    @property
    def classes(self) -> int: ...

    @property
    def frame_beats(self) -> int:
        """Pixels of a frame, each as often as it has values of its own."""


def frame_steps(network: Geometry) -> int:
    """Steps in a frame: values of a pixel, T where the input changes with time, else 1."""
    _, height, width = network.input_shape
    return network.frame_beats // (height * width)


def frame_bytes(network: Geometry) -> int:
    """Bytes of a frame: one per value."""
    channels, _, _ = network.input_shape
    return channels * network.frame_beats


def result_bytes(network: Geometry) -> int:
    """Bytes of a result."""
    return RESULT_SCORES + SCORE_BYTES * network.classes


def constants(network: Geometry, model_hash: str, word_bytes: int) -> dict[str, int]:
    """The value of every ``constant`` register, by its name.

    ``model_hash`` is the SHA-256 in hexadecimal, ``word_bytes`` the width of the streams. Raises ``ValueError`` where
    either is invalid.
    """
    if word_bytes not in WORD_BYTES:
        raise ValueError(f"word_bytes must be one of {', '.join(map(str, WORD_BYTES))}, not {word_bytes!r}")
    if not re.fullmatch(f"[0-9a-f]{{{2 * HASH_WORDS * REGISTER_BYTES}}}", model_hash):
        raise ValueError(f"model_hash must be a SHA-256 of 64 hexadecimal digits, not {model_hash!r}")
    digest = bytes.fromhex(model_hash)
    channels, height, width = network.input_shape
    hash_words = (digest[first : first + REGISTER_BYTES] for first in range(0, len(digest), REGISTER_BYTES))
    return {
        "ID": MAGIC,
        "VERSION": INTERFACE_VERSION,
        **{f"MODEL_HASH_{index}": int.from_bytes(word, "little") for index, word in enumerate(hash_words)},
        "HEIGHT": height,
        "WIDTH": width,
        "CHANNELS": channels,
        "TIMESTEPS": network.timesteps,
        "CLASSES": network.classes,
        "PIXEL_BITS": network.pixel_bits,
        "WORD_BYTES": word_bytes,
        "FRAME_BYTES": frame_bytes(network),
        "RESULT_BYTES": result_bytes(network),
        "FRAME_STEPS": frame_steps(network),
    }
