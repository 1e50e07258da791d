"""Both kinds of file: what is damaged or something else is refused in one line."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from hwsnn.errors import InputError
from tests.model_file.small_networks import FLOATS, INTEGERS, Kind

KINDS = pytest.mark.parametrize("kind", [INTEGERS, FLOATS], ids=lambda kind: kind.key)


@KINDS
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 64,
        b"random bytes, nothing else",
        pickle.dumps(list(range(99))),
        b"{}" * 30,
        (1 << 62).to_bytes(8, "little") + b"{}",
        (1 << 20).to_bytes(8, "little") + b'{"__metadata__":{' + b" " * 100,
    ],
)
def test_not_safetensors(tmp_path: Path, kind: Kind, content: bytes) -> None:
    (tmp_path / "net").write_bytes(content)
    assert "not a readable safetensors file" in kind.refusal(tmp_path / "net")


@KINDS
def test_truncated_anywhere(tmp_path: Path, kind: Kind) -> None:
    kind.save(kind.network(), tmp_path / "net")
    whole = (tmp_path / "net").read_bytes()
    for length in range(0, len(whole), 13):
        (tmp_path / "net").write_bytes(whole[:length])
        kind.refusal(tmp_path / "net")


@KINDS
def test_damage_anywhere_is_one_line_or_another_network(tmp_path: Path, kind: Kind) -> None:
    kind.save(kind.network(), tmp_path / "net")
    whole = (tmp_path / "net").read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for at in random.integers(0, header, random.integers(1, 4)):
            damaged[at] = random.integers(256)
        (tmp_path / "net").write_bytes(damaged)
        try:
            kind.load(tmp_path / "net")
        except InputError as error:
            refused += 1
            assert "\n" not in str(error)  # noqa: PT017  (some damage gives another valid network)
    assert refused > 200
