"""How many output positions may take turns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hwsnn
from hwsnn.errors import InputError
from hwsnn.folding import file
from hwsnn.folding.folding import LayerFold
from hwsnn.folding.interleaving import interleave, least_interleave
from hwsnn.folding.pipeline_depths import engine_depths
from hwsnn.spec import Network

CONV1, CONV2, DENSE = 0, 2, 4
TWO_GROUPS = LayerFold(64, 32)


@pytest.fixture(scope="module")
def mnist() -> Network:
    """conv2 has 8x8 positions and two time steps."""
    return hwsnn.load("mnist")


def test_enough_positions_hide_the_feedback(mnist: Network) -> None:
    alone = engine_depths(mnist, CONV2, TWO_GROUPS)
    turns = least_interleave(mnist, CONV2, alone.passes, alone.pass_clocks, alone.min_interval)
    assert (alone.pass_clocks, alone.min_interval, turns) == (2, 5, 4)
    assert engine_depths(mnist, CONV2, LayerFold(64, 32, interleave=turns)).min_interval == 0


@pytest.mark.parametrize(
    ("passes", "pass_clocks", "min_interval", "turns"),
    [
        (2, 5, 5, 1),
        (1, 1, 0, 1),
        (2, 2, 4, 2),
        (2, 1, 5, 8),
        (16, 1, 5, 1),  # 8 positions of 16 passes are more than an interleaver holds
    ],
)
def test_the_fewest_that_divide_the_positions(
    mnist: Network, passes: int, pass_clocks: int, min_interval: int, turns: int
) -> None:
    assert least_interleave(mnist, CONV2, passes, pass_clocks, min_interval) == turns


def test_dense_layers_have_one(mnist: Network) -> None:
    assert least_interleave(mnist, DENSE, 2, 1, 5) == 1


@pytest.mark.parametrize(
    ("index", "fold", "message"),
    [
        (CONV2, LayerFold(64, 32, interleave=3), "interleave of layer 'conv2' must divide its 64 positions, not 3"),
        (CONV2, LayerFold(64, 32, interleave=64), "interleave of layer 'conv2' must be at most 32, not 64"),
        (
            CONV2,
            LayerFold(64, 32, interleave=2),
            "interleave of layer 'conv2' must be at least 3, as its membranes take 5 cycles and a pass 2, not 2",
        ),
        (
            CONV2,
            LayerFold(64, 32, 2, interleave=4),
            "interleave of layer 'conv2' must be 1, not 4: it is for several passes of one convolution",
        ),
        (
            DENSE,
            LayerFold(64, 64, interleave=2),
            "interleave of layer 'dense1' must be 1, not 2: it is for several passes of one convolution",
        ),
    ],
)
def test_wrong_numbers(mnist: Network, index: int, fold: LayerFold, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        engine_depths(mnist, index, fold)
    layers = {layer.name: {"cin_par": 1, "cout_par": 64} for _, layer in mnist.populations()}
    name = mnist.layers[index].name
    layers[name] = {"cin_par": 64, "cout_par": fold.cout_par, "t_par": fold.t_par, "interleave": fold.interleave}
    path = tmp_path / "folding.json"
    path.write_text(json.dumps({"layers": layers}))
    with pytest.raises(InputError, match=f"^{path}: layer '{name}': {message}$"):
        file.load(path, mnist)


def test_a_layer_may_have_one(mnist: Network) -> None:
    assert interleave(mnist, CONV1, LayerFold(1, 64)) == 1
