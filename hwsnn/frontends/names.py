"""Valid names for a network and its layers, from the names in a source."""

from __future__ import annotations

import re
from collections.abc import Set

from ..spec import RESERVED_NAMES, is_layer_name


def network_name(text: str) -> str:
    """``text`` with the characters replaced that a network's name may not have."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip("._-")[:64] or "network"


def layer_name(text: str, kind: str, taken: Set[str]) -> str:
    """``text`` in lower case and not in ``taken``; ``kind`` and a number if it is only a number."""
    if is_layer_name(text) and text not in taken:
        return text
    base = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:28].rstrip("_")
    unusable = taken | RESERVED_NAMES
    if not base[:1].isalpha():
        base, number = kind, 1
    elif base not in unusable:
        return base
    else:
        base, number = f"{base}_", 2
    while f"{base}{number}" in unusable:
        number += 1
    return f"{base}{number}"
