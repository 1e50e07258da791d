"""What a quantizer left in the notes of a model file: how a module was called, and what its input counts as.

Notes are untrusted input like the rest of the file. Those of other programs may hold anything else, which is not read.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from hwsnn.errors import InputError
from hwsnn.spec import MAX_EXTENT

from .tensor_file import MODEL, metadata_of

Forward: TypeAlias = Literal["step", "all"]
"""Whether a call of a module makes a step, or all steps of a frame."""


@dataclass(frozen=True)
class InputNotes:
    """A value of the input counts as ``(value * scale - mean) / std``; ``mean`` and ``std``: one for each channel."""

    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Notes:
    """``quantized``: whether a quantizer's report is there; ``input``: None if values count as they are.

    ``sample``: the shape of a module's input at a step, and ``forward``, whether a call of it makes a ``step`` or
    ``all`` of them; None if the model was not made of a module. ``thresholds``: those that its ReLUs were converted
    with, None for a module of spiking neurons.
    """

    quantized: bool
    input: InputNotes | None
    sample: tuple[int, ...] | None
    forward: Forward | None
    thresholds: tuple[float, ...] | None = None


def read_notes(path: Path, channels: int) -> Notes:
    """Those of the model file ``path``, whose input has ``channels``. Raises ``InputError`` if they make no sense."""
    text = metadata_of(path, MODEL).get("notes")
    if text is None:
        return Notes(False, None, None, None)
    try:
        found = _object("the notes", json.loads(text))
        report = found.get("quantization")
        said = None if report is None else _object("quantization", report).get("input")
        return Notes(
            report is not None,
            None if said is None else _input(_object("the input", said), channels),
            None if found.get("sample_shape") is None else _sample(found["sample_shape"]),
            None if found.get("forward") is None else _forward(found["forward"]),
            None if found.get("converted") is None else _thresholds(_object("converted", found["converted"])),
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: its notes are damaged: {error}; make the model again with hwsnn quantize") from None


def _object(what: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object, not {type(value).__name__}")
    return value


def _input(said: dict[str, Any], channels: int) -> InputNotes:
    scale = _number("scale", said.get("scale"), positive=True)
    numbers = []
    for what in ("mean", "std"):
        values = said.get(what)
        if not isinstance(values, list) or len(values) != channels:
            raise ValueError(f"{what} must be a list of {channels} numbers, one for each channel of the input")
        numbers.append(tuple(_number(what, value, positive=what == "std") for value in values))
    return InputNotes(scale, *numbers)


def _number(what: str, value: Any, *, positive: bool) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= sys.float_info.max or (positive and value <= 0):
        raise ValueError(f"{what} must be a {'positive, ' if positive else ''}finite number, not {str(value)[:40]}")
    return float(value)


def _forward(value: Any) -> Forward:
    if value not in ("step", "all"):
        raise ValueError(f"forward must be step or all, not {str(value)[:40]}")
    return cast(Forward, value)


def _thresholds(said: dict[str, Any]) -> tuple[float, ...]:
    values = said.get("thresholds")
    if not isinstance(values, list) or not values:
        raise ValueError("thresholds must be a list of numbers, one for each ReLU")
    return tuple(_number("a threshold", value, positive=True) for value in values)


def _sample(value: Any) -> tuple[int, ...]:
    fits = isinstance(value, list) and 1 <= len(value) <= 3
    if not fits or not all(type(one) is int and 1 <= one <= MAX_EXTENT for one in value):
        raise ValueError(f"sample_shape must be 1 to 3 sizes from 1 to {MAX_EXTENT}, not {str(value)[:40]}")
    return tuple(value)
