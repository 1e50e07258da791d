"""The clock rule: no path from register to register is longer than one 24-bit adder or two LUTs (``docs/clock.md``).

Checked on a netlist that Yosys makes for UltraScale+, before placement. A path's length is the sum of what it passes:

- a LUT or an inverter: 1
- an adder: 1 if it has at most 8 bits, 2 if it has at most 24, else 3
- a wide multiplexer (MUXF7 to MUXF9): 0 from a LUT, 1 from elsewhere or by its select input
- a LUT used as memory or shift register: 1, from its address and from its content
- a block RAM's content: 1, or 0 if it has its output register
- a DSP slice's multiplier and adder: 4, or 2 if two rows of registers follow, which the slice absorbs

A path may be ``LIMIT`` = 2 long. An adder is a carry chain with the LUTs that feed it. Its bits are counted from where
the path enters the chain to where it leaves it, both included: a sum of 24 bits passes, one of 25 does not. A bit has
one LUT of two outputs, sum and carry, which depend on at most five signals. If they depend on more, the carry has a LUT
of its own; in a comparison, which has no sum, they count as two bits instead.

Paths start at registers, memories, DSP slices and input ports. They end at all inputs of those except clocks (so
enables and resets count) and at output ports.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeAlias

from hwsnn.errors import ToolError
from hwsnn.files.scratch import Scratch

from .. import tools
from ..process import run_tool

LIMIT = 2
"""The maximum length of a path."""

SCRIPT = """read_verilog design.v
scratchpad -set abc9.script "+&if -q -W 3000 -F 0 -A 0 -C 16"
synth_xilinx -family xcup -top {top} -flatten -noiopad -noclkbuf -nosrl
select -module {top}
write_json -selected design.json
"""
"""The mapper minimizes the number of LUTs in a row: a wire counts more than any pin of a LUT (``-W``, picoseconds), and
fast paths are not lengthened again to save area (``-F``, ``-A``). Shift registers stay registers, because a SRL with a
register behind it would be equivalent."""

Net: TypeAlias = int | str
"""A net of Yosys's netlist: a number, or a constant as text."""
Node: TypeAlias = int | str
"""A net, or a place inside a cell by its name."""
Cell: TypeAlias = dict[str, Any]

_LUT = re.compile(r"LUT[1-6]|INV")
_WIDE_MUX = re.compile(r"MUXF[789]")
_CARRY = re.compile(r"CARRY[48]")
_REGISTER = re.compile(r"FD[RSCP]E")
_SHIFT_REGISTER = re.compile(r"SRL16E|SRLC16E|SRLC32E")
_LUT_RAM = re.compile(r"RAM\d+[XM]\w*")
_BLOCK_RAM = re.compile(r"RAMB(18|36)E2")
_CLOCKS = {"C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK"}
_SHARED_INPUTS = 5
"""The number of inputs that the two outputs of one LUT share."""


@dataclass(frozen=True)
class TimedPath:
    """The longest path to one bit of one input of a register, memory or DSP, or of an output port.

    ``start`` and ``end``: hierarchical names; ``end`` with the input after a blank, unless it is a register's D.
    ``passes``: the elements between them, without those of length 0.
    """

    start: str
    end: str
    length: int
    passes: tuple[str, ...]

    @property
    def component(self) -> str:
        """The instance that the path ends in; empty for the top module."""
        return self.end.partition(" ")[0].rpartition(".")[0]


def synthesize(verilog: str, top: str) -> dict[str, Any]:
    """The netlist of a design: the flat module ``top`` as Yosys's ``write_json`` gives it.

    Raises ``InputError`` if there is no Yosys, and ``ToolError`` if it fails.
    """
    yosys = tools.find("yosys")
    with Scratch("clock") as folder:
        (folder / "design.v").write_text(verilog)
        (folder / "design.ys").write_text(SCRIPT.format(top=top))
        run_tool(yosys, ["design.ys"], folder, folder / "yosys.log")
        netlist: dict[str, Any] = json.loads((folder / "design.json").read_text())["modules"][top]
    return netlist


def longest_paths(netlist: dict[str, Any], verilog: str = "") -> list[TimedPath]:
    """The longest path to every end point, the longest first.

    ``netlist``: from ``synthesize``; ``verilog``: its source, to recognize registers by their names.
    Raises ``ToolError`` for a loop without a register, and for a kind of cell that the rule does not know.
    """
    graph = _Graph(netlist, _net_names(netlist, verilog.splitlines()))
    lengths: dict[Node, int] = {}
    longest: dict[Node, _Arc] = {}
    try:
        for node in TopologicalSorter(graph.predecessors()).static_order():
            arcs = [arc for arc in graph.arcs.get(node, ()) if arc.source in lengths]  # the others lead from constants
            if arcs:
                longest[node] = arc = max(arcs, key=lambda arc: lengths[arc.source] + arc.length)
                lengths[node] = lengths[arc.source] + arc.length
            elif node in graph.starts:
                lengths[node] = 0
    except CycleError as error:
        raise ToolError(f"the netlist has a loop without a register: {graph.readable(error.args[1])}") from None
    paths = []
    for end, node in graph.ends:
        if node in longest:
            passes, length = [], lengths[node]
            while node in longest:
                passes.append(longest[node].passes)
                node = longest[node].source
            paths.append(TimedPath(graph.starts[node], end, length, tuple(filter(None, reversed(passes)))))
    return sorted(paths, key=lambda path: (-path.length, path.component, path.end))


@dataclass(frozen=True)
class _Arc:
    source: Node
    length: int
    passes: str


@dataclass(frozen=True)
class _ChainBit:
    entry: Node
    width: int = 1


class _Graph:
    """Graph of the combinational dependences, with the start and end points of paths."""

    def __init__(self, netlist: dict[str, Any], names: Mapping[Net, str]) -> None:
        self.arcs: dict[Node, list[_Arc]] = defaultdict(list)
        self.starts: dict[Node, str] = {}
        self.ends: list[tuple[str, Node]] = []
        self._names = names
        self._cells: dict[str, Cell] = {
            name: cell for name, cell in netlist["cells"].items() if cell["type"] != "$scopeinfo"
        }
        self._driver = {net: name for name, cell in self._cells.items() for net in _nets(cell, "output")}
        self._chains: dict[str, list[_ChainBit]] = {}
        for name, port in netlist["ports"].items():
            for net in filter(_is_net, port["bits"]):
                if port["direction"] == "input":
                    self.starts[net] = name
                else:
                    self.ends.append((name, net))
        self._readers: dict[Net, list[tuple[Cell | None, str]]] = defaultdict(list)
        for port, net in self.ends:
            self._readers[net].append((None, port))
        for cell in self._cells.values():
            for pin, nets in cell["connections"].items():
                if cell["port_directions"][pin] == "input":
                    for net in nets:
                        self._readers[net].append((cell, pin))
        for name, cell in self._cells.items():
            self._add(name, cell)

    def predecessors(self) -> dict[Node, list[Node]]:
        """For ``TopologicalSorter``."""
        return {node: [arc.source for arc in arcs] for node, arcs in self.arcs.items()}

    def readable(self, nodes: Iterable[Node]) -> str:
        """The nodes with readable names."""
        return ", ".join(dict.fromkeys(self._names[node] for node in nodes if node in self._names))

    def _add(self, name: str, cell: Cell) -> None:
        kind, pins = cell["type"], cell["connections"]
        if _LUT.fullmatch(kind):
            self._join(pins["O"], _nets(cell, "input"), 1, "LUT")
        elif _WIDE_MUX.fullmatch(kind):
            for pin in ("I0", "I1", "S"):
                inside = pin != "S" and (
                    self._driven_by(pins[pin][0], _LUT) or self._driven_by(pins[pin][0], _WIDE_MUX)
                )
                self._join(pins["O"], pins[pin], 0 if inside else 1, "" if inside else "wide mux")
        elif _CARRY.fullmatch(kind):
            self._add_carry(name, cell)
        elif _REGISTER.fullmatch(kind):
            self._hold(cell, self._names.get(pins["Q"][0]) or _place(name), pins["Q"])
        elif _SHIFT_REGISTER.fullmatch(kind):
            self._add_lut_memory(name, cell, self._names.get(pins["Q"][0]) or _place(name), "shift register")
        elif _LUT_RAM.fullmatch(kind):
            self._add_lut_memory(name, cell, _place(name), "LUT RAM")
        elif _BLOCK_RAM.fullmatch(kind):
            self._add_block_ram(name, cell)
        elif kind == "DSP48E2":
            self._add_dsp(name, cell)
        else:
            raise ToolError(f"the clock rule knows no cell of the kind {kind} ({_place(name)})")

    def _join(self, results: Iterable[Net], sources: Iterable[Node], length: int, passes: str) -> None:
        """Make each of ``results`` depend on each of ``sources``."""
        arcs = [_Arc(source, length, passes) for source in sources if _is_net(source)]
        for result in results:
            self.arcs[result].extend(arcs)

    def _hold(self, cell: Cell, place: str, outputs: Iterable[Node]) -> None:
        """Add a sequential cell: paths start at ``outputs``, and end at all of its inputs but the clock."""
        self.starts.update(dict.fromkeys(outputs, place))
        for pin, nets in cell["connections"].items():
            if cell["port_directions"][pin] == "input" and pin not in _CLOCKS:
                end = place if pin == "D" else f"{place} {pin}"
                self.ends.extend((end, net) for net in nets if _is_net(net))

    def _driven_by(self, net: Net, kind: re.Pattern[str]) -> Cell | None:
        """The cell that drives the net, if it is of this kind."""
        cell = self._cells.get(self._driver.get(net, ""))
        return cell if cell is not None and kind.fullmatch(cell["type"]) else None

    def _add_lut_memory(self, name: str, cell: Cell, place: str, passes: str) -> None:
        content = f"{name} content"
        self._hold(cell, place, [content])
        for pin, nets in cell["connections"].items():
            if cell["port_directions"][pin] == "output":
                self._join(nets, [content, *_address(cell, pin)], 1, passes)

    def _add_block_ram(self, name: str, cell: Cell) -> None:
        content = f"{name} content"
        self._hold(cell, _place(name), [content])
        for pin, nets in cell["connections"].items():
            if pin.startswith("DOUT"):
                side = pin.removeprefix("DOUT").removeprefix("P")[0]
                self._join(nets, [content], 0 if _parameter(cell, f"DO{side}_REG") else 1, "block RAM")

    def _previous_carry(self, name: str) -> str | None:
        """The cell whose last carry this cell of a chain continues."""
        cell = self._cells[name]
        if not _CARRY.fullmatch(cell["type"]):
            return None
        before = self._driven_by(cell["connections"]["CI"][0], _CARRY)
        if before is None or before["connections"]["CO"][-1] != cell["connections"]["CI"][0]:
            return None
        return self._driver[cell["connections"]["CI"][0]]

    def _add_carry(self, name: str, cell: Cell) -> None:
        bits = self._chain(name)
        pins = cell["connections"]
        for position, outputs in enumerate(zip(pins["O"], pins["CO"], strict=True), len(bits) - len(pins["S"])):
            results = [net for net in outputs if self._leaves_chain(net)]
            width = 0
            for bit in reversed(bits[: position + 1]):
                width += bit.width
                self._join(results, [bit.entry], _adder_length(width), f"adder of {width}")

    def _chain(self, name: str) -> list[_ChainBit]:
        """A carry chain from its first bit to the last one of this cell."""
        if name not in self._chains:
            previous, pins = self._previous_carry(name), self._cells[name]["connections"]
            bits = list(self._chain(previous)) if previous else []
            for index, (added, carried, result) in enumerate(zip(pins["S"], pins["DI"], pins["O"], strict=True)):
                bit = _ChainBit(f"{name} {index}")
                added_from, carried_from = self._before_lut(added), self._before_lut(carried)
                if len({*filter(_is_net, added_from), *filter(_is_net, carried_from)}) > _SHARED_INPUTS:
                    if self._leaves_chain(result):
                        carried_from = [carried]
                    else:
                        bit = _ChainBit(bit.entry, 2)
                self._join([bit.entry], added_from + carried_from, 0, "")
                bits.append(bit)
            carry_in = [*pins.get("CYINIT", ()), *([] if previous else pins["CI"])]
            self._join([f"{name} 0"], carry_in, 0, "")
            self._chains[name] = bits
        return self._chains[name]

    def _leaves_chain(self, net: Net) -> bool:
        return any(
            cell is None or pin != "CI" or not _CARRY.fullmatch(cell["type"]) for cell, pin in self._readers[net]
        )

    def _before_lut(self, net: Net) -> list[Net]:
        """The inputs of the LUT that drives the net; the net itself if there is none."""
        lut = self._driven_by(net, _LUT)
        return [net] if lut is None else _nets(lut, "input")

    def _add_dsp(self, name: str, cell: Cell) -> None:
        if any(pin.endswith("REG") and _parameter(cell, pin) for pin in cell["parameters"]):
            raise ToolError(f"the clock rule knows no DSP slice with registers inside ({_place(name)})")
        results = _nets(cell, "output")
        pipelined = self._registered(self._registered(results))
        self._join(results, _nets(cell, "input"), 2 if pipelined else 4, "product")  # without registers, without clock

    def _registered(self, nets: Iterable[Net]) -> list[Net]:
        """The outputs of a row of registers behind the nets; nothing if the nets go anywhere else as well."""
        readers = [reader for net in nets for reader in self._readers[net]]
        if any(cell is None or pin != "D" or not _REGISTER.fullmatch(cell["type"]) for cell, pin in readers):
            return []
        return [cell["connections"]["Q"][0] for cell, _ in readers if cell]


def _adder_length(bits: int) -> int:
    return 1 if bits <= 8 else 2 if bits <= 24 else 3


def _address(cell: Cell, output: str) -> list[Net]:
    """The address of a LUT used as memory, for one of its outputs."""
    if output.startswith("DO"):
        prefix = f"ADDR{output[2]}"
    elif output == "DPO":
        prefix = "DPRA"
    else:
        prefix = "A"
    return [net for pin, nets in cell["connections"].items() if pin.startswith(prefix) for net in nets]


def _parameter(cell: Cell, name: str) -> int:
    return int(cell["parameters"].get(name, "0"), 2)


def _nets(cell: Cell, direction: str) -> list[Net]:
    return [
        net
        for pin, nets in cell["connections"].items()
        if cell["port_directions"][pin] == direction
        for net in nets
        if _is_net(net)
    ]


def _is_net(net: Net) -> bool:
    return net not in ("0", "1", "x", "z")


def _net_names(netlist: dict[str, Any], verilog: list[str]) -> dict[Net, str]:
    """For every net the name of its register, else its deepest name: ports repeat the names of registers."""
    best: dict[Net, tuple[bool, int, str]] = {}
    for name, entry in netlist["netnames"].items():
        if entry["hide_name"]:
            continue
        declared = re.search(r"\.v:(\d+)\.", entry["attributes"].get("src", ""))
        line = int(declared[1]) if declared else 0
        register = 0 < line <= len(verilog) and re.search(r"\breg\b", verilog[line - 1]) is not None
        for index, net in enumerate(entry["bits"]):
            bit = f"{name}[{index}]" if len(entry["bits"]) > 1 else name
            best[net] = max(best.get(net, (False, -1, "")), (register, name.count("."), bit))
    return {net: name for net, (_, _, name) in best.items()}


def _place(cell: str) -> str:
    """A cell's name without Yosys's additions: for a memory the memory, else the instance that holds the cell."""
    named = cell.removeprefix("$flatten").replace("\\", "").partition("$")[0].rstrip(".")
    return re.sub(r"(\.\d+)+$", "", named) or "unnamed"
