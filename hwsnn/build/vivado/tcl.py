"""Values as Tcl words: Tcl reads any text as that text, and executes nothing in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

_NAME = re.compile(r"[a-z_]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.,/:@%+=-]+")
_BRACEABLE = re.compile(r"[ -z|~]*")
"""Printable ASCII but for braces and backslashes: it stands for itself between braces."""

Value = str | int | float | Sequence["Value"]


def word(value: Value) -> str:
    """A value as one word of a Tcl command; a sequence becomes a Tcl list. Raises ``ValueError`` beyond ASCII."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int | float):
        return _text(str(value))
    return _text(_words(value))


def table(rows: Iterable[Sequence[Value]]) -> str:
    """A word that Tcl reads as the list of all values of all rows, written a row a line."""
    return "{\n" + "".join(f"    {_words(row)}\n" for row in rows) + "}"


def settings(comment: str, words: Mapping[str, str]) -> str:
    """A script that sets each variable to the word given for it."""
    for name in words:
        if not _NAME.fullmatch(name):
            raise ValueError(f"a variable's name must be lower-case letters and '_', not {name!r}")
    return f"# {comment}\n\n" + "".join(f"set {name} {words[name]}\n" for name in words)


def _words(values: Sequence[Value]) -> str:
    return " ".join(word(value) for value in values)


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    if _BRACEABLE.fullmatch(text) and "\\" not in text:
        return f"{{{text}}}"
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"a text for Tcl must be printable ASCII, not {text!r}")
    return "".join(character if character.isalnum() else f"\\{character}" for character in text)
