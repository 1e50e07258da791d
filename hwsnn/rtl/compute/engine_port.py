"""The part of an engine that a projection has for itself: its slices, its synapses, and its passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from amaranth.hdl import Module, Value

from hwsnn.folding.fold_shape import fold_shapes
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.pipeline_depths import EngineDepths
from hwsnn.folding.synaptic_sums import SynapticSums, synaptic_sums
from hwsnn.spec import Network, Population

from ..ports import input_streams
from ..stream.counter import ModuloCounter
from .synapses import Synapses
from .window_slicer import WindowSlicer


@dataclass(frozen=True)
class EnginePort:
    """A projection in an engine.

    ``stream``: the engine's stream of its windows; None for spikes that come back. ``suffix``: of the names of its
    parts. ``sums``, ``synapses``: of each step of a pass; only one for inputs that are held. ``has_early``: whether
    positions before the last have fewer passes.
    """

    stream: str | None
    suffix: str
    slices: WindowSlicer
    sums: Sequence[SynapticSums]
    synapses: Sequence[Synapses]
    has_early: bool

    def add_slices(self, m: Module) -> None:
        """Add the slicer to ``m``."""
        m.submodules[f"slices{self.suffix}"] = self.slices

    def add_synapses(self, m: Module) -> None:
        """Add the synapses of each step to ``m``, behind the slices."""
        slices = self.slices.o
        slice_bits = len(slices.payload) // len(self.synapses)
        for step, synapses in enumerate(self.synapses):
            name = f"synapses{self.suffix}" + (f"_{step}" if len(self.synapses) > 1 else "")
            m.submodules[name] = synapses
            m.d.comb += [
                synapses.i.valid.eq(slices.valid),
                synapses.i.payload.eq(slices.payload.word_select(step, slice_bits)),
            ]

    def add_passes(self, m: Module, passes: int) -> PassCount:
        """Count the passes that begin."""
        m.submodules[f"passes{self.suffix}"] = one_pass = ModuloCounter(passes)
        positions = self.sums[0].weights.shape[0]
        m.submodules[f"positions{self.suffix}"] = position = ModuloCounter(positions)
        begins = self.slices.begins
        if self.has_early:
            m.d.comb += [
                self.slices.early.eq(~position.last),
                one_pass.step.eq(begins & position.last),
                position.step.eq(begins & (one_pass.last | ~position.last)),
            ]
        else:
            m.d.comb += [one_pass.step.eq(begins), position.step.eq(begins & one_pass.last)]
        return PassCount(one_pass.last, position.last)


@dataclass(frozen=True)
class PassCount:
    """The next pass of a projection: whether it is the last of its position, and whether that is the last position.

    Passes of the last position begin together with those of the other projections.
    """

    last: Value
    joint: Value


def engine_ports(
    network: Network, index: int, fold: LayerFold, steps: Sequence[int], depths: EngineDepths
) -> list[EnginePort]:
    """The ports of the engine of layer ``index``, as of ``Engine``."""
    layer, t_par = network.population(index), min(fold.t_par, network.timesteps)
    streams, shapes, inputs = input_streams(layer.ports), fold_shapes(layer, fold), network.inputs(index)
    whole_folds = max(shape.input_folds for shape in shapes)
    ports = []
    for number, (projection, sums) in enumerate(
        zip(layer.projections, synaptic_sums(network, index, fold), strict=True)
    ):
        shape, held = shapes[number], inputs[number].held
        early = depths.early_passes[number]
        has_early = depths.positions[number] > 1 and early < depths.passes
        slices = WindowSlicer(
            taps=prod(layer.window.size) if layer.windows > 1 else projection.taps,
            channels=projection.in_channels,
            bits=inputs[number].bits,
            steps=steps[number],
            cin_par=shape.cin_par,
            t_par=1 if held else t_par,
            groups=shape.output_folds,
            repeats=depths.passes if held and depths.interleave == 1 else 1,
            passes=depths.passes if depths.interleave == 1 else 1,
            min_interval=depths.min_interval,
            channel_groups=shape.channel_groups,
            sections=shape.sections,
            windows=_windows(layer),
            gap=whole_folds - shape.input_folds,
            partners=number in streams and len(streams) > 1,
            has_early=has_early,
        )
        synapses = [Synapses(copy, copy.currents.width, depths.passes, early, projection.taps) for copy in sums]
        suffix = f"_{number}" if len(layer.projections) > 1 else ""
        ports.append(EnginePort(streams.get(number), suffix, slices, sums, synapses, has_early))
    return ports


def window_numbers(windows: Value, network: Network, index: int, steps: int) -> dict[str, int]:
    """What the letters of a window's shape stand for, of a layer with one projection."""
    (inputs,), (projection,) = network.inputs(index), network.population(index).projections
    entries = {"steps": steps, "C": projection.in_channels, "n": inputs.bits}
    return {"taps": len(windows) // prod(entries.values())} | entries


def _windows(layer: Population) -> list[list[int]]:
    """The taps of each window of the projection that a pool takes together, row by row; none without a pool."""
    if layer.pool is None:
        return []
    (rows, columns), (down, right) = layer.projection.kernel, layer.projection.stride
    width = layer.window.size[1]
    return [
        [(y * down + row) * width + x * right + column for row in range(rows) for column in range(columns)]
        for y in range(layer.pool.size[0])
        for x in range(layer.pool.size[1])
    ]
