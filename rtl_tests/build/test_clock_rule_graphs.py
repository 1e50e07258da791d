"""The clock rule holds where layers branch, join, and come back to themselves."""

from __future__ import annotations

import pytest

from hwsnn.build.analysis.clock_rule import LIMIT, longest_paths, synthesize
from hwsnn.cycles import queue_depths
from hwsnn.folding.folding import LayerFold
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import TOP, to_verilog
from tests.support.small_graphs import GRAPHS

IN_LOGIC = {"added": {"c": LayerFold(4, 2, 2), "last": LayerFold(4, 3, 4)}}
"""Folds in place of those that put tables into 30 block RAMs, each of which takes Yosys seconds; others keep some."""


@pytest.mark.parametrize("graph", ["added", "pixel_counts", "depthwise", "all_to_all", "one_to_one"])
def test_clock_rule(graph: str) -> None:
    network, folds = GRAPHS[graph]()
    folding = queue_depths(network, {**folds, **IN_LOGIC.get(graph, {})})
    verilog = to_verilog(Pipeline(network, folding), model_hash(network))
    paths = longest_paths(synthesize(verilog, TOP), verilog)
    assert len(paths) > 300
    assert [path for path in paths if path.length > LIMIT] == []
