"""The text of a module as people read it: a port a line, short lines, short numbers, and the contents of its memories.

It starts from what Yosys's ``write_verilog`` writes, which names each port three times.
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .rtlil import Contents

WIDTH = 118
"""Characters of a line, where it can be broken."""
DIGITS = 40
"""Hexadecimal digits of a number; a longer one is written as several side by side."""
_HEAD = re.compile(r"module (\w+)\([^)]*\);\n")
_PORT = re.compile(r"  (input|output) (\[\d+:0\] )?(\w+);")
_DECLARED = re.compile(r"(  (wire|reg) (?:signed )?(?:\[\d+:0\] )?(\w+))( = .*)?;")
_MEMORY = re.compile(r"  reg (?:signed )?\[\d+:0\] (\w+) \[\d+:0\];")
_NUMBER = re.compile(r"(\d+)'h([0-9a-f]+)")
_PART = re.compile(r"\\(\w+)\[(\d+)\] ")
"""Yosys's name for a register that is part of a signal."""
_INSTANCE = re.compile(r"  \w+ (\w+) \(\n((?:    \..*\n)+)  \);\n", re.MULTILINE)
_ATTRIBUTE = re.compile(r"  \(\* .* \*\)")
_CLOCK = re.compile(r"(?:\w+_)?(?:clk|rst)")
_OPEN = re.compile(r"^    \.\w+\((_\d+_)\)", re.MULTILINE)
_BIT = re.compile(r"^  (?:input|wire|reg) (\w+)(?: = .*)?;", re.MULTILINE)
_UNNAMED = re.compile(r"\b_\d+_\b")
_READ = re.compile(r"^ +(_\d+_) <= \w+\[[\w']+\];$", re.MULTILINE)
_EITHER = re.compile(r"= \| \{ (\w+), (\w+) \};")
_ITSELF = re.compile(r"= (\w+) \? \1 : ")
_RUN_OF_DIGITS = re.compile(r"(\d+)")


@dataclass
class _Port:
    direction: str
    range: str
    attributes: list[str]
    register: str = ""


@dataclass(frozen=True)
class Words:
    """What a memory holds at first, and the widths of the numbers in a word, the lowest bits first."""

    contents: Contents
    fields: Sequence[int] = field(default=())


def module_text(text: str, order: Sequence[str], parts: Sequence[str], memories: Mapping[str, Words]) -> str:
    """A module of ``write_verilog``: the ports in this ``order`` behind its clocks and resets, its instances at the end
    in the order of ``parts``."""
    head = _HEAD.match(text)
    assert head is not None, text[:80]
    text = _instances_last(_plainly(text), parts)
    ports: dict[str, _Port] = {}
    declared: dict[str, list[str]] = {}
    starts: dict[str, list[str]] = {}
    body: list[str] = []
    attributes: list[str] = []
    for line in map(_short_numbers, _PART.sub(r"\1_\2", text[head.end() :]).splitlines()):
        if _ATTRIBUTE.fullmatch(line):
            attributes.append(line)
            continue
        if found := _PORT.fullmatch(line):
            ports[found[3]] = _Port(found[1], found[2] or "", [line for line in attributes if "init = " not in line])
        elif found := _DECLARED.fullmatch(line):
            if found[4]:
                starts[found[3]] = _wrapped(f"    {found[3]}{found[4]};")
            if found[3] in ports:
                ports[found[3]].register = "reg " if found[2] == "reg" else ""
            else:
                declared[found[3]] = [*attributes, f"{found[1]};"]
        else:
            body += [*attributes, *_wrapped(line)]
            if (found := _MEMORY.fullmatch(line)) and found[1] in memories:
                body += _initial(found[1], memories[found[1]])
        attributes = []
    declarations = _in_order(declared)
    if starts:
        declarations += ["  initial begin", *_in_order(starts), "  end"]
    places = {name: place for place, name in enumerate(order)}
    names = sorted(ports, key=lambda name: (_CLOCK.fullmatch(name) is None, places.get(name, -1), name))
    header = [
        "\n".join([*(port := ports[name]).attributes, f"  {port.direction} {port.register}{port.range}{name}"])
        for name in names
    ]
    return "\n".join([f"module {head[1]} (", ",\n".join(header), ");", *declarations, *body, ""])


def _plainly(text: str) -> str:
    """A module whose memories are read into registers that have names, whose instances leave open what nothing reads,
    and whose operations on bits are said as people say them."""
    for read in set(_READ.findall(text)):
        if found := re.search(rf"^  assign (\w+) = {read};\n", text, re.MULTILINE):
            text = re.sub(rf"^  reg (?:\[\d+:0\] )?{read};\n", "", text.replace(found[0], ""), flags=re.MULTILINE)
            text = re.sub(rf"\b{read}\b", found[1], text)
            text = re.sub(rf"^  wire ((?:\[\d+:0\] )?{found[1]};)", r"  reg \1", text, flags=re.MULTILINE)
    times = Counter(_UNNAMED.findall(text))
    for name in _OPEN.findall(text):
        if times[name] == 2:
            text = re.sub(rf"^  wire (?:\[\d+:0\] )?{name};\n", "", text.replace(f"({name})", "()"), flags=re.MULTILINE)
    bits = set(_BIT.findall(text))
    text = _EITHER.sub(lambda found: f"= {found[1]} | {found[2]};" if bits >= {found[1], found[2]} else found[0], text)
    return _ITSELF.sub(lambda found: f"= {found[1]} | " if found[1] in bits else found[0], text)


def _in_order(lines: Mapping[str, list[str]]) -> list[str]:
    return [line for name in sorted(lines, key=_by_number) for line in lines[name]]


def _by_number(name: str) -> list[str | int]:
    """A key by which ``lane_2`` comes before ``lane_10``."""
    return [int(part) if part.isdigit() else part for part in _RUN_OF_DIGITS.split(name)]


def _instances_last(text: str, parts: Sequence[str]) -> str:
    places = {name: place for place, name in enumerate(parts)}
    found = sorted(_INSTANCE.finditer(text), key=lambda instance: places.get(instance[1], -1))
    if not found:
        return text
    blocks = []
    for instance in found:
        ports = [line.rstrip(",") for line in instance[2].splitlines()]
        ports.sort(key=_by_number)
        ports.sort(key=lambda line: _CLOCK.fullmatch(line.strip()[1:].partition("(")[0]) is None)
        first, _, _ = instance[0].partition("\n")
        blocks.append("\n".join([first, ",\n".join(ports), "  );", ""]))
    return _INSTANCE.sub("", text).replace("\nendmodule", "\n" + "".join(blocks) + "endmodule")


def comment(paragraphs: Iterable[str]) -> str:
    """Paragraphs as lines of a comment, continued under their own indentation."""
    lines: list[str] = []
    for paragraph in paragraphs:
        indent = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        lines += textwrap.wrap(
            paragraph, WIDTH - 3, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return "".join(f"// {line}".rstrip() + "\n" for line in lines)


def _wrapped(line: str) -> list[str]:
    if len(line) <= WIDTH:
        return [line]
    indent = line[: len(line) - len(line.lstrip())] + "    "
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _short_numbers(line: str) -> str:
    return _NUMBER.sub(lambda found: _number(int(found[1]), int(found[2], 16)), line)


def _number(width: int, value: int, fields: Sequence[int] = ()) -> str:
    """A number of ``width`` bits; if it has many digits as several side by side, the borders being those of fields."""
    if width <= 4 * DIGITS or not value:
        return f"{width}'h{value:x}"
    parts, low = [], 0
    for bits in _joined(fields or [4] * (width // 4) + [width % 4]):
        parts.append(f"{bits}'h{value >> low & ((1 << bits) - 1):x}")
        low += bits
    return "{ " + ", ".join(reversed(parts)) + " }"


def _joined(widths: Iterable[int]) -> Iterator[int]:
    """Neighbours joined to at most ``DIGITS`` hexadecimal digits."""
    joined = 0
    for width in widths:
        if joined and joined + width > 4 * DIGITS:
            yield joined
            joined = 0
        joined += width
    if joined:
        yield joined


def _initial(name: str, words: Words) -> Iterator[str]:
    contents = words.contents
    if len(set(contents.words)) == 1:
        word = f"{name}_word"
        yield f"  integer {word};"
        yield "  initial"
        yield f"    for ({word} = 0; {word} < {len(contents.words)}; {word} = {word} + 1)"
        yield f"      {name}[{word}] = {_number(contents.width, contents.words[0], words.fields)};"
        return
    yield "  initial begin"
    for row, value in enumerate(contents.words):
        yield from _wrapped(f"    {name}[{row}] = {_number(contents.width, value, words.fields)};")
    yield "  end"
