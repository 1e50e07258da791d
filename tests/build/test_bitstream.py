"""What lies beside a bitstream, and is of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hwsnn.build.bitstream import PowerEstimate, power_of

POWER = {"total_w": 4.251, "dynamic_w": 3.55, "accelerator_w": 0.48}


@pytest.fixture
def bitstream(tmp_path: Path) -> Path:
    (tmp_path / "build.json").write_text(json.dumps({"bitstream": "out/small.bit", "board": "zcu102"}))
    (tmp_path / "power.json").write_text(json.dumps(POWER))
    return tmp_path / "small.bit"


def test_power(bitstream: Path) -> None:
    assert power_of(bitstream) == PowerEstimate(4.251, 0.48)
    (bitstream.parent / "power.json").write_text(json.dumps(POWER | {"accelerator_w": None}))
    assert power_of(bitstream) == PowerEstimate(4.251, None)


def test_power_of_another_build(bitstream: Path) -> None:
    """Several may be copied into one folder: the estimate is of the one that build.json names."""
    assert power_of(bitstream.with_name("other.bit")) is None
    (bitstream.parent / "build.json").unlink()
    assert power_of(bitstream) is None


@pytest.mark.parametrize("power", [[], {"total_w": 4.251}, POWER | {"total_w": "much"}, POWER | {"total_w": None}])
def test_power_of_another_form(bitstream: Path, power: Any) -> None:
    (bitstream.parent / "power.json").write_text(json.dumps(power))
    assert power_of(bitstream) is None


def test_no_power(bitstream: Path) -> None:
    (bitstream.parent / "power.json").write_text("{")
    assert power_of(bitstream) is None
    (bitstream.parent / "power.json").unlink()
    assert power_of(bitstream) is None
