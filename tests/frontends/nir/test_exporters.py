"""Graphs that the frameworks' own exporters write: the spikes of the networks that were exported."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwsnn.float_network import FloatNetwork
from hwsnn.frontends.nir.reader import read
from hwsnn.spec import Sum
from tests.support.float_simulation import simulate

pytestmark = pytest.mark.frameworks
torch: Any = pytest.importorskip("torch")

STEPS, IMAGES = 8, 16


def rounded(network: Any) -> None:
    """Weights in eighths, which are exact in single precision as well: no membrane is at a threshold of 0.97."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.randint(-8, 10, weights.shape, generator=generator) / 8)


def compare(network: Any, read_network: FloatNetwork, *shape: int) -> None:
    """``network`` takes a step at a time, and both get the same random spikes."""
    read_network.check()
    inputs = torch.randint(0, 2, (STEPS, IMAGES, *shape), generator=torch.Generator().manual_seed(1)).float()
    with torch.no_grad():
        expected = np.stack([network(step).numpy() for step in inputs], axis=1)
    frames = inputs.numpy().swapaxes(0, 1).astype(np.float64).reshape(IMAGES, STEPS, *read_network.input_shape)
    got = simulate(read_network, frames).spikes[read_network.layers[-1].name][..., 0, 0]
    np.testing.assert_array_equal(got, expected)
    assert 0.02 < expected.mean() < 0.98


@pytest.mark.filterwarnings("ignore:nirtorch.extract_nir_graph:DeprecationWarning")
@pytest.mark.parametrize("all_to_all", [True, False])
def test_a_recurrent_layer_of_snntorch(all_to_all: bool, tmp_path: Path) -> None:
    import nir

    snn: Any = pytest.importorskip("snntorch")
    from snntorch.export_nir import export_to_nir

    def neurons(kind: Any, count: int, **options: Any) -> Any:
        own = {"reset_mechanism": "zero", "reset_delay": False, "init_hidden": True}
        return kind(beta=torch.full((count,), 0.5), threshold=torch.full((count,), 0.97), **own, **options)

    connected = {"linear_features": 5} if all_to_all else {"V": torch.tensor([0.5, -1.0, 0.25, 0.75, -0.5])}
    network = torch.nn.Sequential(
        torch.nn.Linear(6, 5),
        neurons(snn.RLeaky, 5, all_to_all=all_to_all, **connected),
        torch.nn.Linear(5, 3),
        neurons(snn.Leaky, 3),
    )
    rounded(network)
    nir.write(tmp_path / "net.nir", export_to_nir(network, torch.zeros(1, 6), ignore_dims=[0]))
    for module in network:
        if hasattr(module, "reset_mem"):
            module.reset_mem()
    found = read(tmp_path / "net.nir")
    (layer, _) = found.layers
    assert [port.delay for port in layer.ports] == [0, 1]
    compare(network, found, 6)


def test_a_residual_block_of_spikingjelly(tmp_path: Path) -> None:
    pytest.importorskip("spikingjelly")
    os.environ.setdefault("LOGURU_LEVEL", "ERROR")  # its exporter tells of each node
    from spikingjelly.activation_based import functional, layer, neuron
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    class Residual(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.first = torch.nn.Sequential(layer.Conv2d(2, 3, 3, padding=1), neuron.IFNode(v_reset=0.0))
            self.second = torch.nn.Sequential(layer.Conv2d(3, 3, 3, padding=1), neuron.IFNode(v_reset=0.0))
            self.last = torch.nn.Sequential(layer.Flatten(), layer.Linear(75, 4), neuron.IFNode(v_reset=0.0))

        def forward(self, x: Any) -> Any:
            spikes = self.first(x)
            return self.last(self.second(spikes) + spikes)

    network = Residual()
    rounded(network)
    export_to_nir(network, torch.zeros(1, 2, 5, 5), tmp_path / "net.nir")
    functional.reset_net(network)
    found = read(tmp_path / "net.nir").firing_where("greater_equal")
    assert [isinstance(one, Sum) for one in found.layers] == [False, False, True, False]
    compare(network, found, 2, 5, 5)
