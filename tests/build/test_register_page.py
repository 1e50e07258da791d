from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from hwsnn.build.register_page import markdown
from hwsnn.interface.registers import REGISTERS

PAGE = Path(__file__).parents[2] / "docs" / "registers.md"


def test_page_is_what_the_map_says() -> None:
    assert PAGE.read_text() == markdown(), "run python -m hwsnn.build.register_page > docs/registers.md"


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_command_in_the_page_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert "`python -m hwsnn.build.register_page > docs/registers.md`" in markdown()
    runpy.run_module("hwsnn.build.register_page", run_name="__main__")
    assert capsys.readouterr().out == PAGE.read_text()


def test_page_names_everything() -> None:
    page = markdown()
    for register in REGISTERS:
        assert f"| `0x{register.offset:03X}` | `{register.name}` | " in page
        for field in register.fields:
            assert f" | `{field.name}` | `0x{field.mask:X}` | {field.text} |" in page
    assert "| 8 + 4 k | 4 | the score of class k, two's complement |" in page
