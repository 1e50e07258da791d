"""Why a neuron of a module and that of its model differ, as far as it can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.float_network import FloatArray
from hwsnn.reference.of_layer import LayerTrace, of_layer
from hwsnn.spec import INPUT, INPUT_INDEX, Network, Population
from hwsnn.spec.integers import Int64Array, signed_limits

from .counterparts import Counterpart
from .rounding import Rounding, rounding

Steps = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Frame:
    """A layer and what comes before it, on one image.

    ``network``: the model. ``module``: (T, C, H, W), the spikes of the module by layer; ``model``: those of the model,
    and what enters its first layers. ``u`` and ``tied``: (T, C, H, W), the module's.
    """

    network: Network
    layer: Counterpart
    module: Mapping[str, FloatArray]
    model: Mapping[str, Steps]
    u: FloatArray
    tied: npt.NDArray[np.bool_]

    def model_u(self) -> Int64Array:
        """The model's membranes before the reset, (T, C, H, W)."""
        return _membranes(self._of(self.layer.index, self._inputs()))

    def why(self, step: int, neuron: tuple[int, int, int]) -> str:
        """The reason why ``neuron`` differs at ``step``, the first step at which it does."""
        at = (step, *neuron)
        other = self.layer.other_than_made(neuron[0])
        if other is not None:
            return other
        inputs, u = self._inputs(), self.model_u()
        spikes = self.module[self.layer.name]
        earlier = self._earlier(step)
        if earlier is not None:
            inputs = self._module_inputs()
            trace = self._of(self.layer.index, inputs)
            if trace.spikes[0][at] == spikes[at]:
                return f"its inputs differ: {earlier}"
            u = _membranes(trace)
        own = self._own(at, inputs, u)
        return own if earlier is None else f"{own}; its inputs differ too, but alone would not do it: {earlier}"

    def _own(self, at: tuple[int, int, int, int], inputs: Sequence[Steps], u: Int64Array) -> str:
        """The reason on equal inputs; ``u``: the model's membranes on them."""
        fires, most = int(self.module[self.layer.name][at]), self.layer.built.neuron.spikes
        if fires > most:
            return f"the module's neuron fires {fires} times in this step, the model's at most {most} times"
        if self.tied[at]:
            return "a tie: the module's membrane is at the threshold but for the rounding of its floats"
        step, channel, row, column = at
        past = (slice(0, step + 1), channel, row, column)
        ours, theirs = u[past], self.u[past]
        bits = self.layer.built.neuron.membrane_bits
        if "v" in self.network.saturating(self.layer.index):
            clipped = np.isin(ours, signed_limits(bits))
            if clipped.any():
                return f"the model's membrane of {bits} bits saturated at step {int(clipped.argmax())}"
        spikes = self.module[self.layer.name]
        seen = [given[: step + 1] for given in self._by_port(inputs, spikes)]
        found = rounding(self.layer, seen, theirs, spikes[past], at[1:])
        return _of_rounding(found, float(abs(theirs[-1] - ours[-1] / self.layer.unit[channel])))

    def _earlier(self, step: int) -> str | None:
        """Which layer of neurons before differs first up to ``step``; None if none does."""
        found = []
        for name in self._neurons_before(self.layer.index):
            differs = (self.module[name] != self.model[name]).any(axis=(1, 2, 3))[: step + 1]
            if differs.any():
                found.append((int(differs.argmax()), name))
        if not found:
            return None
        first, name = min(found)
        return f"{name} first differs at step {first} of this image"

    def _neurons_before(self, index: int) -> Iterator[str]:
        """The layers of neurons that feed layer ``index``, through what has none."""
        for source in self._sources(index):
            if source != INPUT_INDEX and isinstance(self.network.layers[source], Population):
                yield self.network.layers[source].name
            elif source != INPUT_INDEX:
                yield from self._neurons_before(source)

    def _sources(self, index: int) -> list[int]:
        """Of what comes in the same step."""
        return [edge.source for edge in self.network.edges[index] if not edge.delay]

    def _inputs(self) -> list[Steps]:
        """What the layer gets in the model, (T, C, H, W) each, but for its own spikes."""
        sources = self._sources(self.layer.index)
        return [self.model[INPUT if one == INPUT_INDEX else self.network.layers[one].name] for one in sources]

    def _module_inputs(self) -> list[Steps]:
        """What the layer would get if the model's layers before fired as the module's."""
        return [self._as_in_module(source) for source in self._sources(self.layer.index)]

    def _as_in_module(self, source: int) -> Steps:
        if source == INPUT_INDEX:
            return self.model[INPUT]
        if isinstance(self.network.layers[source], Population):
            return self.module[self.network.layers[source].name].astype(np.uint8)
        spikes: Steps = self._of(source, [self._as_in_module(one) for one in self._sources(source)]).spikes[0]
        return spikes

    def _by_port(self, inputs: Sequence[Steps], spikes: FloatArray) -> Iterator[Steps]:
        """The inputs of each projection, its own spikes of the step before included."""
        forward = iter(inputs)
        for projection in self.layer.built.projections:
            late = np.concatenate([np.zeros_like(spikes[:1]), spikes[:-1]]).astype(np.uint8)
            yield late if projection.delay else next(forward)

    def _of(self, index: int, inputs: Sequence[Steps]) -> LayerTrace:
        return of_layer(self.network, index, *(given[np.newaxis] for given in inputs))


def _membranes(trace: LayerTrace) -> Int64Array:
    assert trace.membranes is not None
    membranes: Int64Array = trace.membranes[0]
    return membranes


def _of_rounding(found: Rounding, gap: float) -> str:
    apart = f"the membranes are {_share(gap, found.threshold)} of the threshold apart"
    if not found.parts:
        return f"no reason found: {apart}, and nothing is rounded here"
    parts = ", ".join(found.parts)
    if gap <= found.most:
        return f"rounding ({parts}): {apart}"
    return f"no reason found: {apart}, and rounding ({parts}) explains {_share(found.most, found.threshold)} at most"


def _share(part: float, of: float) -> str:
    return f"{100 * part / of:.2g}%"
