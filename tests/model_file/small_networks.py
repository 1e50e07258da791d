"""A small network in integers and one in floats, and the two kinds of file that hold them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as to_bytes

from hwsnn.errors import InputError
from hwsnn.float_network import FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.model_file import float_file, integer_file
from hwsnn.spec import (
    Conv,
    Dense,
    Encoder,
    Integrator,
    MaxPool,
    MultiplyLeak,
    Network,
    Neuron,
    Population,
    ShiftLeak,
    Sum,
    Window,
)
from tests.model_file.changes import Tensors
from tests.support.layers import conv_layer, dense_layer, float_conv_layer, float_dense_layer


def integers() -> Network:
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


def joined() -> Network:
    """A recurrent layer, a sum, a pool beside it, and a layer of both."""
    neuron = Neuron(np.array([3, 4]), ShiftLeak(2), "zero", 14)
    weight = np.ones((2, 2, 3, 3), np.int64)
    own = Conv("b", np.ones((2, 2, 1, 1), np.int64), 8, source="b", delay=1)
    b = conv_layer("b", weight, np.arange(2), 8, neuron, (1, 1), (1, 1))
    parts = (np.ones((3, 2, 4, 4), np.int64), np.ones((3, 2, 2, 2), np.int64))
    ends = (Dense("last", parts[0], 8, source="c"), Dense("last", parts[1], 8))
    return Network(
        "joined",
        (2, 4, 4),
        8,
        Encoder("direct"),
        3,
        (
            conv_layer("a", weight, np.arange(2), 8, neuron, (1, 1), (1, 1)),
            replace(b, projections=(b.projection, own)),
            Sum("c", ("a", "b")),
            MaxPool("d", (2, 2), (2, 2), "or", "b"),
            Population("last", ends, np.arange(3), Integrator(ShiftLeak(1), 15)),
        ),
        "membrane",
    )


def floats() -> FloatNetwork:
    rng = np.random.default_rng(0)
    beta, floor = np.array([0.9, 1 / 3, 1.0]), np.array([-0.1, -1 / 3, 0.0])
    neuron = FloatNeuron(np.array([0.1, 1 / 3, 1e-300]), beta, "greater_equal", "none", 0.25, floor=floor)
    last = FloatIntegrator(1 / 3, initial=np.arange(5.0) / 3)
    return FloatNetwork(
        "test",
        (2, 6, 5),
        (
            float_conv_layer(
                "conv", rng.normal(size=(3, 2, 3, 3)), np.zeros(3), neuron, (1, 1), (1, 0), pool=Window((1, 2))
            ),
            MaxPool("pool", (2, 1), (2, 2), "winner"),
            float_dense_layer("last", rng.normal(size=(5, 3, 3, 1)), -np.arange(5.0), last),
        ),
        ("it was so", "tau: 0.5 µs"),
        timesteps=3,
        encoding="direct",
        readout="sum",
        mean=np.array([0.1, 0.2]),
        input_scale=0.01,
    )


@dataclass(frozen=True)
class Kind:
    """A kind of file, with a network to put in it."""

    key: str
    network: Callable[[], Any]
    describe: Callable[[Any], tuple[Any, Tensors]]
    save: Callable[[Any, Path], None]
    load: Callable[[Path], Any]

    def write(self, path: Path, graph: object, tensors: Tensors) -> Path:
        """A file of any graph, or any text in its place."""
        text = graph if isinstance(graph, str) else json.dumps(graph)
        path.write_bytes(to_bytes(tensors, {self.key: text}))
        return path

    def refusal(self, path: Path) -> str:
        """The one line that refuses the file."""
        with pytest.raises(InputError) as caught:
            self.load(path)
        message = str(caught.value)
        assert "\n" not in message
        assert message.startswith(f"{path}: ")
        assert len(message) < len(str(path)) + 400
        return message


INTEGERS = Kind("hwsnn", integers, integer_file.describe, integer_file.save, integer_file.load)
FLOATS = Kind("hwsnn_trained", floats, float_file.describe, float_file.save, float_file.load)
