"""NIR graphs for tests: chains of nodes with small whole weights, files of them, and what reading refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import numpy.typing as npt
import pytest

from hwsnn.errors import InputError
from hwsnn.frontends.nir.reader import read

DT = 2.0**-10
"""A step in which everything here is exact in binary."""
Array = npt.NDArray[Any]


def graph(*nodes: Any, shape: tuple[int, ...] = (2, 6, 6)) -> nir.NIRGraph:
    """The chain input, ``nodes``, output."""
    named = {"input": nir.Input(np.array(shape))}
    named |= {f"{type(node).__name__.lower()}_{i}": node for i, node in enumerate(nodes)}
    named["output"] = nir.Output(None)
    names = list(named)
    return nir.NIRGraph(named, list(pairwise(names)), type_check=False)


def write(folder: Path, built: nir.NIRGraph) -> Path:
    """The graph in a file. An Output has no shape here: HDF5 has no None."""
    path = folder / "net.nir"
    contents = built.to_dict()

    def put(group: Any, values: dict[str, Any]) -> None:
        for key, value in values.items():
            if isinstance(value, dict):
                put(group.create_group(key), value)
            elif value is not None:
                group.create_dataset(key, data=value)

    with h5py.File(path, "w") as file:
        put(file.create_group("node"), contents)
    return path


def whole(rng: np.random.Generator, *shape: int) -> Array:
    """Small whole numbers: sums of their products are exact in floats, in every order."""
    return rng.integers(-3, 4, shape).astype(np.float64)


def conv(
    rng: np.random.Generator,
    outputs: int,
    inputs: int,
    kernel: tuple[int, int] = (3, 3),
    bias: bool = True,
    **options: Any,
) -> nir.Conv2d:
    given = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | options
    weight = whole(rng, outputs, inputs // given["groups"], *kernel)
    return nir.Conv2d(None, weight, bias=whole(rng, outputs) * bias, **given)


def sum_pool(size: Any = 2, stride: Any = 2, padding: Any = 0) -> nir.SumPool2d:
    return nir.SumPool2d(np.array(size), np.array(stride), np.array(padding))


def avg_pool(size: Any = 2, stride: Any = 2, padding: Any = 0) -> nir.AvgPool2d:
    return nir.AvgPool2d(np.array(size), np.array(stride), np.array(padding))


@dataclass(eq=False)
class MaxPool2d(nir.NIRNode):  # type: ignore[misc]
    """A node that NIR does not have."""

    kernel_size: Array
    stride: Array
    padding: Array

    def __post_init__(self) -> None:
        self.input_type, self.output_type = {"input": None}, {"output": None}


def max_pool(size: Any = 2, stride: Any = 2, padding: Any = 0) -> MaxPool2d:
    return MaxPool2d(np.array(size), np.array(stride), np.array(padding))


def flatten() -> nir.Flatten:
    return nir.Flatten({"input": None}, 0, -1)


def integrate_and_fire(threshold: Any = 2.5, r: Any = 1.0) -> nir.IF:
    threshold, r = np.broadcast_arrays(np.asarray(threshold, float), np.asarray(r, float))
    return nir.IF(np.array(r), np.array(threshold), np.zeros(threshold.shape))


def leaky(threshold: Any = 2.5, tau: Any = 2 * DT, r: Any = 1.0, v_leak: Any = 0.0, v_reset: Any = 0.0) -> nir.LIF:
    arrays = np.broadcast_arrays(*(np.asarray(value, float) for value in (tau, r, v_leak, threshold, v_reset)))
    return nir.LIF(*(np.array(array) for array in arrays))


def cuba(
    w_in: Any = 2.0, tau_syn: Any = DT, tau_mem: Any = 4 * DT, v_leak: Any = 0.0, v_reset: Any = 0.0
) -> nir.CubaLIF:
    """Neurons behind a synaptic current, of threshold 1.5 and r 2; it has no memory unless ``tau_syn`` is longer."""
    arrays = [tau_syn, tau_mem, 2.0, v_leak, v_reset, 1.5, w_in]
    tau_syn, tau_mem, r, v_leak, v_reset, v_threshold, w_in = (
        np.array(array) for array in np.broadcast_arrays(*(np.asarray(value, float) for value in arrays))
    )
    return nir.CubaLIF(tau_syn, tau_mem, r, v_leak, v_reset=v_reset, v_threshold=v_threshold, w_in=w_in)


def threshold(value: Any) -> nir.Threshold:
    return nir.Threshold(np.asarray(value, float))


def per_channel(*values: float) -> Array:
    return np.array(values)[:, None, None]


def refused(path: Path, pattern: str, dt: float = DT) -> None:
    """Reading ``path`` raises one line that begins with its name and matches ``pattern``."""
    with pytest.raises(InputError) as caught:
        read(path, dt)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    assert re.search(pattern, text), text
