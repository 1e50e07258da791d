"""Stages on stderr: lines where nobody can watch a bar, by a clock that the tests set."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest

from hwsnn import progress
from hwsnn.errors import InputError
from hwsnn.progress import EVERY_S, HELD_S, LOOK_S, Lines, Stages, duration, stages


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """Lines, whose clock goes on by ``after``, and which look after every step of it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.clock, self._capsys = Clock(), capsys
        self.lines = Lines(self.clock)

    def after(self, seconds: float) -> list[str]:
        """What is said as so many seconds go by, and by what was done before."""
        for _ in range(round(seconds / 0.5)):
            self.clock.now += 0.5
            self.lines.look()
        return self.said()

    def said(self) -> list[str]:
        captured = self._capsys.readouterr()
        assert captured.out == ""
        return captured.err.splitlines()


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Bench:
    return Bench(capsys)


def test_a_long_stage(bench: Bench) -> None:
    """It says that it begins, twice a minute that it goes on, also where it reports nothing, and that it ends."""
    assert (HELD_S, LOOK_S, EVERY_S) == (1, 1, 30)
    bench.lines.at("place and route")
    assert bench.after(30.5) == ["place and route ..."]
    assert bench.after(1) == ["place and route: 31 s"]
    assert bench.after(59) == ["place and route: 61 s"]
    bench.lines.at("place and route", 57, 100)
    assert bench.said() == []
    assert bench.after(0.5) == ["place and route: 57%, 91 s, 69 s left"]
    bench.lines.advance(20)
    assert bench.after(30) == ["place and route: 77%, 121 s, 36 s left"]
    bench.lines.close()
    assert bench.said() == ["place and route: done, 121.0 s"]
    assert bench.after(100) == []


def test_rate_and_remaining_time(bench: Bench) -> None:
    """Of what this run did, not of what another run left."""
    bench.lines.at("training", 100, 1000, "batches")
    assert bench.after(1) == ["training ..."]
    bench.lines.advance(200)
    assert bench.after(29) == []
    assert bench.after(1) == ["training: 30%, 31 s, 6.5 batches/s, 2 min left"]
    bench.lines.at("synthesizing", 0, 10, "parts")
    bench.after(10)
    bench.lines.advance(2)
    assert bench.after(20)[-1] == "synthesizing: 20%, 30 s, 15 s per part, 2 min left"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (99, "99 s"), (120, "2 min"), (5_900, "98 min"), (7_500, "2 h 5 min")]
)
def test_how_long(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_no_minute_without_a_word(bench: Bench) -> None:
    """Whatever the stages take."""
    silent = longest = 0.0
    for seconds in (0.5, 45, 3, 1, 61, 0, 200, 29.5, 30.5):
        bench.lines.at(f"stage of {seconds} s")
        for _ in range(round(seconds / 0.5)):
            bench.lines.advance(1)
            silent = 0.0 if bench.after(0.5) else silent + 0.5
            longest = max(longest, silent)
    assert EVERY_S - 1 <= longest <= EVERY_S + LOOK_S


def test_stages_one_after_the_other(bench: Bench) -> None:
    """The next one ends the one before; also short ones are named."""
    bench.lines.at("planning")
    bench.lines.at("writing", 0, 10)
    assert bench.after(0.5) == []
    assert bench.after(0.5) == ["planning ...", "planning: done, 0.0 s", "writing ..."]
    bench.lines.at("writing", 10, 10)
    bench.lines.at("checking")
    assert bench.said() == ["writing: done, 1.0 s", "checking ..."]
    bench.lines.close()
    assert bench.said() == ["checking: done, 0.0 s"]


def test_what_is_to_be_known(bench: Bench) -> None:
    bench.lines.at("training")
    assert bench.after(5) == ["training ..."]
    bench.lines.say("epoch 1, loss 0.5")
    assert bench.said() == ["training: epoch 1, loss 0.5, 5 s"]
    assert bench.after(29.5) == []
    assert bench.after(0.5) == ["training: 35 s"]


def test_the_block_ends_the_last_stage(capsys: pytest.CaptureFixture[str]) -> None:
    with stages() as show:
        show.at("one")
        show.at("two")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.split(",")[0] for line in captured.err.splitlines()] == [
        "one ...",
        "one: done",
        "two ...",
        "two: done",
    ]


def _fail(show: Stages, before: Callable[[], object] = lambda: None) -> None:
    show.at("planning")
    show.at("building the simulator")
    before()
    raise InputError("no")


def test_an_error_that_comes_at_once_is_the_only_line(capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with pytest.raises(InputError), stages() as show:
        _fail(show)
    assert capsys.readouterr() == ("", "")
    assert threading.active_count() == before


def test_a_stage_that_ends_with_an_error_is_not_done(bench: Bench) -> None:
    with pytest.raises(InputError), progress._looked_after(bench.lines):
        _fail(bench.lines, lambda: bench.after(2))
    assert bench.said() == []


class Heard(io.StringIO):
    """``three`` is set when three lines were written."""

    def __init__(self) -> None:
        super().__init__()
        self.three = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if self.getvalue().count("\n") == 3:
            self.three.set()
        return written


def test_somebody_looks_while_the_work_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.0)
    monkeypatch.setattr(sys, "stderr", heard := Heard())
    with progress._looked_after(Lines(), look_s=0.001) as lines:
        lines.at("place and route")
        lines._opened -= HELD_S
        assert heard.three.wait(60)
    assert heard.getvalue().startswith("place and route ...\nplace and route: 0 s\nplace and route: 0 s\n")


PROGRAM = """
import time
from hwsnn.progress import stages
with stages() as show:
    show.at("planning")
    show.at("place and route", 50, 100)
    print("a result", flush=True)
    show.advance(50)
    show.at("running", 0, 10, "images")
    time.sleep(0.2)
    show.advance(4)
    time.sleep(0.2)
"""


def test_bars_on_a_terminal() -> None:
    """A bar for each stage, full at its end; what is printed meanwhile goes where stdout does."""
    terminal, its_end = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=its_end, env=environment)
    os.close(its_end)
    shown = b""
    with suppress(OSError):  # where there is no more
        while True:
            shown += os.read(terminal, 1 << 16)
    os.close(terminal)
    assert (done.returncode, done.stdout) == (0, b"a result\n")
    assert b"planning" in shown
    assert b"100/100" in shown
    assert b"place and route ..." not in shown
    assert b"images/s" in shown
    assert b" left" in shown


def test_no_bars_in_a_pipe_that_is_to_have_colours() -> None:
    environment = os.environ | {"TERM": "xterm", "FORCE_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, env=environment)
    assert done.stdout == b"a result\n"
    assert b"place and route: done" in done.stderr
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_nobody_need_listen(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stderr may be closed, or its reader gone."""

    def gone(text: str) -> int:
        raise BrokenPipeError

    if stream is not None:
        monkeypatch.setattr(stream, "write", gone, raising=False)
    monkeypatch.setattr(sys, "stderr", stream)
    with stages() as show:
        show.at("planning")
    assert capsys.readouterr().out == ""
