"""Tables and lines that fit: nothing is cut off, and no word or number is broken."""

from __future__ import annotations

import io
import sys

import pytest
from rich.console import Console

from hwsnn.cli import common
from hwsnn.cli.tables import FittingTable
from hwsnn.cli.wrapping import wrapped
from hwsnn.terminal import coloured, console_settings
from tests.support.terminal import on_a_terminal

COLOURS = ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE")
WORDS = ["mnist_first", "no leak; current no leak", "1,327,104", "12", "dense1", "v - (v >> 1)", "99", "total"]


def printed(width: int) -> list[str]:
    table = FittingTable(("layer", "leak"), ("synapses\nper step", "bits"), "a title")
    table.add_row("mnist_first", "no leak; current no leak", "1,327,104", "12")
    table.add_row("dense1", "v - (v >> 1)", "99")
    table.add_section()
    table.add_row("total", "", "1,327,203")  # cells that lack are empty
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [100, 60, 55, 48, 42, 36, 30])
def test_a_table_fits(width: int) -> None:
    lines = printed(width)
    assert max(len(line.rstrip()) for line in lines) <= width
    text = " ".join(" ".join(lines).split())
    assert "…" not in text
    for word in ("mnist_first", "1,327,104", "dense1", "1,327,203"):
        assert word in text


def test_what_is_given_up_first() -> None:
    """Lines, then the length of texts, then the table."""
    wide, slim, wraps, listed = (printed(width) for width in (100, 55, 42, 30))
    assert "┃" in "".join(wide)
    assert "┃" not in "".join(slim)
    assert any("no leak; current no leak" in line for line in slim)
    assert not any("no leak; current no leak" in line for line in wraps)
    assert "mnist_first" in listed
    assert "  bits               12" in listed
    assert sum("bits" in line for line in listed) == 1  # empty fields are left out


def test_lines_break_between_words() -> None:
    text = "one two three four\n  five six seven\nhttps://example.org/a/long/path"
    assert wrapped(text, 12) == "one two\n  three four\n  five six\n    seven\nhttps://example.org/a/long/path"
    assert wrapped(text, None) == text
    assert wrapped("\x1b[31mone\x1b[0m two", 7) == "\x1b[31mone\x1b[0m two"


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    common.say("word " * 100)
    table = FittingTable(("a", "b"))
    table.add_row("x" * 300, "word " * 50)
    common.results_console().print(table)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines[0]) == 500
    assert any("x" * 300 in line and line.count("word") == 50 for line in lines)


def test_a_terminal_gets_wrapped_ones(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    on_a_terminal(monkeypatch, 60)
    common.say("word " * 100)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


@pytest.mark.parametrize(
    ("settings", "terminal", "pipe"),
    [
        ({}, True, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"CLICOLOR": "0"}, False, False),
        ({"CLICOLOR": "1"}, True, False),
        ({"CLICOLOR_FORCE": "1"}, True, True),
        ({"CLICOLOR_FORCE": "1", "CLICOLOR": "0"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
        ({"TERM": "dumb"}, False, False),
    ],
)
def test_colours(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], terminal: bool, pipe: bool) -> None:
    for name in COLOURS:
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm"} | settings).items():
        monkeypatch.setenv(name, value)
    assert coloured(sys.stdout) == pipe  # which pytest captures
    assert (console_settings(sys.stdout)["color_system"] is not None) == pipe
    monkeypatch.setattr("hwsnn.terminal.is_terminal", lambda stream: True)
    assert coloured(sys.stdout) == terminal
    assert coloured(None) == terminal


def test_verdicts_have_colours_where_they_are_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in COLOURS:
        monkeypatch.delenv(name, raising=False)
    common.say(common.verdict("met", good=True))
    assert capsys.readouterr().out == "met\n"
    monkeypatch.setenv("FORCE_COLOR", "1")
    common.say(common.verdict("met", good=True))
    assert "\x1b[32m" in capsys.readouterr().out
