"""The report: sections, each of which may fail by itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hwsnn.errors import reason
from hwsnn.progress import Stage, silent
from hwsnn.version import __version__

HEAD = """\
hwsnn board doctor {version}, for {address}

This file has what follows, by the titles between == and ==, and nothing else: no environment variables, no names of
users or of the computer, no serial numbers or network addresses, and of paths only those that hwsnn was given; a folder
below /home is written as /home/... . Read it before you send it.
"""
_ADDRESS = re.compile(r"\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b")
_HOME = re.compile(r"/(home|Users)/[^/\s:'\"]+")
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\uffff]")


@dataclass(frozen=True)
class Section:
    """A part of the report. ``lines`` gives its lines; whatever it raises is one of them."""

    title: str
    lines: Callable[[], Iterable[str]]


@dataclass(frozen=True)
class Report:
    """The whole text, and the titles of sections that failed."""

    text: str
    failed: tuple[str, ...]


def report(address: str, sections: Sequence[Section], stage: Stage = silent) -> Report:
    """Collect the sections; ``stage`` is called with the title of each."""
    lines = HEAD.format(version=__version__, address=address).splitlines()
    failed = []
    for section in sections:
        stage(section.title)
        lines += ["", f"== {section.title} =="]
        try:
            for line in section.lines():
                lines.append(line)  # one by one: those before a failure stay
        except Exception as error:  # PYNQ and drivers raise all kinds, and the other sections are needed
            failed.append(section.title)
            lines.append(f"could not be read: {reason(error)}")
    return Report("".join(f"{_clean(line)}\n" for line in lines), tuple(failed))


def _clean(line: str) -> str:
    """``line`` without users' names in paths, network addresses, and what a terminal would obey."""
    return _ADDRESS.sub("(an address)", _HOME.sub(r"/\1/...", _UNPRINTABLE.sub("?", line))).rstrip()
