"""What stands above a module: what it is, its ports and its latency, from the docstring of its component."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from .names import integers

_HEADING = re.compile(r"^(\w+)\n-+\n", re.MULTILINE)
_LITERAL = re.compile(r"``(.+?)``")


def description(component: Any) -> Iterator[str]:
    """Paragraphs, those of a section indented below its heading."""
    kind = type(component)
    summary, *sections = _HEADING.split(_LITERAL.sub(r"\1", inspect.getdoc(kind) or ""))
    yield from _paragraphs(summary)
    if remark := getattr(component, "remark", ""):
        yield remark
    found = dict(zip(sections[::2], sections[1::2], strict=True))
    for heading in "Ports", "Timing":
        if heading in found:
            yield f"{heading}:"
            yield from (f"  {paragraph}" for paragraph in _paragraphs(found[heading]))
    numbers = integers(component) or {}
    parameters = ", ".join(f"{name} {value}" for name, value in numbers.items())
    module = kind.__module__.replace(".", "/")
    yield f"From {module}.py: {kind.__name__}" + (f", {parameters}" if parameters else "")


def _paragraphs(text: str) -> Iterator[str]:
    """Its paragraphs and entries as lines; what continues a line is joined to it."""
    for block in re.split(r"\n\s*\n", text.strip()):
        line = ""
        for part in block.splitlines():
            deeper = part.startswith("    ")
            if line and deeper == line.startswith("    ") and not re.match(r"\S.* : ", part):
                line += " " + part.strip()
            else:
                if line:
                    yield line
                line = part
        yield line
