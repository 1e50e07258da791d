"""What ``hwsnn explore`` left in a folder."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from hwsnn.errors import InputError
from hwsnn.explore.table import Row
from hwsnn.files.atomic import require_file

LARGEST_FILE = 1 << 26
REMEDY = "give a folder that hwsnn explore wrote into"


def read_exploration(folder: Path) -> list[Row]:
    """The designs of the sweep in ``folder``. Raises ``InputError`` if there is none."""
    path = folder / "points.csv"
    require_file(path, "table of a sweep", REMEDY)
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: must be at most {LARGEST_FILE:,} bytes, not {path.stat().st_size:,}; {REMEDY}")
    try:
        with path.open(newline="", encoding="utf-8") as file:
            found = [_row(path, line, values) for line, values in enumerate(csv.DictReader(file), 2)]
    except (OSError, ValueError, csv.Error):
        raise InputError(f"{path}: must be a table as hwsnn explore writes it; {REMEDY}") from None
    if not found:
        raise InputError(f"{path}: must have a design at least, not none; {REMEDY}")
    return found


def _row(path: Path, line: int, values: Mapping[str, Any]) -> Row:
    kinds: dict[str, Callable[[str], Any]] = {
        "int": int,
        "float": float,
        "str": str,
        "bool": lambda cell: bool(int(cell)),
    }
    try:
        cells = {field.name: kinds[str(field.type)](values[field.name]) for field in fields(Row)}
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: line {line} must have the columns that hwsnn explore writes; {REMEDY}") from None
    row = Row(**cells)
    if not (0 <= row.accuracy <= 1 and row.lut_estimate > 0 and 0 < row.fps_at_assumed_clock < 1e15):
        raise InputError(f"{path}: line {line} must have figures that can be; {REMEDY}")
    return row
