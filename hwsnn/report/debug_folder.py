"""What ``hwsnn verify --debug`` left in a folder: the first difference, the beats, and the waveforms round it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from vcd.reader import TokenKind, VCDParseError, tokenize

from hwsnn.data.npz import Archive
from hwsnn.errors import InputError
from hwsnn.files.atomic import require_file
from hwsnn.sim.differences import Difference
from hwsnn.sim.recording import CLOCK_PS

from .json_file import number, read_json, text

REMEDY = "give a folder that hwsnn verify --debug wrote"
LARGEST_DUMP = 1 << 28
AROUND = 24
"""Cycles of the drawing on both sides of the difference."""
MOST_BEATS = 12
"""Beats that are shown on both sides of the first that differs."""
TEXTS = ("layer", "kind")
NUMBERS = ("frame", "y", "x", "step", "channel", "expected", "found", "cycle")


@dataclass(frozen=True, eq=False)
class LayerBeats:
    """The beats behind a layer: ``expected`` and ``found`` (beats, numbers), and the ``cycles`` in which they came."""

    expected: npt.NDArray[np.int64]
    found: npt.NDArray[np.int64]
    cycles: npt.NDArray[np.int64]

    @property
    def first(self) -> int | None:
        """The first beat that differs, or that is there in one of both alone."""
        both = min(len(self.expected), len(self.found))
        unequal = np.flatnonzero((self.expected[:both] != self.found[:both]).any(axis=1))
        if len(unequal):
            return int(unequal[0])
        return None if len(self.expected) == len(self.found) else both

    @property
    def differing(self) -> int:
        """Numbers that differ in beats that are there in both."""
        both = min(len(self.expected), len(self.found))
        return int((self.expected[:both] != self.found[:both]).sum())


@dataclass(frozen=True, eq=False)
class Wave:
    """A stream of the top module: ``valid`` and ``ready`` in each cycle of the window, -1 where not known."""

    name: str
    valid: npt.NDArray[np.int64]
    ready: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class DebugFolder:
    """``first``: None where nothing differed. ``cycles``: those of the waves, 0 for that of the difference."""

    folder: Path
    first: Difference | None
    beats: dict[str, LayerBeats]
    cycles: npt.NDArray[np.int64]
    waves: tuple[Wave, ...]


def read_debug(folder: Path) -> DebugFolder:
    """What is in ``folder``. Raises ``InputError`` if it is no such folder."""
    path = folder / "first.json"
    values = read_json(path, "first difference", REMEDY)
    first, at = None, None
    if values is not None:
        found = {name: text(path, values, name) for name in TEXTS}
        counted = {name: None if values.get(name) is None else int(number(path, values, name)) for name in NUMBERS}
        first = Difference(**found, **counted, stalls=values.get("stalls") is True)  # type: ignore[arg-type]
        at = int(number(path, values, "time_ps"))
    cycles, waves = _waves(folder / "dump.vcd", at)
    beats = _beats(folder / "beats.npz")
    return DebugFolder(folder, first, beats, cycles, tuple(sorted(waves, key=lambda wave: _place(wave.name, [*beats]))))


def _place(stream: str, layers: list[str]) -> int:
    """The place of a stream in the order of the data, which is that of the layers: pixels first."""
    return next((place for place, layer in enumerate(layers) if f"{stream}_".startswith(f"{layer}_")), -1)


def _beats(path: Path) -> dict[str, LayerBeats]:
    require_file(path, "file of beats", REMEDY)
    archive = Archive(path)
    names = [name.removeprefix("expected_") for name in archive.names() if name.startswith("expected_")]
    found = {}
    for name in names:
        arrays = archive.arrays(*(f"{kind}_{name}" for kind in ("expected", "found", "cycle")))
        if len(arrays) < 3:
            raise InputError(f"{path}: lacks found_{name} or cycle_{name}; {REMEDY}")
        if not all(np.issubdtype(array.dtype, np.integer) and array.shape for array in arrays.values()):
            raise InputError(f"{path}: expected_{name}, found_{name} and cycle_{name} must be integers; {REMEDY}")
        read = [archive.values(array, array.shape[0]) for array in arrays.values()]
        expected, came, cycles = (np.asarray(each, np.int64).reshape(len(each), -1) for each in read)
        if expected.shape[1] != came.shape[1] and len(came):
            raise InputError(f"{path}: found_{name} must have beats like expected_{name}; {REMEDY}")
        found[name] = LayerBeats(expected, came.reshape(len(came), expected.shape[1]), cycles.ravel())
    return found


def _waves(path: Path, at: int | None) -> tuple[npt.NDArray[np.int64], tuple[Wave, ...]]:
    """The streams of the top module round the time ``at``, or at the end of the waveforms."""
    require_file(path, "file of waveforms", REMEDY)
    if path.stat().st_size > LARGEST_DUMP:
        raise InputError(f"{path}: must be at most {LARGEST_DUMP:,} bytes, not {path.stat().st_size:,}; {REMEDY}")
    try:
        changes, last = _changes(path)
    except (VCDParseError, ValueError, OSError):
        raise InputError(f"{path}: must be waveforms (VCD); {REMEDY}") from None
    middle = last if at is None else at
    cycles = np.arange(-AROUND, AROUND + 1 if at is not None else 1)
    times = middle + cycles * CLOCK_PS
    streams = dict.fromkeys(name.rpartition("__")[0] for name in changes)
    waves = [
        Wave(stream, *(_sampled(changes[f"{stream}__{signal}"], times) for signal in ("valid", "ready")))
        for stream in streams
        if f"{stream}__valid" in changes and f"{stream}__ready" in changes
    ]
    return cycles, tuple(waves)


def _changes(path: Path) -> tuple[dict[str, list[tuple[int, int]]], int]:
    """Of each ``valid`` and ``ready`` of the top module its changes, and the last time."""
    names, changes, scopes, now = dict[str, list[str]](), dict[str, list[tuple[int, int]]](), list[str](), 0
    top: list[str] | None = None
    with path.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scopes.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR:
                name = token.var.reference
                top = list(scopes) if top is None else top
                if scopes == top and name.endswith(("__valid", "__ready")):
                    names.setdefault(token.var.id_code, []).append(name)
                    changes[name] = []
            elif token.kind is TokenKind.CHANGE_TIME:
                now = token.time_change
            elif token.kind is TokenKind.CHANGE_SCALAR:
                for name in names.get(token.scalar_change.id_code, ()):
                    changes[name].append((now, {"0": 0, "1": 1}.get(token.scalar_change.value, -1)))
    return changes, now


def _sampled(changes: list[tuple[int, int]], times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The value at each time; -1 before the first change."""
    whens = np.array([when for when, _ in changes], np.int64)
    values = np.array([-1, *(value for _, value in changes)], np.int64)
    found: npt.NDArray[np.int64] = values[np.searchsorted(whens, times, side="right")]
    return found
