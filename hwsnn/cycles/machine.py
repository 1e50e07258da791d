"""The components of a network, and their speed with queues of any depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from math import inf

from hwsnn.folding.folding import Folding, LayerFold
from hwsnn.spec import Network

from .components import CreditFifo
from .connected import Depths
from .ends import Sink
from .parts import sections
from .pipeline import Pipeline, Steady
from .sections import Part, Queue, Section


def depths_of(folding: Folding) -> Depths:
    """The depths of a folding's queues."""
    depths: dict[Queue, float] = {(name, "results"): depth for name, depth in folding.fifo_depths.items()}
    depths |= {(name, "columns"): depth for name, depth in folding.column_depths.items()}
    return depths | {(name, "edges"): depth for name, depth in folding.edge_depths.items()}


def occupied_clocks(part: Part) -> int:
    """The clocks for which a beat takes a place of a queue if nothing keeps it."""
    queue = part.make(Sink().push, inf)
    assert isinstance(queue, CreditFifo)
    return queue.delay + 2


class Machine:
    """The pipeline of a network, for any depths of its queues.

    Parameters: the network, and a fold for each of its layers with weights.
    """

    def __init__(self, network: Network, layers: Mapping[str, LayerFold]) -> None:
        self._sections = sections(network, layers)

    @property
    def sections(self) -> list[Section]:
        """The components, from queue to queue."""
        return self._sections

    @property
    def queues(self) -> dict[Queue, int]:
        """The queues in the order of the data, and the beats per frame that leave each."""
        queues = [section.queue for section in self._sections if section.queue]
        return {queue.queue: queue.beats for queue in queues if queue.queue}

    def fewest_places(self, clocks: int) -> dict[Queue, int]:
        """Of each queue, places without which a frame takes more than ``clocks`` cycles.

        A beat takes a place from its entry until a clock after it left, all clocks of the pipeline included.
        """
        queues = [section.queue for section in self._sections if section.queue]
        taken = {queue.queue: queue.beats * occupied_clocks(queue) for queue in queues if queue.queue}
        return {queue: max(-(-each // clocks), 1) for queue, each in taken.items()}

    def result_clocks(self, depths: Depths) -> Iterator[int]:
        """Cycles from the very first pixel to the result of each frame, if pixels are always available."""
        return Pipeline(self._sections, depths).result_clocks()

    def busy(self) -> dict[str, Fraction]:
        """Cycles per frame that the encoder, each layer and the readout need by themselves.

        That is, with input always available and output always taken; the first layer's include the encoder, as no queue
        is between them. A network with endless queues is as fast as its slowest part; none is faster.
        """
        clocks: dict[str, Fraction] = {}
        alone = [section.alone() for section in self._sections]
        first = alone[0].branches[0]
        if first.parts and first.parts[0].owner == "encoder":
            alone.insert(0, Section((replace(first, parts=first.parts[:1]),)))
        for section in alone:
            if section.owner is not None:
                own = Pipeline([section], {}).steady().clocks
                clocks[section.owner] = max(clocks.get(section.owner, Fraction(0)), own)
        return clocks

    def steady(self, depths: Depths, interval: int = 0) -> Steady:
        """The steady state of the network; each frame is offered at least ``interval`` cycles after the last.

        An interval of at most the cycles per frame does not change them: it only keeps the queues before the slowest
        part from filling, which may take long.
        """
        return Pipeline(self._sections, depths, interval).steady()

    def keeps(self, depths: Depths, clocks: int, latency: int) -> Mapping[Queue, int] | None:
        """The peaks of the queues if depths keep this latency and, in the long run, these cycles per frame.

        Each frame is offered exactly ``clocks`` cycles after the last. None if the frames fall behind.
        """
        return Pipeline(self._sections, depths, clocks).keeps(clocks, latency)
