"""JSON files that a command left in a folder. They may be anybody's: what is wrong in them is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hwsnn.errors import InputError
from hwsnn.files.atomic import require_file

LARGEST_FILE = 1 << 26


def read_json(path: Path, what: str, remedy: str) -> Any:
    """The values in ``path``. ``what``: the kind of file; ``remedy``: what to give instead."""
    require_file(path, what, remedy)
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(f"{path}: must be at most {LARGEST_FILE:,} bytes, not {path.stat().st_size:,}; {remedy}")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: must be JSON; {remedy}") from None


def number(path: Path, values: Any, key: str) -> float:
    """The number ``key`` of ``values``."""
    found = values.get(key) if isinstance(values, dict) else None
    if isinstance(found, bool) or not isinstance(found, int | float) or not abs(found) < 1e18:
        raise InputError(f"{path}: {key} must be a number, not {str(found)[:40]!r}")
    return found


def text(path: Path, values: Any, key: str) -> str:
    """The text ``key`` of ``values``."""
    found = values.get(key) if isinstance(values, dict) else None
    if not isinstance(found, str):
        raise InputError(f"{path}: {key} must be text, not {str(found)[:40]!r}")
    return found


def mapping(path: Path, values: Any, key: str) -> dict[str, Any]:
    """The object ``key`` of ``values``."""
    found = values.get(key) if isinstance(values, dict) else None
    if not isinstance(found, dict):
        raise InputError(f"{path}: {key} must be an object, not {str(found)[:40]!r}")
    return found
