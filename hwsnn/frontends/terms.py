"""A tensor of the source as a sum of terms: each a chain of maps behind the spikes of one layer, or behind the input.

An addition puts the terms of its tensors side by side; a concatenation moves them to channels of their own. A linear
map goes to every term.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hwsnn.float_network import FloatArray
from hwsnn.spec import Shape
from hwsnn.spec.checks import assert_never

from . import linear
from .linear import ConvMap, DenseMap, Map, MaxMap, PoolMap, Scale, Work

BoolArray: TypeAlias = npt.NDArray[np.bool_]

MAX_TERMS = 64
"""Maximum terms of a tensor: a few additions of a tensor to itself would make any number of them."""


@dataclass(frozen=True, eq=False)
class Term:
    """``maps`` behind a layer, or the input, of ``source_shape``. ``shape``: of what they give.

    ``source``: the layer's name, or ``INPUT``. ``first``: the channel of the tensor that its first channel is, or of a
    flat tensor the element.
    """

    source: str
    source_shape: Shape
    shape: Shape
    maps: tuple[Map, ...] = ()
    first: int = 0

    def followed_by(self, added: Map, first: int | None = None) -> Term:
        """The term with one more map, which must fit."""
        shape = linear.output_shape(added, self.shape)
        return replace(self, shape=shape, maps=(*self.maps, added), first=self.first if first is None else first)


@dataclass(frozen=True, eq=False)
class Signal:
    """A tensor of the source: the sum of its terms. ``flat``: whether it is a vector to the source.

    ``shape``: (channels, height, width). The terms of a flat one may have other extents.
    """

    shape: Shape
    flat: bool
    terms: tuple[Term, ...]

    @property
    def spikes(self) -> bool:
        """Whether it is what one layer gives, or the input, and nothing else."""
        return len(self.terms) == 1 and not self.terms[0].maps

    @property
    def overlaps(self) -> bool:
        """Whether terms are added, not only concatenated."""
        return len(self.terms) > 1 and any((self._channels(term) & ~owned).any() for term, owned in self.owned())

    def owned(self) -> Iterator[tuple[Term, BoolArray]]:
        """Each term, and which of the channels it is the first to give: a constant is added there, and only once."""
        left = np.ones(self.shape[0], bool)
        for term in self.terms:
            channels = self._channels(term)
            yield term, channels & left
            left &= ~channels

    def _channels(self, term: Term) -> BoolArray:
        channels = np.zeros(self.shape[0], bool)
        count = term.shape[0] if term.shape[1:] == self.shape[1:] else math.prod(term.shape)
        channels[term.first : term.first + count] = True
        return channels


def mapped(signal: Signal, added: Map, work: Work) -> Signal:
    """``signal`` behind ``added``, which must fit it; not the largest of a sum."""
    shape = linear.output_shape(added, signal.shape)
    match added:
        case DenseMap():
            terms = _dense(signal, added)
        case ConvMap():
            terms = _convolved(signal, added, work)
        case Scale():
            terms = _scaled(signal, added)
        case PoolMap() | MaxMap():
            terms = tuple(term.followed_by(added) for term in signal.terms)
        case _:
            assert_never(added)
    return Signal(shape, signal.flat or isinstance(added, DenseMap), terms)


def _dense(signal: Signal, dense: DenseMap) -> tuple[Term, ...]:
    if len(signal.terms) == 1 and signal.terms[0].shape == signal.shape:
        return (signal.terms[0].followed_by(dense),)
    found = list[Term]()
    for term in signal.terms:
        values = math.prod(term.shape[1:]) if signal.shape[1:] != term.shape[1:] else 1
        part = dense.weight[:, term.first : term.first + term.shape[0] * values]
        bias = np.zeros_like(dense.bias) if found else dense.bias
        found.append(term.followed_by(DenseMap(dense.name, part.reshape(len(part), *term.shape), bias), first=0))
    return tuple(found)


def _convolved(signal: Signal, conv: ConvMap, work: Work) -> tuple[Term, ...]:
    if len(signal.terms) == 1:
        return (signal.terms[0].followed_by(conv),)
    inputs, outputs = conv.weight.shape[1], len(conv.weight) // conv.groups
    if conv.groups > 1 and not all(term.first % inputs == term.shape[0] % inputs == 0 for term in signal.terms):
        conv = linear.regrouped(conv, 1, work)
    found, owners = list[Term](), np.zeros(len(conv.weight), bool)
    for term in signal.terms:
        if conv.groups > 1:  # whole groups, whose outputs are channels of their own
            first, count = term.first // inputs * outputs, term.shape[0] // inputs
            rows, columns, groups = slice(first, first + count * outputs), slice(None), count
        else:
            first, rows, columns, groups = 0, slice(None), slice(term.first, term.first + term.shape[0]), 1
        bias = np.where(owners[rows], 0.0, conv.bias[rows])
        owners[rows] = True
        part = replace(conv, weight=conv.weight[rows, columns], bias=bias, groups=groups)
        found.append(term.followed_by(part, first))
    return tuple(found)


def _scaled(signal: Signal, scale: Scale) -> tuple[Term, ...]:
    found = []
    for term, owned in signal.owned():
        factor = scale.factor if len(scale.factor) == 1 else _part(scale.factor, signal, term)
        offset = None
        if scale.offset is not None:
            every = np.broadcast_to(scale.offset, (signal.shape[0], *scale.offset.shape[1:]))
            offset = _part(np.where(owned[:, np.newaxis, np.newaxis], every, 0.0), signal, term)
        found.append(term.followed_by(Scale(scale.name, factor, offset)))
    return tuple(found)


def _part(values: FloatArray, signal: Signal, term: Term) -> FloatArray:
    """Those of the ``values`` per channel of ``signal``, or per element, that belong to ``term``."""
    if term.shape[1:] == signal.shape[1:]:
        return values[term.first : term.first + term.shape[0]]
    return values[term.first : term.first + math.prod(term.shape)].reshape(term.shape)


def added(signals: Sequence[Signal]) -> Signal:
    """The sum of tensors of one shape, or of flat ones with as many values."""
    if len({signal.shape for signal in signals}) > 1:
        signals = [as_vector(signal) for signal in signals]
    terms = tuple(term for signal in signals for term in signal.terms)
    return Signal(signals[0].shape, all(signal.flat for signal in signals), terms)


def as_vector(signal: Signal) -> Signal:
    """A flat tensor with a channel for each of its values, in the order of channels, rows and columns."""
    values = math.prod(signal.shape[1:])
    terms = tuple(replace(term, first=term.first * values) for term in signal.terms)
    return Signal((signal.shape[0] * values, 1, 1), True, terms)


def concatenated(signals: Sequence[Signal]) -> Signal:
    """The tensors behind one another: by channels where these have one height and width, else flat ones by values."""
    if len({signal.shape[1:] for signal in signals}) > 1:
        signals = [as_vector(signal) for signal in signals]
    terms, first = list[Term](), 0
    for signal in signals:
        terms += [replace(term, first=first + term.first) for term in signal.terms]
        first += signal.shape[0]
    return Signal((first, *signals[0].shape[1:]), all(signal.flat for signal in signals), tuple(terms))


def of_one_extent(name: str, signal: Signal, work: Work) -> Signal:
    """The same tensor, all of whose terms have its height and width: flat ones become vectors by an identity matrix.

    ``name``: of the node that takes it.
    """
    return replace(signal, terms=tuple(_with_extent(name, term, signal.shape, work) for term in signal.terms))


def _with_extent(name: str, term: Term, shape: Shape, work: Work) -> Term:
    if term.shape[1:] == shape[1:]:
        return term
    values = math.prod(term.shape)
    identity = work.zeros(name, (values, values))
    np.fill_diagonal(identity, 1.0)
    return term.followed_by(DenseMap(name, identity.reshape(values, *term.shape), np.zeros(values)))


def placed(term: Term, folded: ConvMap | DenseMap, channels: int, work: Work) -> ConvMap | DenseMap:
    """``folded``, the maps of ``term`` in one, as a map to all ``channels`` of its tensor, zeros for the others."""
    if len(folded.weight) == channels:
        return folded
    if isinstance(folded, ConvMap):
        folded = linear.regrouped(folded, 1, work)
    rows = slice(term.first, term.first + len(folded.weight))
    weight = work.zeros(folded.name, (channels, *folded.weight.shape[1:]))
    weight[rows] = folded.weight
    bias = np.zeros(channels)
    bias[rows] = folded.bias
    return replace(folded, weight=weight, bias=bias)
