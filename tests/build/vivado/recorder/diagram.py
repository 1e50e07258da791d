"""A block design: cells, nets between their pins, interfaces, and addresses."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.build.vivado.recorder.cores import CATALOG, MEMORY, Bus, Core, Pin, Segment
from tests.build.vivado.recorder.objects import Object, Registry
from tests.build.vivado.recorder.packager import local_core
from tests.build.vivado.recorder.projects import Projects
from tests.build.vivado.recorder.syntax import Call, TclError, as_list, tcl_list

UNITS = {"K": 10, "M": 20, "G": 30}


class Cell(Object):
    """A core in a design. Properties: CONFIG.NAME of the core's, without regard to case."""

    def __init__(self, name: str, core: Core) -> None:
        super().__init__("cell", name)
        self.core = core

    def settable(self) -> Mapping[str, str]:
        return {f"config.{name.lower()}": pattern for name, (pattern, _) in self.core.properties.items()}

    @property
    def settings(self) -> dict[str, str]:
        """The core's properties as they are."""
        return {
            name: self.properties.get(f"config.{name.lower()}", default)
            for name, (_, default) in self.core.properties.items()
        } | {MEMORY: self.properties.get(MEMORY, "0")}

    def path(self, name: str) -> str:
        """The full name of something of the cell."""
        return f"{self.name}/{name}"


class Diagram:
    """The one block design. Names start with "/", as Vivado returns them."""

    def __init__(self, registry: Registry, projects: Projects, lacks: str) -> None:
        self._registry, self._projects, self._lacks = registry, projects, lacks
        self.name = ""
        self._nets: list[set[str]] = []
        self._links: dict[str, str] = {}
        self._assigned: dict[str, dict[str, tuple[int, int]]] = {}
        self._excluded: dict[str, set[str]] = {}
        self.state = ""
        """How far it is: made, valid, saved, generated."""

    def create_bd_design(self, call: Call) -> str:
        self._projects.require()
        self.name, self.state = call.words[0], "made"
        return self.name

    def create_bd_cell(self, call: Call) -> str:
        if self.state != "made" or call.values.get("-type") != "ip":
            raise TclError("create_bd_cell: needs a design, and -type ip")
        vlnv = call.values.get("-vlnv", "")
        known, _, version = vlnv.rpartition(":")
        if vlnv in self._projects.local_cores:
            core = local_core(self._projects.local_cores[vlnv])
        elif known in CATALOG and version in CATALOG[known].versions:
            core = CATALOG[known]
            if not self._projects.part.startswith(core.parts):
                raise TclError(f"the {self._projects.part} has no {known}")
        else:
            raise TclError(f"no IP core {vlnv}")
        if not re.fullmatch(r"[A-Za-z]\w*", call.words[0]):
            raise TclError(f"'{call.words[0]}' is no name of a cell")
        return self._registry.add(Cell(f"/{call.words[0]}", core)).name

    def cells(self) -> list[Cell]:
        """All there are."""
        return [one for one in self._registry.of_kind("cell") if isinstance(one, Cell)]

    def pins(self) -> dict[str, Pin]:
        """All there are now, by full name: properties decide which."""
        return {cell.path(pin.name): pin for cell in self.cells() for pin in cell.core.pins(cell.settings)}

    def buses(self) -> dict[str, Bus]:
        """All interfaces there are now, by full name."""
        return {cell.path(bus.name): bus for cell in self.cells() for bus in cell.core.buses(cell.settings)}

    def segments(self) -> dict[str, Segment]:
        """All slaves' address segments, by full name."""
        return {cell.path(one.path): one for cell in self.cells() for one in cell.core.segments(cell.settings)}

    def spaces(self) -> dict[str, tuple[Cell, str]]:
        """All masters' address spaces, by full name: their cell and interface."""
        return {
            cell.path(n): (cell, bus) for cell in self.cells() for n, bus in cell.core.spaces(cell.settings).items()
        }

    def _get(self, call: Call, names: Mapping[str, object]) -> str:
        patterns = tcl_list(call.words[0]) if call.words else ["*"]
        found = [name for name in names if any(fnmatch.fnmatchcase(name[1:], p.removeprefix("/")) for p in patterns)]
        return as_list(found)

    def get_bd_cells(self, call: Call) -> str:
        return self._get(call, {cell.name: cell for cell in self.cells()})

    def get_bd_pins(self, call: Call) -> str:
        return self._get(
            call, {name: pin for name, pin in self.pins().items() if self._lacks != "pin" or "irq" in name}
        )

    def get_bd_intf_pins(self, call: Call) -> str:
        return self._get(call, self.buses())

    def get_bd_addr_segs(self, call: Call) -> str:
        return self._get(call, self.segments())

    def get_bd_addr_spaces(self, call: Call) -> str:
        return self._get(call, self.spaces())

    def apply_bd_automation(self, call: Call) -> str:
        (cell,) = self._registry.find(call.words[0], "cell")
        ruled = CATALOG.get(call.values["-rule"].replace(":bd_rule:", ":ip:"))
        if not isinstance(cell, Cell) or cell.core.preset is None or cell.core is not ruled:
            raise TclError(f"no rule {call.values['-rule']} for {cell.name}")
        config = tcl_list(call.values.get("-config", ""))
        if dict(zip(config[::2], config[1::2], strict=True)) != cell.core.preset:
            raise TclError(f"the rule knows no '{call.values.get('-config')}'")
        if not self._projects.connected():
            raise TclError("the preset lacks what is on the carrier card")
        cell.properties[MEMORY] = str(self._projects.board().memory)
        return ""

    def connect_bd_net(self, call: Call) -> str:
        names = {name for word in call.words for name in tcl_list(word)}
        known = self.pins()
        if missing := names - known.keys():
            raise TclError(f"connect_bd_net: no pin {min(missing)}")
        net = names.union(*(other for other in self._nets if other & names))
        if len(names) < 2 or sum(known[name].output for name in net) > 1:
            raise TclError(f"connect_bd_net: {' '.join(sorted(net))} have several drivers, or are too few")
        kinds = {known[name].kind for name in net}
        if len(kinds) > 1:
            raise TclError(f"connect_bd_net: {' '.join(sorted(net))} are {' and '.join(sorted(kinds))}")
        self._nets = [other for other in self._nets if not other & names] + [net]
        return ""

    def connect_bd_intf_net(self, call: Call) -> str:
        known = self.buses()
        for name in call.words:
            if name not in known or name in self._links:
                raise TclError(f"connect_bd_intf_net: {name} is not there, or connected already")
        first, second = call.words
        one, other = known[first], known[second]
        if one.kind != other.kind or one.master == other.master or one.word_bytes != other.word_bytes:
            raise TclError(f"connect_bd_intf_net: {first} and {second} do not fit")
        self._links |= {first: second, second: first}
        return ""

    def reachable(self, space: str) -> dict[str, Segment]:
        """The segments that a master's space leads to."""
        cell, bus = self.spaces()[space]
        known, waiting = self.segments(), [cell.path(bus)]
        found: dict[str, Segment] = {}
        while waiting:
            end = self._links.get(waiting.pop())
            if end is None:
                continue
            owner = next(cell for cell in self.cells() if end.startswith(f"{cell.name}/"))
            found |= {name: one for name, one in known.items() if owner.path(one.bus) == end}
            if owner.core.forwards:
                waiting += [owner.path(bus.name) for bus in owner.core.buses(owner.settings) if bus.master]
        return found

    def _place(self, call: Call, segment: str) -> str:
        space = call.values.get("-target_address_space", "")
        if space not in self.spaces() or segment not in self.reachable(space):
            raise TclError(f"{call.name}: no way from {space} to {segment}")
        if segment in self._assigned.get(space, {}) or segment in self._excluded.get(space, set()):
            raise TclError(f"{call.name}: {segment} is done already")
        return space

    def assign_bd_address(self, call: Call) -> str:
        if len(call.words) != 1 or len(tcl_list(call.words[0])) != 1:
            raise TclError("assign_bd_address: must be given one segment")
        (segment,) = tcl_list(call.words[0])
        space = self._place(call, segment)
        one = self.segments()[segment]
        base = one.base if "-offset" not in call.values else int(call.values["-offset"], 0)
        size = one.size if "-range" not in call.values else _size(call.values["-range"])
        if base is None or size > one.size or size & (size - 1) or base % size:
            raise TclError(f"assign_bd_address: {segment} cannot have {base} and {size}")
        cell, _ = self.spaces()[space]
        bits = int(cell.settings.get("c_addr_width", "64"))
        if base + size > 1 << bits or not any(low <= base < low + room for low, room in cell.core.windows):
            raise TclError(f"assign_bd_address: {space} does not reach {base:#x}")
        for other, (start, length) in self._assigned.get(space, {}).items():
            if base < start + length and start < base + size:
                raise TclError(f"assign_bd_address: {segment} would lie over {other}")
        self._assigned.setdefault(space, {})[segment] = (base, size)
        return ""

    def exclude_bd_addr_seg(self, call: Call) -> str:
        space = self._place(call, call.words[0])
        self._excluded.setdefault(space, set()).add(call.words[0])
        return ""

    def addresses(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Base and size of every segment in every space."""
        return self._assigned

    def net_of(self, pin: str) -> set[str]:
        """The pins that a pin is connected with, itself included."""
        return next((net for net in self._nets if pin in net), {pin})

    def faults(self) -> Iterator[str]:
        """What is wrong with the design, in words."""
        pins, buses = self.pins(), self.buses()
        for name, pin in pins.items():
            driven = any(pins[other].output for other in self.net_of(name))
            if pin.needed and not pin.output and not driven:
                yield f"{name}: nothing drives it"
        for name, bus in buses.items():
            end = self._links.get(name)
            if end is None:
                yield f"{name}: not connected"
            elif self._clock(name, bus) != self._clock(end, buses[end]):
                yield f"{name} and {end}: different clocks"
        for space in self.spaces():
            placed = {*self._assigned.get(space, {}), *self._excluded.get(space, set())}
            if left := self.reachable(space).keys() - placed:
                yield f"{space}: no address of {', '.join(sorted(left))}"
        for cell in self.cells():
            if cell.core.preset is not None and MEMORY not in cell.properties:
                yield f"{cell.name}: the board's preset was not applied"

    def _clock(self, name: str, bus: Bus) -> str:
        net = self.net_of(name.rpartition("/")[0] + "/" + bus.clock)
        return next((pin for pin in net if self.pins()[pin].output), name)

    def validate_bd_design(self, call: Call) -> str:
        if faults := list(self.faults()):
            raise TclError("; ".join(faults))
        self.state = "valid"
        return ""

    def save_bd_design(self, call: Call) -> str:
        if self.state != "valid":
            raise TclError("the design was not validated")
        file = self._projects.folder / f"{self._projects.name}.srcs/sources_1/bd/{self.name}/{self.name}.bd"
        _write(file, "{}")
        self._registry.add(Object("file", str(file)))
        self.state = "saved"
        return ""

    def _generated(self) -> Path:
        return self._projects.folder / f"{self._projects.name}.gen/sources_1/bd/{self.name}"

    def generate_target(self, call: Call) -> str:
        target, files = call.words
        file = self._registry.find_one(files, "file")
        if target != "all" or not file.name.endswith(f"{self.name}.bd") or self.state != "saved":
            raise TclError(f"cannot generate {target} of {files}")
        _write(self._generated() / "hw_handoff" / f"{self.name}.hwh", "<EDKSYSTEM/>\n")
        self.state = "generated"
        return ""

    def make_wrapper(self, call: Call) -> str:
        file = self._registry.find_one(call.words[0], "file")
        if "-top" not in call.flags or not file.name.endswith(f"{self.name}.bd"):
            raise TclError(f"cannot wrap {file.name}")
        wrapper = self._generated() / "hdl" / f"{self.name}_wrapper.v"
        _write(wrapper, f"module {self.name}_wrapper;\nendmodule\n")
        return as_list([str(wrapper)])


def _size(text: str) -> int:
    number, unit = re.fullmatch(r"(0x[0-9a-fA-F]+|\d+)([KMG]?)", text, re.ASCII).groups()  # type: ignore[union-attr]
    return int(number, 0) << UNITS.get(unit, 0)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
