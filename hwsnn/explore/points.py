"""The tasks of a sweep and their results: one small JSON file per task, so that a killed sweep can resume."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from hwsnn.files.atomic import kind_of, written_whole

from ..errors import InputError

FOLDER = "points"
LARGEST_FILE = 1 << 16


@dataclass(frozen=True)
class Accuracy:
    """Of ``images`` images, the integer reference classifies ``right`` correctly."""

    right: int
    images: int

    def __post_init__(self) -> None:
        _require(self.images > 0 and 0 <= self.right <= self.images)


@dataclass(frozen=True)
class Design:
    """Timing of a folding by the exact cycle model, and its estimated cost.

    ``cycles_per_frame`` is an average if it alternates; ``limiting`` is the layer that takes most cycles, or
    ``pixels``.
    """

    cycles_per_frame: float
    latency_cycles: int
    lut: int
    ff: int
    bram18: int
    limiting: str

    def __post_init__(self) -> None:
        _require(math.isfinite(self.cycles_per_frame) and self.cycles_per_frame > 0 and self.latency_cycles > 0)
        _require(min(self.lut, self.ff, self.bram18) >= 0)


@dataclass(frozen=True)
class Refusal:
    """The reason why there is no such design, one line."""

    reason: str


Result: TypeAlias = Accuracy | Design | Refusal
KINDS: dict[str, type[Accuracy | Design | Refusal]] = {
    "accuracy": Accuracy,
    "design": Design,
    "refusal": Refusal,
}


def _require(condition: bool) -> None:
    if not condition:
        raise ValueError("a result must have figures that can be")


@dataclass(frozen=True)
class Task:
    """One accuracy, or one design.

    ``settings`` (JSON values): everything that the result depends on. ``weight_bits`` and ``timesteps`` name the
    network; ``clocks`` is the target of a design, in cycles per frame, None for an accuracy.
    """

    weight_bits: int
    timesteps: int
    clocks: int | None
    settings: Mapping[str, Any]

    @property
    def key(self) -> str:
        """A key that depends on the settings alone."""
        return hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:32]

    def __str__(self) -> str:
        what = "the accuracy" if self.clocks is None else f"the design of at most {self.clocks} cycles per frame"
        return f"{what} for {self.weight_bits} bits and {self.timesteps} time steps"


class Store:
    """The results below a folder. A damaged file counts as missing: it is computed again."""

    def __init__(self, folder: Path) -> None:
        if not folder.absolute().parent.is_dir():
            raise InputError(f"{folder.absolute().parent}: no such folder; make it first, or name another place")
        for path in (folder, folder / FOLDER):
            if path.exists() and not path.is_dir():
                raise InputError(f"{path}: is {kind_of(path) or 'a file'}; name a folder to write into")
            path.mkdir(exist_ok=True)
        self._folder = (folder / FOLDER).absolute()  # a sweep changes the current folder

    def get(self, task: Task) -> Result | None:
        """The task's result, if there is one."""
        try:
            with self._path(task).open("rb") as file:
                entry = json.loads(file.read(LARGEST_FILE))
            kind = KINDS[entry["kind"]]
            result = kind(**entry["result"])
            known = entry["settings"] == task.settings and _typed(result)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        return result if known else None

    def put(self, task: Task, result: Result) -> None:
        """Keep the task's result."""
        kind = next(name for name, kind in KINDS.items() if isinstance(result, kind))
        entry = {"settings": task.settings, "kind": kind, "result": asdict(result)}
        with written_whole(self._path(task)) as partial:
            partial.write_text(json.dumps(entry, sort_keys=True, allow_nan=False) + "\n")

    def _path(self, task: Task) -> Path:
        return self._folder / f"{task.key}.json"


def _typed(result: Result) -> bool:
    """Whether every value of ``result`` has the type of its field."""
    return all(type(value).__name__ == type(result).__annotations__[name] for name, value in asdict(result).items())
