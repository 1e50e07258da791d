"""Networks as ``.safetensors`` files: tensors, and beside them in the metadata a description of the network as JSON.

The files are untrusted input: nothing in them is executed, every value is checked, and any error is an ``InputError``
of one line. There are two kinds, integer models and float networks, told apart by the key of the description.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from hwsnn.errors import InputError, reason
from hwsnn.files.atomic import require_file, written_whole

from .bounds import MOST_WEIGHTS

MOST_BYTES = 8 * MOST_WEIGHTS + (1 << 22)
"""Maximum size of a file: the weights as floats, and all else."""
MOST_HEADER_BYTES = 1 << 20

Tensors = Mapping[str, npt.NDArray[Any]]
Network = TypeVar("Network")


@dataclass(frozen=True)
class Kind:
    """A kind of file. The texts go into error messages, after the file's name."""

    key: str
    name: str
    called: str
    """What is missing, if there is no such file."""
    remedy: str
    """What to give instead."""
    make_one: str
    """How to create it."""
    wrong_kind: str
    """The remedy if a file of this kind was given in place of another."""


MODEL = Kind(
    key="hwsnn",
    name="a hwsnn model",
    called="model file",
    remedy="give a .safetensors file, or the name of a shipped model",
    make_one="make one with hwsnn quantize",
    wrong_kind="is already quantized: an integer model; give the trained network in floats that it was made from",
)
TRAINED = Kind(
    key="hwsnn_trained",
    name="a trained network of hwsnn",
    called="file",
    remedy="give a trained network, as .safetensors or .nir",
    make_one="write one with hwsnn.model_file.float_file.save",
    wrong_kind="is a trained network in floats, not an integer model; make one of it with hwsnn quantize",
)
KINDS = (MODEL, TRAINED)


def save(path: Path, kind: Kind, description: Any, tensors: Tensors, notes: dict[str, Any] | None = None) -> None:
    """Write a file of ``kind`` to ``path``, atomically; the same network gives the same bytes.

    ``notes`` (JSON) are for people; hwsnn reads those of its quantizer (``hwsnn.model_file.notes``).
    """
    import numpy as np
    from safetensors.numpy import save as to_bytes

    metadata = {kind.key: json.dumps(description, sort_keys=True, allow_nan=False)}
    if notes is not None:
        metadata["notes"] = json.dumps(notes, sort_keys=True)
    with written_whole(path) as partial:
        # The library writes the bytes as they lie in memory, in whatever order of axes.
        in_memory = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        partial.write_bytes(_in_order(to_bytes(in_memory, metadata)))


def _in_order(file: bytes) -> bytes:
    """A safetensors file with its header in a fixed order; the library's order varies."""
    start, end = 8, 8 + int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[start:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # as the library does: the tensors stay aligned
    return len(header).to_bytes(8, "little") + header + file[end:]


def load(path: Path, kind: Kind, restore: Callable[[object, Tensors], Network]) -> Network:
    """The result of ``restore`` for description and tensors of the file ``path``; its ``ValueError`` is reported.

    Raises ``InputError`` for anything that is not a file of ``kind``.
    """
    with _opened(path, kind) as file:
        metadata = file.metadata() or {}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    if kind.key not in metadata:
        for other in KINDS:
            if other.key in metadata:
                raise InputError(f"{path}: {other.wrong_kind}")
        raise InputError(f"{path}: not {kind.name}: its metadata lacks the key {kind.key!r}; {kind.make_one}")
    try:
        return restore(json.loads(metadata[kind.key]), tensors)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not a usable {kind.name.split(' ', 1)[1]}: {reason(error)}") from None


def metadata_of(path: Path, kind: Kind) -> Mapping[str, str]:
    """The texts beside the tensors of a file of ``kind``. Raises ``InputError`` if it is no such file."""
    with _opened(path, kind) as file:
        return dict(file.metadata() or {})


@contextmanager
def _opened(path: Path, kind: Kind) -> Iterator[Any]:
    """The file as the library reads it; its errors, also those in the block, are ``InputError``."""
    from safetensors import SafetensorError, safe_open

    require_file(path, kind.called, kind.remedy)
    _require_bounded(path)
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise InputError(f"{path}: not a readable safetensors file ({reason(error)}); {kind.make_one}") from None


def _require_bounded(path: Path) -> None:
    """Raise ``InputError`` for a file that is too large, before the library loads it into memory.

    ``OSError`` if it may not be read: the library would call it missing.
    """
    with path.open("rb") as file:
        header = int.from_bytes(file.read(8), "little")
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise InputError(f"{path}: must be at most {MOST_BYTES >> 20} MiB, not {size >> 20:,} MiB")
    if MOST_HEADER_BYTES < header <= size:
        raise InputError(f"{path}: its header must be at most {MOST_HEADER_BYTES:,} bytes, not {header:,}")


class Fields:
    """Typed look-ups in one JSON object, with errors that say where."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise ValueError(f"{where} must be a JSON object, not {type(value).__name__}")
        self._value = value
        self._unread = set(value)
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def get(self, key: str, default: object = None) -> Any:
        """Any value; if there is none, ``default``, unless that is None."""
        if key not in self._value:
            if default is not None:
                return default
            raise ValueError(f"{self.where} must have {key!r}")
        self._unread.discard(key)
        return self._value[key]

    def text(self, key: str) -> str:
        """A string."""
        value = self.get(key)
        if not isinstance(value, str):
            raise ValueError(f"{key} of {self.where} must be a string, not {type(value).__name__}")
        return value

    def number(self, key: str) -> float:
        """A number with a decimal point."""
        value = self.get(key)
        if not isinstance(value, float):
            raise ValueError(f"{key} of {self.where} must be a number such as 0.5, not {value!r}")
        return value

    def integers(self, key: str, length: int) -> tuple[int, ...]:
        """A list of ``length``. The caller checks its members."""
        value = self.get(key)
        if not isinstance(value, list) or len(value) != length:
            raise ValueError(f"{key} of {self.where} must be {length} integers, not {value!r}")
        return tuple(value)

    def list(self, key: str) -> list[Any]:
        """A list of any values."""
        value = self.get(key)
        if not isinstance(value, list):
            raise ValueError(f"{key} must be a list, not {type(value).__name__}")
        return value

    def finish(self) -> None:
        """Raise ``ValueError`` if there is a key that was not looked up."""
        if self._unread:
            raise ValueError(f"{self.where} must not have {min(self._unread)!r}: made by another version of hwsnn")


class TensorReader:
    """Typed look-ups of tensors, named ``LAYER.PART``; each belongs to one layer."""

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._unread = set(tensors)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors

    def take(self, name: str, dtype: type) -> npt.NDArray[Any]:
        """The tensor ``name``, which must be of ``dtype``."""
        if name not in self._tensors:
            raise ValueError(f"the tensors must have {name!r}")
        tensor = self._tensors[name]
        if tensor.dtype != dtype:
            raise ValueError(f"tensor {name!r} must be {np.dtype(dtype)}, not {tensor.dtype}")
        self._unread.discard(name)
        return tensor

    def maybe(self, name: str, dtype: type) -> npt.NDArray[Any] | None:
        """The tensor ``name``, which must be of ``dtype``; None if there is none."""
        return self.take(name, dtype) if name in self._tensors else None

    def finish(self) -> None:
        """Raise ``ValueError`` if there is a tensor that no layer looked up."""
        if self._unread:
            raise ValueError(f"every tensor must belong to a layer, not {min(self._unread)!r}")
