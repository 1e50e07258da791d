"""Docstrings are prose, with an argument's name in double backquotes before what is said of it: made into reST."""

from __future__ import annotations

import inspect
import re
from typing import Any

from amaranth.lib import wiring
from sphinx.application import Sphinx
from sphinx.util.inspect import stringify_signature

SECTIONS = [("Ports", "params_style"), "Timing"]
"""The sections of components that numpydoc does not have."""

ELSEWHERE = [
    # Types of other packages, whose pages are not at hand without a network, and names of types that are ours alone.
    ("py:.*", r"(np|npt|numpy|nn|torch|data|wiring|stream|amaranth|hdl|Path|pathlib|collections)\b.*"),
    ("py:class", r"[A-Z]\w*|optional|\w+(\.\w+)*\.[A-Z]\w*"),
    # What components say of their parameters in words.
    ("py:class", r"sequences?|str to \w+"),
]
ARGUMENT = re.compile(r"``(\w+)``(?= is called|: |,? and ``\w+``|, ``)")
"""What a sentence about an argument begins with."""


_held: list[str] = []


def hold(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Keep asterisks as they are, and prose from napoleon, which takes what stands before a colon for a type.

    Components alone have its sections.
    """
    lines[:] = [_escaped(line) for line in lines]
    _held[:] = lines
    if what != "class":
        lines.clear()


def divide(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Make a paragraph of each sentence that begins with an argument."""
    if what != "class":
        lines[:] = _held
    if what not in {"function", "method"}:
        return
    try:
        arguments = set(inspect.signature(thing).parameters)
    except (TypeError, ValueError):  # a function of C's
        return
    divided: list[str] = []
    for paragraph in "\n".join(lines).split("\n\n"):
        for sentence in re.split(r"(?<=\.)\s+", paragraph):
            first = ARGUMENT.match(sentence)
            begins = sentence.startswith("Raises ") or (first is not None and first.group(1) in arguments)
            divided += ["", sentence] if begins or not divided else [sentence]
        divided.append("")
    lines[:] = [line for sentence in divided for line in (sentence.splitlines() or [""])]


def _escaped(line: str) -> str:
    """``line`` with the asterisks outside of double backquotes as asterisks, not as emphasis."""
    parts = re.split(r"(``.*?``)", line)
    return "".join(
        part if part.startswith("``") else re.sub(r"(?<!\\)\*(?=\w)|(?<=\w)\*", r"\\*", part) for part in parts
    )


def own_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """The arguments of a component as its ``__init__`` has them: Amaranth's metaclass hides them."""
    if what != "class" or not issubclass(thing, wiring.Component):
        return None
    found = inspect.signature(thing.__init__)
    own = [parameter for parameter in found.parameters.values() if parameter.name != "self"]
    return stringify_signature(found.replace(parameters=own, return_annotation=found.empty)), None
