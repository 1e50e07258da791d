"""A design cut into units: the parts that are synthesized separately.

Amaranth writes one module per instance, so that equal parts of a design are several modules, which differ only in
names. A unit's text has every name replaced by a number: units of equal text are one, however often they occur.

A unit is a module with the small modules below it; larger modules below it are units themselves, and black boxes in
its text. The text contains only the ports of a black box, not its content.

Nor does it contain the numbers in tables for block memory: they do not change the size of the table, but mapping them
takes Yosys half a second per block. Placeholders with the same constant bits replace them.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce

MARK = "\0"
"""Marks every number that replaces a name; ``Unit.text`` replaces it with a given prefix."""
ROOT = "unit"
"""Name of a unit's top module, after the prefix."""
SMALL = 15_000
"""A module with at most this many characters of RTLIL, all below it included, is part of the unit above."""
CROWD = 1_500_000
"""If such modules directly below one module have more characters than this, they are units after all: Yosys's
WebAssembly build, which has 4 GiB, cannot map more at once."""

_NAME = re.compile(r"[\\$]\S+")
_DECLARES = ("wire", "memory", "cell", "process")
_DIRECTIONS = {"input", "output", "inout"}
_BLOCK = '  attribute \\rom_style "block"'


@dataclass(frozen=True)
class Unit:
    """Part of a design. ``template``: RTLIL of its modules, the outermost first, with ``MARK`` where names are."""

    template: str

    def text(self, prefix: str) -> str:
        """RTLIL of the unit, every name in it behind ``prefix``, the outermost module's being ``ROOT``."""
        return self.template.replace(MARK, prefix)


@dataclass(frozen=True)
class Component:
    """An instance of a unit: its name in the component above, and the units below it."""

    name: str
    unit: Unit
    below: tuple[Component, ...]

    def walk(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Component]]:
        """The component and every component below, with their paths."""
        yield path, self
        for component in self.below:
            yield from component.walk((*path, component.name))


@dataclass
class _Module:
    """``names``: what each name is replaced by, a number in the order of declaration; ports and memories stay public.

    ``parts``: name and type of every instance of a module of the design. ``tables``: width of every memory whose
    contents do not matter.
    """

    lines: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    ports: list[str] = field(default_factory=list)
    parts: list[tuple[str, str]] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)


def cut(rtlil: str, top: str) -> Component:
    """The component ``top`` of a design in RTLIL, as Amaranth writes it.

    Units are ``top``, each module directly below it, and every module larger than ``SMALL``, or one of a ``CROWD``.
    """
    return _Cutter(_parse(rtlil)).component(f"\\{top}", top, depth=0)


def _parse(rtlil: str) -> dict[str, _Module]:
    modules: dict[str, _Module] = {}
    module = _Module()
    for line in rtlil.splitlines():
        words = line.split()
        if line.startswith("module "):
            modules[words[1]] = module = _Module()
        elif line.startswith((" ", "connect ")):  # the others end modules, or are attributes in front of them
            module.lines.append(line)
            if words[0] in _DECLARES:
                port = words[0] == "wire" and not _DIRECTIONS.isdisjoint(words)
                public = port or words[0] == "memory"
                module.names[words[-1]] = ("\\" if public else "$") + MARK + str(len(module.names))
                if port:
                    module.ports.append(line)
                if words[0] == "memory" and module.lines[-2:-1] == [_BLOCK]:
                    module.tables[words[-1]] = int(words[words.index("width") + 1])
                if words[0] == "cell":
                    module.parts.append((words[2], words[1]))
    for module in modules.values():
        module.parts = [(name, kind) for name, kind in module.parts if kind in modules]
    return modules


class _Cutter:
    def __init__(self, modules: dict[str, _Module]) -> None:
        self._modules = modules
        self._sizes: dict[str, int] = {}

    def component(self, kind: str, instance: str, depth: int) -> Component:
        """The unit that module ``kind`` is the outermost of, and those below it."""
        types = {kind: f"\\{MARK}{ROOT}"}
        text, below = [], []
        inside = [kind]
        for name in inside:  # grows meanwhile
            parts = self._modules[name].parts
            crowded = sum(size for _, part_kind in parts if (size := self._size(part_kind)) <= SMALL) > CROWD
            for part, part_kind in parts:
                separate = depth == 0 or crowded or self._size(part_kind) > SMALL
                if part_kind not in types:
                    types[part_kind] = f"\\{MARK}{'box' if separate else 'part'}{len(types)}"
                    if separate:
                        ports = [_renamed(port, self._modules[part_kind]) for port in self._modules[part_kind].ports]
                        text += ["attribute \\blackbox 1", f"module {types[part_kind]}", *ports, "end"]
                    else:
                        inside.append(part_kind)
                if separate:
                    below.append(self.component(part_kind, part.removeprefix("\\"), depth + 1))
        for name in inside:
            text += ["attribute \\keep_hierarchy 1"] * (name == kind)
            text += [f"module {types[name]}", *self._body(self._modules[name], types), "end"]
        return Component(instance, Unit("\n".join(text) + "\n"), tuple(below))

    def _size(self, kind: str) -> int:
        if kind not in self._sizes:
            module = self._modules[kind]
            below = sum(self._size(part_kind) for _, part_kind in module.parts)
            self._sizes[kind] = sum(map(len, module.lines)) + below
        return self._sizes[kind]

    def _body(self, module: _Module, types: dict[str, str]) -> Iterator[str]:
        kind, memory = None, ""
        for line in module.lines:
            keyword, _, rest = line.strip().partition(" ")
            if keyword == "cell":
                kind, name = rest.split()
                yield f"cell {types.get(kind, kind)} {module.names[name]}"
            elif keyword == "connect" and kind is not None:
                port, _, signal = rest.partition(" ")
                port = self._modules[kind].names[port] if kind in types else port
                if (kind, port) == ("$meminit_v2", "\\DATA") and memory in module.tables:
                    signal = _stand_in(signal, module.tables[memory])
                yield f"connect {port} {_renamed(signal, module)}"
            elif keyword == "parameter" and rest.startswith("\\MEMID "):
                memory = json.loads(rest.split()[1])
                yield f'parameter \\MEMID "\\{module.names[memory]}"'
            elif keyword in ("parameter", "attribute"):
                yield f"{keyword} {rest}"
            else:
                kind = None if keyword == "end" else kind
                yield _renamed(line.strip(), module)


def _renamed(text: str, module: _Module) -> str:
    return _NAME.sub(lambda name: module.names[name[0]], text)


def _stand_in(contents: str, width: int) -> str:
    """Contents of a memory of the same size: 0 at address 0 and 1 elsewhere in every bit that is not constant."""
    length, bits = contents.split("'")
    words = [int(bits[start : start + width], 2) for start in range(0, len(bits), width)]
    first, others = reduce(operator.and_, words), reduce(operator.or_, words)
    return f"{length}'" + f"{others:0{width}b}" * (len(words) - 1) + f"{first:0{width}b}"
