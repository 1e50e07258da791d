"""NIR files of a few kilobytes that ask for gigabytes or for days: refused before they get either."""

from __future__ import annotations

import os
import re
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import nir
import numpy as np
import pytest

from hwsnn.frontends import linear
from hwsnn.frontends.nir import hdf5_bounded
from hwsnn.frontends.nir.hdf5_structure import MAX_TEXT_BYTES
from hwsnn.frontends.nir.reader import read
from tests.frontends.nir.nir_graphs import DT, conv, flatten, graph, leaky, refused, sum_pool, write

RNG = np.random.default_rng(0)
MEBI = 1 << 20
Change = Callable[[h5py.File], None]


def small(folder: Path) -> Path:
    return write(folder, graph(flatten(), nir.Linear(np.ones((3, 72))), leaky()))


def data(where: str, key: str, shape: tuple[int, ...], dtype: Any, **options: Any) -> Change:
    """A change that puts a data set, of which nothing is written, in the place of another."""

    def change(file: h5py.File) -> None:
        group = file.require_group(where)
        group.pop(key, None)
        group.create_dataset(key, shape, dtype, **options)

    return change


def packed(contents: bytes, *filters: tuple[int, tuple[int, ...]]) -> Change:
    """A change that makes the weight 3 x 72 numbers in one chunk, whose stored bytes are ``contents``."""

    def change(file: h5py.File) -> None:
        group = file["node/nodes/linear_1"]
        del group["weight"]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_chunk((3, 72))
        for kind, values in filters:
            properties.set_filter(kind, 0, values)
        space = h5py.h5s.create_simple((3, 72))
        weight = h5py.h5d.create(group.id, b"weight", h5py.h5t.IEEE_F64LE, space, properties)
        weight.write_direct_chunk((0, 0), contents)

    return change


def groups(count: int) -> Change:
    def change(file: h5py.File) -> None:
        for index in range(count):
            file.create_group(f"node/nodes/n{index}")

    return change


def linked(where: str, count: int, to: str) -> Change:
    def change(file: h5py.File) -> None:
        for index in range(count):
            file[f"{where}/hwsnn_{index}"] = file[to]

    return change


def many_edges(file: h5py.File) -> None:
    del file["node/edges"]
    file["node"].create_dataset("edges", data=np.full((100_000, 2), b"a"), compression="gzip")


def deep(file: h5py.File) -> None:
    group = file["node/nodes"]
    for _ in range(2000):
        group = group.create_group("g")


def its_own(file: h5py.File) -> None:
    file["node/nodes/again"] = file["node/nodes"]


def long_name(file: h5py.File) -> None:
    file.create_group("node/nodes/" + 300 * "x")


def long_name_in_edges(file: h5py.File) -> None:
    del file["node/edges"]
    file["node/edges"] = [["input", 300 * "x"]]


def long_text(file: h5py.File) -> None:
    file["node/nodes/linear_1/note"] = "x" * (MAX_TEXT_BYTES + 1)


def shared_texts(file: h5py.File) -> None:
    """One long text, which many elements refer to."""
    del file["node/edges"]
    edges = file["node"].create_dataset("edges", (4000, 2), h5py.string_dtype(), chunks=(4000, 2), compression="gzip")
    edges[0, 0] = "x" * MEBI
    one = zlib.decompress(edges.id.read_direct_chunk((0, 0))[1])[:16]
    edges.id.write_direct_chunk((0, 0), zlib.compress(one * 8000))


def overlapping_texts(file: h5py.File) -> None:
    """Headers of collections of texts, of which each says that it goes on to the end of the file."""
    header = b"GCOL\x01\0\0\0" + struct.pack("<QHHIQ", 1 << 40, 1, 0, 0, 0)
    file["node/nodes/linear_1/note"] = np.frombuffer(header * 30_000, np.uint8)


ZEROS = zlib.compress(bytes(64 * MEBI))
DEFLATE, SHUFFLE, LZF = (1, (4,)), (2, (8,)), (h5py.h5z.FILTER_LZF, (4, 261, 1728))
LINEAR = "node/nodes/linear_1"
META = "node/nodes/input/metadata"

BOMBS: dict[str, tuple[Change, str]] = {
    "numbers": (data(LINEAR, "weight", (100_000, 100_000), "f8"), r"node 'linear_1': too large; at most 256 MiB"),
    "numbers in chunks": (
        data(LINEAR, "weight", (100_000, 100_000), "f8", chunks=(1024, 1024)),
        r"node 'linear_1': too large; at most 256 MiB",
    ),
    "bytes count as numbers": (data(LINEAR, "weight", (6000, 6000), "u1"), r"node 'linear_1': too large"),
    "a chunk larger than what is in it": (
        data(LINEAR, "weight", (3, 72), "f8", chunks=(10_000, 10_000), maxshape=(None, None)),
        r"node 'linear_1': too large",
    ),
    "chunks of one number": (data(LINEAR, "weight", (3000, 3000), "u1", chunks=(1, 1)), r"node 'linear_1': too large"),
    "numbers that nobody wrote": (
        data(LINEAR, "weight", (3000, 72), "f8", fillvalue=1),
        r"node 'linear_1': its data were never written; write the file again",
    ),
    "chunks that nobody wrote": (
        data(LINEAR, "weight", (3000, 72), "f8", fillvalue=1, chunks=(1000, 72)),
        r"node 'linear_1': its data are damaged or were never written; write the file again",
    ),
    "a type of a declared length": (data(LINEAR, "type", (), "S1000000000"), r"node 'linear_1': too large"),
    "a text of a declared length": (data(LINEAR, "padding", (), "S1000000000"), r"node 'linear_1': too large"),
    "edges of a declared length": (data("node", "edges", (4, 2), "S100000000"), r"the graph: too large"),
    "edges of a declared length in chunks": (
        data("node", "edges", (4, 2), "S100000000", chunks=(1, 1), compression="gzip"),
        r"the graph: too large",
    ),
    "metadata of a declared length": (data(META, "hwsnn_name", (), "S1000000000"), r"node 'input': too large"),
    "a chunk that unpacks to more": (packed(ZEROS, SHUFFLE, DEFLATE), r"'linear_1': its data unpack to more than they"),
    "a chunk packed twice": (
        packed(zlib.compress(ZEROS), DEFLATE, DEFLATE),
        r"node 'linear_1': is packed in a way that is not read; write it with gzip, as nir.write does",
    ),
    "a chunk packed otherwise": (packed(b"\0" * 9, LZF), r"node 'linear_1': is packed in a way that is not read"),
    "groups": (groups(5000), r"the graph: too large; at most 4,096 nodes, values and edges are read from a file"),
    "links to one group": (linked("node/nodes", 5000, LINEAR), r"the graph: too large; .*as often as links lead to it"),
    "links to one value": (linked(LINEAR, 5000, LINEAR + "/weight"), r"node 'linear_1': too large; at most 4,096"),
    "links in metadata": (linked(META, 5000, LINEAR + "/weight"), r"node 'input': too large; at most 4,096"),
    "large values by links": (
        linked(LINEAR, 4000, "large"),
        r"node 'linear_1': too large; at most 256 MiB",
    ),
    "edges": (many_edges, r"the graph: too large; at most 4,096"),
    "groups in groups": (deep, r"the graph: a name, 'g/g/.*'\.\.\., has more than 256 characters"),
    "a group in itself": (its_own, r"the graph: a name, 'again/again/.*'\.\.\., has more than 256 characters"),
    "a long name": (long_name, r"the graph: a name, 'x{40}'\.\.\., has more than 256 characters; give a shorter one"),
    "a long name in the edges": (long_name_in_edges, r"the graph: a name, 'x{40}'\.\.\., has more than 256"),
    "a long text": (long_text, r"too large; at most 4 MiB of text are read from a file"),
    "texts shared": (shared_texts, r"the graph: too large; at most 256 MiB"),
    "texts that overlap": (overlapping_texts, r"not a readable NIR file \(damaged: .*|at most 4 MiB of text"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_asks_for_too_much(name: str, tmp_path: Path) -> None:
    """Peaks are those of NumPy and Python, which have the memory that is asked for."""
    path = small(tmp_path)
    change, pattern = BOMBS[name]
    with h5py.File(path, "r+") as file:
        file["large"] = np.ones(MEBI // 8)
        change(file)
    tracemalloc.start()
    try:
        refused(path, pattern)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * hdf5_bounded.MAX_BYTES


def test_graphs_that_lead_to_one_another_by_links(tmp_path: Path) -> None:
    """Four levels of sixty graphs each are thirteen million nodes in a file of some kilobytes."""
    inner = graph(*[flatten() for _ in range(60)], shape=(3,))
    for _ in range(3):
        inner = graph(inner, shape=(3,))
    path = write(tmp_path, graph(inner, leaky(), shape=(3,)))
    with h5py.File(path, "r+") as file:
        nodes, chain = file["node/nodes/nirgraph_0/nodes"], []
        while "nirgraph_0" in nodes:
            chain.append(nodes)
            nodes = nodes["nirgraph_0/nodes"]
        for nodes in chain:
            names = [f"again{index:02}" for index in range(60)]
            for name in names:
                nodes[name] = nodes["nirgraph_0"]
            del nodes.parent["edges"]
            order = ["input", "nirgraph_0", *names, "output"]
            nodes.parent["edges"] = list(pairwise(order))
    assert path.stat().st_size < 400_000
    refused(path, r"node 'nirgraph_0.*': too large; at most 4,096 nodes, values and edges")


def test_a_text_that_is_longer_than_the_file(tmp_path: Path) -> None:
    """libhdf5 makes room for what the reference says before it looks at the text."""
    path = small(tmp_path)
    with h5py.File(path, "r") as file:
        offset = file[LINEAR + "/type"].id.get_offset()
    contents = bytearray(path.read_bytes())
    struct.pack_into("<I", contents, offset, 3 << 30)
    path.write_bytes(contents)
    refused(path, r"node 'linear_1': too large; at most 256 MiB are read")


def tree_nodes(contents: bytearray) -> list[tuple[int, int]]:
    """Offset and level of every node of a tree of names."""
    return [(found.start(), contents[found.start() + 5]) for found in re.finditer(rb"TREE\x00", contents)]


def many_names(folder: Path) -> tuple[Path, bytearray]:
    """A file whose nodes have enough names for a tree of two levels at least, and its bytes."""
    path = small(folder)
    with h5py.File(path, "r+") as file:
        linked("node/nodes", 1000, LINEAR)(file)
    contents = bytearray(path.read_bytes())
    assert max(level for _, level in tree_nodes(contents)) >= 1
    return path, contents


def test_a_tree_of_names_that_leads_to_itself(tmp_path: Path) -> None:
    """libhdf5 follows it until its stack is full, and the process dies."""
    path, contents = many_names(tmp_path)
    for start, level in tree_nodes(contents):
        if level:
            struct.pack_into("<Q", contents, start + 32, start)
    path.write_bytes(contents)
    refused(
        path, r"not a readable NIR file \(damaged: its names lead in a circle at byte \d+\); write it with nir\.write"
    )


@pytest.mark.parametrize(("offset", "value"), [(5, 4), (6, 33), (7, 255)], ids=["level", "children", "most children"])
def test_a_tree_of_more_names_than_there_are(offset: int, value: int, tmp_path: Path) -> None:
    path, contents = many_names(tmp_path)
    start = max(start for start, level in tree_nodes(contents) if level)
    contents[start + offset] = value
    path.write_bytes(contents)
    refused(path, r"too large; it has more groups than a network needs")


def test_free_blocks_that_lead_in_a_circle(tmp_path: Path) -> None:
    """libhdf5 goes round, and takes more memory each time."""
    path = small(tmp_path)
    contents = bytearray(path.read_bytes())
    for found in re.finditer(rb"HEAP\x00", contents):
        _, first, address = struct.unpack_from("<8x3Q", contents, found.start())
        struct.pack_into("<Q", contents, address + first, first)
    path.write_bytes(contents)
    refused(path, r"not a readable NIR file \(damaged: its free blocks lead in a circle, .*, at byte \d+\)")


@pytest.mark.parametrize("signature", [b"TREE\0\0\0\0", b"GCOL\x01\0\0\0", b"HEAP\0\0\0\0"])
def test_signatures_without_end(signature: bytes, tmp_path: Path) -> None:
    """Numbers that look like the beginning of so many parts of the file."""
    path = small(tmp_path)
    with h5py.File(path, "r+") as file:
        file[LINEAR + "/note"] = np.frombuffer((signature + bytes(8)) * 300_000, np.uint8)
    refused(path, r"too large; (it has more groups than|at most 4 MiB of text)|free blocks .*more than a network needs")


def test_something_before_the_hdf5(tmp_path: Path) -> None:
    path = small(tmp_path)
    path.write_bytes(bytes(512) + path.read_bytes())
    refused(path, r"not a readable NIR file \(damaged: there is something before its HDF5\)")


def test_a_file_that_is_larger_than_any_network(tmp_path: Path) -> None:
    path = small(tmp_path)
    os.truncate(path, hdf5_bounded.MAX_FILE_BYTES + 1)  # zeros that take no room on the disk
    refused(path, r"too large; at most 512 MiB are read; give a smaller network")


@pytest.mark.parametrize("options", [{}, {"compression": "gzip"}, {"compression": "gzip", "shuffle": True}])
@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("chunks", [None, (2, 50)])
def test_packed_as_writers_do(options: dict[str, Any], checksum: bool, chunks: Any, tmp_path: Path) -> None:
    path = small(tmp_path)
    weight = RNG.normal(size=(3, 72))
    with h5py.File(path, "r+") as file:
        del file[LINEAR + "/weight"]
        if chunks or options or checksum:
            options = {**options, "chunks": chunks or True, "fletcher32": checksum}
        file[LINEAR].create_dataset("weight", data=weight, **options)
    layer = read(path, DT).layers[0]
    np.testing.assert_array_equal(layer.projection.weight.reshape(3, 72) * 2, weight)  # type: ignore[union-attr]


def test_packed_edges(tmp_path: Path) -> None:
    path = small(tmp_path)
    with h5py.File(path, "r+") as file:
        edges = file["node/edges"][()]
        del file["node/edges"]
        options = {"chunks": (200, 2), "maxshape": (None, 2), "compression": "gzip"}
        file["node"].create_dataset("edges", data=edges, dtype=h5py.string_dtype(), **options)
    assert len(read(path, DT).layers) == 1


# Graphs that are small in the file and large once folded


def test_dilations_of_all_layers_together(tmp_path: Path) -> None:
    one = conv(RNG, 1, 1, (2, 2), dilation=4000, padding=2000)
    refused(
        write(tmp_path, graph(*[one] * 6, leaky(), shape=(1, 4000, 4000))),
        r"node 'conv2d_4': with the nodes before it, would take more than 67,108,864 weights .*use fewer or smaller",
    )


@pytest.mark.parametrize(
    ("nodes", "shape", "name"),
    [
        ([sum_pool(4096), flatten(), nir.Linear(np.ones((1, 1))), leaky()], (1, 4096, 4096), "linear_2"),
        ([nir.Scale(np.ones(())), sum_pool(1, 1), sum_pool(300), leaky()], (1, 300, 300), "sumpool2d_2"),
    ],
)
def test_folding_that_takes_too_long(nodes: list[Any], shape: tuple[int, ...], name: str, tmp_path: Path) -> None:
    refused(
        write(tmp_path, graph(*nodes, shape=shape)),
        rf"node '{name}': folding it and the nodes before it would take more than 17,179,869,184 multiplications",
    )


def test_scales_take_hardly_any_work() -> None:
    """Batch norm comes as a Scale after each convolution: no product of matrices."""
    work = linear.Work()
    wide = linear.ConvMap("conv", RNG.normal(size=(600, 600, 1, 1)), np.zeros(600), (1, 1), (0, 0))
    scales = [linear.Scale(str(index), np.full((600, 1, 1), 2.0)) for index in range(200)]
    folded, _ = linear.fold("neurons", [wide, *scales], (600, 1, 1), work)
    np.testing.assert_array_equal(folded.weight, wide.weight * 2.0**200)
