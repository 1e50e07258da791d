"""The sum of the currents of several projections."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.synaptic_sums import SynapticSums, tree_levels

from .adder_tree import AdderTree, RowRange


class CurrentSum(wiring.Component):
    """Adds up what the projections of a population give to each PE, by a tree of adders with a register behind each.

    Parameters
    ----------
    projections : sequence of SynapticSums
        Of the projections, at least two, of the same output folds and lanes.
    current_bits : int
        Bits of the sum, two's complement, enough for all of it.

    Ports
    -----
    part_0, part_1, ... : Signal(ArrayLayout(signed(bits), lanes)), in
        The currents of a projection, of the bits that they need.
    total : Signal(ArrayLayout(signed(current_bits), lanes)), out
        Their sums.

    Timing
    ------
    Latency: ``latency`` cycles, one for each level of the tree. One sum per PE and cycle, without stalls.
    """

    def __init__(self, projections: Sequence[SynapticSums], current_bits: int) -> None:
        self._projections, self._lanes = list(projections), projections[0].lanes
        self.latency, self.here = tree_levels(len(projections)), {"lanes": self._lanes, "current_bits": current_bits}
        parts = {
            f"part_{number}": In(data.ArrayLayout(signed(sums.currents.width), self._lanes))
            for number, sums in enumerate(projections)
        }
        super().__init__(parts | {"total": Out(data.ArrayLayout(signed(current_bits), self._lanes))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bounds = [sums.bounds for sums in self._projections]
        for lane in range(self._lanes):
            terms = {
                f"part_{number}": RowRange(low[:, lane], high[:, lane]) for number, (low, high) in enumerate(bounds)
            }
            m.submodules[f"tree_{lane}"] = tree = AdderTree(terms, self.latency)
            m.d.comb += [getattr(tree, name).eq(getattr(self, name)[lane]) for name in terms]
            m.d.comb += self.total[lane].eq(tree.total)
        return m
