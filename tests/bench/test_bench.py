"""The CPU's figures: PyTorch computes what the reference does, and the fastest of all counts."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hwsnn import reference
from hwsnn.bench import cpu, cpu_figures, fastest, timing
from hwsnn.data import random_images
from hwsnn.spec import LEAKS, Encoder, Integrator, MaxPool, MultiplyLeak, Network, Neuron, NoLeak, Reset
from tests.support.cpu_figures import cpu_figure
from tests.support.layers import conv_layer, dense_layer
from tests.support.random_graphs import random_graph
from tests.support.random_networks import random_network
from tests.support.wishes import KINDS, Kind, Wishes


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECONDS_A_REPEAT", "SECONDS_A_BATCH_SIZE"):
        monkeypatch.setattr(timing, name, 1e-4)
    monkeypatch.setattr(timing, "REPEATS", 2)


def expect_equal_scores(network: Network, count: int = 5, batch: int = 2) -> None:
    pytest.importorskip("torch")
    from hwsnn.bench.torch_network import TorchNetwork

    images = random_images(network, count, seed=0)
    scores = TorchNetwork(network).scores(images, batch)
    assert scores.dtype == np.int64
    np.testing.assert_array_equal(scores, reference.run(network, images).scores)


@pytest.mark.parametrize("seed", range(40))
def test_pytorch_computes_random_networks(seed: int) -> None:
    expect_equal_scores(random_network(seed))


@pytest.mark.parametrize("seed", range(80))
def test_pytorch_computes_random_graphs(seed: int) -> None:
    expect_equal_scores(random_graph(seed))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_pytorch_computes_every_kind_of_neuron(kind: Kind) -> None:
    for seed, leak in enumerate(LEAKS):
        expect_equal_scores(random_network(seed, Wishes(*kind, leak=leak)))


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_pytorch_holds_pixels_through_the_steps(reset: Reset) -> None:
    """Several steps on one current: nothing may write into it."""
    random = np.random.default_rng(3)
    sub = np.full(4, 3_999) if reset == "subtract" else None
    neuron = Neuron(np.full(4, 4_000), MultiplyLeak(200, 8), reset, 18, sub)
    conv = conv_layer("conv", random.integers(-127, 128, (4, 2, 3, 3)), random.integers(-50, 50, 4), 8, neuron)
    pool = MaxPool("pool", (2, 2), (2, 2), "winner")
    dense = dense_layer(
        "dense", random.integers(-127, 128, (3, 4, 3, 3)), np.array([5, -5, 0]), 8, Integrator(NoLeak(), 24)
    )
    expect_equal_scores(Network("held", (2, 8, 8), 8, Encoder("direct"), 6, (conv, pool, dense), "membrane"))


def test_pytorch_sums_a_column_of_windows_whose_strides_differ() -> None:
    """Of one channel, where oneDNN is wrong if weights lie channels last."""
    weight = np.random.default_rng(0).integers(-9, 10, (4, 1, 3, 3))
    neuron = Neuron(np.full(4, 9), NoLeak(), "zero", 16)
    conv = conv_layer("conv", weight, np.arange(4), 8, neuron, (1, 2), (1, 1))
    dense = dense_layer("dense", np.arange(16).reshape(2, 4, 2, 1), np.zeros(2, int), 8, Integrator(NoLeak(), 24))
    expect_equal_scores(Network("column", (1, 2, 2), 4, Encoder("direct"), 2, (conv, dense), "sum"))


def test_pytorch_goes_beyond_float32() -> None:
    """An odd sum above 2^24."""
    weight = np.full((1, 1, 24, 24), 127)
    weight[0, 0, 0, 0] = 126
    dense = dense_layer("dense", weight, np.array([0]), 8, Integrator(NoLeak(), 32))
    network = Network("large", (1, 24, 24), 8, Encoder("direct"), 1, (dense,), "membrane")
    pytest.importorskip("torch")
    from hwsnn.bench.torch_network import TorchNetwork

    white = np.full((1, 1, 24, 24), 255, np.uint8)
    assert TorchNetwork(network).scores(white, 1).tolist() == [[255 * (127 * 575 + 126)]]


@pytest.mark.usefixtures("short_runs")
def test_all_are_measured() -> None:
    torch, numba = pytest.importorskip("torch"), pytest.importorskip("numba")
    network = random_network(1)
    seen: list[tuple[int, int]] = []
    threads = torch.get_num_threads()
    figures = cpu_figures(network, random_images(network, 3, seed=0), lambda done, total: seen.append((done, total)))
    names = ["numpy reference", f"compiled, numba {numba.__version__}", f"PyTorch {torch.__version__}"]
    assert [figure.name for figure in figures] == names
    assert all(figure.fps > 0 for figure in figures)
    assert seen == [(done, 6) for done in range(1, 7)]
    assert torch.get_num_threads() == threads


@pytest.mark.usefixtures("short_runs")
def test_the_reference_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu, "installed_version", lambda package: None)
    network = random_network(1)
    figures = cpu_figures(network, random_images(network, 3, seed=0))
    assert [figure.name for figure in figures] == ["numpy reference"]


@pytest.mark.usefixtures("short_runs")
@pytest.mark.parametrize(
    ("package", "place", "name"),
    [
        ("torch", "bench.torch_network.TorchNetwork", "PyTorch"),
        ("numba", "compiled.CompiledNetwork", "compiled code"),
    ],
)
def test_other_scores_are_no_figure(monkeypatch: pytest.MonkeyPatch, package: str, place: str, name: str) -> None:
    pytest.importorskip(package)
    monkeypatch.setattr(f"hwsnn.{place}.scores", lambda self, *args: np.zeros(1, np.int64))
    network = random_network(1)
    with pytest.raises(RuntimeError, match=f"{name} must give the reference's scores, but gives others"):
        cpu_figures(network, random_images(network, 3, seed=0))


def test_the_fastest_counts() -> None:
    slow, fast = cpu_figure("numpy reference", 10), cpu_figure("PyTorch", 20)
    assert fastest((slow, fast)) is fast
    assert fastest((fast, slow)) is fast


@pytest.mark.parametrize(
    ("others", "cores", "busy", "words"),
    [
        (0.2, 2, False, "1.90 of 2 cores used, 0.20 by others"),
        (0.21, 2, True, "1.90 of 2 cores used, 0.21 by others: busy, the ratio is not to be trusted"),
        (0.21, 4, False, "1.90 of 4 cores used, 0.21 by others"),
        (None, 2, False, "1.90 of 2 cores used; by others: not known"),
    ],
)
def test_a_busy_machine_is_named(others: float | None, cores: int, busy: bool, words: str) -> None:
    found = cpu_figure("PyTorch", 1, others, cores)
    assert (found.busy, found.use) == (busy, words)


def test_others_are_loaded_only_to_measure_them() -> None:
    script = "import sys, hwsnn.bench; sys.exit(bool({'torch', 'numba'} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", script], check=True)
