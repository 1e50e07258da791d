"""Why a neuron of a module and that of its model differ, as far as it can be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwsnn.float_network import FloatArray
from hwsnn.reference.of_layer import LayerTrace, of_layer
from hwsnn.spec import Network
from hwsnn.spec.integers import Int64Array, signed_limits

from .counterparts import Counterpart
from .rounding import Rounding, rounding

Steps = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Frame:
    """A layer and what comes before it, on one image.

    ``network``: the model. ``spikes`` and ``u``: (T, C, H, W), the module's. ``inputs``: (T, C, H, W), what the
    layer gets in the model. ``before``: the layer of neurons before it, None of the first; ``before_module`` and
    ``before_model``: its spikes (T, C, H, W) on both sides.
    """

    network: Network
    layer: Counterpart
    spikes: FloatArray
    u: FloatArray
    tied: npt.NDArray[np.bool_]
    inputs: Steps
    before: Counterpart | None = None
    before_module: FloatArray | None = None
    before_model: Steps | None = None

    def model_u(self) -> Int64Array:
        """The model's membranes before the reset, (T, C, H, W)."""
        return _membranes(of_layer(self.network, self.layer.index, self.inputs[np.newaxis]))

    def why(self, step: int, neuron: tuple[int, int, int]) -> str:
        """The reason why ``neuron`` differs at ``step``, the first step at which it does."""
        at = (step, *neuron)
        other = self.layer.other_than_made(neuron[0])
        if other is not None:
            return other
        inputs, u = self.inputs, self.model_u()
        earlier = self._earlier(step)
        if earlier is not None:
            inputs = self._module_inputs()
            trace = of_layer(self.network, self.layer.index, inputs[np.newaxis])
            if trace.spikes[0][at] == self.spikes[at]:
                return f"its inputs differ: {earlier}"
            u = _membranes(trace)
        own = self._own(at, inputs, u)
        return own if earlier is None else f"{own}; its inputs differ too, but alone would not do it: {earlier}"

    def _own(self, at: tuple[int, int, int, int], inputs: Steps, u: Int64Array) -> str:
        """The reason on equal inputs; ``u``: the model's membranes on them."""
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
        found = rounding(self.layer, inputs[: step + 1], theirs, self.spikes[past], at[1:])
        return _of_rounding(found, float(abs(theirs[-1] - ours[-1] / self.layer.unit[channel])))

    def _earlier(self, step: int) -> str | None:
        """Where the layer before differs up to ``step``; None if it does not."""
        if self.before is None or self.before_module is None:
            return None
        differs = (self.before_module != self.before_model).any(axis=(1, 2, 3))[: step + 1]
        return (
            f"{self.before.name} first differs at step {int(differs.argmax())} of this image" if differs.any() else None
        )

    def _module_inputs(self) -> Steps:
        """What the layer would get if the model's layers before fired as the module's."""
        assert self.before is not None
        assert self.before_module is not None
        now = self.before_module[np.newaxis].astype(np.uint8)
        for index in range(self.before.index + 1, self.layer.index):
            now = of_layer(self.network, index, now).spikes
        inputs: Steps = now[0]
        return inputs


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
