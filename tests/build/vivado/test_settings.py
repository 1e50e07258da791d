"""Settings for Tcl: every text comes out of ``tclsh`` as it went in, and nothing in it is run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsnn.build.vivado.tcl import settings as tcl_settings
from hwsnn.build.vivado.tcl import table, word

TCLSH = shutil.which("tclsh")
pytestmark = pytest.mark.skipif(TCLSH is None, reason="needs tclsh")

HOSTILE = [
    "",
    " ",
    "[exit 3]",
    "$env(HOME)",
    '"; exit 3; "',
    "}; exit 3; {",
    "{",
    "}",
    "\\",
    "a\\",
    "{a}\\{",
    "# no comment",
    "-force",
    "a;b",
    "~/x",
    "*",
]
ASCII = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


def in_tcl(script: str, tmp_path: Path) -> list[str]:
    """What ``script`` prints, entry by entry of the list ``value``: a length in characters and the characters."""
    (tmp_path / "settings.tcl").write_text(script)
    assert TCLSH is not None
    show = "source settings.tcl; foreach entry $value {puts -nonewline [string length $entry]:$entry}"
    (tmp_path / "show.tcl").write_text(show)
    command = [TCLSH, "show.tcl"]
    text = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    entries = []
    while text:
        length, _, text = text.partition(":")
        entries.append(text[: int(length)])
        text = text[int(length) :]
    return entries


def test_hostile_texts(tmp_path: Path) -> None:
    assert in_tcl(f"set value {word(HOSTILE)}\n", tmp_path) == HOSTILE
    assert in_tcl(f"set value {table([HOSTILE, HOSTILE[::-1]])}\n", tmp_path) == HOSTILE + HOSTILE[::-1]
    for text in HOSTILE:
        assert in_tcl(f"set value [list {word(text)}]\n", tmp_path) == [text]


@settings(max_examples=40, deadline=None)
@given(st.lists(ASCII, max_size=8))
def test_any_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("tcl")
    assert in_tcl(tcl_settings("texts", {"value": word(texts)}), folder) == texts
    assert in_tcl(f"set value {table([texts])}", folder) == texts


def test_numbers_and_lists_in_lists(tmp_path: Path) -> None:
    assert in_tcl(f"set value {word([1, 2.5, ['a b', 'c']])}", tmp_path) == ["1", "2.5", "{a b} c"]


@pytest.mark.parametrize("text", ["a\nb", "ü", "\x00"])
def test_beyond_printable_ascii(text: str) -> None:
    with pytest.raises(ValueError, match="must be printable ASCII, not "):
        word(text)


@pytest.mark.parametrize("name", ["", "a b", "a;b", "A"])
def test_names_of_variables(name: str) -> None:
    with pytest.raises(ValueError, match="a variable's name must be lower-case letters"):
        tcl_settings("", {name: "1"})
