"""A network's chain of components at work, in clocks alone."""

from __future__ import annotations

import inspect
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from math import inf, prod
from typing import TypeAlias

from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import Network

from . import streams
from .parts import Part, Queue, parts
from .streams import Stream

Depths: TypeAlias = Mapping[Queue, float]
"""How deep the queues are; those not named have no end."""


def depths_of(folding: Folding) -> Depths:
    """The depths of a folding's queues."""
    depths: dict[Queue, float] = {(name, "results"): depth for name, depth in folding.fifo_depths.items()}
    return depths | {(name, "columns"): depth for name, depth in folding.column_depths.items()}


@dataclass(frozen=True)
class Steady:
    """Frames that follow each other for ever.

    ``clocks``: a frame's. ``latency``: clocks from the first frame's first pixel to its result. ``peaks``: how deep a
    queue must be so as never to be full.
    """

    clocks: Fraction
    latency: int
    peaks: Mapping[Queue, int]


class Machine:
    """A network's pipeline; only the depths of its queues are still open.

    Parameters: the network, and a fold for each of its layers with weights.
    """

    def __init__(self, network: Network, layers: Mapping[str, LayerFold]) -> None:
        self._pixels = prod(network.input_shape[1:])
        self._parts = list(parts(network, layers))

    @property
    def queues(self) -> dict[Queue, int]:
        """The queues in the order of the data, and the beats of a frame that leave each."""
        return {part.queue: part.beats for part in self._parts if part.queue}

    def result_clocks(self, depths: Depths) -> Iterator[int]:
        """The clocks from the move of the very first pixel to each frame's result; pixels are offered at all times."""
        return _Chain(self._pixels, self._parts, depths).result_clocks()

    def busy(self) -> dict[str, Fraction]:
        """Clocks a frame that the encoder, each layer and the readout need by themselves.

        That is, with input always there and output always taken; the first layer's include the encoder, as no queue is
        between them. No network is faster than the slowest, and with queues without end none is slower.
        """
        clocks: dict[str, Fraction] = {}
        sections = self._sections()
        if self._parts[0].owner == "encoder":
            sections.insert(0, (self._pixels, self._parts[:1]))
        for beats, section in sections:
            owner = section[-1].owner
            clocks[owner] = max(clocks.get(owner, Fraction(0)), _Chain(beats, section, {}).steady().clocks)
        return clocks

    def steady(self, depths: Depths, interval: int = 0) -> Steady:
        """What the network does once its frames are alike; each is offered at least ``interval`` clocks after the last.

        An interval of at most the clocks a frame does not change them: it only keeps the queues before the slowest part
        from filling, which may take long.
        """
        return _Chain(self._pixels, self._parts, depths, interval).steady()

    def _sections(self) -> list[tuple[int, list[Part]]]:
        """The parts from queue to queue, each with the beats of a frame that come to them."""
        sections: list[tuple[int, list[Part]]] = [(self._pixels, [])]
        for part in self._parts:
            sections[-1][1].append(part)
            if part.queue:
                sections.append((part.beats, []))
        return sections


class _Chain:
    """Parts at work on frames of ``beats`` beats that are offered to them."""

    def __init__(self, beats: int, parts: Iterable[Part], depths: Depths, interval: int = 0) -> None:
        self._begun: list[float] = []
        self._streams = [streams.offered(beats, interval, self._begun)]
        self._queues: dict[Queue, Stream] = {}
        for part in parts:
            depth = depths.get(part.queue, inf) if part.queue else inf
            self._streams.append(part.add(self._streams[-1], depth))
            if part.queue:
                self._queues[part.queue] = self._streams[-1]
            beats = part.beats
        self._ends = streams.frames(self._streams[-1], beats)

    def result_clocks(self) -> Iterator[int]:
        return (int(end - self._begun[0]) for end in self._ends)

    def steady(self) -> Steady:
        """Runs until all that the parts remember is as it was some frames ago: from then on everything repeats."""
        seen: dict[bytes, tuple[int, int]] = {}  # by digest: deep queues remember much
        latency = 0
        for frame, end in enumerate(self.result_clocks()):
            latency = latency or end
            clocks = array("d", streams.state(self._streams, end + self._begun[0]))
            state = blake2b(clocks.tobytes(), digest_size=16).digest()
            if state in seen:
                before, then = seen[state]
                return Steady(Fraction(end - then, frame - before), latency, self._peaks())
            seen[state] = frame, end
        raise AssertionError("frames never end")

    def _peaks(self) -> dict[Queue, int]:
        return {queue: inspect.getgeneratorlocals(stream)["peak"] for queue, stream in self._queues.items()}
