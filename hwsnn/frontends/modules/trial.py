"""A module that was read runs on random frames, and its membranes and scores must be those of what was read.

What a recording of few steps cannot show is found so: numbers and states that a ``forward`` sets from step to step,
delays, random numbers, decisions by values. Each layer is computed from the spikes that the module's own layers fired,
and each membrane after its own spikes, so that a spike that rounding moves makes no other difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import torch
from torch.nn import functional

from hwsnn.errors import InputError, reason
from hwsnn.float_network import FloatArray, FloatConv, FloatIntegrator, FloatNeuron, FloatPopulation
from hwsnn.float_network.layers import AnyFloatProjection
from hwsnn.spec import INPUT, SPIKE_READOUTS, MaxPool, Sum

from .build import ReadModule
from .calling import number_type, run
from .listening import Heard, in_time, listening, reduced, scores_of
from .probing import TOLERANCES, ranks_alike

STEPS = 12
"""Where the number of time steps is not known."""
FRAMES = 4
AMPLITUDES = (1.0, 100.0)
"""Of the frames: the second where some layer never fired, as one for pixels of 0 to 255 may not."""
VALUES = 1 << 23
"""Most values of all layers and steps; large modules are tried with fewer frames."""


def require_alike(read: ReadModule) -> None:
    """Raise ``InputError`` where the module does something else on random frames than the network that was read."""
    half = torch.finfo(number_type(read.module)[0]).bits < 32  # too large a number is infinite
    for amplitude in AMPLITUDES[:1] if half else AMPLITUDES:
        if _all_fire(read, amplitude):
            break


def _all_fire(read: ReadModule, amplitude: float) -> bool:
    """Whether all layers fire on frames of that ``amplitude``. Raises as ``require_alike``."""
    network = read.network
    steps = network.timesteps or STEPS
    frames = max(1, min(FRAMES, VALUES // (steps * sum(map(prod, network.shapes)))))
    inputs = amplitude * _inputs(read, steps, frames)
    own = inputs.double().reshape(steps, frames, *network.input_shape)
    with listening(read) as heard:
        try:
            outputs = run(read.module, read.layout, inputs.clone())  # which it may write over
        except InputError:
            raise
        except Exception as error:  # a user's own code may raise anything
            raise InputError(f"its forward fails on {frames} frames of {steps} steps: {reason(error)}") from error
    trial = _Trial(read, heard, steps, frames)
    scores = trial.scores(own)
    found = scores_of(read, outputs, steps, frames)
    if found.shape != scores.shape or not ranks_alike(found.double().cpu(), scores, trial.tolerance):
        raise InputError(
            f"its scores on random frames are not those of readout {network.readout!r} of its last layer; return that "
            "layer's outputs, added up, averaged, the last or the largest over time"
        )
    return not trial.silent


def _inputs(read: ReadModule, steps: int, frames: int) -> torch.Tensor:
    """(T, N, *sample): values from 0 to 1, of either sign, 0 and 1, and so large that layers fire."""
    generator = torch.Generator().manual_seed(1)
    size = (1 if read.layout == "frame" or read.network.encoding == "direct" else steps, *read.sample)
    kinds = (
        torch.rand(size, generator=generator),
        2 * torch.randn(size, generator=generator),
        (torch.rand(size, generator=generator) < 0.5).float(),
        30 * torch.randn(size, generator=generator),
    )
    dtype, _ = number_type(read.module)
    inputs = torch.stack([kinds[number % len(kinds)] for number in range(frames)], dim=1).to(dtype)
    return inputs.expand(steps, *inputs.shape[1:])


class _Trial:
    """What the layers of a network make of the spikes that a module's own neurons fired. All are (T, N, C, H, W)."""

    def __init__(self, read: ReadModule, heard: Mapping[str, Heard], steps: int, frames: int) -> None:
        self._read, self._heard = read, heard
        self._steps, self._frames = steps, frames
        dtype, _ = number_type(read.module)
        self.tolerance = TOLERANCES[dtype]
        self.silent = False
        """Whether a layer of neurons never fired."""

    def scores(self, inputs: torch.Tensor) -> torch.Tensor:
        """Those of the network, (N, classes). Raises ``InputError`` where a layer's membranes are not the module's."""
        network = self._read.network
        given = {INPUT: inputs}
        before, last = INPUT, inputs
        for layer, shape in zip(network.layers, network.shapes[1:], strict=True):
            sources = [given[port.source or before] for port in layer.ports if not port.delay]
            if isinstance(layer, MaxPool):
                last = given[layer.name] = _pooled(layer, sources[0])
            elif isinstance(layer, Sum):
                last = given[layer.name] = torch.stack(sources).sum(0)
            else:
                heard = self._heard.get(layer.name)
                fired = self._of(heard.spikes, shape) if heard is not None and layer.neuron.fires else None
                u, spikes = _membranes(layer.neuron, _currents(layer, sources, fired), fired, self.tolerance)
                if heard is not None:
                    found = self._of(heard.distances, shape) + _offset(layer.neuron)
                    self._require_alike(layer, u, found)
                    if isinstance(layer.neuron, FloatNeuron):
                        self._require_fired(layer, layer.neuron, found, spikes)
                        self.silent |= not bool(spikes.any())
                given[layer.name] = spikes
                last = spikes if network.readout in SPIKE_READOUTS else u
            before = layer.name
        assert network.readout is not None
        return reduced(last.reshape(self._steps, self._frames, -1), network.readout)

    def _of(self, calls: list[torch.Tensor], shape: tuple[int, ...]) -> torch.Tensor:
        values = self._steps * self._frames * prod(shape)
        if sum(one.numel() for one in calls) != values:
            raise InputError(
                f"its neurons give {sum(one.numel() for one in calls):,} values for {self._frames} frames of "
                f"{self._steps} steps, not {values:,}; it must do the same for every number of frames"
            )
        whole = in_time(calls, self._read.layout, self._steps, self._frames)
        return whole.double().cpu().reshape(self._steps, self._frames, *shape)

    def _require_alike(self, layer: FloatPopulation, u: torch.Tensor, found: torch.Tensor) -> None:
        largest = torch.maximum(u.nan_to_num().abs().amax((0, 2, 3, 4), keepdim=True), _offset(layer.neuron).max())
        alike = ((u - found).abs() <= self.tolerance * largest) | u.isnan()
        if bool(alike.all()):
            return
        at = _first(~alike)
        step, asked, seen = at[0], float(u[at]), float(found[at])
        raise InputError(
            f"{self._title(layer)}: on a random frame its membrane in step {step + 1} is {seen:.6g}, "
            f"and {asked:.6g} by its inputs and its numbers as they were read; leave out what forward sets or draws "
            "itself in some steps: states, thresholds, weights, random numbers, delays"
        )

    def _require_fired(self, layer: FloatPopulation, neuron: FloatNeuron, u: torch.Tensor, fired: torch.Tensor) -> None:
        """Raise ``InputError`` where spikes do not follow from the module's own u, but for what rounding decides."""
        expected = _reached(neuron, u)
        if neuron.once:
            expected = expected * (fired.cumsum(0) == fired)
        theta = _offset(neuron)
        multiples = u.div(theta).round().clamp(1, neuron.spikes) * theta
        counted = (
            fired.clamp(max=neuron.spikes) if neuron.spikes > 1 else fired
        )  # sinabs knows no most; a remark says so
        wrong = (expected != counted) & ((u - multiples).abs() > self.tolerance * multiples)
        if bool(wrong.any()):
            at = _first(wrong)
            threshold = theta.expand(u.shape[2:])[at[2:]]
            seen = f"it fires {float(fired[at]):g} times in step {at[0] + 1}"
            raise InputError(
                f"{self._title(layer)}: on a random frame {seen}, where its membrane is {float(u[at]):.6g} and its "
                f"threshold {float(threshold):.6g}; what it fires must follow from these alone, by no function, factor "
                "or random number of one's own"
            )

    def _title(self, layer: FloatPopulation) -> str:
        return f"{layer.name} ({type(self._read.neurons[layer.name]).__name__})"


def _first(where: torch.Tensor) -> tuple[int, ...]:
    """The position of the first truth."""
    return tuple(where.nonzero()[0].tolist())


def _pooled(pool: MaxPool, x: torch.Tensor) -> torch.Tensor:
    if pool.mode == "or":
        return functional.max_pool2d(x.flatten(0, 1), pool.size, pool.stride).unflatten(0, x.shape[:2])
    windows = x.unfold(-2, pool.size[0], pool.stride[0]).unfold(-2, pool.size[1], pool.stride[1]).flatten(-2)
    winners = windows.cumsum(0).argmax(-1, keepdim=True)
    return windows.gather(-1, winners).squeeze(-1)


def _currents(layer: FloatPopulation, sources: list[torch.Tensor], fired: torch.Tensor | None) -> torch.Tensor:
    """The input currents of all steps; ``fired``: the layer's own spikes, where a module of neurons fires them."""
    forward = [one for one in layer.projections if not one.delay]
    total = _channels(layer.bias)
    for one, x in zip(forward, sources, strict=True):
        total = total + _weighed(one, x)
    if layer.pool is not None:
        size, stride = layer.pool.size, layer.pool.stride
        total = functional.max_pool2d(total.flatten(0, 1), size, stride).unflatten(0, total.shape[:2])
    if fired is not None:
        before = torch.cat([torch.zeros_like(fired[:1]), fired[:-1]])
        for one in layer.projections:
            if one.delay:
                total = total + _weighed(one, before)
    return total


def _weighed(one: AnyFloatProjection, x: torch.Tensor) -> torch.Tensor:
    """The sums of one projection."""
    weight = torch.from_numpy(one.weight)
    if isinstance(one, FloatConv):
        sums = functional.conv2d(x.flatten(0, 1), weight, stride=one.stride, padding=one.padding, groups=one.groups)
    else:
        sums = functional.linear(x.flatten(2).flatten(0, 1), weight.flatten(1))[:, :, None, None]
    return sums.unflatten(0, x.shape[:2])


def _membranes(
    neuron: FloatNeuron | FloatIntegrator, currents: torch.Tensor, fired: torch.Tensor | None, tolerance: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """u of every step, before the reset, and the spikes: those ``fired`` where a module of neurons fires them.

    u is NaN where it follows from a comparison that rounding decides.
    """
    beta, alpha = _channels(neuron.beta), None if neuron.alpha is None else _channels(neuron.alpha)
    v = torch.zeros_like(currents[0])
    if neuron.initial is not None:
        v = v + _channels(neuron.initial)
    s, n = torch.zeros_like(v), torch.zeros_like(v)
    membranes, spikes = [], []
    for step, current in enumerate(currents):
        s = current if alpha is None else alpha * s + current
        was, u = v, beta * v + s
        v = u
        if isinstance(neuron, FloatNeuron):
            theta = _channels(neuron.threshold)
            match neuron.reset:
                case "late-subtract":
                    u = u - n * theta
                case "late-zero":
                    u = (1 - n) * u
                case "undelayed-subtract":
                    tied = (was - theta).abs() <= tolerance * torch.maximum(was.abs(), theta)
                    u = torch.where(tied, torch.nan, u - _reached(neuron, was) * theta)
            n = _reached(neuron, u) if fired is None else fired[step]
            match neuron.reset:
                case "subtract" | "undelayed-subtract":
                    v = v - n * theta
                case "zero":
                    v = torch.where(n > 0, 0.0, v)
                case "late-subtract" | "late-zero":
                    v = u
        if neuron.floor is not None:
            v = torch.maximum(v, _channels(neuron.floor))
        membranes.append(u)
        spikes.append(n)
    return torch.stack(membranes), torch.stack(spikes)


def _reached(neuron: FloatNeuron, u: torch.Tensor) -> torch.Tensor:
    """How many multiples of the threshold are reached, as numbers of spikes."""
    multiples = _channels(neuron.threshold) * torch.arange(1, neuron.spikes + 1).reshape(-1, *(1,) * u.ndim)
    return (u > multiples if neuron.compare == "greater" else u >= multiples).sum(0).double()


def _offset(neuron: FloatNeuron | FloatIntegrator) -> torch.Tensor:
    """What frameworks take off a membrane to decide on a spike."""
    return _channels(neuron.threshold) if isinstance(neuron, FloatNeuron) else torch.zeros(())


def _channels(values: float | FloatArray) -> torch.Tensor:
    """Numbers by channel, to be broadcast."""
    found = torch.as_tensor(values, dtype=torch.float64)
    return found[:, None, None] if found.ndim else found
