from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations, pairwise

import pytest

from hwsnn.interface.registers import (
    ADDRESS_BITS,
    INTERFACE_VERSION,
    REGISTERS,
    RESULT_ANSWER,
    RESULT_NUMBER,
    RESULT_SCORES,
    Field,
    Register,
    constants,
    of_kind,
    register,
)

DIGEST = hashlib.sha256(b"a model").hexdigest()


@dataclass(frozen=True)
class Shape:
    input_shape: tuple[int, int, int] = (3, 5, 7)
    pixel_bits: int = 4
    timesteps: int = 2
    classes: int = 10
    frame_beats: int = 35


def test_names_are_unique() -> None:
    assert len({register.name for register in REGISTERS}) == len(REGISTERS)


def test_offsets() -> None:
    """By rising offset, aligned, without overlap, within the port's addresses."""
    for one in REGISTERS:
        assert one.offset % 4 == 0
        assert one.size == (8 if one.kind == "counter" else 4)
    for one, following in pairwise(REGISTERS):
        assert one.offset + one.size <= following.offset
    assert REGISTERS[0].offset == 0
    assert REGISTERS[-1].offset + REGISTERS[-1].size <= 1 << ADDRESS_BITS == 4096


@pytest.mark.parametrize("one", REGISTERS, ids=lambda one: one.name)
def test_fields(one: Register) -> None:
    for field in one.fields:
        assert field.width >= 1
        assert field.mask >> 32 == 0
    for field, other in combinations(one.fields, 2):
        assert field.mask & other.mask == 0
        assert field.name != other.name


@pytest.mark.parametrize(
    ("name", "offset", "kind"),
    [
        ("ID", 0x000, "constant"),
        ("CONTROL", 0x008, "control"),
        ("STATUS", 0x00C, "status"),
        ("MODEL_HASH_0", 0x010, "constant"),
        ("MODEL_HASH_7", 0x02C, "constant"),
        ("RESULT_BYTES", 0x050, "constant"),
        ("FRAME_STEPS", 0x054, "constant"),
        ("FRAMES", 0x080, "counter"),
        ("MALFORMED", 0x0A0, "counter"),
    ],
)
def test_what_drivers_rely_on(name: str, offset: int, kind: str) -> None:
    """Moving one of these needs a new version of the interface."""
    assert INTERFACE_VERSION == 2
    assert (register(name).offset, register(name).kind) == (offset, kind)


def test_kinds() -> None:
    assert [one.name for one in of_kind("counter")] == [
        "FRAMES",
        "CLOCKS",
        "INPUT_STALLS",
        "OUTPUT_STALLS",
        "MALFORMED",
    ]
    assert [one.name for one in of_kind("status")] == ["STATUS"]
    assert sum(len(of_kind(kind)) for kind in ("constant", "status", "control", "counter")) == len(REGISTERS)


def test_look_ups() -> None:
    status = register("STATUS")
    assert [(field.name, field.mask) for field in status.fields] == [
        ("RESETTING", 1),
        ("SENDING", 2),
        ("RECEIVING", 4),
        ("BUSY", 8),
    ]
    assert status.field("BUSY").of(0b1010) == 1
    assert status.field("RECEIVING").of(0b1010) == 0
    assert Field("middle", 4, 3, "").of(0b1011_0101) == 0b011
    with pytest.raises(KeyError, match="BUZY"):
        status.field("BUZY")
    with pytest.raises(KeyError, match="STATE"):
        register("STATE")


def test_constants() -> None:
    values = constants(Shape(), DIGEST, 8)
    assert values.keys() == {one.name for one in of_kind("constant")}
    assert values["ID"].to_bytes(4, "little") == b"HWSN"
    assert values["VERSION"] == 2
    assert b"".join(values[f"MODEL_HASH_{k}"].to_bytes(4, "little") for k in range(8)).hex() == DIGEST
    geometry = ("CHANNELS", "HEIGHT", "WIDTH", "TIMESTEPS", "CLASSES", "PIXEL_BITS", "WORD_BYTES")
    assert [values[name] for name in geometry] == [3, 5, 7, 2, 10, 4, 8]
    assert values["FRAME_BYTES"] == 105
    assert values["RESULT_BYTES"] == 48
    assert values["FRAME_STEPS"] == 1


def test_constants_of_frames_with_steps() -> None:
    values = constants(Shape(timesteps=100, frame_beats=3500), DIGEST, 8)
    assert (values["TIMESTEPS"], values["FRAME_STEPS"], values["FRAME_BYTES"]) == (100, 100, 10_500)


def test_result_layout() -> None:
    assert (RESULT_NUMBER, RESULT_ANSWER, RESULT_SCORES) == (0, 4, 8)


def test_no_such_word_or_hash() -> None:
    with pytest.raises(ValueError, match=r"^word_bytes must be one of 4, 8, 16, not 2$"):
        constants(Shape(), DIGEST, 2)
    with pytest.raises(ValueError, match=r"^model_hash must be a SHA-256 of 64 hexadecimal digits, not 'abcd'$"):
        constants(Shape(), "abcd", 8)
    with pytest.raises(ValueError, match=r"^model_hash must be a SHA-256 of 64 hexadecimal digits, not 'zz"):
        constants(Shape(), "z" * 64, 8)
