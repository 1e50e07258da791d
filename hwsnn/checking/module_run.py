"""A framework's module on a batch of frames: what every layer of its neurons fires, the membranes, and the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hwsnn.errors import InputError, reason
from hwsnn.float_network import FloatArray, FloatNeuron, FloatPopulation
from hwsnn.frontends.modules.build import ReadModule
from hwsnn.frontends.modules.calling import number_type, reset, run
from hwsnn.frontends.modules.evaluating import evaluating
from hwsnn.frontends.modules.listening import Heard, in_time, listening, outputs_in_time, reduced
from hwsnn.spec import SPIKE_READOUTS, Network
from hwsnn.spec.integers import Int64Array

from .counterparts import Matched

TIE_ULPS = 16
"""A membrane this near to a threshold, in units in the last place of either, may be on either side of it: it is a sum
of many products, and the order of a sum alone moves it by some."""


@dataclass(frozen=True, eq=False)
class FloatTrace:
    """A layer of the module on N frames. All are (N, T, C, H, W).

    ``spikes``: how many at each step. ``u``: the membranes before the reset, counted from what a spike resets to.
    ``tied``: whether u is at a threshold but for the rounding of floats.
    """

    spikes: FloatArray
    u: FloatArray
    tied: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ModuleRun:
    """``answers``: (N,), of equal scores the first. ``layers``: by name."""

    answers: Int64Array
    layers: Mapping[str, FloatTrace]


class ModuleRunner:
    """Runs ``read`` as the model ``network`` wants it, on inputs that ``network`` encodes."""

    def __init__(self, read: ReadModule, network: Network, matched: Matched) -> None:
        if read.layout == "frame" and not (network.encoder.held or network.timesteps == 1):
            raise InputError(
                f"the module takes one input for all steps, and the model's encoding {network.encoder.kind!r} changes "
                "with time; quantize it with the encoding 'direct'"
            )
        self._read, self._network, self._matched = read, network, matched
        self._steps = network.timesteps

    def __call__(self, encoded: npt.NDArray[np.uint8]) -> ModuleRun:
        """The module on ``encoded`` (N, T, C, H, W), what enters the model's first layer."""
        frames = len(encoded)
        with listening(self._read) as heard:
            try:
                outputs = run(self._read.module, self._read.layout, self._inputs(encoded))
            except InputError:
                raise
            except Exception as error:  # a user's own code may raise anything
                raise InputError(f"the module's forward fails on {frames} frames: {reason(error)}") from error
            finally:
                with evaluating(self._read.module):
                    reset(self._read.module, frames)
        layers = {}
        for one in self._matched.layers:
            if one.name in heard:
                layers[one.name] = self._trace(one.source, heard[one.name], self._network.shapes[one.index + 1], frames)
        scores = self._scores(outputs, heard, layers, frames)
        return ModuleRun(scores.reshape(frames, -1).argmax(axis=1), layers)

    def _inputs(self, encoded: npt.NDArray[np.uint8]) -> torch.Tensor:
        """The values (T, N, *sample) that they count as, computed in the module's own numbers."""
        dtype, device = number_type(self._read.module)
        values = torch.from_numpy(encoded.copy()).to(dtype=dtype, device=device)
        mean, std = (
            torch.from_numpy(one).to(dtype=dtype, device=device)[:, None, None]
            for one in (self._matched.mean, self._matched.std)
        )
        values = (values / self._matched.per_one - mean) / std
        return values.transpose(0, 1).reshape(self._steps, len(encoded), *self._read.sample)

    def _trace(self, source: FloatPopulation, heard: Heard, shape: tuple[int, ...], frames: int) -> FloatTrace:
        distances = self._in_time(heard.distances, frames).reshape(frames, self._steps, *shape)
        if not isinstance(source.neuron, FloatNeuron):
            return FloatTrace(np.zeros_like(distances), distances, np.zeros(distances.shape, np.bool_))
        spikes = self._in_time(heard.spikes, frames).reshape(distances.shape)
        theta = source.neuron.threshold[:, np.newaxis, np.newaxis]
        u = distances + theta
        nearest = np.clip(np.rint(u / theta), 1, source.neuron.spikes)
        off = np.abs(distances - (nearest - 1) * theta)
        resolution = torch.finfo(heard.distances[0].dtype).eps
        return FloatTrace(spikes, u, off <= TIE_ULPS * resolution * np.maximum(np.abs(u), nearest * theta))

    def _in_time(self, calls: list[torch.Tensor], frames: int) -> FloatArray:
        """As (N, T, values)."""
        whole = in_time(calls, self._read.layout, self._steps, frames)
        values: FloatArray = whole.transpose(0, 1).double().cpu().numpy()
        return values

    # The scores

    def _scores(
        self, outputs: list[torch.Tensor], heard: Mapping[str, Heard], layers: Mapping[str, FloatTrace], frames: int
    ) -> npt.NDArray[Any]:
        """By the model's readout: of what the module gives, else of what its last neurons did."""
        readout, own = self._network.readout, self._read.network.readout
        of_spikes = readout in SPIKE_READOUTS
        if own is not None and of_spikes == (own in SPIKE_READOUTS):
            every = outputs_in_time(self._read, outputs, self._steps, frames, self._network.classes)
            if every is not None:
                return _numbers(reduced(every, readout))
            if own == readout:
                return _numbers(outputs[0])
        last = self._network.layers[-1].name
        if last not in layers:
            raise InputError(
                f"the module's scores are by readout {own!r} and the model's by {readout!r}; quantize it with the "
                "module's own readout"
            )
        if of_spikes:
            steps = torch.from_numpy(layers[last].spikes.swapaxes(0, 1).copy())
        elif len(heard[last].membranes) == self._steps:
            steps = torch.stack([one.reshape(frames, -1) for one in heard[last].membranes])
        else:
            steps = torch.from_numpy(layers[last].u.swapaxes(0, 1).copy())
        return _numbers(reduced(steps.reshape(self._steps, frames, -1), readout))


def _numbers(scores: torch.Tensor) -> npt.NDArray[Any]:
    """In NumPy, which has fewer kinds of floats."""
    found: npt.NDArray[Any] = scores.detach().cpu().double().numpy()
    return found
