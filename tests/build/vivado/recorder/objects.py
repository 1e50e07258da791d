"""Vivado's objects: what has a name and properties."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tests.build.vivado.recorder.syntax import Call, TclError, tcl_list

BOOLEAN = "true|false|0|1"
HEX_OR_DECIMAL = r"0x[0-9a-fA-F]+|\d+"
TEXT = r"[ -~]+"
SETTABLE: dict[str, Mapping[str, str]] = {
    # AMD UG912, Vivado Design Suite Properties Reference; UG835, set_property.
    "project": {"board_part": r"[\w.:-]+", "board_connections": r"[\w.: -]+", "part": r"[\w-]+"},
    "fileset": {"top": r"\w+", "ip_repo_paths": TEXT},
    "file": {
        "used_in_synthesis": BOOLEAN,
        "used_in_implementation": BOOLEAN,
        "processing_order": "EARLY|NORMAL|LATE",
        "synth_checkpoint_mode": "None|Singular|Hierarchical",  # UG994: of a block design
    },
    "port": {"loc": r"[A-Z]{1,2}\d+", "iostandard": "LVCMOS33|LVDS_25"},
    "run": {
        "steps.phys_opt_design.is_enabled": BOOLEAN,
        "steps.post_route_phys_opt_design.is_enabled": BOOLEAN,
    },
    # AMD UG1118; IEEE 1685-2009 (IP-XACT) for the kinds of access and usage.
    "component": {
        "name": r"\w+",
        "version": r"\d+\.\d+",
        "display_name": TEXT,
        "description": TEXT,
    },
    "bus interface": {"slave_memory_map_ref": r"\w+"},
    "address block": {"range": HEX_OR_DECIMAL, "width": "32|64", "usage": "register|memory|reserved"},
    "register": {
        "address_offset": HEX_OR_DECIMAL,
        "size": r"\d+",
        "access": "read-only|write-only|read-write",
        "description": TEXT,
    },
}
"""The properties that may be set, by kind of object, and the values that each may have; cells have their own."""
READABLE = {
    "fileset": {"top"},
    "run": {"progress", "status", "directory"},
}


@dataclass
class Object:
    """Something with a name. ``properties``: those that were set, in lower case."""

    kind: str
    name: str
    properties: dict[str, str] = field(default_factory=dict)

    def settable(self) -> Mapping[str, str]:
        """The properties that may be set, and patterns of their values."""
        return SETTABLE.get(self.kind, {})

    def set(self, name: str, value: str) -> None:
        """Set a property."""
        allowed = self.settable()
        if name.lower() not in allowed:
            raise TclError(f"{self.kind} {self.name} has no property '{name}'")
        if not re.fullmatch(allowed[name.lower()], value):
            raise TclError(f"property {name} of {self.kind} {self.name} cannot be '{value}'")
        self.properties[name.lower()] = value

    def get(self, name: str) -> str:
        """Read a property."""
        if name.lower() not in READABLE.get(self.kind, set()):
            raise TclError(f"{self.kind} {self.name} has no property '{name}'")
        return self.properties.get(name.lower(), "")


class Registry:
    """All objects there are, by the names that Tcl sees."""

    def __init__(self) -> None:
        self._objects: dict[str, Object] = {}

    def add(self, new: Object) -> Object:
        """Register an object under its name."""
        if new.name in self._objects:
            raise TclError(f"there is a {new.kind} {new.name} already")
        self._objects[new.name] = new
        return new

    def forget(self, kinds: Iterable[str]) -> None:
        """Drop all objects of these kinds."""
        self._objects = {name: one for name, one in self._objects.items() if one.kind not in set(kinds)}

    def of_kind(self, kind: str) -> list[Object]:
        """All objects of a kind."""
        return [one for one in self._objects.values() if one.kind == kind]

    def find(self, names: str, *kinds: str) -> list[Object]:
        """The objects that a Tcl list names, each of one of these kinds."""
        found = []
        for name in tcl_list(names):
            one = self._objects.get(name)
            if one is None or (kinds and one.kind not in kinds):
                raise TclError(f"'{name}' is no {' or '.join(kinds) or 'object'}")
            found.append(one)
        if not found:
            raise TclError(f"no {' or '.join(kinds) or 'object'} is given")
        return found

    def find_one(self, names: str, *kinds: str) -> Object:
        """The one object that a Tcl list names."""
        found = self.find(names, *kinds)
        if len(found) != 1:
            raise TclError(f"'{names}' are {len(found)} objects, not one")
        return found[0]

    def set_property(self, call: Call) -> str:
        """The command of that name."""
        if "-dict" in call.values:
            pairs = tcl_list(call.values["-dict"])
            if len(pairs) % 2 or len(call.words) != 1:
                raise TclError("set_property -dict: must be given pairs, and objects")
            settings, objects = list(zip(pairs[::2], pairs[1::2], strict=True)), call.words[0]
        else:
            if len(call.words) != 3:
                raise TclError("set_property: must be given a name, a value and objects")
            settings, objects = [call.words[:2]], call.words[2]
        for one in self.find(objects):
            for name, value in settings:
                one.set(name, value)
        return ""
