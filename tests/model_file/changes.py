"""Changes of what a file describes, and of its tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Graph = dict[str, Any]
Tensors = dict[str, np.ndarray]


def put(*keys: str | int, value: object) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        at: Any = graph
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value

    return change


def drop(*keys: str | int) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        at: Any = graph
        for key in keys[:-1]:
            at = at[key]
        del at[keys[-1]]

    return change


def retyped(name: str, dtype: type) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[name] = tensors[name].astype(dtype)

    return change


def set_to(name: str, value: np.ndarray) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        tensors[name] = value

    return change


def without(name: str) -> Callable[[Tensors], None]:
    def change(tensors: Tensors) -> None:
        del tensors[name]

    return change
