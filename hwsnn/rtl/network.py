"""The whole network as one pipeline: encoder, layers, forks and readout, each a named instance."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.column_pairs import as_built
from hwsnn.folding.folding import Folding, column_queues, edge_queues, port_name
from hwsnn.spec import INPUT, INPUT_INDEX, Network

from .encoders import encoder_component
from .layer import component
from .ports import input_streams
from .readout import ArgMax
from .scores import scores_component
from .stream.chain import ChainComponent, add_chain, connect_chain
from .stream.credit import CreditWrapper
from .stream.fork import Fork

RESULTS = 2
"""Depth of the queue of results at the end of the pipeline."""


def layer_instance(name: str) -> str:
    """The instance name of the layer ``name``, and the prefix of its streams' names.

    A layer may have any name; the suffix keeps it from being a keyword, and keeps different names different.
    """
    return f"{name}_layer"


def pixel_layout(network: Network, pixels_per_cycle: int = 1) -> data.ArrayLayout:
    """The payload of the ``pixels`` stream: every input channel of a pixel, or of two next to each other in a row."""
    return data.ArrayLayout(unsigned(network.pixel_bits), network.input_shape[0] * pixels_per_cycle)


def result_layout(network: Network) -> data.StructLayout:
    """The payload of the ``result`` stream: the predicted class, and the score of every class."""
    score = signed(network.score_bits) if network.reads_membranes else unsigned(network.score_bits)
    return data.StructLayout(
        {"answer": unsigned(network.answer_bits), "scores": data.ArrayLayout(score, network.classes)}
    )


class Pipeline(wiring.Component):
    """A network in hardware: pixels in, one result per frame out.

    Parameters
    ----------
    network : Network
        The network. Its layers become instances named by ``layer_instance``, beside ``encoder`` and ``readout``. Where
        something feeds several layers, or a layer twice, there is a ``Fork`` behind it, ``NAME_fork``.
    folding : Folding
        The parallelism of every layer with weights, and the depths of its queues. With two pixels per cycle the layers
        are those of ``as_built``.

    Ports
    -----
    pixels : stream in of ``ArrayLayout(unsigned(n), C)``
        Raster order, one beat per pixel, frames back to back; with the encoding ``steps`` one per time step of a pixel,
        order (y, x, t). With two pixels per cycle C are the channels of both, the left one's first;
        behind the end of a row of odd width the right one is 0.
    result : stream out of ``StructLayout({"answer": unsigned(a), "scores": ArrayLayout(S, classes)})``
        The predicted class and the scores, of s bits: S is ``signed(s)`` for membranes, else ``unsigned(s)``. One beat
        per frame, in the order of the frames.

    Timing
    ------
    The cycle model (``docs/cycles.md``) computes the latency and the cycles per frame, which are those of the slowest
    layer.

    Raises
    ------
    ValueError
        The folding does not name the network's layers, or its queues.
    InputError
        The network cannot take as many pixels per cycle.
    """

    def __init__(self, network: Network, folding: Folding) -> None:
        network = as_built(network, folding)
        needed = {
            "folding": ([layer.name for _, layer in network.populations()], folding.layers),
            "column depths": (column_queues(network), folding.column_depths),
            "fifo depths": ([layer.name for layer in network.layers], folding.fifo_depths),
            "edge depths": (edge_queues(network), folding.edge_depths),
        }
        for what, (names, given) in needed.items():
            if set(given) != set(names):
                raise ValueError(f"{what} must name {sorted(names)}, not {sorted(given)}")
        self._network, self._folding = network, folding
        channels, height, width = network.input_shape
        self.here = {"n": network.pixel_bits, "C": channels, "height": height, "width": width}
        self.here |= {"a": network.answer_bits, "s": network.score_bits, "classes": network.classes}
        super().__init__(
            {
                "pixels": In(stream.Signature(pixel_layout(network))),
                "result": Out(stream.Signature(result_layout(network))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        network, folding = self._network, self._folding
        encoder = encoder_component(network)
        given = add_chain(m, wiring.flipped(self.pixels), [] if encoder is None else [("encoder", encoder)])
        taken = self._taken(m, INPUT_INDEX, INPUT if encoder is None else "encoder", given)
        for index, layer in enumerate(network.layers):
            name, made = layer_instance(layer.name), component(network, index, folding)
            m.submodules[name] = made
            for port, stream_name in input_streams(layer.ports).items():
                wiring.connect(m, taken[index, port], getattr(made, stream_name))
            taken |= self._taken(m, index, name, made.o)
        connect_chain(m, made.o, [("readout", self._readout())], wiring.flipped(self.result))
        return m

    def _taken(self, m: Module, source: int, name: str, given: Any) -> dict[tuple[int, int], Any]:
        """What each port that ``source`` feeds takes: the stream that is given, or one of a fork behind it."""
        network, consumers = self._network, self._network.consumers(source)
        if len(consumers) < 2:
            return dict.fromkeys(consumers, given)
        depths = [self._folding.edge_depths[port_name(network, *consumer)] for consumer in consumers]
        fork = Fork(given.payload.shape(), depths)
        m.submodules[f"{name}_fork"] = fork
        wiring.connect(m, given, fork.i)
        return {consumer: getattr(fork, f"o_{number}") for number, consumer in enumerate(consumers)}

    def _readout(self) -> ChainComponent:
        network = self._network
        answer = CreditWrapper(ArgMax(network.classes, result_layout(network).members["scores"].elem_shape), RESULTS)
        steps = self._folding.beat_steps(network, len(network.layers) - 1)
        scores = scores_component(network, steps)
        return ChainComponent([("answer", answer)] if scores is None else [("scores", scores), ("answer", answer)])
