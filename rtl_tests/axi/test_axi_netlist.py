# amaranth: UnusedElaboratable=no
"""The accelerator as a netlist: the clock rule, and what crosses between its clocks, as ``docs/axi.md`` has it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from hwsnn import cycles
from hwsnn.build.analysis.clock_rule import LIMIT, longest_paths, synthesize
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.axi.shell import ACCELERATOR, AxiShell
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import to_verilog
from rtl_tests.build.test_clock_rule_networks import FOLDS, every_layer
from rtl_tests.support import stand_in

CLOCKS = ("aclk", "pipeline_clk")
"""All ports belong to the first."""
CLOCK_PINS = {"C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK"}
ENDS = ("written", "taken")

Crossing = tuple[str, str, bool]
"""From where, to which register, and whether a wire alone lies between."""


def reads(cell: dict[str, Any], pin: str) -> bool:
    """Whether a pin is the address of a memory of LUTs by which it is read, without a clock."""
    written_by = "ADDRH" if "ADDRH" in cell["connections"] else "ADDRD"
    return (
        cell["type"].startswith("RAM")
        and pin.startswith(("ADDR", "DPRA"))
        and "WCLK" in cell["connections"]
        and (pin != written_by)
    )


class Netlist:
    """Registers and memories by their clocks, and what lies before each of their pins."""

    def __init__(self, netlist: dict[str, Any]) -> None:
        self.cells = netlist["cells"]
        self.driver = {
            net: (name, pin)
            for name, cell in self.cells.items()
            for pin, nets in cell["connections"].items()
            if cell["port_directions"][pin] == "output"
            for net in nets
        }
        self.names: dict[Any, str] = {}
        for name, entry in netlist["netnames"].items():
            if not entry["hide_name"]:
                for net in entry["bits"]:
                    if name.count(".") >= self.names.get(net, "").count("."):
                        self.names[net] = name
        ports = {port: entry for port, entry in netlist["ports"].items() if port not in CLOCKS}
        self.inputs = {
            net: port for port, entry in ports.items() if entry["direction"] == "input" for net in entry["bits"]
        }
        self.outputs = {port: entry["bits"] for port, entry in ports.items() if entry["direction"] == "output"}
        self.clock_names = {netlist["ports"][clock]["bits"][0]: clock for clock in CLOCKS}
        self._seen: dict[Any, frozenset[tuple[str, str]]] = {}

    def clock(self, cell: dict[str, Any]) -> str | None:
        """The clock of a register or memory."""
        clocks = {self.clock_names.get(cell["connections"][pin][0]) for pin in CLOCK_PINS & cell["connections"].keys()}
        clocks.discard(None)
        assert len(clocks) < 2
        return clocks.pop() if clocks else None

    def sources(self, net: Any) -> frozenset[tuple[str, str]]:
        """What a net depends on within a clock: the clocks of registers, memories and ports, and their names."""
        if net not in self._seen:
            found = {(CLOCKS[0], self.inputs[net])} if net in self.inputs else set()
            if net in self.driver:
                name, _ = self.driver[net]
                cell = self.cells[name]
                clock = self.clock(cell)
                if clock:
                    found.add((clock, self.names.get(net, name)))
                for pin, nets in cell["connections"].items():
                    passes = reads(cell, pin) if clock else cell["port_directions"][pin] == "input"
                    for each in nets if passes else ():
                        found |= self.sources(each)
            self._seen[net] = frozenset(found)
        return self._seen[net]

    def ends(self) -> Iterator[tuple[str, str, Any]]:
        """Where paths end: a clock, a name, and the net that comes in."""
        for name, cell in self.cells.items():
            clock = self.clock(cell)
            register = self.names.get(cell["connections"].get("Q", [None])[0], name)
            for pin, nets in cell["connections"].items() if clock else ():
                if pin not in CLOCK_PINS and cell["port_directions"][pin] == "input" and not reads(cell, pin):
                    yield from ((str(clock), register if pin == "D" else f"{register} {pin}", net) for net in nets)
        for port, nets in self.outputs.items():
            yield from ((CLOCKS[0], port, net) for net in nets)

    def crossings(self) -> set[Crossing]:
        """Every way from one clock to the other."""
        return {
            (start, end, self.is_register(net))
            for clock, end, net in self.ends()
            for other, start in self.sources(net)
            if other != clock
        }

    def readers(self, register: str) -> set[str]:
        """What looks at a register: registers by their names, and other cells."""
        return {
            self.names[cell["connections"]["Q"][0]] if pin == "D" else f"{name} {pin}"
            for name, cell in self.cells.items()
            for pin, nets in cell["connections"].items()
            if cell["port_directions"][pin] == "input" and any(self.names.get(net) == register for net in nets)
        }

    def is_register(self, net: Any) -> bool:
        """Whether a register drives a net, and nothing lies between."""
        return net in self.driver and self.cells[self.driver[net][0]]["type"].startswith("FD")


def accelerator(name: str) -> str:
    """The Verilog of an accelerator."""
    if name == "network":
        network = every_layer("poisson", "count")
        weighted = [layer.name for _, layer in network.populations()]
        folding = cycles.queue_depths(network, dict(zip(weighted, FOLDS["block"], strict=True)))
        shell = AxiShell(network, Pipeline(network, folding), model_hash(network), 4)
    else:  # frames of 192 words, a pixel that no word is a multiple of
        network = stand_in.network((3, 32, 32), 8, 20)
        shell = AxiShell(network, stand_in.StandIn(network, 1), model_hash(network), 16)
    return to_verilog(shell, model_hash(network), ACCELERATOR)


@pytest.fixture(scope="module", params=["network", "wide"])
def design(request: pytest.FixtureRequest) -> tuple[str, str, dict[str, Any]]:
    """The name of an accelerator, its Verilog and its netlist."""
    verilog = accelerator(request.param)
    return request.param, verilog, synthesize(verilog, ACCELERATOR)


def test_clock_rule(design: tuple[str, str, dict[str, Any]]) -> None:
    """No exception but for the stand-in, which multiplies."""
    name, verilog, netlist = design
    paths = longest_paths(netlist, verilog)
    assert len(paths) > 1000
    inside = "pipeline." if name == "wide" else "nothing"
    assert [path for path in paths if path.length > LIMIT and not path.start.startswith(inside)] == []


def test_what_crosses_between_the_clocks(design: tuple[str, str, dict[str, Any]]) -> None:
    """Single bits by two registers in a row, right from a register; contents of queues; the clocks while held."""
    netlist = Netlist(design[2])
    found = netlist.crossings()
    settling = {(start, end) for start, end, direct in found if direct and end.endswith("_settling_1")}
    assert settling == {
        ("clocks_crossing.given", "clocks_crossing.given_settling_1"),
        ("clocks_crossing.taken", "clocks_crossing.taken_settling_1"),
        ("soft_reset.hold", "soft_reset.hold_settling_1"),
        ("soft_reset.held", "soft_reset.held_settling_1"),
        *((f"{queue}.{end}.gray", f"{queue}.{end}_settling_1") for queue in ("words", "results") for end in ENDS),
    }
    for _, first in settling:
        assert netlist.readers(first) == {first.removesuffix("1") + "2"}
    declared = re.findall(r"^.*\n *reg .*_settling_\d+;", design[1], re.MULTILINE)
    assert len(declared) == 2 * len(settling)
    assert all(each.lstrip().startswith('(* ASYNC_REG = "TRUE" *)') for each in declared)
    rest = {re.sub(r"beats\..*", "beats", start) for start, end, _ in found if not end.endswith("_settling_1")}
    assert rest == {"words.beats", "results.beats", "clocks_crossing.held"}
