"""NIR files that cannot be read: refused in one line that names the file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hwsnn.errors import InputError
from hwsnn.frontends.nir.reader import read
from tests.frontends.nir.nir_graphs import DT, conv, graph, leaky, refused, write

RNG = np.random.default_rng(0)


def test_values_of_the_wrong_type(tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(RNG, 3, 2), leaky()))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv2d_0/weight"]
        file["node/nodes/conv2d_0/weight"] = "heavy"
    refused(path, r"'weight' must be numbers, not the text 'heavy'")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv2d_0/weight"]
    refused(path, r"node 'conv2d_0' \(Conv2d\): has no 'weight'")
    with h5py.File(path, "r+") as file:
        file["node/nodes/conv2d_0/weight"] = np.zeros(3, complex)
    refused(path, r"'weight' must be numbers or one text, not of type complex128")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv2d_0/weight"]
        file["node/nodes/conv2d_0/weight"] = np.zeros((3, 2, 0, 3))
    refused(path, r"node 'conv2d_0': 'weight' must not be empty")
    with h5py.File(path, "r+") as file:
        del file["node/nodes/conv2d_0/type"]
    refused(path, r"node 'conv2d_0': has no type")


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "missing.nir", r"no such NIR file; give one of nir\.write$")
    refused(tmp_path, r"is a folder, not a NIR file; give one of nir\.write$")


@pytest.mark.parametrize("contents", [b"", b"\x89HDF\r\n\x1a\n", np.random.default_rng(0).bytes(5000), b"name: net\n"])
def test_a_file_that_is_not_hdf5(contents: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    path.write_bytes(contents)
    refused(path, r"not a readable NIR file \(.*\)")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_truncated_file(part: float, tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(RNG, 3, 2), leaky()))
    contents = path.read_bytes()
    path.write_bytes(contents[: int(len(contents) * part)])
    refused(path, r"not a readable NIR file \(.*truncated file")


@pytest.mark.parametrize("size", [0, 4, 1 << 40, (1 << 64) - 16])
def test_a_damaged_file_on_which_hdf5_would_never_end(size: int, tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(RNG, 3, 2), leaky()))
    contents = bytearray(path.read_bytes())
    first = contents.index(b"GCOL") + 16  # the header of the first text: index, references, size
    contents[first : first + 16] = struct.pack("<HHIQ", 0, 0, 0, size)
    path.write_bytes(contents)
    refused(path, r"not a readable NIR file \(damaged: its text breaks off at byte \d+\)")


@pytest.mark.parametrize("seed", range(20))
def test_a_file_with_flipped_bits(seed: int, tmp_path: Path) -> None:
    """Read or refused, whatever the bits mean."""
    path = write(tmp_path, graph(conv(RNG, 3, 2), leaky()))
    contents = np.frombuffer(path.read_bytes(), np.uint8).copy()
    rng = np.random.default_rng(seed)
    places = rng.integers(0, len(contents), 30)
    contents[places] ^= np.uint8(1) << rng.integers(0, 8, 30, dtype=np.uint8)
    path.write_bytes(contents.tobytes())
    with suppress(InputError):
        read(path, DT)


def test_a_type_that_is_not_text(tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(RNG, 3, 2), leaky()))
    with h5py.File(path, "r+") as file:
        node = file["node/nodes/conv2d_0"]
        del node["type"]
        node["type"] = np.dtype("f8")
    refused(path, r"node 'conv2d_0': has no type")


def test_hdf5_that_is_not_nir(tmp_path: Path) -> None:
    path = tmp_path / "net.nir"
    with h5py.File(path, "w") as file:
        file["weights"] = np.ones(3)
    refused(path, r"no group 'node'")
    with h5py.File(path, "w") as file:
        file["node"] = np.ones(3)
    refused(path, r"no group 'node'")
    with h5py.File(path, "w") as file:
        file.create_group("node")
    refused(path, r"the graph: must be a NIRGraph with 'nodes' and 'edges'")
    with h5py.File(path, "w") as file:
        file.create_group("node/nodes")
    refused(path, r"the graph: has no edges")
    with h5py.File(path, "w") as file:
        file.create_group("node/nodes")
        file["node/edges"] = np.ones((2, 2))
    refused(path, r"'edges' must be pairs of node names, not of shape \(2, 2\) and type float64")
    with h5py.File(path, "w") as file:
        file.create_group("node/nodes")
        file["node/edges"] = ["a", "b"]
    refused(path, r"'edges' must be pairs of node names, not of shape \(2,\)")
    with h5py.File(path, "w") as file:
        file["node/nodes/a"] = 1.0
        file["node/edges"] = [["a", "a"]]
    refused(path, r"node 'a': must be an HDF5 group, not a data set")


def elsewhere(group: Any, path: Path) -> None:
    group["weight"] = h5py.ExternalLink(str(path), "/weight")


def soft(group: Any, path: Path) -> None:
    group["weight"] = h5py.SoftLink("/node/nodes/lif_1/tau")


def raw(group: Any, path: Path) -> None:
    group.create_dataset("weight", (3, 2, 3, 3), "f8", external=[(str(path), 0, h5py.h5f.UNLIMITED)])


def virtual(group: Any, path: Path) -> None:
    layout = h5py.VirtualLayout((3, 2, 3, 3), "f8")
    layout[:] = h5py.VirtualSource(str(path), "weight", (3, 2, 3, 3))
    group.create_virtual_dataset("weight", layout)


@pytest.mark.parametrize("put", [elsewhere, soft, raw, virtual])
def test_numbers_that_lie_elsewhere(put: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path = write(tmp_path, graph(conv(RNG, 3, 2), leaky()))
    with h5py.File(path, "r+") as file:
        node = file["node/nodes/conv2d_0"]
        del node["weight"]
        put(node, tmp_path / "other.h5")
    refused(path, r"node 'conv2d_0': .*'weight' must be in the file itself, not (behind a link|in another)")
