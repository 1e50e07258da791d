"""What stands above a module: what it is, its ports and its latency, from the docstring of its component, and what the
names in it stand for."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Any

from amaranth.hdl import Value

from .names import parameters

_HEADING = re.compile(r"^(\w+)\n-+\n", re.MULTILINE)
_LITERAL = re.compile(r"``(.+?)``")
_ENTRY = re.compile(r"^(\S.*?) : ")
_NAME = re.compile(r"[A-Za-z_][\w.]*")
_ONE = re.compile(r"(?<![+*] )\b1 (cycle|bit|step)s\b")


def description(component: Any) -> Iterator[str]:
    """Paragraphs, those of a section indented below its heading; of the ports those that the component has.

    Names of integers of the component stand in the timing as their values.
    """
    kind = type(component)
    summary, *sections = _HEADING.split(inspect.getdoc(kind) or "")
    found = dict(zip(sections[::2], sections[1::2], strict=True))
    numbers = _numbers(component, found.get("Attributes", ""))
    yield from _paragraphs(_LITERAL.sub(r"\1", summary))
    yield from getattr(component, "remark", "").splitlines()
    if "Ports" in found:
        yield "Ports:"
        text = _LITERAL.sub(lambda literal: _valued(literal[1], numbers, whole=False), found["Ports"])
        yield from (f"  {line}" for line in _present(component, _paragraphs(_ONE.sub(r"1 \1", text))))
    if "Timing" in found:
        yield "Timing:"
        text = _LITERAL.sub(lambda literal: _valued(literal[1], numbers, whole=True), found["Timing"])
        yield from (f"  {line}" for line in _paragraphs(_ONE.sub(r"1 \1", text)))
    if numbers:
        values = (f"{name} {value}{' bits' if name == 'shape' else ''}" for name, value in numbers.items())
        yield f"Here: {', '.join(values)}."
    yield f"From {kind.__module__.replace('.', '/')}.py: {kind.__name__}"


def _numbers(component: Any, attributes: str) -> dict[str, int]:
    """What names in the description stand for: integer parameters and attributes, and what is in ``here``."""
    found: dict[str, object] = dict(parameters(component))
    documented = [
        name for line in attributes.splitlines() if (entry := _ENTRY.match(line)) for name in _names(entry[1])
    ]
    found |= {name: getattr(component, name) for name in [*documented, "latency"] if hasattr(component, name)}
    found |= getattr(component, "here", {})
    return {name: value for name, value in found.items() if isinstance(value, int) and not isinstance(value, bool)}


def _valued(literal: str, numbers: Mapping[str, int], *, whole: bool) -> str:
    """A name as the number it stands for, and with ``whole`` an expression of such names likewise. No shape is one."""
    names = _NAME.findall(literal)
    if (names != [literal] and not whole) or not set(names) <= numbers.keys() - {"shape"}:
        return literal
    return _NAME.sub(lambda name: str(numbers[name[0]]), literal)


def _present(component: Any, paragraphs: Iterator[str]) -> Iterator[str]:
    """Without the entries, and what is said about them, of ports that the component lacks, or that have no bits.

    One entry of ports whose names depend on the component is called by these.
    """
    members = component.signature.members
    lines, kept = list(paragraphs), True
    said = [name for line in lines if (entry := _ENTRY.match(line)) for name in _names(entry[1])]
    others = [name for name in members if name not in said]
    dependent = [name for name in said if " " in name]
    for line in lines:
        if entry := _ENTRY.match(line):
            names = [name for name in _names(entry[1]) if name.isidentifier()]
            kept = not names or any(_has(component, name) for name in names)
            if not names and others and [entry[1]] == dependent:
                few = others if len(others) < 4 else [*others[:2], "...", others[-1]]
                line = f"{', '.join(few)}{line[entry.end(1) :]}"
        if kept:
            yield line


def _has(component: Any, name: str) -> bool:
    members = component.signature.members
    if name not in members:
        return any(member.startswith(f"{name}_") for member in members)
    return not members[name].is_port or len(Value.cast(getattr(component, name))) > 0


def _names(entry: str) -> list[str]:
    return entry.split(", ")


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
