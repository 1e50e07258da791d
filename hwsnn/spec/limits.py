"""Limits on what an untrusted model file may ask for, and valid names of networks and layers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeAlias

from .checks import require_integer

MIN_WEIGHT_BITS, MAX_WEIGHT_BITS = 1, 8
MAX_PIXEL_BITS = 8
MAX_TIMESTEPS = 256
MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS = 2, 32
MAX_LEAK_SHIFT = 16
MAX_FRACTION_BITS = 8
MAX_GAIN = (1 << 15) - 1
MAX_SPIKES = 15
"""Most spikes of a neuron per step."""
MAX_CURRENT_BITS = 40
MAX_SCORE_BITS = 32
"""Of a score on the interfaces."""
MAX_EXTENT = 4096
"""Largest height, width or channel count: a bound on what an untrusted model file can ask for."""

Shape: TypeAlias = tuple[int, int, int]
"""(channels, height, width)."""
Pair: TypeAlias = tuple[int, int]
"""(vertical, horizontal)."""

_LAYER_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_NETWORK_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED_NAMES = frozenset({"encoder", "readout", "pixels", "result", "clk", "rst"})


def require_shape(what: str, value: object) -> None:
    """Raise ``ValueError`` unless ``value`` is (channels, height, width)."""
    if not isinstance(value, tuple) or len(value) != 3:
        raise ValueError(f"{what} must be (channels, height, width), not {value!r}")
    for extent in value:
        require_integer(what, extent, 1, MAX_EXTENT)


def require_network_name(name: str) -> None:
    """Raise ``ValueError`` unless a network may have this name."""
    if not _NETWORK_NAME.fullmatch(name):
        raise ValueError(f"network name must be 1 to 64 letters, digits, '.', '_' or '-', not {name!r}")


def is_layer_name(name: str) -> bool:
    """Whether a layer may have this name."""
    return bool(_LAYER_NAME.fullmatch(name)) and name not in RESERVED_NAMES


def require_layer_names(names: Iterable[str]) -> None:
    """Raise ``ValueError`` unless the layers of one network may have these names."""
    seen: set[str] = set()
    for name in names:
        if not is_layer_name(name):
            raise ValueError(
                "a layer's name must be a lower-case letter, then at most 31 of a-z, 0-9 and '_', and none of "
                f"{', '.join(sorted(RESERVED_NAMES))}, not {name!r}"
            )
        if name in seen:
            raise ValueError(f"layer names must differ, not repeat {name!r}")
        seen.add(name)
