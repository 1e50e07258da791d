"""A folding as a JSON file, by layer, which people can read and change."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

from hwsnn.errors import InputError, reason
from hwsnn.files.atomic import require_file
from hwsnn.spec import Network
from hwsnn.spec.checks import require_integer

from .column_pairs import with_pixels
from .fold_shape import fold_shapes
from .folding import MOST_PIXELS, Folding, LayerFold, column_queues, edge_queues
from .pipeline_depths import engine_depths

LARGEST_FILE = 1 << 20
PIXELS = "pixels_per_cycle"
DEPTHS: Mapping[str, Callable[[Network], list[str]]] = {
    "fifo_depths": lambda network: [layer.name for layer in network.layers],
    "column_depths": column_queues,
    "edge_depths": edge_queues,
}
"""Kinds of queues, and the names that a network's have."""


def to_json(folding: Folding) -> dict[str, Any]:
    """The folding as JSON values: its pixels per cycle, ``layers`` by name, and the depths of its queues.

    ``edge_depths`` only with forks.
    """
    values: dict[str, Any] = {
        PIXELS: folding.pixels_per_cycle,
        "layers": {name: asdict(fold) for name, fold in folding.layers.items()},
        "fifo_depths": dict(folding.fifo_depths),
        "column_depths": dict(folding.column_depths),
    }
    return values | ({"edge_depths": dict(folding.edge_depths)} if folding.edge_depths else {})


def load(path: Path, network: Network) -> tuple[dict[str, LayerFold], Folding | None, int]:
    """The folds in the file ``path``, the complete folding if the file has queue depths too, and the pixels per cycle.

    Raises ``InputError`` if the file is not a folding of ``network``.
    """
    try:
        require_file(path, "folding", "give a JSON file, as hwsnn generate writes one")
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: a folding must be at most {LARGEST_FILE:,} bytes, not {path.stat().st_size:,}")
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot read the folding: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: a folding must be a JSON file, as hwsnn generate writes one") from None
    if not isinstance(values, dict) or "layers" not in values or values.keys() - {"layers", PIXELS, *DEPTHS}:
        raise InputError(f"{path}: a folding must have the entries layers and maybe {PIXELS}, {', '.join(DEPTHS)}")
    pixels = values.get(PIXELS, 1)
    try:
        require_integer("pixels per cycle", pixels, 1, MOST_PIXELS)
        network = with_pixels(network, pixels)
    except (ValueError, InputError) as error:
        raise InputError(f"{path}: {reason(error)}") from None
    layers = _layers(path, values["layers"], network)
    if not any(name in values for name in DEPTHS):
        return layers, None, pixels
    depths = {what: _depths(path, what, values.get(what, {}), names(network)) for what, names in DEPTHS.items()}
    try:
        return layers, Folding(layers, **depths, pixels_per_cycle=pixels), pixels
    except ValueError as error:
        raise InputError(f"{path}: {reason(error)}") from None


def _layers(path: Path, values: Any, network: Network) -> dict[str, LayerFold]:
    names = [layer.name for _, layer in network.populations()]
    _check_names(path, "layers", values, names)
    known = fields(LayerFold)
    needed = {field.name for field in known if field.default is MISSING}
    layers = {}
    for index, layer in network.populations():
        name = layer.name
        entry = values[name]
        if not isinstance(entry, dict) or entry.keys() - {field.name for field in known} or needed - entry.keys():
            raise InputError(
                f"{path}: layer {name!r} must have {' and '.join(sorted(needed))}, and maybe "
                f"{' and '.join(field.name for field in known if field.name not in needed)}"
            )
        try:
            layers[name] = LayerFold(**entry)
            fold_shapes(layer, layers[name])  # refuses what the layer cannot have
            if layers[name].interleave > 1:
                engine_depths(network, index, layers[name])
        except ValueError as error:
            raise InputError(f"{path}: layer {name!r}: {reason(error)}") from None
    return layers


def _depths(path: Path, what: str, values: Any, names: list[str]) -> Mapping[str, int]:
    _check_names(path, what, values, names)
    return {name: values[name] for name in names}


def _check_names(path: Path, what: str, values: Any, names: list[str]) -> None:
    if not isinstance(values, dict) or set(values) != set(names):
        expected = f"name {', '.join(names)}, and nothing else" if names else "be empty"
        raise InputError(f"{path}: {what} must {expected}")
