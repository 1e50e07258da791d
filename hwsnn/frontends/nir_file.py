"""NIR files (HDF5): the nodes of a graph that is a chain, in order, with their numbers.

A NIR file is untrusted input, so it is read here with limits and never executed; whatever is wrong is an
``InputError`` of one line that names the node. What the numbers mean is not this file's concern.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ..errors import InputError
from ..files import kind_of
from ..spec import MAX_EXTENT, Pair
from ..trained import FloatArray
from .hdf5_heaps import check_heaps
from .linear import MAX_WEIGHTS
from .nir_conventions import PREFIX

MAX_NUMBERS = 2 * MAX_WEIGHTS
"""Most numbers that are read from one file, all nodes together."""
MAX_SETTINGS = 5
"""Most integers under one key: a shape with a time step and a batch before channels, height and width."""
MAX_DEPTH = 4
"""How deep graphs may lie within graphs."""


@dataclass(frozen=True, eq=False)
class Node:
    """One node: its name (``outer.inner`` within a nested graph), its type, its numbers and its texts by key.

    ``metadata``: those keys of its metadata that are hwsnn's own (``hwsnn.frontends.nir_conventions``).
    """

    name: str
    type: str
    values: Mapping[str, FloatArray | str]
    metadata: Mapping[str, FloatArray | str]

    def error(self, text: str) -> InputError:
        """The exception that says what is wrong with this node."""
        return InputError(f"node {self.name!r} ({self.type}): {text}")

    def numbers(self, key: str, ndim: int | None = None) -> FloatArray:
        """The finite numbers under ``key``, of ``ndim`` dimensions if given."""
        value = self.values.get(key)
        if value is None:
            raise self.error(f"has no {key!r}")
        if isinstance(value, str):
            raise self.error(f"{key!r} must be numbers, not the text {value[:40]!r}")
        if not np.isfinite(value).all():
            raise self.error(f"{key!r} must be finite, not NaN or infinite anywhere")
        if ndim is not None and value.ndim != ndim:
            raise self.error(f"{key!r} must have {ndim} dimensions, not shape {value.shape}")
        return value

    def integers(self, key: str, low: int) -> tuple[int, ...]:
        """The integers under ``key``, at most a handful, from ``low`` to the largest extent."""
        value = self.numbers(key)
        if value.size > MAX_SETTINGS:
            raise self.error(f"{key!r} must be at most {MAX_SETTINGS} integers, not {value.size}")
        for number in value.flat:
            if number != np.rint(number) or not low <= number <= MAX_EXTENT:
                raise self.error(f"{key!r} must be integers from {low} to {MAX_EXTENT}, not {number:g}")
        return tuple(int(number) for number in value.flat)

    def pair(self, key: str, low: int) -> Pair:
        """The (vertical, horizontal) integers under ``key``; one integer stands for both."""
        value = self.integers(key, low)
        if len(value) not in (1, 2):
            raise self.error(f"{key!r} must be one integer or two, not {len(value)}")
        return value[0], value[-1]

    def said_text(self, key: str) -> str | None:
        """The text under ``key`` of the metadata, None where there is none."""
        value = self.metadata.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(f"metadata {key!r} must be a text, not numbers")
        return value

    def said_choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """The text under ``key`` of the metadata, which must be one of ``choices``, None where there is none."""
        text = self.said_text(key)
        if text is not None and text not in choices:
            raise self.error(f"metadata {key!r} must be one of {', '.join(choices)}, not {text[:40]!r}")
        return text

    def said_number(self, key: str, low: float, high: float) -> float | None:
        """The number from ``low`` to ``high`` under ``key`` of the metadata, None where there is none."""
        value = self.metadata.get(key)
        if value is None:
            return None
        if isinstance(value, str) or value.size != 1 or not low <= value.item() <= high:
            raise self.error(f"metadata {key!r} must be a number from {low} to {high}")
        return float(value.item())


def read_chain(path: Path) -> list[Node]:
    """The nodes of the NIR file ``path`` from its input to its output. Raises ``InputError`` for all but a chain."""
    if not path.is_file():
        raise InputError(f"is {kind}, not a NIR file" if (kind := kind_of(path)) else "no such NIR file")
    try:
        with h5py.File(path, "r") as file:
            check_heaps(path)
            root = file.get("node")
            if not isinstance(root, h5py.Group):
                raise InputError("not a NIR file: it has no group 'node'; write it with nir.write")
            return _Reader().chain(root, "", 0)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = str(error).splitlines()
        raise InputError(f"not a readable NIR file ({reason[0] if reason else type(error).__name__})") from None


class _Reader:
    """Reads groups and counts the numbers it has read."""

    def __init__(self) -> None:
        self._budget = MAX_NUMBERS

    def chain(self, group: Any, prefix: str, depth: int) -> list[Node]:
        """The chain in a NIRGraph's group, nested graphs flattened."""
        if depth > MAX_DEPTH:
            raise InputError(f"node {prefix[:-1]!r}: graphs lie within graphs more than {MAX_DEPTH} deep")
        groups = self._nodes(group, prefix)
        types = {name: self._type(prefix + name, node) for name, node in groups.items()}
        order = _in_order(types, self._edges(group, prefix), prefix)
        nodes: list[Node] = []
        for name in order:
            if types[name] == "NIRGraph":
                nodes += self.chain(groups[name], f"{prefix}{name}.", depth + 1)[1:-1]
            else:
                values = self._values(prefix + name, groups[name])
                nodes.append(Node(prefix + name, types[name], values, self._metadata(prefix + name, groups[name])))
        return nodes

    def _nodes(self, group: Any, prefix: str) -> dict[str, Any]:
        where = f"node {prefix[:-1]!r}" if prefix else "the graph"
        nodes = self._member(group, "nodes", where)
        if not isinstance(nodes, h5py.Group):
            raise InputError(f"{where}: must be a NIRGraph with 'nodes' and 'edges'")
        found = {name: self._member(nodes, name, where) for name in nodes}
        for name, node in found.items():
            if not isinstance(node, h5py.Group):
                raise InputError(f"node {prefix + name!r}: must be an HDF5 group, not a data set")
        return found

    def _edges(self, group: Any, prefix: str) -> list[tuple[str, str]]:
        where = f"node {prefix[:-1]!r}" if prefix else "the graph"
        data = self._member(group, "edges", where)
        if not isinstance(data, h5py.Dataset) or data.shape is None:
            raise InputError(f"{where}: has no edges")
        self._pay(where, data)
        if data.size and (data.ndim != 2 or data.shape[1] != 2):
            raise InputError(f"{where}: 'edges' must be pairs of node names, not of shape {data.shape}")
        return [(str(source), str(target)) for source, target in data.asstr()[()]] if data.size else []

    def _type(self, name: str, group: Any) -> str:
        data = self._member(group, "type", f"node {name!r}")
        text = self._value(name, "type", data) if isinstance(data, h5py.Dataset) else None
        if not isinstance(text, str):
            raise InputError(f"node {name!r}: has no type")
        return text

    def _metadata(self, name: str, group: Any) -> dict[str, FloatArray | str]:
        """What hwsnn wrote there; what others did may be anything, and nobody asks for it."""
        metadata = self._member(group, "metadata", f"node {name!r}")
        return self._values(name, metadata, PREFIX) if isinstance(metadata, h5py.Group) else {}

    def _values(self, name: str, group: Any, prefix: str = "") -> dict[str, FloatArray | str]:
        """What lies under the keys that start with ``prefix``."""
        values = {}
        for key in group:
            if not key.startswith(prefix):
                continue
            member = self._member(group, key, f"node {name!r}")
            if isinstance(member, h5py.Dataset) and member.shape is not None:
                values[key] = self._value(name, key, member)
        return values

    def _value(self, name: str, key: str, data: Any) -> FloatArray | str:
        self._pay(f"node {name!r}", data)
        if h5py.check_string_dtype(data.dtype) is not None and data.shape == ():
            return str(data.asstr()[()])
        if data.dtype.kind not in "fiub":
            raise InputError(f"node {name!r}: {key!r} must be numbers or one text, not of type {data.dtype}")
        if data.size == 0:
            raise InputError(f"node {name!r}: {key!r} must not be empty")
        return np.asarray(data[()], dtype=np.float64)

    def _member(self, group: Any, key: str, where: str) -> Any:
        """What lies under ``key``, or None. Links out of the file, and data that lie elsewhere, are refused."""
        link = group.get(key, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise InputError(f"{where}: {key!r} must lie in the file itself, not behind a link")
        member = group[key]
        if isinstance(member, h5py.Dataset) and (member.external or member.is_virtual):
            raise InputError(f"{where}: the data of {key!r} must lie in the file itself, not in another")
        return member

    def _pay(self, where: str, data: Any) -> None:
        self._budget -= max(data.size, math.prod(data.chunks or ()))
        if self._budget < 0:
            raise InputError(f"{where}: too large; at most {MAX_NUMBERS:,} numbers are read from a file")


def _in_order(types: Mapping[str, str], edges: list[tuple[str, str]], prefix: str) -> list[str]:
    """Names of nodes from the only input to the only output, every node and every edge once."""

    def named(names: Iterable[str]) -> str:
        return ", ".join(repr(prefix + name) for name in names)

    for edge, count in Counter(edges).items():
        missing = [end for end in edge if end not in types]
        if missing:
            raise InputError(f"node {named(missing[:1])}: an edge leads there, but there is no such node")
        if count > 1:
            raise InputError(f"node {named(edge[:1])}: the edge to node {named(edge[1:])} must be there only once")
    _refuse_loops(types, edges, named)
    for kind in ("Input", "Output"):
        ends = [name for name, its_type in types.items() if its_type == kind]
        if len(ends) != 1:
            found = f"{len(ends)} ({named(ends)})" if ends else "none"
            raise InputError(f"the graph must have exactly one {kind} node, not {found}")
    targets: dict[str, list[str]] = {name: [] for name in types}
    sources: dict[str, list[str]] = {name: [] for name in types}
    for source, target in edges:
        targets[source].append(target)
        sources[target].append(source)
    for name in types:
        if len(targets[name]) > 1:
            raise InputError(
                f"node {named([name])}: leads to {named(targets[name])}; only chains, no branches, are read"
            )
        if len(sources[name]) > 1:
            raise InputError(f"node {named([name])}: adds up {named(sources[name])}; only chains, no joins, are read")
    order = [name for name, its_type in types.items() if its_type == "Input"]
    while targets[order[-1]]:
        order += targets[order[-1]]
    left = [name for name in types if name not in set(order)]
    if left:
        raise InputError(f"node {named(left[:1])}: must lie on the way from the input to the output")
    if types[order[-1]] != "Output":
        raise InputError(f"node {named(order[-1:])}: leads nowhere; the last node must be an Output")
    return order


def _refuse_loops(types: Mapping[str, str], edges: list[tuple[str, str]], named: Any) -> None:
    sorter: TopologicalSorter[str] = TopologicalSorter({name: set() for name in types})
    for source, target in edges:
        sorter.add(target, source)
    try:
        sorter.prepare()
    except CycleError as error:
        loop = error.args[1]
        raise InputError(
            f"node {named(loop[:1])}: is in a loop ({named(loop)}); recurrent networks are not built"
        ) from None
