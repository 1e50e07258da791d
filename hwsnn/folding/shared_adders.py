"""Finds a graph of shared adders for a matrix of weights, by da4ml (extra ``adders``).

The same weights always give the same graph. A large matrix takes seconds, so graphs are kept in the
user's cache.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import astuple
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from hwsnn.errors import InputError
from hwsnn.files.atomic import written_whole
from hwsnn.files.cache import private_folder
from hwsnn.packages import remedy
from hwsnn.spec.integers import Int64Array

from .adder_graph import Adder, AdderGraph, Total

VERSION = "0.6.0"
"""Of da4ml, as in pyproject.toml: another one may find another graph."""
MOST_WORK = 1 << 17
"""Maximum of weights times inputs: each 10,000 of it may take seconds. A sum of 8-bit weights and inputs then stays
below 2^24, so that da4ml's single precision is exact; with gains it may not, but a graph that is wrong is refused."""
FURTHER = 2
"""Adders in a row beyond the fewest that are possible. Without a limit, conv1 of ``models/mnist`` would take 14 instead
of 8 stages, in which values wait, to save one percent of the adders' bits."""


def has_solver() -> bool:
    """Whether da4ml is installed, in the version that always finds the same."""
    from importlib.metadata import PackageNotFoundError, version  # here, as it imports sockets

    try:
        return version("da4ml") == VERSION
    except PackageNotFoundError:
        return False


def adder_graph(weights: Int64Array, largest_input: int) -> AdderGraph:
    """The graph for ``weights`` of (sums, inputs), and inputs from 0 to ``largest_input``.

    Raises ``InputError`` if it is not in the cache, and da4ml is not installed.
    """
    return _graph(weights.shape, np.ascontiguousarray(weights, np.int64).tobytes(), largest_input)


@lru_cache(maxsize=64)
def _graph(shape: tuple[int, int], numbers: bytes, largest_input: int) -> AdderGraph:
    weights = np.frombuffer(numbers, np.int64).reshape(shape)
    if not weights.any():
        return AdderGraph(weights, largest_input, (), [Total(None)] * shape[0])
    key = sha256(repr((VERSION, FURTHER, shape, largest_input)).encode() + numbers).hexdigest()
    try:
        kept = private_folder("adders") / f"{key}.json"
    except InputError:  # without a cache it takes longer
        kept = None
    graph = None if kept is None else _read(kept, weights, largest_input)
    if graph is None:
        graph = _solved(weights, largest_input)
        if kept is not None:
            _keep(kept, graph)
    return graph


def _read(kept: Path, weights: Int64Array, largest_input: int) -> AdderGraph | None:
    """The graph in a file of the cache; None if there is none that gives these sums."""
    try:
        values = json.loads(kept.read_text())
        adders, totals = [Adder(*each) for each in values["adders"]], [Total(*each) for each in values["totals"]]
        return AdderGraph(weights, largest_input, adders, totals)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _keep(kept: Path, graph: AdderGraph) -> None:
    values = {"adders": [astuple(a) for a in graph.adders], "totals": [astuple(t) for t in graph.totals]}
    with suppress(InputError, OSError), written_whole(kept) as path:  # such as a full disk: it takes longer next time
        path.write_text(json.dumps(values))


def _solved(weights: Int64Array, largest_input: int) -> AdderGraph:
    if not has_solver():
        raise InputError(f"sums of adders need da4ml {VERSION}; {remedy('da4ml')}, or choose other sums")
    from da4ml.cmvm import solve  # here, as it takes a second to import

    matrix = np.ascontiguousarray(weights.T, np.float32)  # its order in memory matters
    intervals = [(0.0, float(largest_input), 1.0)] * len(matrix)
    found = solve(matrix, hard_dc=FURTHER, decompose_dc=-2, qintervals=intervals, adder_size=1, carry_size=-1)
    return _Builder(len(matrix)).graph(weights, largest_input, found)


class _Builder:
    """Takes the adders out of what da4ml found; its numbers are those nodes, shifted, with a sign."""

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._nodes: dict[Adder, int] = {}

    def graph(self, weights: Int64Array, largest_input: int, pipeline: Any) -> AdderGraph:
        values: list[Total] = [Total(node) for node in range(self._inputs)]
        for part in pipeline.solutions:
            found: list[Total] = []
            for op in part.ops:
                if op.opcode == -1:
                    found.append(_moved(values[op.id0], int(part.inp_shifts[op.id0])))
                elif op.opcode in (0, 1):
                    right = _moved(found[op.id1], int(op.data), op.opcode == 1)
                    found.append(self._add(found[op.id0], right))
                else:
                    raise ValueError(f"da4ml must find additions alone, not operation {op.opcode}")
            values = [
                Total(None) if place < 0 else _moved(found[place], int(shift), bool(negative))
                for place, shift, negative in zip(part.out_idxs, part.out_shifts, part.out_negs, strict=True)
            ]
        return AdderGraph(weights, largest_input, tuple(self._nodes), values)

    def _add(self, left: Total, right: Total) -> Total:
        """The sum; the low bits of the one that is not shifted need no adder."""
        if right.shift < left.shift:
            left, right = right, left
        if left.node is None or right.node is None:
            raise ValueError("da4ml must add numbers, not nothing")
        adder = Adder(left.node, right.node, right.shift - left.shift, left.negative != right.negative)
        node = self._nodes.setdefault(adder, self._inputs + len(self._nodes))
        return Total(node, left.shift, left.negative)


def _moved(value: Total, shift: int, negative: bool = False) -> Total:
    return value if value.node is None else Total(value.node, value.shift + shift, value.negative != negative)
