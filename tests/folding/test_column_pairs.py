"""Networks on pairs of columns: the numbers of the reference, and what cannot take two pixels per cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.cycles import queue_depths, simulate
from hwsnn.data import random_images
from hwsnn.errors import InputError
from hwsnn.folding.column_pairs import PairPool, column_pairs, pool_inputs, require_whole_pairs, with_pixels
from hwsnn.folding.folding import LayerFold
from hwsnn.spec import Conv, Dense, Encoder, Layer, MaxPool, Network, Neuron, NoLeak, Population, Sum, Window
from hwsnn.verilog.manifest import header_notes, manifest
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network
from tests.support.wishes import Wishes

DIRECT = Wishes(encoding="direct", pool=False)


def _takes(network: Network) -> bool:
    """Two pixels per cycle, with pairs that the reference can compute: no pools, nor windows that end on their own."""
    try:
        built = with_pixels(network, 2)
    except InputError:
        return False
    windows = [each.window for _, layer in built.populations() for each in layer.projections]
    return not any(isinstance(layer, PairPool) for layer in built.layers) and not any(each.right for each in windows)


PAIRED = [network for network in (random_network(seed, DIRECT) for seed in range(120)) if _takes(network)]
GRAPHS = [network for network in map(random_graph, range(400)) if network.encoder.held and _takes(network)]


@pytest.mark.parametrize("network", [*PAIRED, *GRAPHS], ids=lambda network: network.name)
def test_layers_on_pairs_compute_the_same(network: Network) -> None:
    """Besides the column behind the end of an odd row, which nothing reads."""
    images, built = random_images(network, 5, 1), with_pixels(network, 2)
    expected = reference.run(network, images, trace=True)
    found = reference.run(built, column_pairs(images), trace=True)
    np.testing.assert_array_equal(found.scores, expected.scores)
    for index, layer in enumerate(network.layers[:-1]):
        spikes, on_pairs = expected.spikes[layer.name], found.spikes[layer.name]
        if on_pairs.shape != spikes.shape:
            channels, width = spikes.shape[2], spikes.shape[4]
            assert built.shapes[index + 1][2] == -(-width // 2)
            columns = np.stack([on_pairs[:, :, :channels], on_pairs[:, :, channels:]], axis=-1)
            on_pairs = columns.reshape(*on_pairs.shape[:2], channels, spikes.shape[3], -1)[..., :width]
        np.testing.assert_array_equal(on_pairs, spikes)


def test_these_networks_have_everything() -> None:
    networks = [*PAIRED, *GRAPHS]
    convolutions = [
        (projection, network.input_shapes(index)[port][2])
        for network in networks
        for index, layer in network.populations()
        for port, projection in enumerate(layer.projections)
        if isinstance(projection, Conv) and not projection.delay and network.shapes[index + 1][2] > 1
    ]
    assert {width % 2 for _, width in convolutions} == {0, 1}
    assert {conv.kernel[1] for conv, _ in convolutions} >= {1, 2, 3, 4}
    assert {conv.stride[1] for conv, _ in convolutions} == {1, 2}
    assert {conv.padding[1] for conv, _ in convolutions} >= {0, 1, 2}
    assert {conv.padding_values is None for conv, _ in convolutions} == {True, False}
    assert {conv.weight_bits for conv, _ in convolutions} >= {1, 8}
    assert any(layer.recurrent for network in networks for _, layer in network.populations())
    assert any(isinstance(layer, Sum) for network in networks for layer in network.layers)


def test_pairs_of_columns() -> None:
    columns = np.arange(2 * 1 * 5).reshape(2, 1, 5)
    assert column_pairs(columns).tolist() == [[[0, 2, 4]], [[5, 7, 9]], [[1, 3, 0]], [[6, 8, 0]]]


@pytest.mark.parametrize(
    ("width", "size", "stride", "built"),
    [
        (6, (2, 2), (2, 2), PairPool("pool", (2, 1), (2, 1), "or", None, 2, 0)),
        (7, (2, 2), (2, 2), PairPool("pool", (2, 1), (2, 1), "or", None, 2, -1)),
        (8, (1, 3), (3, 2), PairPool("pool", (1, 2), (3, 1), "or", None, 3, 0)),
        (9, (3, 4), (1, 4), PairPool("pool", (3, 2), (1, 2), "or", None, 4, -1)),
    ],
)
def test_pools(width: int, size: tuple[int, int], stride: tuple[int, int], built: PairPool) -> None:
    network = _network(width, MaxPool("pool", size, stride, "or"))
    on_pairs = with_pixels(network, 2)
    assert on_pairs.layers[1] == built
    assert on_pairs.shapes[2] == network.shapes[2]
    assert pool_inputs(built) == size[0] * size[1]


def _population(name: str, projection: Conv | Dense) -> Population:
    channels = projection.out_channels
    neuron = Neuron(np.full(channels, 9), NoLeak(), "zero", 12)
    return Population(name, (projection,), np.zeros(channels, np.int64), neuron)


def _conv(name: str, inputs: int, kernel: tuple[int, int] = (1, 1), **other: object) -> Population:
    groups = int(str(other.get("groups", 1)))
    return _population(name, Conv(name, np.ones((2, inputs // groups, *kernel), np.int64), 8, **other))  # type: ignore[arg-type]


def _network(width: int, *layers: Layer, first: Population | None = None) -> Network:
    """A convolution, ``layers`` and a fully connected layer, of 4 rows of ``width``."""
    first = _conv("conv", 1) if first is None else first
    shape = first.output_shape((1, 4, width))
    for layer in layers:
        shape = layer.output_shape(shape) if not isinstance(layer, Sum) else shape
    last = _population("last", Dense("last", np.ones((3, *shape), np.int64), 8))
    return Network("net", (1, 4, width), 8, Encoder("direct"), 2, (first, *layers, last), "count")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (replace(_network(4), encoder=Encoder("uniform")), "the encoding must be direct, not uniform"),
        (
            _network(6, MaxPool("pool", (2, 3), (2, 3), "or")),
            "the horizontal stride of the pool 'pool' must be even, not 3",
        ),
        (
            _network(8, first=_conv("conv", 1, stride=(1, 3))),
            "horizontal strides of layer 'conv' must all be 1, or all even, not 3",
        ),
        (_network(1), "rows must be of more than one pixel"),
        (
            _network(2, first=_population("wide", Conv("wide", np.ones((2100, 1, 1, 1), np.int64), 8))),
            "the channels of layer 'wide' must be at most 2048, not 2100",
        ),
        (
            _network(6, _conv("two", 2, groups=2)),
            "the convolution 'two' must have one group, not 2",
        ),
        (
            _network(6, first=replace(_conv("conv", 1), pool=Window((2, 2), (2, 2)))),
            "layer 'conv' must not pool its currents",
        ),
        (
            _network(5, _conv("two", 2, (3, 3), padding=(1, 1))),
            "rows that layer 'two' pads must be of an even number, not 5",
        ),
        (
            _network(5, first=_conv("conv", 1, (3, 3), padding=(1, 1), padding_values=np.array([7]))),
            "rows that layer 'conv' pads must be of an even number, not 5",
        ),
    ],
)
def test_what_cannot(network: Network, message: str) -> None:
    with pytest.raises(InputError) as raised:
        with_pixels(network, 2)
    assert str(raised.value) == f"{network.name}: for two pixels per cycle {message}; use one pixel per cycle"


def test_pairs_do_not_join_single_columns() -> None:
    pixels = Conv("joined", np.ones((2, 1, 1, 1), np.int64), 8, source="pixels")
    pooled = Conv("joined", np.ones((2, 2, 1, 1), np.int64), 8, source="pool")
    layer = replace(_population("joined", pixels), projections=(pixels, pooled))
    network = _network(4)
    pool = MaxPool("pool", (1, 2), (1, 2), "or", "conv")
    narrow = replace(pixels, stride=(1, 2))
    joined = replace(network, layers=(network.layers[0], pool, replace(layer, projections=(narrow, pooled)), _last(2)))
    with pytest.raises(InputError, match="layer 'joined' must not join pairs of columns and single ones; use one"):
        with_pixels(joined, 2)


def _last(width: int) -> Population:
    return _population("last", Dense("last", np.ones((3, 2, 4, width), np.int64), 8))


def test_odd_rows_have_no_second_column_on_a_link() -> None:
    require_whole_pairs(_network(5), 1)
    require_whole_pairs(_network(4), 2)
    with pytest.raises(InputError, match=r"^net: two pixels per cycle on a board must have rows of an even number of"):
        require_whole_pairs(_network(5), 2)


def test_a_beat_more_at_the_end_of_odd_rows() -> None:
    network = _network(7)
    folds = {layer.name: LayerFold(1, 1) for _, layer in network.populations()}
    folding = queue_depths(network, folds, 2)
    cycles = simulate(network, folding)
    described = manifest(network, folding, cycles)
    pixels = described["streams"]["pixels"]
    assert pixels["beats_per_frame"] == 4 * 4
    assert pixels["order"].endswith("; 0 in place of the right pixel behind a row's end")
    paired = [entry["name"] for entry in described["layers"] if entry["pixels_per_beat"] == 2]
    assert paired == ["conv"]
    note = header_notes(network, folding, cycles)[1]
    assert note.startswith("A pixel of the input and of the spikes of conv is a pair of neighbouring columns")
