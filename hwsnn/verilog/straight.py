"""RTLIL of modules that only add, register, look up and connect: most of a design, and nearly all of its bits.

Amaranth's netlist has an object for every bit of every value, here a value is a few runs of bits. The text is that of
Amaranth's netlist to the byte; ``rtl_tests/verilog/test_straight.py`` holds it to that.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Const, Format, Instance, MemoryInstance, Signal, _ast
from amaranth.hdl._ir import PortDirection

from .runs import Run, Value, constant, cut, extended, joined, shortened, width_of

INPUTS = 0
"""The cell whose outputs are the inputs of the module."""
Preference = Callable[[Iterable[str], Container[str], Iterable[str]], Iterable[str]]
_ADDERS = {"+": "$add", "-": "$sub"}


class NotStraightError(Exception):
    """The module has something else in it."""


@dataclass
class Cell:
    """An adder, a register, a port of a memory or an instance, with the values that it takes.

    ``outputs``: first bit and width of each, by its name.
    """

    kind: str
    inputs: dict[str, Value]
    outputs: dict[str, tuple[int, int]]
    parameters: dict[str, Any] = field(default_factory=dict)
    name: str | None = None
    init: Any = None


class StraightModule:
    """What is in a design of Amaranth's, if that is one module without decisions.

    Attributes
    ----------
    cells : list of Cell
        The first is ``INPUTS``.
    ports : dict of str to tuple of Value and str
        The value and the direction of each, by its name.
    named : dict of str to tuple of Signal and Value
        Signals and their values, by their names.
    memories : list of tuple of str, MemoryInstance and its port
        With their names.

    Raises
    ------
    NotStraightError
        It has decisions, or anything else that is not known here.
    """

    def __init__(self, design: Any) -> None:
        self.cells = [Cell("", {}, {})]
        self.ports: dict[str, tuple[Value, str]] = {}
        self.memories: list[tuple[str, Any, Any]] = []
        self._design, self._fragment = design, design.fragment
        self._signals: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._assigned: dict[int, tuple[str, Value]] = {}
        self._values: dict[int, Value] = {}
        self._resolved_values: dict[int, Value] = {}
        self._known: dict[int, tuple[Any, Value, bool]] = {}
        for domain, statements in self._fragment.statements.items():
            for statement in statements:
                self._assign(statement, domain)
        for part, _, _ in self._fragment.subfragments:
            self._part(part, design.fragments[part].name[-1])
        self._drive()
        self._connect_ports()
        self._resolve()
        names = design.fragments[self._fragment].signal_names
        self.named = {name: (signal, self._value(self._number(signal))) for signal, name in names.items()}
        if any(signal.attrs or isinstance(signal._format, Format.Enum) for signal in self._signals):
            raise NotStraightError

    def _number(self, signal: Any) -> int:
        number = self._numbers.setdefault(id(signal), len(self._signals))
        if number == len(self._signals):
            self._signals.append(signal)
        return number

    def _assign(self, statement: Any, domain: str) -> None:
        if type(statement) is not _ast.Assign:
            raise NotStraightError
        value, signed = self._read(statement.rhs)
        value = extended(value, signed, len(statement.lhs))
        start = 0
        for signal in _whole_signals(statement.lhs):
            number = self._number(signal)
            if number in self._assigned:
                raise NotStraightError
            self._assigned[number] = domain, cut(value, start, start + len(signal))
            start += len(signal)

    def _read(self, value: Any) -> tuple[Value, bool]:
        """The value, and whether it is signed; a sum is a cell of its own."""
        if id(value) in self._known:
            return self._known[id(value)][1:]
        kind = type(value)
        read: tuple[Value, bool]
        if kind is Signal:
            read = ((~self._number(value), 0, len(value)),) if len(value) else (), value.shape().signed
        elif kind is Const:
            read = constant(value.value, len(value)), value.shape().signed
        elif kind is _ast.Slice:
            read = cut(self._read(value.value)[0], value.start, value.stop), False
        elif kind is _ast.Concat:
            read = joined(run for part in value.parts for run in self._read(part)[0]), False
        elif kind is _ast.Operator and value.operator in ("u", "s"):
            read = self._read(value.operands[0])[0], value.operator == "s"
        elif kind is _ast.Operator and value.operator in _ADDERS and len(value.operands) == 2:
            (left, left_signed), (right, right_signed) = map(self._read, value.operands)
            width = len(value)
            inputs = {"A": extended(left, left_signed, width), "B": extended(right, right_signed, width)}
            made = self._cell(Cell(_ADDERS[value.operator], inputs, {"Y": (0, width)}))
            read = made, left_signed or right_signed or value.operator == "-"
        else:
            raise NotStraightError
        self._known[id(value)] = value, *read
        return read

    def _cell(self, cell: Cell) -> Value:
        """Add a cell; all of its outputs."""
        self.cells.append(cell)
        return joined((len(self.cells) - 1, start, width) for start, width in cell.outputs.values())

    def _part(self, part: Any, name: str) -> None:
        if type(part) is Instance and not part.parameters and not part.attrs:
            self._instance(part, name)
        elif type(part) is MemoryInstance and len(part._read_ports) == 1 and not part._write_ports:
            self._memory(part, name)
        else:
            raise NotStraightError

    def _instance(self, part: Any, name: str) -> None:
        cell = Cell(f"\\{part.type}", {}, {}, name=name)
        bit = 0
        outputs = []
        for port, (value, direction) in part.ports.items():
            if direction == "i":
                cell.inputs[port] = self._read(value)[0]
            elif direction == "o":
                cell.outputs[port] = bit, len(value)
                outputs.append((value, bit))
                bit += len(value)
            else:
                raise NotStraightError
        self._cell(cell)
        for value, first in outputs:
            self._drive_by(value, len(self.cells) - 1, first)

    def _memory(self, part: Any, name: str) -> None:
        (port,) = part._read_ports
        if port._domain == "comb":
            raise NotStraightError
        clk = self._edge(self._fragment.domains[port._domain])
        low: Value = constant(0, 1)
        inputs = {
            "ADDR": self._read(port._addr)[0],
            "ARST": low,
            "SRST": low,
            "EN": self._read(port._en)[0],
            "CLK": clk,
        }
        width = len(port._data)
        parameters = {
            "MEMID": f"\\{name}",
            "ABITS": len(port._addr),
            "WIDTH": width,
            "TRANSPARENCY_MASK": Const(0, 0),
            "COLLISION_X_MASK": Const(0, 0),
            "ARST_VALUE": rtlil.Undef(width),
            "SRST_VALUE": rtlil.Undef(width),
            "INIT_VALUE": rtlil.Undef(width),
            "CE_OVER_SRST": False,
            "CLK_ENABLE": True,
            "CLK_POLARITY": True,
        }
        self.memories.append((name, part, port))
        self._cell(Cell("$memrd_v2", inputs, {"DATA": (0, width)}, parameters))
        self._drive_by(port._data, len(self.cells) - 1, 0)

    def _drive_by(self, value: Any, cell: int, first: int) -> None:
        for signal in _whole_signals(value):
            number = self._number(signal)
            if number in self._values or number in self._assigned:
                raise NotStraightError
            self._values[number] = joined([(cell, first, len(signal))])
            first += len(signal)

    def _edge(self, domain: Any) -> Value:
        if domain.clk_edge != "pos" or domain.async_reset:
            raise NotStraightError
        return self._read(domain.clk)[0]

    def _drive(self) -> None:
        for number, (domain, value) in self._assigned.items():
            if domain == "comb" or not value:
                self._values[number] = value
                continue
            signal, clock = self._signals[number], self._fragment.domains[domain]
            width = len(signal)
            inputs = {"D": value, "CLK": self._edge(clock)}
            parameters: dict[str, Any] = {"WIDTH": width, "CLK_POLARITY": True}
            init = Const(signal.init & ((1 << width) - 1), width)
            kind = "$dff"
            if clock.rst is not None and not signal.reset_less:
                kind = "$sdff"
                inputs["SRST"] = self._read(clock.rst)[0]
                parameters |= {"SRST_POLARITY": True, "SRST_VALUE": init}
            self._values[number] = self._cell(Cell(kind, inputs, {"Q": (0, width)}, parameters, init=init))

    def _connect_ports(self) -> None:
        bit = 2
        outputs = {}
        for name, signal, direction in self._design.ports:
            if type(signal) is not Signal:
                raise NotStraightError
            number = self._number(signal)
            driven = number in self._values
            if direction is PortDirection.Output or (direction is None and driven):
                outputs[name] = self._read(signal)[0], "output"
            elif driven:
                raise NotStraightError
            else:
                self.cells[INPUTS].outputs[name] = bit, len(signal)
                self._values[number] = joined([(INPUTS, bit, len(signal))])
                self.ports[name] = self._values[number], "input"
                bit += len(signal)
        self.ports |= outputs

    def _resolve(self) -> None:
        """Values of cells alone, in place of values of signals."""
        for cell in self.cells:
            cell.inputs = {name: self._resolved(value) for name, value in cell.inputs.items()}
        self.ports = {name: (self._resolved(value), direction) for name, (value, direction) in self.ports.items()}

    def _resolved(self, value: Value) -> Value:
        if all(source is None or source >= 0 for source, _, _ in value):
            return value
        runs: list[Run] = []
        for source, first, count in value:
            if source is None or source >= 0:
                runs.append((source, first, count))
            else:
                runs += cut(self._value(~source), first, first + count)
        return joined(runs)

    def _value(self, number: int) -> Value:
        """Of a signal; one that nothing drives is what it is at first."""
        if number not in self._resolved_values:
            signal = self._signals[number]
            undriven = constant(signal.init, len(signal))
            self._resolved_values[number] = self._resolved(self._values.get(number, undriven))
        return self._resolved_values[number]


def _whole_signals(value: Any) -> Iterator[Any]:
    """The signals that are assigned or driven side by side, the first in the lowest bits."""
    if type(value) is Signal:
        yield value
    elif type(value) is _ast.Concat:
        for part in value.parts:
            yield from _whole_signals(part)
    elif type(value) is _ast.Operator and value.operator in ("u", "s"):
        yield from _whole_signals(value.operands[0])
    else:
        raise NotStraightError


class StraightWriter:
    """Writes a module into one of Amaranth's for RTLIL. ``preferred``: the names in the order in which they name a net
    that has several, from all names, those of ports, and those of outputs of instances."""

    def __init__(self, module: StraightModule, built: Any, preferred: Preference) -> None:
        self._module, self._built = module, built
        outputs = [f"{cell.name}_{port}" for cell in module.cells if cell.name for port in cell.outputs]
        self._names: dict[Value, str] = {}
        for name in preferred(module.named, module.ports, outputs):
            self._names.setdefault(module.named[name][1], name)
        self._attributes: dict[Value, dict[str, Any]] = {}
        self._wires: dict[str, tuple[Any, Value]] = {}
        self._driven: set[str] = set()
        self._starts: dict[int, list[int]] = {}
        self._places: dict[int, list[Any]] = {}
        for name, memory, port in module.memories:
            built.memory(len(port._data), memory._data._depth, name=name, attrs=memory._attrs)
        for number, cell in enumerate(module.cells):
            if cell.init is not None:
                self._attributes[joined([(number, 0, len(cell.init))])] = {"init": cell.init}
        self._declare()
        for name, (wire, value) in self._wires.items():
            if name not in self._driven:
                built.connect(wire.name, self._spec(value))
        for number, cell in enumerate(module.cells):
            if number != INPUTS:
                self._write(number, cell)

    def _declare(self) -> None:
        named, ports = self._module.named, self._module.ports
        for name, (signal, value) in named.items():
            if name not in ports:
                shape, attributes = signal.shape(), self._attributes.get(value, {})
                wire = self._built.wire(shape.width, signed=shape.signed, name=name, attrs=attributes)
                self._wires[name] = wire, value
        for name, (value, direction) in ports.items():
            signed = name in named and named[name][0].shape().signed
            attributes = self._attributes.get(value, {})
            wire = self._built.wire(width_of(value), signed=signed, port_kind=direction, name=name, attrs=attributes)
            self._wires[name] = wire, value
            if direction == "input":
                self._driven.add(name)
                self._place(value, wire)
        for number, cell in enumerate(self._module.cells):
            if number != INPUTS:
                for start, width in cell.outputs.values():
                    self._drive(joined([(number, start, width)]), width)

    def _drive(self, value: Value, width: int) -> None:
        name = self._names.get(value)
        if name is None:
            wire = self._built.wire(width, attrs=self._attributes.get(value, {}))
        else:
            wire = self._wires[name][0]
            self._driven.add(name)
        self._place(value, wire)

    def _place(self, value: Value, wire: Any) -> None:
        for source, start, _ in value:
            assert source is not None
            self._starts.setdefault(source, []).append(start)
            self._places.setdefault(source, []).append(wire)

    def _spec(self, value: Value) -> str:
        """What RTLIL calls the value."""
        parts = []
        for source, first, count in value:
            if source is None:
                parts.append(f"{count}'{first:0{count}b}")
            while source is not None and count:
                place = bisect(self._starts[source], first) - 1
                wire, low = self._places[source][place], first - self._starts[source][place]
                taken = min(count, wire.width - low)
                parts.append(f"{wire.name} [{low}]" if taken == 1 else f"{wire.name} [{low + taken - 1}:{low}]")
                first, count = first + taken, count - taken
        return parts[0] if len(parts) == 1 else "{ " + " ".join(reversed(parts)) + " }"

    def _write(self, number: int, cell: Cell) -> None:
        inputs, parameters = cell.inputs, cell.parameters
        if cell.kind in _ADDERS.values():
            inputs, parameters = _adder(inputs, cell.outputs["Y"][1])
        ports = {name: self._spec(value) for name, value in inputs.items()}
        for port, (start, _) in cell.outputs.items():
            ports[port] = self._places[number][bisect(self._starts[number], start) - 1].name
        if cell.kind == "$memrd_v2":  # in Amaranth's order
            ports = {"ADDR": ports.pop("ADDR"), "DATA": ports.pop("DATA"), **ports}
        elif "Q" in ports and "SRST" in ports:
            ports["SRST"] = ports.pop("SRST")
        self._built.cell(cell.kind, cell.name, ports=ports, parameters=parameters)


def _adder(inputs: dict[str, Value], width: int) -> tuple[dict[str, Value], dict[str, Any]]:
    """Its operands as short as they can be, with a common sign, as Amaranth chooses it."""
    unsigned, signed = ({name: shortened(value, sign) for name, value in inputs.items()} for sign in (False, True))
    left, right = (
        {"whole": width_of(inputs[name]), "unsigned": width_of(unsigned[name]), "signed": width_of(signed[name])}
        for name in ("A", "B")
    )
    if all(source is None for source, _, _ in inputs["A"]):
        sign = right["signed"] < right["unsigned"]
    elif all(source is None for source, _, _ in inputs["B"]):
        sign = left["signed"] < left["unsigned"]
    else:
        sign = any(side["signed"] < side["whole"] == side["unsigned"] for side in (left, right))
    chosen = signed if sign else unsigned
    return chosen, {
        "A_SIGNED": sign,
        "B_SIGNED": sign,
        "A_WIDTH": width_of(chosen["A"]),
        "B_WIDTH": width_of(chosen["B"]),
        "Y_WIDTH": width,
    }
