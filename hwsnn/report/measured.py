"""What the reference does on images: answers, firing, activity, membranes, and the spikes of chosen samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hwsnn import reference
from hwsnn.data import Data, load
from hwsnn.errors import InputError
from hwsnn.progress import Advance, StageProgress, silent
from hwsnn.reference import activity, firing
from hwsnn.reference.activity import Activity
from hwsnn.reference.firing import Firing
from hwsnn.reference.of_layer import of_layer
from hwsnn.reference.readouts import scores as read
from hwsnn.reference.traces import traced
from hwsnn.spec import INPUT_INDEX, Network
from hwsnn.spec.integers import Images, Int64Array, Range

FIRING_IMAGES = 200
"""On how many images, at most, the firing is counted: enough that a neuron that fires now and then is seen to."""
MEMBRANE_IMAGES = 8
MOST_SAMPLES = 8
WORST = 12
"""Samples of the wrong answers that are shown."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One image: its ``number`` in the data, and what each layer does at each step.

    ``spikes``: (T, C, H, W), by layer, and of the encoder where it makes spikes. ``scores``: (T, classes), what the
    readout would have given after each step.
    """

    number: int
    image: Images
    spikes: Mapping[str, npt.NDArray[np.uint8]]
    scores: Int64Array


@dataclass(frozen=True, eq=False)
class Measured:
    """The results of the reference.

    ``data``: as the user called them. ``scores``: (N, classes); ``predictions``: (N,). ``rates``: of each layer, spikes
    per step of each neuron, (neurons,). ``membranes``: the range of u that was seen, by layer.
    ``fired_on``, ``seen_on``: of how many images firing and membranes are.
    """

    called: str
    data: Data
    scores: Int64Array
    predictions: Int64Array
    firing: Mapping[str, Firing]
    rates: Mapping[str, npt.NDArray[np.float64]]
    activity: Activity
    fired_on: int
    membranes: Mapping[str, Range]
    seen_on: int
    samples: tuple[Sample, ...]

    @property
    def labels(self) -> Int64Array | None:
        """(N,), or None where they are unknown."""
        return self.data.labels

    @property
    def accuracy(self) -> float | None:
        """The share of right answers, None without labels."""
        return None if self.labels is None else float((self.predictions == self.labels).mean())

    @property
    def margins(self) -> Int64Array:
        """(N,): the score of the label less the largest other one; of the answer, where there are no labels.

        Of a single class its score.
        """
        right = self.predictions if self.labels is None else self.labels
        rows = np.arange(len(right))
        its = self.scores[rows, right]
        if self.scores.shape[1] == 1:
            return its
        others = self.scores.copy()
        others[rows, right] = np.iinfo(np.int64).min
        margins: Int64Array = its - others.max(axis=1)
        return margins

    @property
    def worst(self) -> list[int]:
        """The wrong answers, from the smallest margin on; the least sure ones, where there are no labels."""
        order = np.argsort(self.margins, kind="stable")
        wrong = order if self.labels is None else order[self.predictions[order] != self.labels[order]]
        return [int(number) for number in wrong[:WORST]]


def measure(
    network: Network,
    called: str,
    count: int | None = None,
    chosen: Sequence[int] = (),
    progress: StageProgress = silent,
) -> Measured:
    """Run the reference on the first ``count`` images of ``called``, or all; ``chosen``: samples that are shown.

    Without ``chosen`` these are the first image and the worst. Raises ``InputError`` for data that do not fit.
    """
    data = load(called, network, count)
    images = data.images
    for number in chosen:
        if not 0 <= number < len(images):
            raise InputError(
                f"{called}: --sample must be from 0 to {len(images) - 1}, the images there are, not {number}"
            )
    result = reference.run(network, images, progress=_counted(progress, "running the reference", len(images)))
    some, few = images[:FIRING_IMAGES], images[:MEMBRANE_IMAGES]
    advance = _counted(progress, "counting spikes", 3 * len(some))
    measured = Measured(
        called,
        data,
        result.scores,
        result.predictions,
        firing.measure(network, some, progress=advance),
        _rates(network, some, advance),
        activity.measure(network, some, progress=advance),
        len(some),
        _membranes(network, few),
        len(few),
        samples=(),
    )
    numbers = list(dict.fromkeys(chosen)) or list(dict.fromkeys([0, *measured.worst[:1]]))
    return replace(measured, samples=tuple(_sample(network, images[n], n) for n in numbers[:MOST_SAMPLES]))


def _counted(progress: StageProgress, stage: str, total: int) -> Advance:
    """Reports ``stage`` by the amounts done since the last call."""
    done = 0

    def advance(by: int) -> None:
        nonlocal done
        done += by
        progress(stage, done, total)

    progress(stage, 0, total)
    return advance


def _rates(network: Network, images: Images, advance: Advance) -> dict[str, npt.NDArray[np.float64]]:
    counts: dict[str, Int64Array] = {}
    for trace in traced(network, images, advance):
        for name, spikes in trace.items():
            counts[name] = counts.get(name, np.int64(0)) + spikes.sum(axis=(0, 1), dtype=np.int64)
    return {name: each.ravel() / (len(images) * network.timesteps) for name, each in counts.items()}


def _membranes(network: Network, images: Images) -> dict[str, Range]:
    """The smallest and the largest u of each layer with neurons."""
    spikes = reference.run(network, images, trace=True).spikes
    found = {}
    for index, layer in network.populations():
        u = of_layer(network, index, *_inputs(network, index, images, spikes)).membranes
        assert u is not None
        found[layer.name] = Range(int(u.min()), int(u.max()))
    return found


def _inputs(
    network: Network, index: int, images: Images, spikes: Mapping[str, npt.NDArray[np.uint8]]
) -> list[npt.NDArray[np.uint8]]:
    encoded = reference.encode(network, images)
    return [
        encoded if edge.source == INPUT_INDEX else spikes[network.layers[edge.source].name]
        for edge in network.edges[index]
        if not edge.delay
    ]


def _sample(network: Network, image: Images, number: int) -> Sample:
    result = reference.run(network, image[np.newaxis], trace=True)
    last = network.layers[-1].name
    given = (result.membranes if network.reads_membranes else result.spikes)[last]
    steps = given.transpose(1, 0, 3, 4, 2).astype(np.int64)
    scores = np.concatenate([_after(network, steps, step) for step in range(1, network.timesteps + 1)])
    return Sample(number, image, {name: trace[0] for name, trace in result.spikes.items()}, scores)


def _after(network: Network, steps: Int64Array, count: int) -> Int64Array:
    """The scores (1, classes) after ``count`` of the steps (T, 1, 1, 1, classes)."""
    if network.reads_membranes:
        return read(network.readout, steps[:count])
    sofar = steps.copy()
    sofar[count:] = 0  # the first spike's score is of all steps
    return read(network.readout, sofar)
