"""A chain of linear maps and neurons as the layers of a float network: what all front ends share.

A front end walks its own nodes, adds the linear ones as maps, and closes a layer at every node that has neurons; the
maps since the last one are folded into that layer's weights. Errors name the node of the source.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hwsnn.float_network import (
    AnyFloatNeuron,
    AnyFloatProjection,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatLayer,
    FloatPopulation,
)
from hwsnn.spec import MAX_EXTENT, MaxPool, Pair, PoolMode, Shape, Window
from hwsnn.spec.checks import assert_never

from ..errors import InputError
from . import linear
from .names import layer_name


class Source(Protocol):
    """A node of what a front end reads."""

    @property
    def name(self) -> str:
        """As the source has it."""

    def error(self, text: str) -> InputError:
        """The exception for an error in this node."""


class Chain:
    """The layers so far, and the maps since the last of them; ``shape``: (channels, height, width) of their output.

    ``flat``: whether that output is a vector to the source. Methods raise ``InputError`` for what cannot be built.
    """

    def __init__(self, input_shape: Shape, *, flat: bool) -> None:
        self.shape = input_shape
        self.flat = flat
        self.maps: list[linear.Map] = []
        self.layers: list[FloatLayer] = []
        self.work = linear.Work()
        self._maps_shape = input_shape

    def add(self, node: Source, added: linear.Map) -> None:
        """A map behind those before it, whose channels must fit."""
        if isinstance(added, linear.ConvMap | linear.PoolMap | linear.MaxMap):
            rows, columns = added.window
            height, width = (extent + 2 * pad for extent, pad in zip(self.shape[1:], added.padding, strict=True))
            if rows > height or columns > width:
                raise node.error(
                    f"its window of {rows}x{columns} must fit its input of {height}x{width} (padding included)"
                )
        shape = linear.output_shape(added, self.shape)
        if max(shape) > MAX_EXTENT:
            raise node.error(
                f"makes an output of {'x'.join(map(str, shape))}; at most {MAX_EXTENT} is built on each axis"
            )
        self.maps.append(added)
        self.shape = shape
        self.flat = self.flat or isinstance(added, linear.DenseMap)

    def add_max_pool(self, node: Source, window: Pair, stride: Pair, mode: PoolMode = "or") -> None:
        """The largest of a window: a layer of its own behind neurons, a pool of spikes by ``mode``, else a map."""
        gains = self.maps if not self.maps or (self.layers and all(map(linear.is_gain, self.maps))) else None
        self.add(node, linear.MaxMap(node.name, window, stride))
        if gains is not None:  # what a spike counts goes on behind the pool
            self.close_pool(node.name, window, stride, mode)
            self.maps = [one for one in gains if isinstance(one, linear.Scale)]

    def close_pool(self, name: str, window: Pair, stride: Pair, mode: PoolMode) -> str:
        """A spiking max-pool in place of the map that was added last; its name as a layer."""
        pool = MaxPool(self._layer_name(name, "pool"), window, stride, mode)
        self._close(pool)
        return pool.name

    def close(self, node: Source, neuron: AnyFloatNeuron, gain: FloatArray, offset: FloatArray) -> None:
        """The neurons of ``node``, and the maps since the last ones folded into their weights and bias.

        A current reaches them times ``gain``, plus ``offset``, (channels,) each.
        """
        folded, pool = linear.fold(node.name, self.maps, self._maps_shape, self.work)
        if pool is not None and (gain < 0).any():
            raise node.error(
                "its gain is negative, which makes a minimum of the pool before it; make it positive, and turn the "
                "weights before the pool"
            )
        weight = folded.weight * gain[:, np.newaxis, np.newaxis, np.newaxis]
        bias = folded.bias * gain + offset
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise node.error("the weights before it overflow once folded together; scale them down")
        source = self._source_name(node.name)
        match folded:
            case linear.DenseMap():
                self._populate(FloatDense(self._layer_name(source, "dense"), weight), bias, neuron)
            case linear.ConvMap(stride=stride, padding=padding):
                if max(*stride, *padding) > MAX_EXTENT:
                    raise node.error(f"what is before it folds to strides and paddings beyond {MAX_EXTENT}")
                layer = self._layer_name(source, "conv")
                self._populate(FloatConv(layer, weight, stride, padding, folded.groups), bias, neuron, pool)
            case _:
                assert_never(folded)

    def _populate(
        self, projection: AnyFloatProjection, bias: FloatArray, neuron: AnyFloatNeuron, pool: Window | None = None
    ) -> None:
        self._close(FloatPopulation(projection.name, (projection,), bias, neuron, pool))

    def _close(self, layer: FloatLayer) -> None:
        self.layers.append(layer)
        self.maps = []
        self._maps_shape = self.shape

    def _source_name(self, neurons: str) -> str:
        """The node that names a layer: the last with weights, else the last linear one, else the neurons'."""
        weighted = [one.name for one in self.maps if isinstance(one, linear.ConvMap | linear.DenseMap)]
        return (weighted or [one.name for one in self.maps] or [neurons])[-1]

    def _layer_name(self, node: str, kind: str) -> str:
        return layer_name(node, kind, {layer.name for layer in self.layers})
