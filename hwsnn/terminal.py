"""What a stream is to people: a terminal or not, its width, and whether it gets colours."""

from __future__ import annotations

import os
import shutil
from typing import Any, TextIO

OFF = ("0", "false")
"""Values of ``FORCE_COLOR``, ``CLICOLOR`` and ``CLICOLOR_FORCE`` that ask for no colours."""


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody looks at ``stream``, which may be closed (None)."""
    return stream is not None and stream.isatty()


def coloured(stream: TextIO | None) -> bool:
    """Whether ``stream`` gets colours: a terminal that can show them, or any stream where the user forces them.

    ``NO_COLOR`` (no-color.org) wins over ``FORCE_COLOR`` (force-color.org) and ``CLICOLOR_FORCE``, and these over
    ``CLICOLOR`` and what the stream is. An empty variable is as one that is not set.
    """
    if os.environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if asked := os.environ.get(name):
            return asked.lower() not in OFF
    if os.environ.get("CLICOLOR") in OFF or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def width(stream: TextIO | None) -> int | None:
    """The columns of a terminal: ``COLUMNS``, else its own; None of another stream, where lines may be long."""
    return shutil.get_terminal_size().columns if is_terminal(stream) else None


def console_settings(stream: TextIO | None) -> dict[str, Any]:
    """How rich's ``Console`` writes to ``stream``: by our rules, where rich takes ``FORCE_COLOR`` for a terminal."""
    return {
        "highlight": False,
        "force_terminal": is_terminal(stream),
        "color_system": ("auto" if is_terminal(stream) else "standard") if coloured(stream) else None,
    }
