"""A module run beside the integer reference, layer by layer."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from hwsnn.frontends.modules.build import ReadModule
from hwsnn.progress import silent
from hwsnn.reference import Result, encode, run
from hwsnn.spec import INPUT, Network
from hwsnn.spec.integers import Images, Int64Array

from .counterparts import CountedAs, Counterpart, match
from .module_run import ModuleRun, ModuleRunner
from .reasons import Frame
from .result import CheckResult, FirstDifference, LayerCheck

BATCH = 16
"""Frames that the module takes at a time, the last ones filled up: floats round by the size of a batch."""
BATCH_VALUES = 1 << 23
"""Most values of all layers and steps in a batch, of some 40 bytes each; large models take fewer frames at a time."""


def sample_of(network: Network) -> tuple[int, ...]:
    """The shape of a module's input at a step if nobody says: the network's, n values in a row as (n,)."""
    channels, height, width = network.input_shape
    return (channels * width,) if height == 1 and 1 in (channels, width) else network.input_shape


def check(
    read: ReadModule,
    network: Network,
    images: Images,
    labels: Int64Array | None = None,
    *,
    counted: CountedAs | None = None,
    progress: Callable[[int], object] = silent,
) -> CheckResult:
    """The module that was ``read`` beside ``network`` on ``images`` (N, *frame shape).

    ``labels``: (N,). ``counted``: what a value of the input counts as, by default as it is. ``progress`` is called
    with the number of images done since its last call. Raises ``InputError`` if ``network`` was not made of the module,
    ``ValueError`` for images that do not fit, or none.
    """
    if len(images) == 0:
        raise ValueError("images must be at least one, not none")
    if labels is not None and np.shape(labels) != (len(images),):
        raise ValueError(f"labels must be one for each of {len(images)} images, not of shape {np.shape(labels)}")
    matched = match(read.network, network, counted or CountedAs())
    runner = ModuleRunner(read, network, matched)
    compared = [one for one in matched.layers if network.gives_spikes(one.index)]
    tallies = {one.name: _Tally() for one in compared}
    answers, predictions = np.empty(len(images), np.int64), np.empty(len(images), np.int64)
    batch = max(1, min(BATCH, BATCH_VALUES // (network.timesteps * sum(map(prod, network.shapes)))))
    for start in range(0, len(images), batch):
        now = images[start : start + batch]
        result, encoded = run(network, now, trace=True), encode(network, now)
        theirs = runner(_filled(encoded, batch))
        predictions[start : start + batch] = result.predictions
        answers[start : start + batch] = theirs.answers[: len(now)]
        for one in compared:
            tallies[one.name].add(network, one, theirs, result, encoded, start)
        progress(len(now))
    total = len(images) * network.timesteps
    layers = tuple(tallies[one.name].layer(one.name, total * prod(network.shapes[one.index + 1])) for one in compared)
    return CheckResult(
        images=len(images),
        answers_agree=float((answers == predictions).mean()),
        accuracy_framework=None if labels is None else float((answers == labels).mean()),
        accuracy_model=None if labels is None else float((predictions == labels).mean()),
        layers=layers,
        not_compared=tuple(one.name for one in matched.layers if one not in compared),
        other_numbers=tuple(text for one in matched.layers if (text := one.other_numbers()) is not None),
    )


class _Tally:
    """The differences of a layer so far."""

    def __init__(self) -> None:
        self._differ = self._ties = 0
        self._first: FirstDifference | None = None

    def add(
        self,
        network: Network,
        one: Counterpart,
        theirs: ModuleRun,
        result: Result,
        encoded: Images,
        start: int,
    ) -> None:
        """Those of a batch, whose first image is number ``start``."""
        ours, trace = result.spikes[one.name], theirs.layers[one.name]
        differs = trace.spikes[: len(ours)] != ours
        self._differ += int(differs.sum())
        self._ties += int((differs & trace.tied[: len(ours)]).sum())
        if self._first is not None or not differs.any():
            return
        image, step, *neuron = map(int, np.unravel_index(int(differs.argmax()), differs.shape))
        channel, row, column = neuron
        frame = Frame(
            network,
            one,
            {name: layer.spikes[image] for name, layer in theirs.layers.items()},
            {INPUT: encoded[image]} | {name: spikes[image] for name, spikes in result.spikes.items()},
            trace.u[image],
            trace.tied[image],
        )
        at = (step, channel, row, column)
        u = float(trace.u[image][at])
        self._first = FirstDifference(
            image=start + image,
            step=step,
            neuron=(channel, row, column),
            u_framework=u if np.isfinite(u) else None,
            u_model=float(frame.model_u()[at] / one.unit[channel]),
            why=frame.why(step, (channel, row, column)),
        )

    def layer(self, name: str, values: int) -> LayerCheck:
        """The result."""
        return LayerCheck(name, values, self._differ, self._ties, self._first)


def _filled(frames: Images, count: int) -> Images:
    """``frames`` and as many empty ones as make ``count``."""
    missing = count - len(frames)
    return frames if not missing else np.concatenate([frames, np.zeros((missing, *frames.shape[1:]), frames.dtype)])
