"""Runs Tcl under ``tclsh`` against a model of Vivado, which refuses whatever Vivado's documents do not allow."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.build.vivado.recorder.session import Session
from tests.build.vivado.recorder.syntax import PACKAGER, TCL, XDC, XDC_TCL, TclError, check, commands

TCLSH = shutil.which("tclsh")
PREAMBLE = Path(__file__).parent / "recorder.tcl"
ESCAPES = (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"))


@dataclass
class Recording:
    """What a script did: its calls, what it printed, and how it failed, if it did."""

    calls: list[list[str]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    error: str | None = None


def run_script(script: Path, session: Session, on_print: Callable[[str], None] = lambda line: None) -> Recording:
    """Run a script in Vivado's place."""
    return _run("script", script, TCL + PACKAGER.lstrip("\n"), session, on_print)


def run_constraints(file: Path, session: Session) -> Recording:
    """Read a file of constraints in Vivado's place."""
    return _run("constraints", file, XDC, session, lambda line: None)


def _run(kind: str, file: Path, known: str, session: Session, on_print: Callable[[str], None]) -> Recording:
    syntaxes, recording = commands(known), Recording()
    if TCLSH is None:
        raise RuntimeError("tclsh: not found")
    arguments = [TCLSH, str(PREAMBLE), kind, str(file), " ".join(syntaxes), " ".join(XDC_TCL)]
    with subprocess.Popen(
        arguments, cwd=file.parent, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            name, *words = (_unescaped(word) for word in line.rstrip("\n").split("\t"))
            answer = "="
            if name == "failed":
                recording.error = words[0]
            elif name == "puts":
                recording.printed.append(words[0])
                on_print(words[0])
            elif name != "finished":
                recording.calls.append([name, *words])
                try:
                    answer += session.answer(check(syntaxes[name], words))
                except TclError as error:
                    answer = f"!{error}"
                while session.said:
                    recording.printed.append(session.said.pop(0))
                    on_print(recording.printed[-1])
            for plain, escaped in ESCAPES:
                answer = answer.replace(plain, escaped)
            process.stdin.write(answer + "\n")
    if process.returncode:
        raise RuntimeError(f"tclsh ended with {process.returncode}")
    return recording


def _unescaped(word: str) -> str:
    return word.replace("\\\\", "\0").replace("\\n", "\n").replace("\\t", "\t").replace("\0", "\\")
