"""The clock rule holds where layers branch, join, and come back to themselves."""

from __future__ import annotations

import pytest

from hwsnn.build.analysis.clock_rule import LIMIT, longest_paths, synthesize
from hwsnn.cycles import queue_depths
from hwsnn.model_file.integer_file import model_hash
from hwsnn.rtl.network import Pipeline
from hwsnn.verilog.emit import TOP, to_verilog
from tests.support.small_graphs import GRAPHS


@pytest.mark.parametrize("graph", ["added", "pixel_counts", "depthwise", "all_to_all", "one_to_one"])
def test_clock_rule(graph: str) -> None:
    network, folds = GRAPHS[graph]()
    verilog = to_verilog(Pipeline(network, queue_depths(network, folds)), model_hash(network))
    paths = longest_paths(synthesize(verilog, TOP), verilog)
    assert len(paths) > 300
    assert [path for path in paths if path.length > LIMIT] == []
