"""The layer boundaries of a network in simulation: what the reference expects there, and what a beat's bits mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hwsnn.folding.column_pairs import as_built, column_pairs
from hwsnn.folding.folding import Folding
from hwsnn.folding.pipeline_depths import layer_output
from hwsnn.interface.frames import in_wire_order
from hwsnn.reference import Result
from hwsnn.rtl.network import layer_instance
from hwsnn.spec import Network

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[Any]

RESULT = "result"
"""The name of the last boundary, which no layer has."""


@dataclass(frozen=True)
class Field:
    """``count`` numbers of ``bits`` bits next to each other in a beat."""

    count: int
    bits: int
    signed: bool = False


@dataclass(frozen=True)
class Place:
    """Where a number belongs: an output pixel, a time step and a channel. None: it has no such coordinate."""

    frame: int
    y: int | None = None
    x: int | None = None
    step: int | None = None
    channel: int | None = None


@dataclass(frozen=True)
class Boundary:
    """A stream behind the encoder or a layer: its beats are (y, x, pass) in order, a beat's entries (step, channel).

    ``name``: of the layer; ``stream``: the prefix of the signals in the top module; ``fields``: what a beat's bits are;
    ``expected``: (beats, entries) numbers that the reference expects; ``grid``: rows, columns and passes of a frame;
    ``steps``: per beat; ``first_step``: of a frame's first beat; ``frame_bits``: what is compared of a frame, without
    the steps beyond T of a pixel's last pass; ``columns``: of a beat, the channels of one after those of
    the other; ``odd``: the last one of each row is none of the reference's.
    """

    name: str
    stream: str
    fields: tuple[Field, ...]
    expected: Integers
    frame_bits: int
    grid: tuple[int, int, int] = (1, 1, 1)
    steps: int = 1
    first_step: int = 0
    columns: int = 1
    odd: bool = False

    @property
    def beats(self) -> int:
        """Beats per frame."""
        return int(np.prod(self.grid))

    @property
    def bits(self) -> int:
        """Bits per beat."""
        return sum(field.count * field.bits for field in self.fields)

    def place(self, beat: int, entry: int) -> Place:
        """Where entry ``entry`` of beat ``beat`` belongs, counted from the first frame's first beat."""
        frame, rest = divmod(beat, self.beats)
        y, x, run = (int(index) for index in np.unravel_index(rest, self.grid))
        step, rest = divmod(entry, self.expected.shape[1] // self.steps)
        column, channel = divmod(rest, self.expected.shape[1] // self.steps // self.columns)
        return Place(frame, y, x * self.columns + column, self.first_step + run * self.steps + step, channel)

    def packed(self) -> Bytes:
        """The expected beats as (beats, bytes), a beat's bits little-endian."""
        starts = np.cumsum([0, *(field.count for field in self.fields)])
        parts = [
            _bits(self.expected[:, start : start + field.count], field.bits)
            for start, field in zip(starts, self.fields, strict=False)
        ]
        return pack_bits(np.concatenate(parts, axis=1))

    def compared(self, found: Bytes) -> Bytes:
        """Beats as of ``packed`` with zeros where nothing is expected: the column behind the end of an odd row."""
        if not self.odd:
            return found
        (field,), (_, columns, passes) = self.fields, self.grid
        there = np.ones((1, self.steps, self.columns, field.count // self.steps // self.columns), np.int64)
        there[:, :, -1] = 0
        mask = pack(-there.reshape(1, -1), field.bits)
        last = np.arange(len(found)) // passes % columns == columns - 1
        return np.where(last[:, np.newaxis], found & mask, found)

    def numbers(self, packed: Bytes) -> Integers:
        """Beats as of ``packed`` as (beats, entries) numbers, of the type of the expected ones."""
        bits = np.unpackbits(packed, axis=1, count=self.bits, bitorder="little")
        parts, start = [], 0
        for field in self.fields:
            end = start + field.count * field.bits
            entries = bits[:, start:end].reshape(len(bits), field.count, field.bits).astype(np.int64)
            weights = np.int64(1) << np.arange(field.bits)
            if field.signed:
                weights[-1] = -weights[-1]
            parts.append(entries @ weights)
            start = end
        return np.concatenate(parts, axis=1).astype(self.expected.dtype)


@dataclass(frozen=True)
class ResultBoundary(Boundary):
    """The stream of results: a beat per frame, the predicted class and then the scores, whose channel is the class."""

    def place(self, beat: int, entry: int) -> Place:
        """As of ``Boundary``; the predicted class has no channel."""
        return Place(beat, channel=entry - 1 if entry else None)


def boundaries(network: Network, folding: Folding, outcome: Result) -> list[Boundary]:
    """Every boundary in the order of the data. ``outcome``: of the reference, traced."""
    found, built = [], as_built(network, folding)
    if network.encoder.spikes:
        spikes = outcome.spikes["encoder"]
        found.append(_of_layer("encoder", "encoder_o", spikes, 1, Field(spikes.shape[2], 1)))
    for index, layer in enumerate(network.layers):
        values: Integers
        if network.gives_spikes(index):
            values, bits, signed = outcome.spikes[layer.name], network.outputs(index).bits, False
        else:
            values, bits, signed = outcome.membranes[layer.name], network.population(index).neuron.membrane_bits, True
        last_only = layer_output(network, index) == "last membranes"
        first_step = values.shape[1] - 1 if last_only else 0
        values = values[:, first_step:]
        steps = min(folding.beat_steps(network, index), values.shape[1])
        field = Field(steps * built.shapes[index + 1][0], bits, signed)
        stream = f"{layer_instance(layer.name)}_o"
        found.append(_of_layer(layer.name, stream, values, steps, field, first_step))
    numbers = np.concatenate([outcome.predictions[:, None], outcome.scores], axis=1)
    fields = (Field(1, network.answer_bits), Field(network.classes, network.score_bits, network.reads_membranes))
    bits = network.answer_bits + network.classes * network.score_bits
    return [*found, ResultBoundary(RESULT, RESULT, fields, numbers, bits)]


def _of_layer(name: str, stream: str, values: Integers, steps: int, field: Field, first_step: int = 0) -> Boundary:
    """The boundary of (N, T, C, H, W) numbers, in beats of one column or two.

    Steps beyond T in the last pass of a pixel are 0, and so is a second column behind the end of a row.
    """
    frame_bits, columns = values[0].size * field.bits, field.count // (steps * values.shape[2])
    odd = columns > 1 and values.shape[-1] % 2 > 0
    if columns > 1:
        values = column_pairs(values)
    whole = np.pad(in_wire_order(values), ((0, 0), (0, 0), (0, 0), (0, -values.shape[1] % steps), (0, 0)))
    _, rows, beats, all_steps, _ = whole.shape
    expected = whole.reshape(-1, field.count)
    grid = rows, beats, all_steps // steps
    return Boundary(name, stream, (field,), expected, frame_bits, grid, steps, first_step, columns, odd)


def _bits(values: Integers, width: int) -> Bytes:
    """(beats, entries) integers as (beats, entries * width) bits, two's complement, least significant first."""
    bits = (values.astype(np.int64)[..., None] >> np.arange(width)) & 1
    return bits.reshape(len(values), -1).astype(np.uint8)


def pack_bits(bits: Bytes) -> Bytes:
    """(beats, bits) as (beats, bytes), a beat's bits little-endian."""
    return np.packbits(bits, axis=1, bitorder="little")


def pack(values: Integers, width: int) -> Bytes:
    """(beats, entries) integers of ``width`` bits as (beats, bytes)."""
    return pack_bits(_bits(values, width))
