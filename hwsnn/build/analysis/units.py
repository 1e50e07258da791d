"""A design cut into units: the parts that are synthesized separately.

A unit is the RTLIL of a module, with the small modules below it; larger modules below it are units themselves, and
black boxes in its text, with their ports alone. Numbers replace its names: tables, for one, name their outputs by their
place. What differs in names alone is one unit.

Nor does a unit contain the numbers in tables for block memory: they do not change the size of the table, but mapping
them takes Yosys half a second per block. Placeholders with the same constant bits replace them.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce

from hwsnn.verilog.emit import named
from hwsnn.verilog.modules import DistinctModule, ModuleSet, Place
from hwsnn.verilog.rtlil import Contents, with_contents

MARK = "\0"
"""Stands in every name of a unit: to be replaced by a prefix, so that Yosys confuses none with those of other units."""
ROOT = "0"
"""The name of a unit's outermost module, behind the mark."""
SMALL = 15_000
"""A module with at most this many characters of RTLIL, all below it included, is part of the unit above."""
CROWD = 1_500_000
"""If such modules directly below one module have more characters than this, they are units after all: Yosys's
WebAssembly build, which has 4 GiB, cannot map more at once."""

_NAME = re.compile(r"(?<!attribute )(?:\\[a-z_]|\$\d)\w*")
"""A name that is not Yosys's own: the ports and parameters of its cells are in capitals."""
_PART = re.compile(r"^  cell \\(module_\d+) \\(\w+)$", re.MULTILINE)
_PORT = re.compile(r"^  wire .*(?:input|output) .*\n", re.MULTILINE)
_TABLE = re.compile(r'^  attribute \\rom_style "block"\n  memory .* \\(\w+)$', re.MULTILINE)


@dataclass(frozen=True)
class _Module:
    """``size``: characters of ``text`` and of all below it. ``parts``: the modules in it that are part of its unit.
    ``boxes``: those that are units themselves, and the names of their instances."""

    text: str
    size: int
    parts: list[str]
    boxes: list[tuple[str, str]]


def cut(modules: ModuleSet) -> dict[Place, str]:
    """The units of a design by their places, each before those below it.

    They are the top, each module directly below it, and every module larger than ``SMALL``, or one of a ``CROWD``.
    """
    top = modules.modules[-1].key
    found: dict[str, _Module] = {}
    for module in modules.modules:
        found[module.key] = _module(module, found, module.key == top)

    def walk(key: str, place: Place) -> Iterator[tuple[Place, str]]:
        yield place, key
        for box, name in found[key].boxes:
            yield from walk(box, (*place, name))

    places = dict(walk(top, ()))
    units = {key: _unit(key, found) for key in set(places.values())}
    return {place: units[key] for place, key in places.items()}


def _module(module: DistinctModule, found: Mapping[str, _Module], top: bool) -> _Module:
    """A module, where those in it are ``found``."""
    text = module.converted.rtlil
    below = _PART.findall(text)
    sizes = [found[part].size for part, _ in below]
    small = -1 if top or sum(size for size in sizes if size <= SMALL) > CROWD else SMALL
    boxes = [(part, name) for part, name in below if found[part].size > small]
    parts = [part for part, _ in below if found[part].size <= small]
    names = {key: key for key in (module.key, *parts)} | {box: f"box_{box}" for box, _ in boxes}
    tables = set(_TABLE.findall(text))
    contents = [(name, _stand_in(held) if name in tables else held) for name, held in module.converted.contents]
    text = with_contents(named(module, names), contents)
    return _Module(text, len(text) + sum(sizes), parts, boxes)


def _unit(key: str, found: Mapping[str, _Module]) -> str:
    inside = [key]
    for module in inside:  # grows meanwhile
        inside += dict.fromkeys(part for part in found[module].parts if part not in inside)
    texts = [found[module].text for module in inside]
    for box in dict.fromkeys(box for module in inside for box, _ in found[module].boxes):
        outermost, _, _ = found[box].text.partition("\nend\n")
        texts += [f"attribute \\blackbox 1\nmodule \\box_{box}\n", *_PORT.findall(outermost), "end\n"]
    numbers: dict[str, int] = {}
    return "attribute \\keep_hierarchy 1\n" + _NAME.sub(
        lambda name: f"{name[0][0]}{MARK}{numbers.setdefault(name[0], len(numbers))}", "".join(texts)
    )


def _stand_in(contents: Contents) -> Contents:
    """Contents of the same size: 0 at address 0 and 1 elsewhere in every bit that is not constant."""
    first, others = reduce(operator.and_, contents.words), reduce(operator.or_, contents.words)
    return Contents(contents.width, (first, *[others] * (len(contents.words) - 1)))
