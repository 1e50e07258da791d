"""The modules of a design: one for every distinct component, with the ports of its signature.

Amaranth makes a module of every instance, and its ports of whatever nets cross its border. Here each component is
converted by itself, and stands as an instance in the component above; equal ones are one module.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import ClockSignal, DomainRenamer, Fragment, Instance, ResetSignal, Signal, Value
from amaranth.hdl._ir import PortDirection
from amaranth.hdl._xfrm import DomainCollector
from amaranth.lib.wiring import Component, In

from .rtlil import Converted, Ports, convert

Place = tuple[str, ...]
"""The names of the instances from the top to one, that included."""


@dataclass
class DistinctModule:
    """A distinct component. ``component``: the first of those that are this module; ``places``: where all of them are.

    ``key``: how it is called in the RTLIL of the modules above. ``ports``: their names, in the order of the signature.
    ``parts``: the names of its instances. ``clocks``: its clock domains, as it names them.
    """

    key: str
    component: Any
    converted: Converted
    ports: tuple[str, ...]
    parts: tuple[str, ...]
    clocks: tuple[str, ...]
    places: list[Place] = field(default_factory=list)


class ModuleSet:
    """Collects the distinct modules of a design, those in others before those."""

    def __init__(self) -> None:
        self._found: dict[Converted, DistinctModule] = {}
        self._known: dict[Hashable, DistinctModule] = {}
        self._entered: dict[Place, int] = {(): 0}
        self._parts: dict[Place, list[str]] = {}

    @property
    def modules(self) -> list[DistinctModule]:
        """The modules, each behind those that stand in it."""
        return list(self._found.values())

    @property
    def from_the_top(self) -> list[DistinctModule]:
        """The modules as they are first met from the top: each before those that stand in it."""
        return sorted(self.modules, key=lambda module: min(self._entered[place] for place in module.places))

    def elaborated(self, top: Any, platform: object = None) -> Fragment:
        """``top`` with instances of modules, which join the set, in place of the components below it."""
        fragment = Fragment.get(top, platform)
        self._replace(fragment, ())
        return fragment

    def add(self, component: Any, fragment: Fragment, place: Place = ()) -> tuple[DistinctModule, Ports, list[str]]:
        """The module that ``component`` is, elaborated as ``fragment``, with the signals and the domains around it."""
        ports = _ports(component)
        for name, (signal, _) in ports.items():
            signal.name = name
        collector = DomainCollector()
        collector.on_fragment(fragment)
        around = sorted(collector.used_domains - collector.defined_domains)
        inside = ["sync"] if len(around) == 1 else around
        made_of = _made_of(component), tuple(inside)
        module = self._known.get(made_of)
        if module is None:
            if inside != around:
                fragment = DomainRenamer({around[0]: "sync"})(fragment)
            converted = convert(fragment, ports)
            key = f"module_{len(self._found)}"
            parts = tuple(self._parts.get(place, ()))
            made = DistinctModule(key, component, converted, tuple(ports), parts, tuple(inside))
            module = self._known[made_of] = self._found.setdefault(converted, made)
        module.places.append(place)
        return module, ports, around

    def _replace(self, fragment: Fragment, place: Place) -> None:
        parts, fragment.subfragments = fragment.subfragments, []
        for number, (part, name, source) in enumerate(parts):
            inner = (*place, name or f"part_{number}")
            self._entered[inner] = len(self._entered)
            self._parts.setdefault(place, []).append(inner[-1])
            self._replace(part, inner)
            component = _component(part)
            fragment.add_subfragment(
                part if component is None else self._instance(component, part, inner), inner[-1], src_loc=source
            )

    def _instance(self, component: Component, fragment: Fragment, place: Place) -> Instance:
        module, ports, domains = self.add(component, fragment, place)
        wires: list[tuple[str, str, Any]] = []
        for inside, around in zip(module.clocks, domains, strict=True):
            prefix = "" if inside == "sync" else f"{inside}_"
            wires += [("i", f"{prefix}clk", ClockSignal(around)), ("i", f"{prefix}rst", ResetSignal(around))]
        wires = [wire for wire in wires if wire[1] in module.converted.inputs]
        for name, (signal, direction) in ports.items():
            signal.name = f"{place[-1]}_{name}"
            wires.append(("i" if direction is PortDirection.Input else "o", name, signal))
        return Instance(module.key, *wires)


def _component(fragment: Fragment) -> Component | None:
    """The component of ours that ``fragment`` is; Amaranth's own, such as its memories, stay where they are."""
    for origin in fragment.origins or ():
        if isinstance(origin, Component) and not type(origin).__module__.startswith("amaranth."):
            return origin
    return None


def _made_of(component: Any) -> Hashable:
    """What a component is elaborated from: those with equal ones need one conversion.

    The component itself where its attributes cannot be compared.
    """
    members = component.signature.members
    attributes = {
        name: tuple(value.items()) if isinstance(value, dict) else value
        for name, value in vars(component).items()
        if name not in members and not name.startswith(("_MustUse", "_Component"))
    }
    made_of = type(component), tuple(attributes.items()), str(component.signature)
    try:
        hash(made_of)
    except TypeError:
        return (component,)
    return made_of


def _ports(component: Any) -> Ports:
    found: dict[str, tuple[Signal, PortDirection]] = {}
    for path, member, value in component.signature.flatten(component):
        signal = Value.cast(value)
        if isinstance(signal, Signal) and len(signal):  # the ready of a valid-only stream is a constant
            direction = PortDirection.Input if member.flow == In else PortDirection.Output
            found["__".join(map(str, path))] = signal, direction
    return found
