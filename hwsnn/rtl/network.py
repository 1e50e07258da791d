"""The whole network as one pipeline: encoder, layers and readout, each a named instance."""

from __future__ import annotations

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwsnn.folding.folding import Folding, column_queues
from hwsnn.spec import Network

from .encoders import encoder_component
from .layer import component
from .readout import ArgMax, SpikeCount
from .stream.chain import ChainComponent, Components, connect_chain
from .stream.credit import CreditWrapper

RESULTS = 2
"""Depth of the queue of results at the end of the pipeline."""


def layer_instance(name: str) -> str:
    """The instance name of the layer ``name``, and the prefix of its streams' names.

    A layer may have any name; the suffix keeps it from being a keyword, and keeps different names different.
    """
    return f"{name}_layer"


def pixel_layout(network: Network) -> data.ArrayLayout:
    """The payload of the ``pixels`` stream: every input channel of a pixel."""
    return data.ArrayLayout(unsigned(network.pixel_bits), network.input_shape[0])


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
        The network. Its layers become instances named by ``layer_instance``, beside ``encoder`` and ``readout``.
    folding : Folding
        The parallelism of every layer with weights, and the depths of its queues.

    Ports
    -----
    pixels : stream in of ``pixel_layout(network)``
        Raster order, one beat per pixel, frames back to back; with the encoding ``steps`` one per time step of a pixel,
        order (y, x, t).
    result : stream out of ``result_layout(network)``
        One beat per frame, in the order of the frames.

    Timing
    ------
    ``hwsnn.cycles`` computes the latency and the cycles per frame, which are those of the slowest layer.

    Raises
    ------
    ValueError
        The folding does not name the network's layers.
    """

    def __init__(self, network: Network, folding: Folding) -> None:
        names = {layer.name for layer in network.layers}
        weighted = {layer.name for _, layer in network.populations()}
        if set(folding.layers) != weighted:
            raise ValueError(f"folding must name the layers {sorted(weighted)}, not {sorted(folding.layers)}")
        queues = column_queues(network)
        if set(folding.column_depths) != set(queues):
            raise ValueError(
                f"column depths must name the layers {sorted(queues)}, not {sorted(folding.column_depths)}"
            )
        if set(folding.fifo_depths) != names:
            raise ValueError(f"fifo depths must name the layers {sorted(names)}, not {sorted(folding.fifo_depths)}")
        self._network, self._folding = network, folding
        super().__init__(
            {
                "pixels": In(stream.Signature(pixel_layout(network))),
                "result": Out(stream.Signature(result_layout(network))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        parts = [*self._encoder(), *self._layers(), ("readout", self._readout())]
        connect_chain(m, wiring.flipped(self.pixels), parts, wiring.flipped(self.result))
        return m

    def _encoder(self) -> Components:
        encoder = encoder_component(self._network)
        return [] if encoder is None else [("encoder", encoder)]

    def _layers(self) -> Components:
        network, folding = self._network, self._folding
        return [
            (layer_instance(layer.name), component(layer, network, index, folding))
            for index, layer in enumerate(network.layers)
        ]

    def _readout(self) -> ChainComponent:
        network = self._network
        answer = CreditWrapper(ArgMax(network.classes, result_layout(network).members["scores"].elem_shape), RESULTS)
        if network.readout == "membrane":
            return ChainComponent([("answer", answer)])
        steps = self._folding.beat_steps(network, len(network.layers) - 1)
        count = SpikeCount(network.classes, network.timesteps, steps)
        return ChainComponent([("count", count), ("answer", answer)])
