"""NIR files (HDF5): the nodes of a graph with their numbers, and its edges; nested graphs are flattened.

A NIR file is untrusted input, so it is read here with limits and never executed; an error is an ``InputError`` of one
line that names the node. The meaning of the numbers is not this file's concern.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import h5py
import numpy as np

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray
from hwsnn.spec import MAX_EXTENT, Pair

from .conventions import PREFIX
from .hdf5_bounded import BoundedFile, checked_name, opened

Edges: TypeAlias = list[tuple[str, str]]
"""Edges: the names of their source and target nodes."""
MAX_SETTINGS = 5
"""Maximum integers under one key: a shape with a time step and a batch before channels, height and width."""
MAX_DEPTH = 4
"""Maximum nesting of graphs within graphs."""


@dataclass(frozen=True, eq=False)
class Node:
    """One node: its name (``outer.inner`` within a nested graph), its type, its numbers and its texts by key.

    ``metadata``: those keys of its metadata that are hwsnn's own (``hwsnn.frontends.nir.conventions``).
    """

    name: str
    type: str
    values: Mapping[str, FloatArray | str]
    metadata: Mapping[str, FloatArray | str]

    def error(self, text: str) -> InputError:
        """The exception for an error in this node."""
        return InputError(f"node {self.name!r} ({self.type}): {text}")

    def numbers(self, key: str, ndim: int | None = None, *, finite: bool = True) -> FloatArray:
        """The numbers under ``key``, of ``ndim`` dimensions if given. Infinities are refused if ``finite``."""
        value = self.values.get(key)
        if value is None:
            raise self.error(f"has no {key!r}")
        if isinstance(value, str):
            raise self.error(f"{key!r} must be numbers, not the text {value[:40]!r}")
        if finite and not np.isfinite(value).all():
            raise self.error(f"{key!r} must be finite, not NaN or infinite anywhere")
        if np.isnan(value).any():
            raise self.error(f"{key!r} must be numbers, not NaN anywhere")
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
        """The text under ``key`` of the metadata, None if there is none."""
        value = self.metadata.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(f"metadata {key!r} must be a text, not numbers")
        return value

    def said_choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """The text under ``key`` of the metadata, which must be one of ``choices``, None if there is none."""
        text = self.said_text(key)
        if text is not None and text not in choices:
            raise self.error(f"metadata {key!r} must be one of {', '.join(choices)}, not {text[:40]!r}")
        return text

    def said_number(self, key: str, low: float, high: float) -> float | None:
        """The number from ``low`` to ``high`` under ``key`` of the metadata, None if there is none."""
        value = self.metadata.get(key)
        if value is None:
            return None
        if isinstance(value, str) or value.size != 1 or not low <= value.item() <= high:
            raise self.error(f"metadata {key!r} must be a number from {low} to {high}")
        return float(value.item())

    def said_integer(self, key: str, low: int, high: int) -> int | None:
        """The whole number from ``low`` to ``high`` under ``key`` of the metadata, None if there is none."""
        number = self.said_number(key, low, high)
        if number is not None and number != int(number):
            raise self.error(f"metadata {key!r} must be a whole number, not {number:g}")
        return None if number is None else int(number)

    def said_numbers(
        self, key: str, channels: int, low: float = -math.inf, high: float = math.inf
    ) -> FloatArray | None:
        """The numbers (channels,) under ``key`` of the metadata, finite and in the range; None if there are none."""
        value = self.metadata.get(key)
        if value is None:
            return None
        if isinstance(value, str) or value.shape != (channels,):
            raise self.error(f"metadata {key!r} must be {channels} numbers, one per channel")
        if not (np.isfinite(value) & (low <= value) & (value <= high)).all():
            raise self.error(f"metadata {key!r} must be finite numbers from {low} to {high}")
        return np.asarray(value, np.float64)


@dataclass(frozen=True)
class FileGraph:
    """The nodes by name, with those of nested graphs, the edges in the order of the file, and the ends of all.

    The Inputs and Outputs of nested graphs are nodes between others. ``remarks``: on how the file was read.
    """

    input: str
    output: str
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: Edges = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def read_graph(path: Path) -> FileGraph:
    """The graph in the NIR file ``path``. Raises ``InputError`` if there is none."""
    with opened(path) as file:
        root = file.member(file.root, "node", "the file")
        if not isinstance(root, h5py.Group):
            raise InputError("not a NIR file: it has no group 'node'; write it with nir.write")
        return _Reader(file).graph(file.members(root, "the graph"), "", 0)


@dataclass(frozen=True)
class _Entry:
    """A node in the file: its type, and its group."""

    type: str
    members: Mapping[str, Any]


class _Reader:
    """Reads graphs of an open file."""

    def __init__(self, file: BoundedFile) -> None:
        self._file = file

    def graph(self, graph: Mapping[str, Any], prefix: str, depth: int) -> FileGraph:
        """The NIRGraph in a group, nested ones flattened."""
        where = f"node {prefix[:-1]!r}" if prefix else "the graph"
        if depth > MAX_DEPTH:
            raise InputError(f"{where}: graphs are nested more than {MAX_DEPTH} deep; write one flat graph")
        nodes = graph.get("nodes")
        if not isinstance(nodes, h5py.Group):
            raise InputError(f"{where}: must be a NIRGraph with 'nodes' and 'edges'; write it with nir.write")
        entries = self._entries(nodes, where, prefix)
        edges = graph.get("edges")
        if not isinstance(edges, h5py.Dataset) or edges.shape is None:
            raise InputError(f"{where}: has no edges; write it with nir.write")
        types = {name: entry.type for name, entry in entries.items()}
        pairs, remarks = self._by_their_names(types, self._file.pairs(edges, "edges", where), prefix)
        first, last = (prefix + _only(types, kind, prefix) for kind in ("Input", "Output"))
        _require_edges(types, pairs, prefix)
        found = FileGraph(first, last, remarks=remarks)
        starts, ends = dict[str, str](), dict[str, str]()
        for name, entry in entries.items():
            its_name = prefix + name
            starts[name] = ends[name] = its_name
            if entry.type == "NIRGraph":
                inner = self.graph(entry.members, f"{its_name}.", depth + 1)
                starts[name], ends[name] = inner.input, inner.output
                added = inner.nodes
                found.edges.extend(inner.edges)
                found.remarks.extend(inner.remarks)
            else:
                values, metadata = self._values(its_name, entry.members), self._metadata(its_name, entry.members)
                added = {its_name: Node(its_name, entry.type, values, metadata)}
            for twice in added.keys() & found.nodes.keys():
                raise InputError(f"node {twice!r}: is there twice, alone and in a nested graph; rename one of the two")
            found.nodes.update(added)
        found.edges.extend((ends[source], starts[target]) for source, target in pairs)
        return found

    def _entries(self, nodes: h5py.Group, where: str, prefix: str) -> dict[str, _Entry]:
        """The nodes by name. A ``/`` in a name is a path in HDF5, so such nodes are in groups within groups."""
        found: dict[str, _Entry] = {}
        waiting = [(name, group, False) for name, group in self._file.members(nodes, where).items()]
        while waiting:
            name, group, within_node = waiting.pop()
            place = f"node {prefix + name!r}"
            if not isinstance(group, h5py.Group):
                raise InputError(f"{place}: must be an HDF5 group, not a data set; write the file with nir.write")
            members = self._file.members(group, place)
            inner = {key: member for key, member in members.items() if isinstance(member, h5py.Group)}
            data = members.get("type")
            if isinstance(data, h5py.Dataset) and data.shape is not None:
                kind = self._file.value(data, "type", place)
                if not isinstance(kind, str):
                    raise InputError(f"{place}: has numbers for its type; write the file with nir.write")
                found[name] = _Entry(kind, members)
                within_node = True
                inner = {key: member for key, member in inner.items() if key not in ("nodes", "metadata")}
            elif not within_node and (not inner or len(inner) < len(members)):
                raise InputError(f"{place}: has no type; write the file with nir.write")
            waiting += [(checked_name(f"{name}/{key}", where), member, within_node) for key, member in inner.items()]
        return dict(sorted(found.items()))

    def _by_their_names(self, types: Mapping[str, str], edges: Edges, prefix: str) -> tuple[Edges, list[str]]:
        """The edges, with a name that older exporters changed replaced by its node's, and a remark if so."""
        used = {end for edge in edges for end in edge}
        unknown, unused = used - types.keys(), types.keys() - used
        if len(unknown) != 1 or len(unused) != 1:
            return edges, []
        (old,), (new,) = unknown, unused
        remark = (
            f"{prefix + new}: the edges call this node {prefix + old!r}: it is the only one without an edge, and that "
            "the only name without a node"
        )
        names = {old: new}
        return [(names.get(source, source), names.get(target, target)) for source, target in edges], [remark]

    def _metadata(self, name: str, members: Mapping[str, Any]) -> dict[str, FloatArray | str]:
        """The metadata that hwsnn wrote; anything else is ignored."""
        group, where = members.get("metadata"), f"node {name!r}"
        if not isinstance(group, h5py.Group):
            return {}
        keys = [key for key in self._file.names(group, where) if key.startswith(PREFIX)]
        return self._values(name, {key: self._file.member(group, key, where) for key in keys})

    def _values(self, name: str, members: Mapping[str, Any]) -> dict[str, FloatArray | str]:
        return {
            key: self._file.value(member, key, f"node {name!r}")
            for key, member in members.items()
            if isinstance(member, h5py.Dataset) and member.shape is not None
        }


def _only(types: Mapping[str, str], kind: str, prefix: str) -> str:
    """The name of the only node of the type ``kind``."""
    ends = [name for name, its_type in types.items() if its_type == kind]
    if len(ends) != 1:
        found = f"{len(ends)} ({', '.join(repr(prefix + name) for name in ends)})" if ends else "none"
        where = f"node {prefix[:-1]!r}: its graph" if prefix else "the graph"
        raise InputError(f"{where} must have exactly one {kind} node, not {found}")
    return ends[0]


def _require_edges(types: Mapping[str, str], edges: Edges, prefix: str) -> None:
    """Refuse edges that are there twice, lead to no node, to an Input or from an Output."""
    for edge, count in Counter(edges).items():
        source, target = edge
        for end in edge:
            if end not in types:
                raise InputError(
                    f"node {prefix + end!r}: an edge leads there, but there is no such node; name nodes as the edges do"
                )
        if count > 1:
            raise InputError(f"node {prefix + source!r}: the edge to node {prefix + target!r} must be there only once")
        if types[target] == "Input":
            raise InputError(f"node {prefix + target!r}: an Input must not be fed, but {prefix + source!r} leads there")
        if types[source] == "Output":
            raise InputError(f"node {prefix + source!r}: an Output must be the end, not lead to {prefix + target!r}")
