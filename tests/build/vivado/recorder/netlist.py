"""The top module as constraints see it: its ports, nets and cells, and the clocks that are defined on them."""

from __future__ import annotations

import re

from tests.build.vivado.recorder.objects import Object, Registry
from tests.build.vivado.recorder.projects import Projects
from tests.build.vivado.recorder.syntax import Call, TclError

MMCM_OUTPUTS = ("CLKOUT0",)
"""Where Vivado derives clocks by itself, which may be given other names there (UG903)."""


class Netlist:
    """Names of the top module in the project's Verilog."""

    def __init__(self, registry: Registry, projects: Projects) -> None:
        self._registry, self._projects = registry, projects
        self.clocks: dict[str, tuple[str, float | None]] = {}
        """Of every clock: what it is defined on, and its period in ns if it is not derived."""

    def _top(self) -> str:
        text, name = self._projects.top().read_text(), self._registry.find_one("sources_1").get("top")
        start = text.index(f"module {name} (")
        return text[start : text.index("endmodule", start)]

    def port_names(self) -> list[str]:
        """Those of the top module."""
        return re.findall(r"^  (?:input|output) (\w+),?$", self._top(), re.MULTILINE)

    def pins(self) -> dict[str, tuple[str | None, str | None]]:
        """Of every port that constraints named, its pin and its I/O standard."""
        ports = self._registry.of_kind("port")
        return {
            port.name.removeprefix("port:"): (port.properties.get("loc"), port.properties.get("iostandard"))
            for port in ports
        }

    def _found(self, kind: str, name: str, pattern: str) -> str:
        if not re.search(pattern, self._top(), re.MULTILINE):
            raise TclError(f"no {kind} matched '{name}'")
        handle = f"{kind}:{name}"  # a port and its net have the same name
        if handle not in {one.name for one in self._registry.of_kind(kind)}:
            self._registry.add(Object(kind, handle))
        return handle

    def get_ports(self, call: Call) -> str:
        (name,) = call.words
        return self._found("port", name, rf"^  (?:input|output) {re.escape(name)},?$")

    def get_nets(self, call: Call) -> str:
        (name,) = call.words
        return self._found("net", name, rf"^  (?:wire|input|output) {re.escape(name)}[;,]?$")

    def get_pins(self, call: Call) -> str:
        cell, _, pin = call.words[0].partition("/")
        return self._found("pin", call.words[0], rf"^  \) {re.escape(cell)} \((?:\n    \.\w+\(.*\),)*\n    \.{pin}\(")

    def create_clock(self, call: Call) -> str:
        (where,) = call.words
        self._registry.find_one(where, "port", "net")
        self.clocks[call.values["-name"]] = where, float(call.values["-period"])
        return ""

    def create_generated_clock(self, call: Call) -> str:
        pin = self._registry.find_one(call.words[0], "pin").name
        if call.values.keys() != {"-name"} or pin.rpartition("/")[2] not in MMCM_OUTPUTS:
            raise TclError(f"create_generated_clock: no clock is derived at {pin}")
        if not self.clocks:
            raise TclError("create_generated_clock: no clock to derive from")
        self.clocks[call.values["-name"]] = pin, None
        return ""
