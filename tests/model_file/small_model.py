"""A small integer network, and its file with changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from hwsnn.errors import InputError
from hwsnn.model_file.integer_file import load
from hwsnn.spec import (
    Encoder,
    Integrator,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    ShiftLeak,
)
from tests.support.layers import conv_layer, dense_layer

Graph = dict[str, Any]
Tensors = dict[str, np.ndarray]


def network() -> Network:
    random = np.random.default_rng(0)
    neuron = Neuron(np.array([3, 4, 5, 6]), ShiftLeak(2), "zero", 14)
    return Network(
        "test",
        (2, 6, 5),
        7,
        Encoder("poisson", 99),
        3,
        (
            conv_layer("conv", random.integers(-7, 8, (4, 2, 3, 3)), np.arange(4), 4, neuron, (1, 1), (1, 0)),
            MaxPool("pool", (2, 1), (2, 2), "winner"),
            dense_layer(
                "last", random.integers(-127, 128, (5, 4, 3, 2)), -np.arange(5), 8, Integrator(MultiplyLeak(9, 4), 15)
            ),
        ),
        "membrane",
    )


def write(path: Path, graph: object, tensors: Tensors, key: str = "hwsnn") -> Path:
    text = graph if isinstance(graph, str) else json.dumps(graph)
    path.write_bytes(to_bytes(tensors, {key: text}))
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert len(message) < len(str(path)) + 400
    return message


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
