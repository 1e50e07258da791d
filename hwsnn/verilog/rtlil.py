"""A component as a module in RTLIL, without the contents of its memories, on which Amaranth and Yosys take most of
their time."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Const, Fragment, _nir
from amaranth.hdl._ast import SignalDict
from amaranth.hdl._ir import PortDirection

from .netlist import ResetFlipFlop, netlist_of
from .straight import NotStraightError, StraightModule, StraightWriter

Ports = Mapping[str, tuple[Any, PortDirection]]
"""The signal and the direction of each port, by its name."""

SELF = "hwsnn_self"
"""The module's name in its own text."""
_STREAM_OUT = re.compile(r"(?:.*_)?o(?:_\d+)?__(?:valid|ready|payload)")
_NAME = re.compile(r"(?<!\\)\\([^\s\\\"]+)")
_NOT_PLAIN = re.compile(r"\W")
_KEYWORDS = {"buf"}
"""Of Verilog, among the names that Amaranth gives itself."""
_MEMORY = re.compile(r"^  memory width \d+ size \d+ \\(\w+)\n", re.MULTILINE)
_INPUT = re.compile(r" input \d+ +\\(\w+)\n")
_RESET = re.compile(r"  wire width 1 input \d+ +\\((?:\w+_)?rst)\n\n")


@dataclass(frozen=True)
class Contents:
    """What a memory holds at first: words of ``width`` bits."""

    width: int
    words: tuple[int, ...]


Named = list[tuple[str, Contents]]
"""By the names of memories."""


@dataclass(frozen=True)
class Converted:
    """A module: its RTLIL, in which it is called ``SELF``, its inputs, and what its memories hold, by their names."""

    rtlil: str
    inputs: frozenset[str]
    contents: tuple[tuple[str, Contents], ...]


def convert(fragment: Fragment, ports: Ports) -> Converted:
    """``fragment`` as a module with these ports, and those of its clock domains."""
    design = fragment.prepare(ports, hierarchy=(SELF,))
    written = rtlil.Design(emit_src=False)
    try:
        contents = _straight(design, written)
    except NotStraightError:
        contents = _by_netlist(design, written)
    text = _without_idle_resets(plain_names(str(written)))
    return Converted(text, frozenset(_INPUT.findall(text)), tuple(contents))


def _straight(design: Any, written: Any) -> Named:
    module = StraightModule(design)
    built = written.module(SELF)
    StraightWriter(module, built, _preferred)
    _drop_aliases(built)
    return [(name, Contents(len(port._data), tuple(memory._data._init._raw))) for name, memory, port in module.memories]


def _by_netlist(design: Any, written: Any) -> Named:
    netlist = netlist_of(design)
    empty = rtlil.EmptyModuleChecker(netlist)
    contents: Named = []
    for index, module in enumerate(netlist.modules):
        if index == 0 or not empty.is_empty(index):
            built = written.module(".".join(module.name))
            emitter = _Emitter(built, netlist, module, SignalDict(), empty_checker=empty)
            emitter.emit()
            contents += emitter.contents
            _drop_aliases(built)
    return contents


def _preferred(names: Iterable[str], ports: Container[str], outputs: Iterable[str]) -> Iterator[str]:
    """A net that has several names is called as the port, else as the stream out, else as the output."""
    known = dict.fromkeys(names)
    yield from (name for name in known if name in ports)
    yield from (name for name in known if _STREAM_OUT.fullmatch(name))
    yield from (name for name in outputs if name in known)
    yield from known


class _Emitter(rtlil.ModuleEmitter):  # type: ignore[misc]  # Amaranth has no types
    """Amaranth's, but for the names of nets and the contents of memories."""

    def emit(self) -> None:
        self.contents: Named = []
        super().emit()

    def assign_value_names(self) -> None:
        signals = {name: signal for signal, name in self.module.signal_names.items()}
        cells = [self.netlist.cells[index] for index in self.module.cells]
        outputs = [f"{cell.name}_{port}" for cell in cells if isinstance(cell, _nir.Instance) for port in cell.ports_o]
        for name in _preferred(signals, self.module.ports, outputs):
            self.value_names.setdefault(self.netlist.signals[signals[name]], name)
        super().assign_value_names()

    def emit_signal_fields(self) -> None:
        """None: the fields of a signal only repeat parts of it."""

    def emit_flip_flop(self, cell_idx: int, cell: Any) -> None:
        super().emit_flip_flop(cell_idx, cell)
        if isinstance(cell, ResetFlipFlop):
            made = next(reversed(self.builder.contents.values()))
            made.kind = "$sdff"
            made.port("SRST", self.sigspec(cell.srst))
            made.parameter("SRST_POLARITY", True)
            made.parameter("SRST_VALUE", Const(cell.init, len(cell.data)))

    def emit_memory(self, cell_idx: int, cell: Any) -> None:
        self.contents.append((self.memories[cell_idx].memid[1:], Contents(cell.width, tuple(cell.init))))


def _drop_aliases(module: Any) -> None:
    """Drop the wires that only repeat what others are: nothing reads them."""
    aliases = {name for name, _ in module.connections if module.contents[name].port_kind is None}
    module.connections = [(name, value) for name, value in module.connections if name not in aliases]
    for name in aliases:
        del module.contents[name]


def with_contents(text: str, contents: Iterable[tuple[str, Contents]]) -> str:
    """RTLIL of a module with what its memories hold, by their names."""
    found = dict(contents)
    return _MEMORY.sub(lambda memory: memory[0] + _filled(memory[1], found[memory[1]]), text)


def _filled(name: str, contents: Contents) -> str:
    width, words = contents.width, contents.words
    bits = "".join(f"{word:0{width}b}" for word in reversed(words))
    return (
        f'  cell $meminit_v2 $0_{name}\n  parameter \\MEMID "\\\\{name}"\n  parameter \\ABITS 0\n'
        f"  parameter \\WIDTH {width}\n  parameter \\WORDS {len(words)}\n  parameter \\PRIORITY 0\n"
        f"  connect \\ADDR {{ }}\n  connect \\DATA {len(bits)}'{bits}\n  connect \\EN {width}'{'1' * width}\n  end\n"
    )


def plain_names(text: str) -> str:
    """RTLIL whose public names need no escape in Verilog, different ones still being different."""
    given: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        name = match[1]
        if name not in given:
            candidate = wanted = _NOT_PLAIN.sub("_", name.replace("$signature__", "").removeprefix("$")).strip("_")
            number = 1
            while candidate in taken:
                number += 1
                candidate = f"{wanted}_{number}"
            taken.add(candidate)
            given[name] = candidate
        return f"\\{given[name]}"

    taken = {name for name in _NAME.findall(text) if not _NOT_PLAIN.search(name) and name not in _KEYWORDS}
    given |= {name: name for name in taken}
    taken |= _KEYWORDS
    return _NAME.sub(plain, text)


def _without_idle_resets(text: str) -> str:
    for name in _RESET.findall(text):
        if len(re.findall(rf"\\{name}\b", text)) == 1:
            text = re.sub(rf"  wire width 1 input \d+ +\\{name}\n\n", "", text)
    return text
