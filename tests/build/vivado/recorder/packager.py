"""Packaging Verilog as an IP core: interfaces found by names, their clock and reset, the address map."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.build.vivado.recorder.cores import AXI, AXIS, Bus, Core, Pin, Segment
from tests.build.vivado.recorder.objects import Object, Registry
from tests.build.vivado.recorder.projects import LOCAL_CORE, Projects
from tests.build.vivado.recorder.syntax import Call, TclError

# The signals of AXI4-Lite and AXI4-Stream that must be there (ARM IHI 0022, IHI 0051), as suffixes of ports.
LITE = "awaddr awvalid awready wdata wvalid wready bresp bvalid bready araddr arvalid arready rdata rresp rvalid rready"
STREAM = "tdata tvalid tready"
CLOCK_NAMES, RESET_NAMES = r"(.*_)?a?clk|clkin", r"(.*_)?a?resetn"
"""What the packager takes for a clock, or a reset that is active low (UG1118, Inferring Clock and Reset Interfaces)."""
CLOCK_VLNV = "xilinx.com:signal:clock_rtl:1.0"
KINDS = ("component", "bus interface", "memory map", "address block", "register")


class Packager:
    """The one core that is being packaged. ``finds_all``: it finds clocks by more names than aclk, and address maps."""

    def __init__(self, registry: Registry, projects: Projects, finds_all: bool, lacks: str) -> None:
        self._registry, self._projects, self._finds_all, self._lacks = registry, projects, finds_all, lacks
        self._ports: dict[str, tuple[bool, int]] = {}
        self._root = Path()
        self._clocks: dict[str, str] = {}
        self._parameters = {"aclk": {"FREQ_HZ", "ASSOCIATED_BUSIF"}}
        """Of the clocks, as they were found."""

    def package_project(self, call: Call) -> str:
        self._projects.require()
        top = self._projects.top()
        missing = {"-root_dir", "-vendor", "-library", "-taxonomy"} - call.values.keys()
        if missing or not call.values["-taxonomy"].startswith("/"):
            raise TclError(f"ipx::package_project: lacks {', '.join(missing) or 'a taxonomy that starts with /'}")
        name = self._registry.find_one("sources_1").get("top")
        self._ports = ports(top.read_text(), name)
        self._root = Path(call.values["-root_dir"])
        self._registry.add(Object("component", "component_1", {"name": name, "version": "1.0"}))
        if (call.values["-vendor"], call.values["-library"]) != ("hwsnn", "user"):
            raise TclError("the block design looks for hwsnn:user")
        for prefix in sorted({port.rpartition("_")[0] for port in self._ports} - {""}):
            seen = self._lacks != "interface" or prefix != "m_axis"
            if seen and any(self._has(prefix, signals) for signals in (LITE, STREAM)):
                self._registry.add(Object("bus interface", prefix))
        for port in self._ports:
            if re.fullmatch(f"{CLOCK_NAMES if self._finds_all else 'aclk'}|{RESET_NAMES}", port):
                self._registry.add(Object("bus interface", port))
                if port not in (*self._parameters, "aresetn"):
                    self._parameters[port] = {"FREQ_HZ", "ASSOCIATED_BUSIF"}
        for interface in self._registry.of_kind("bus interface"):
            if self._finds_all and self._has(interface.name, LITE):
                self._registry.add(Object("memory map", f"{interface.name} map"))
                self._registry.add(Object("address block", "reg0", {"range": str(1 << 12)}))
        return ""

    def _has(self, prefix: str, signals: str) -> bool:
        return all(f"{prefix}_{signal}" in self._ports for signal in signals.split())

    def current_core(self, call: Call) -> str:
        return self._registry.find_one("component_1").name

    def _of(self, call: Call, owner: str, kind: str) -> str:
        self._registry.find_one(call.values["-of_objects"], owner)
        names = {one.name.removesuffix(" map"): one.name for one in self._registry.of_kind(kind)}
        wanted = call.words[0] if call.words else None
        found = [seen for name, seen in names.items() if wanted in (None, name)]
        if not found:
            raise TclError(f"there is no {kind} {wanted}")
        return f"{{{found[0]}}}" if " " in found[0] else found[0]

    def get_bus_interfaces(self, call: Call) -> str:
        return self._of(call, "component", "bus interface")

    def get_memory_maps(self, call: Call) -> str:
        return self._of(call, "component", "memory map")

    def get_address_blocks(self, call: Call) -> str:
        return self._of(call, "memory map", "address block")

    def infer_bus_interface(self, call: Call) -> str:
        port, abstraction, core = call.words
        self._registry.find_one(core, "component")
        if port not in self._ports or abstraction != CLOCK_VLNV:
            raise TclError(f"cannot infer {abstraction} of {port}")
        return self._registry.add(Object("bus interface", port)).name

    def associate_bus_interfaces(self, call: Call) -> str:
        self._registry.find_one(call.words[0], "component")
        bus, clock, reset = (call.values.get(option, "") for option in ("-busif", "-clock", "-reset"))
        for name, pattern in ((clock, CLOCK_NAMES), (reset, RESET_NAMES)):
            self._registry.find_one(name, "bus interface")
            if not re.fullmatch(pattern, name):
                raise TclError(f"{name} is no such interface")
        self._clocks[self._registry.find_one(bus, "bus interface").name] = clock
        return ""

    def get_bus_parameters(self, call: Call) -> str:
        interface = self._registry.find_one(call.values["-of_objects"], "bus interface").name
        (name,) = call.words
        if name not in self._parameters.get(interface, ()):
            raise TclError(f"{interface} has no parameter {name}")
        return name

    def remove_bus_parameter(self, call: Call) -> str:
        name, interface = call.words
        if name not in self._parameters.get(interface, ()):
            raise TclError(f"{interface} has no parameter {name}")
        self._parameters[interface].remove(name)
        return ""

    def add_memory_map(self, call: Call) -> str:
        self._registry.find_one(call.words[1], "component")
        return f"{{{self._registry.add(Object('memory map', call.words[0] + ' map')).name}}}"

    def add_address_block(self, call: Call) -> str:
        self._registry.find_one(call.words[1], "memory map")
        return self._registry.add(Object("address block", call.words[0])).name

    def add_register(self, call: Call) -> str:
        self._registry.find_one(call.words[1], "address block")
        if not re.fullmatch(r"[A-Za-z_]\w*", call.words[0]):
            raise TclError(f"'{call.words[0]}' is no name of a register")
        return self._registry.add(Object("register", call.words[0])).name

    def create_xgui_files(self, call: Call) -> str:
        return self._registry.find_one(call.words[0], "component").name

    update_checksums = create_xgui_files

    def check_integrity(self, call: Call) -> str:
        """All that can be wrong with the core is refused here."""
        for clock, parameters in self._parameters.items():
            if "FREQ_HZ" in parameters:
                raise TclError(f"the frequency of {clock} is fixed")
            if ("ASSOCIATED_BUSIF" in parameters) != (clock == "aclk"):
                raise TclError(f"{clock} has the wrong interfaces: all are aclk's")
        self._registry.find_one(call.words[0], "component")
        block = self._registry.find_one("reg0", "address block").properties
        size = int(block["range"], 0)
        if block.get("usage") != "register" or block.get("width") != "32":
            raise TclError("the address block must hold registers of 32 bits")
        taken: set[int] = set()
        for register in self._registry.of_kind("register"):
            wanted = {"address_offset", "size", "access", "description"}
            if register.properties.keys() != wanted or register.properties["size"] != "32":
                raise TclError(f"register {register.name} is not described")
            offset = int(register.properties["address_offset"], 0)
            if offset % 4 or offset in taken or offset >= size:
                raise TclError(f"register {register.name} cannot lie at {offset}")
            taken.add(offset)
        if not taken:
            raise TclError("no registers")
        for interface in self._registry.of_kind("bus interface"):
            if self._has(interface.name, STREAM) or self._has(interface.name, LITE):
                if interface.name not in self._clocks:
                    raise TclError(f"interface {interface.name} has no clock")
                maps = [one.name.removesuffix(" map") for one in self._registry.of_kind("memory map")]
                mapped = self._finds_all or interface.properties.get("slave_memory_map_ref") in maps
                if self._has(interface.name, LITE) and not mapped:
                    raise TclError(f"interface {interface.name} has no memory map")
        return ""

    def save_core(self, call: Call) -> str:
        properties = self._registry.find_one(call.words[0], "component").properties
        if missing := {"display_name", "description"} - properties.keys():
            raise TclError(f"the core has no {missing}")
        self._root.mkdir(parents=True, exist_ok=True)
        clocks = [clock for clock in self._ports if re.fullmatch(CLOCK_NAMES, clock)]
        described = {
            "size": int(self._registry.find_one("reg0", "address block").properties["range"], 0),
            "clocks": clocks,
            "buses": [
                [name, clock, *self._ports.get(f"{name}_tdata", (None, 0))] for name, clock in self._clocks.items()
            ],
        }
        text = LOCAL_CORE.format(**properties) + "\n" + json.dumps(described)
        (self._root / "component.xml").write_text(text)
        self._registry.forget(KINDS)
        return ""


def ports(verilog: str, module: str) -> dict[str, tuple[bool, int]]:
    """Whether each port of a module is an output, and its bits, as hwsnn writes ports."""
    body = re.search(rf"^module {module}\b.*?^endmodule", verilog, re.MULTILINE | re.DOTALL)
    assert body is not None
    found = re.findall(r"^  (input|output) (?:reg )?(?:\[(\d+):0\] )?(\w+),?$", body[0], re.MULTILINE)
    return {name: (direction == "output", int(high or 0) + 1) for direction, high, name in found}


def local_core(root: Path) -> Core:
    """The core that was saved in a folder, for a block design."""
    described = json.loads((root / "component.xml").read_text().split("\n", 1)[1])
    pins = [Pin(name, False, "clock") for name in described["clocks"]] + [Pin("aresetn", False, "reset")]
    buses = [
        Bus(name, bool(output), AXI if output is None else AXIS, clock, bits // 8)
        for name, clock, output, bits in described["buses"]
    ]
    segments = [Segment(f"{bus.name}/reg0", bus.name, None, described["size"]) for bus in buses if bus.kind == AXI]
    return Core(("1.0",), {}, lambda s: pins, lambda s: buses, segments=lambda s: segments)
