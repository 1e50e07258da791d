"""Linear maps, joins and neurons as the layers of a float network: what all front ends share.

A front end walks its own nodes in the order of the data, and keeps the ``Signal`` that each of them gives. Linear nodes
add maps to it, and at every node that has neurons a layer is closed: the maps since the layers before are folded into
the weights of its projections. Errors name the node of the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from hwsnn.float_network import (
    AnyFloatNeuron,
    AnyFloatProjection,
    FloatArray,
    FloatConv,
    FloatDense,
    FloatLayer,
    FloatNeuron,
    FloatPopulation,
)
from hwsnn.spec import INPUT, MAX_EXTENT, MAX_SPIKES, MaxPool, Pair, PoolMode, Shape, Sum
from hwsnn.spec.checks import assert_never

from ..errors import InputError
from . import linear, terms
from .names import layer_name
from .terms import Signal, Term


class Source(Protocol):
    """A node of what a front end reads."""

    @property
    def name(self) -> str:
        """As the source has it."""

    def error(self, text: str) -> InputError:
        """The exception for an error in this node."""


class Graph:
    """The layers so far. Methods raise ``InputError`` for what cannot be built."""

    def __init__(self) -> None:
        self.layers: list[FloatLayer] = []
        self.work = linear.Work()
        self._folded: dict[linear.Map, str] = {}  # those with weights, and the neurons that take their currents
        self._most: dict[str, int] = {}  # spikes per step, by layer

    def input(self, shape: Shape, *, flat: bool) -> Signal:
        """The network's input of (channels, height, width). ``flat``: whether it is a vector to the source."""
        return Signal(shape, flat, (Term(INPUT, shape, shape),))

    def flattened(self, signal: Signal) -> Signal:
        """``signal`` as a vector, in the order of channels, rows and columns."""
        return replace(signal, flat=True)

    def vector(self, node: Source, signal: Signal) -> Signal:
        """The flat ``signal`` with a channel for each value, for neurons that differ from one to the next."""
        vector = terms.as_vector(signal)
        self._require_extent(node, vector.shape)
        return vector

    def add(self, node: Source, signal: Signal, added: linear.Map) -> Signal:
        """A linear map behind ``signal``, whose channels must fit; a ``MaxMap`` is ``add_max_pool``'s."""
        self._require_window(node, signal, added)
        self._require_extent(node, linear.output_shape(added, signal.shape))
        return terms.mapped(signal, added, self.work)

    def add_max_pool(self, node: Source, signal: Signal, window: Pair, stride: Pair, mode: PoolMode = "or") -> Signal:
        """The largest of a window: a layer of its own behind neurons, a pool of spikes by ``mode``, else a map."""
        pool = linear.MaxMap(node.name, window, stride)
        self._require_window(node, signal, pool)
        if signal.overlaps:
            raise node.error("takes the largest of a sum, which is not built; pool each part before they are added")
        if any(term.source not in self._most or not all(map(linear.is_gain, term.maps)) for term in signal.terms):
            return self.add(node, signal, pool)
        bare = replace(signal, terms=tuple(replace(term, maps=()) for term in signal.terms))
        if any(self._is_sum(term) for term in bare.terms):
            raise node.error("takes the largest of added spikes, which is not built; pool each before they are added")
        pooled = self.close_pool(node.name, bare, window, stride, mode)
        pairs = zip(pooled.terms, signal.terms, strict=True)  # what a spike counts goes on behind the pool
        return replace(pooled, terms=tuple(replace(term, maps=before.maps) for term, before in pairs))

    def close_pool(self, name: str, signal: Signal, window: Pair, stride: Pair, mode: PoolMode) -> Signal:
        """A spiking max-pool of each layer whose spikes ``signal`` is."""
        shape = linear.output_shape(linear.MaxMap(name, window, stride), signal.shape)
        closed = list[Term]()
        for term in signal.terms:
            pool = MaxPool(self._layer_name(name, "pool"), window, stride, mode, self._source(term))
            its_shape = (term.shape[0], *shape[1:])
            self.layers.append(pool)
            self._most[pool.name] = self._most.get(term.source, 1)
            closed.append(Term(pool.name, its_shape, its_shape, first=term.first))
        return Signal(shape, signal.flat, tuple(closed))

    def is_binary(self, signal: Signal) -> bool:
        """Whether ``signal`` is what neurons that fire at most once a step give."""
        return all(not term.maps and self._most.get(term.source) == 1 for term in signal.terms)

    def sum(self, node: Source, signals: Sequence[Signal]) -> Signal:
        """The element-wise sum: of the spikes of several layers a layer of its own, else of the currents."""
        first = signals[0]
        for other in signals[1:]:
            sizes = [np.prod(signal.shape) for signal in (first, other)]
            if other.shape != first.shape and not (first.flat and other.flat and sizes[0] == sizes[1]):
                raise node.error(f"adds {_size(first)} to {_size(other)}; both must have one shape")
        if any(signal.shape != first.shape for signal in signals) or not all(
            signal.spikes and signal.terms[0].source != INPUT for signal in signals
        ):
            return self._bounded(node, terms.added(signals))
        sources = tuple(signal.terms[0].source for signal in signals)
        layer = Sum(self._layer_name(node.name, "sum"), sources)
        self._most[layer.name] = sum(map(self._most.__getitem__, sources))
        if self._most[layer.name] > MAX_SPIKES:
            raise node.error(
                f"adds up to {self._most[layer.name]} spikes; at most {MAX_SPIKES} are built: put neurons between"
            )
        self.layers.append(layer)
        return Signal(first.shape, first.flat, (Term(layer.name, first.shape, first.shape),))

    def concatenate(self, node: Source, signals: Sequence[Signal]) -> Signal:
        """The channels of several tensors behind one another, or the values of several flat ones."""
        if len({signal.flat for signal in signals}) > 1:
            raise node.error("joins vectors and images; flatten all of them before")
        if not signals[0].flat and len({signal.shape[1:] for signal in signals}) > 1:
            sizes = " and ".join(sorted({_size(signal) for signal in signals}))
            raise node.error(f"joins the channels of {sizes}; all must have one height and width")
        return self._bounded(node, terms.concatenated(signals))

    def close(
        self,
        node: Source,
        signal: Signal,
        neuron: AnyFloatNeuron,
        gain: FloatArray,
        offset: FloatArray,
        recurrent: FloatArray | None = None,
    ) -> Signal:
        """The neurons of ``node``, and the maps of ``signal`` folded into their projections and bias.

        A current reaches them times ``gain``, plus ``offset``, (channels,) each. ``recurrent``: weights of their own
        spikes of the step before, which are part of that current: (channels, channels), or (channels,) one to one.
        """
        self._require_extent(node, signal.shape)
        channels = signal.shape[0]
        name = self._layer_name(self._source_name(signal, node.name), _kind(signal))
        for term in signal.terms:
            self._require_single_use(node, term)
        signal = terms.of_one_extent(node.name, signal, self.work)
        projections, bias, pool = list[AnyFloatProjection](), np.zeros(channels), None
        for term in signal.terms:
            folded, pool = linear.fold(node.name, term.maps, term.source_shape, self.work)
            if pool is not None and len(signal.terms) > 1:
                raise node.error("adds to the largest of a window of currents, which is not built; pool spikes instead")
            folded = terms.placed(term, folded, channels, self.work)
            if projections:  # each has weights of its own, though many may come from one node
                self.work.take(node.name, folded.weight.size)
            bias += folded.bias
            projections.append(self._projection(node, name, term, folded, gain))
        if pool is not None and (gain < 0).any():
            raise node.error(
                "its gain is negative, which makes a minimum of the pool before it; make it positive, and turn the "
                "weights before the pool"
            )
        if recurrent is not None:
            if pool is not None:
                raise node.error("is recurrent behind a pool of its currents, which is not built; pool its spikes")
            projections.append(_recurrent(node, name, recurrent, gain))
        bias = bias * gain + offset
        _require_finite(node, bias)
        self.layers.append(FloatPopulation(name, tuple(projections), bias, neuron, pool))
        self._most[name] = neuron.spikes if isinstance(neuron, FloatNeuron) else 0
        return Signal(signal.shape, signal.flat, (Term(name, signal.shape, signal.shape),))

    def _projection(
        self, node: Source, name: str, term: Term, folded: linear.ConvMap | linear.DenseMap, gain: FloatArray
    ) -> AnyFloatProjection:
        weight, source = _scaled(node, folded.weight, gain), self._source(term)
        match folded:
            case linear.DenseMap():
                return FloatDense(name, weight, source=source)
            case linear.ConvMap(stride=stride, padding=padding):
                if max(*stride, *padding) > MAX_EXTENT:
                    raise node.error(f"what is before it folds to strides and paddings beyond {MAX_EXTENT}")
                return FloatConv(name, weight, stride, padding, folded.groups, source=source)
            case _:
                raise assert_never(folded)

    def _bounded(self, node: Source, signal: Signal) -> Signal:
        if len(signal.terms) > terms.MAX_TERMS:
            raise node.error(
                f"joins what {len(signal.terms)} layers give; at most {terms.MAX_TERMS} are built: put neurons between"
            )
        return signal

    def _require_single_use(self, node: Source, term: Term) -> None:
        """Currents are computed where they are added up: for two layers of neurons they would be computed twice."""
        for used in term.maps:
            if isinstance(used, linear.ConvMap | linear.DenseMap):
                taker = self._folded.setdefault(used, node.name)
                if taker != node.name:
                    raise node.error(
                        f"takes the currents of {used.name!r}, which {taker!r} takes too; each layer of neurons would "
                        "compute them, and all that are added to them, again: put neurons before the branch"
                    )

    def _require_extent(self, node: Source, shape: Shape) -> None:
        if max(shape) > MAX_EXTENT:
            raise node.error(
                f"makes an output of {'x'.join(map(str, shape))}; at most {MAX_EXTENT} is built on each axis"
            )

    def _require_window(self, node: Source, signal: Signal, added: linear.Map) -> None:
        if isinstance(added, linear.ConvMap | linear.PoolMap | linear.MaxMap):
            rows, columns = added.window
            height, width = (extent + 2 * pad for extent, pad in zip(signal.shape[1:], added.padding, strict=True))
            if rows > height or columns > width:
                raise node.error(
                    f"its window of {rows}x{columns} must fit its input of {height}x{width} (padding included)"
                )

    def _is_sum(self, term: Term) -> bool:
        return not term.maps and any(isinstance(layer, Sum) and layer.name == term.source for layer in self.layers)

    def _source(self, term: Term) -> str | None:
        """The source of a new layer's input: None for the layer before it, as ``Port`` has it."""
        return None if term.source == (self.layers[-1].name if self.layers else INPUT) else term.source

    def _source_name(self, signal: Signal, neurons: str) -> str:
        """The node that names a layer: the last with weights, else the last linear one, else the neurons'."""
        chains = [term.maps for term in signal.terms]
        weighted = [[one.name for one in maps if isinstance(one, linear.ConvMap | linear.DenseMap)] for maps in chains]
        named = [*filter(None, weighted), *([one.name for one in maps] for maps in chains if maps), [neurons]]
        return named[0][-1]

    def _layer_name(self, node: str, kind: str) -> str:
        return layer_name(node, kind, {layer.name for layer in self.layers})


def _kind(signal: Signal) -> str:
    dense = any(isinstance(one, linear.DenseMap) for term in signal.terms for one in term.maps)
    return "dense" if dense else "conv"


def _recurrent(node: Source, name: str, weight: FloatArray, gain: FloatArray) -> AnyFloatProjection:
    """One to one as a depthwise convolution, else from all channels."""
    groups = len(weight) if weight.ndim == 1 else 1
    kernels = weight.reshape(len(weight), -1, 1, 1)
    return FloatConv(name, _scaled(node, kernels, gain), groups=groups, source=name, delay=1)


def _scaled(node: Source, weight: FloatArray, gain: FloatArray) -> FloatArray:
    scaled = weight * gain[:, np.newaxis, np.newaxis, np.newaxis]
    _require_finite(node, scaled)
    return np.asarray(scaled)


def _require_finite(node: Source, values: FloatArray) -> None:
    if not np.isfinite(values).all():
        raise node.error("the weights before it overflow once folded together; scale them down")


def _size(signal: Signal) -> str:
    return "x".join(map(str, signal.shape[:1] if signal.flat and signal.shape[1:] == (1, 1) else signal.shape))
