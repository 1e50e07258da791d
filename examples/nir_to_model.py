"""A NIR graph, made by hand with the nir library, becomes an integer model and runs on the bit-exact reference.

Run it anywhere: python examples/nir_to_model.py. It writes to a temporary folder only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nir
import numpy as np

import hwsnn

DT = 1e-4


def spiking(channels: int, height: int, width: int, beta: float = 0.9) -> nir.LIF:
    """Leaky neurons that decay by ``beta`` per step, with an input gain of 1 and a threshold of 1."""
    shape = (channels, height, width)
    tau = DT / (1 - beta)
    return nir.LIF(
        tau=np.full(shape, tau),
        r=np.full(shape, tau / DT),
        v_leak=np.zeros(shape),
        v_threshold=np.ones(shape),
        v_reset=np.zeros(shape),
    )


def small_network() -> nir.NIRGraph:
    """8x8 pixels, a convolution, a spiking max-pool, and ten classes. The weights are random."""
    rng = np.random.default_rng(0)
    two = np.array([2, 2])
    return nir.NIRGraph.from_list(
        nir.Input(np.array([1, 8, 8])),
        nir.Conv2d((8, 8), rng.normal(size=(4, 1, 3, 3)), 1, 1, 1, 1, rng.normal(size=4) / 10),
        spiking(4, 8, 8),
        # NIR has no max-pool. The maximum of spikes is 1 where their sum is above a half.
        nir.SumPool2d(kernel_size=two, stride=two, padding=np.array([0, 0])),
        nir.Threshold(np.full((4, 4, 4), 0.5)),
        nir.Flatten({"input": np.array([4, 4, 4])}, start_dim=0, end_dim=-1),
        nir.Affine(rng.normal(size=(10, 64)) / 4, np.zeros(10)),
        nir.LI(tau=np.full(10, 2 * DT), r=np.full(10, 2.0), v_leak=np.zeros(10)),
    )


def main() -> None:
    """Write the graph, read it, quantize it, save it, and run it on three random images."""
    with tempfile.TemporaryDirectory() as folder:
        graph_file, model_file = Path(folder) / "small.nir", Path(folder) / "small.safetensors"
        nir.write(graph_file, small_network())
        network, report = hwsnn.quantize(hwsnn.read(graph_file, dt=DT), timesteps=4, encoding="direct")
        hwsnn.save(network, model_file, {"quantization": report.to_json()})
        print(report)

        images = np.random.default_rng(1).integers(0, 256, (3, 1, 8, 8), dtype=np.uint8)
        result = hwsnn.run(hwsnn.load(model_file), images)
        print("predictions:", *result.predictions)


if __name__ == "__main__":
    main()
