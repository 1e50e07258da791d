"""The lines of stages on stderr, told from all others."""

from __future__ import annotations

import re

STAGE = re.compile(r".+( \.\.\.|: (.+, )?[0-9.]+ s)\n")


def beside_stages(stderr: str) -> str:
    """What stands there beside what ``hwsnn.progress`` says of stages."""
    return "".join(line for line in stderr.splitlines(keepends=True) if not STAGE.fullmatch(line))
