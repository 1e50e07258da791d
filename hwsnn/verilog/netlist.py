"""Amaranth's netlist of a module, where a register with a plain reset is one cell, and without what nothing reads."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Format, _ir, _nir


class ResetFlipFlop(_nir.FlipFlop):  # type: ignore[misc]  # Amaranth has no types
    """A flip-flop that ``srst`` sets back to its initial value at an edge of its clock."""

    def __init__(self, plain: Any, data: Any, srst: Any) -> None:
        super().__init__(
            plain.module_idx,
            data=data,
            init=plain.init,
            clk=plain.clk,
            clk_edge=plain.clk_edge,
            arst=plain.arst,
            attributes=plain.attributes,
            src_loc=plain.src_loc,
        )
        self.srst = srst

    def input_nets(self) -> set[Any]:
        return {self.srst, *super().input_nets()}


def netlist_of(design: Any) -> Any:
    """Amaranth's ``build_netlist``, but for its search of loops without a register, a seventh of all its time.

    The clock rule finds them, across components as well.
    """
    netlist = _Netlist()
    _Emitter(netlist, design).emit_fragment(design.fragment, None)
    netlist.resolve_all_nets()
    _join_plain_resets(netlist)
    _ir._compute_net_flows(netlist)
    _ir._compute_ports(netlist)
    _ir._compute_ionet_dirs(netlist)
    _ir._compute_io_ports(netlist, design.ports)
    return netlist


class _Netlist(_nir.Netlist):  # type: ignore[misc]
    """Amaranth's, which does not check again that the nets of a value are nets."""

    def resolve_value(self, value: Any) -> Any:
        nets = []
        for net in value:
            while net < 0:
                net = self.connections[net]
            nets.append(net)
        return tuple.__new__(_nir.Value, nets)

    def resolve_all_nets(self) -> None:
        for cell in self.cells:
            cell.resolve_nets(self)
        for signal, value in self.signals.items():
            self.signals[signal] = self.resolve_value(value)


class _Emitter(_ir.NetlistEmitter):  # type: ignore[misc]
    """Amaranth's, without the fields of signals, which only repeat parts of them."""

    def emit_signal_fields(self) -> None:
        for signal in self.design.signal_lca:
            kind = signal._format if isinstance(signal._format, Format.Enum) else None
            self.netlist.signal_fields[signal] = {
                (): _nir.SignalField(
                    (),
                    signed=False,
                    enum_name=kind and kind._name,
                    enum_variants=kind and kind._variants,
                )
            }


def _join_plain_resets(netlist: Any) -> None:
    """Where a module decides on nothing but resets: each register with one in place of a flip-flop and of a decision in
    front of it. Other modules are left to Yosys, which finds enables as well."""
    for module in netlist.modules:
        registers, decisions = {}, set()
        for index in module.cells:
            cell = netlist.cells[index]
            if isinstance(cell, _nir.FlipFlop) and cell.data and cell.data[0].is_cell:
                source = cell.data[0].cell
                srst = _plain_reset(netlist, cell, source)
                if srst is not None:
                    registers[index] = ResetFlipFlop(cell, netlist.cells[source].default, srst)
                    decisions.add(source)
        cells = [index for index in module.cells if index not in decisions]
        if not any(_decides(netlist.cells[index]) for index in cells):
            module.cells = cells
            for index, register in registers.items():
                netlist.cells[index] = register


def _decides(cell: Any) -> bool:
    multiplexer = isinstance(cell, _nir.Operator) and cell.operator == "m"
    return multiplexer or isinstance(cell, _nir.AssignmentList)


def _plain_reset(netlist: Any, register: Any, index: int) -> Any:
    """The reset, if what the register takes is another value, or its initial one at a reset; else None.

    Amaranth makes the decision for the register, so nothing else reads it.
    """
    decision, width = netlist.cells[index], len(register.data)
    if not isinstance(decision, _nir.AssignmentList) or len(decision.assignments) != 1:
        return None
    (assignment,) = decision.assignments
    if assignment.start or assignment.value != _nir.Value.from_const(register.init, width):
        return None
    if list(register.data) != [_nir.Net.from_cell(index, bit) for bit in range(len(decision.default))]:
        return None
    if not assignment.cond.is_cell:
        return None
    choice = netlist.cells[assignment.cond.cell]
    if choice.en != 1 or len(choice.inputs) != 1 or not choice.inputs[0].is_cell:
        return None
    match = netlist.cells[choice.inputs[0].cell]
    return match.value[0] if match.patterns == ("1",) else None
