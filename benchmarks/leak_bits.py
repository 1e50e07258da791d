"""What the bits of a leak's multiplier are worth, and what they cost: the figures of docs/decisions/0007-leaks.md.

    python benchmarks/leak_bits.py

First, hidden spikes that differ from the same equations in float64, with multipliers of 8 bits and as chosen. Then the
neurons of four lanes, synthesized by Yosys for UltraScale+, with one leak and with a leak per channel. Seconds each.
"""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from amaranth.hdl import Module, Shape
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwsnn import reference
from hwsnn.build.analysis.resources import measure
from hwsnn.float_network import FloatArray, FloatIntegrator, FloatNetwork, FloatNeuron
from hwsnn.quantization.leaks import choose_leak
from hwsnn.quantization.quantize import quantize
from hwsnn.rtl.compute.neurons import Neurons, NeuronShape
from hwsnn.spec import ChannelLeak, Leak, MultiplyLeak, Neuron, ShiftLeak
from tests.support.float_simulation import simulate
from tests.support.layers import float_dense_layer

BETAS = (0.9, 0.95, 0.99, 0.999)
STEPS = (10, 25, 100)
NETWORKS, FRAMES, INPUTS, HIDDEN = 5, 20, 64, 100
GROUPS, LANES, CURRENT_BITS, MEMBRANE_BITS = 4, 4, 14, 18


def random_network(rng: np.random.Generator, beta: float, steps: int) -> FloatNetwork:
    """Weights that 8 bits hold, of two hidden layers; some tenth of the neurons fires at a step."""

    def layer(name: str, inputs: int, rate: float) -> tuple[FloatArray, FloatNeuron]:
        weight = rng.integers(-100, 101, (HIDDEN, inputs, 1, 1)) / 128
        weight[:, 0] = 127 / 128
        lasts = (1 - beta ** (2 * steps)) / (1 - beta**2)
        theta = np.rint(128 * np.sqrt(rate * (weight**2).sum(axis=(1, 2, 3)).mean() * lasts)) / 128
        return weight, FloatNeuron(np.full(HIDDEN, theta), beta, "greater", "subtract")

    layers = []
    for name, inputs, rate in (("first", INPUTS, 0.2), ("second", HIDDEN, 0.1)):
        weight, neuron = layer(name, inputs, rate)
        layers.append(float_dense_layer(name, weight, np.zeros(HIDDEN), neuron))
    last = rng.integers(-127, 128, (10, HIDDEN, 1, 1)) / 128
    layers.append(float_dense_layer("last", last, np.zeros(10), FloatIntegrator(beta)))
    return FloatNetwork("random", (INPUTS, 1, 1), tuple(layers), encoding="steps", timesteps=steps)


def differing(beta: float, steps: int) -> dict[str, float]:
    """The share of hidden spikes that differ; by the rule."""
    rules = {"8 bits": (1.0, 0.01), "finer leaks": (2.0**-9, 0.01), "as chosen": (2.0**-9, 0.0025)}
    found: dict[str, list[float]] = {name: [] for name in rules}
    for seed in range(NETWORKS):
        rng = np.random.default_rng(seed)
        network = random_network(rng, beta, steps)
        values = (rng.random((FRAMES, steps, INPUTS, 1, 1)) < 0.2).astype(np.uint8)
        expected = simulate(network, values.astype(np.float64)).spikes
        for name, (error, floors) in rules.items():
            with (
                patch("hwsnn.quantization.leaks.LEAK_ERROR", error),
                patch("hwsnn.quantization.fractions.LARGEST_ALONE", floors),
            ):
                integers, _ = quantize(network)
            spikes = reference.run(integers, values, trace=True).spikes
            found[name].append(float(np.mean([spikes[one] != expected[one] for one in ("first", "second")])))
    return {name: float(np.mean(shares)) for name, shares in found.items()}


class Alone(wiring.Component):  # type: ignore[misc]
    """Neurons whose streams are plain ports: none of them is a constant."""

    def __init__(self, neurons: Neurons) -> None:
        self.neurons = neurons
        currents, fired = (Shape.cast(flow.payload.shape()).width for flow in (neurons.i, neurons.o))
        super().__init__({"valid": In(1), "currents": In(currents), "leaves": Out(1), "fired": Out(fired)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.neurons = neurons = self.neurons
        m.d.comb += [
            neurons.i.valid.eq(self.valid),
            neurons.i.payload.eq(self.currents),
            self.leaves.eq(neurons.o.valid),
            self.fired.eq(neurons.o.payload),
        ]
        return m


def of_leak(leak: Leak, fraction_bits: int) -> Neurons:
    """Of random thresholds, which subtract them, over several passes."""
    threshold = np.random.default_rng(0).integers(1000, 4000, GROUPS * LANES) << fraction_bits
    neuron = Neuron(threshold, leak, "subtract", MEMBRANE_BITS + fraction_bits, threshold)
    shape = NeuronShape(GROUPS, LANES, CURRENT_BITS + fraction_bits, 8, 1, False, frozenset(), "spikes")
    return Neurons(neuron, shape)


def leaks() -> dict[str, Leak]:
    """One leak each, then random ones per channel."""
    one: dict[str, Leak] = {"a shift, beta 0.875": ShiftLeak(3)}
    for beta in BETAS:
        chosen = choose_leak(beta)
        assert isinstance(chosen, MultiplyLeak)
        one |= {
            f"beta {beta}, {bits} bits": MultiplyLeak(min(round(beta * 2**bits), 2**bits - 1), bits)
            for bits in dict.fromkeys((8, chosen.shift))
        }
    betas = np.random.default_rng(1).uniform(0.8, 0.98, GROUPS * LANES)
    return one | {
        f"per channel, {bits} bits": ChannelLeak(np.rint(betas * 2**bits).astype(np.int32), bits)
        for bits in (8, 11, 13, 16)
    }


def main() -> None:
    """Print both tables."""
    print("| beta | leak as chosen | steps | 8 bits | finer leaks | and smaller floors: as chosen |")
    print("| --- | --- | --- | --- | --- | --- |")
    for beta in BETAS:
        for steps in STEPS:
            shares = " | ".join(f"{share:.2%}" for share in differing(beta, steps).values())
            print(f"| {beta} | {choose_leak(beta).formula} | {steps} | {shares} |", flush=True)
    print("\n| leak | LUT per lane | FF per lane | least cycles between steps |\n| --- | --- | --- | --- |")
    for name, leak in leaks().items():
        show_cost(name, leak, 0)
    show_cost("beta 0.9, 11 bits, two fraction bits", choose_leak(0.9), 2)
    show_cost("beta 0.999, 16 bits, two fraction bits", choose_leak(0.999), 2)


def show_cost(name: str, leak: Leak, fraction_bits: int) -> None:
    """Print a line."""
    neurons = of_leak(leak, fraction_bits)
    total = measure(Alone(neurons)).total
    print(f"| {name} | {total.lut / LANES:.0f} | {total.ff / LANES:.0f} | {neurons.min_interval} |", flush=True)


if __name__ == "__main__":
    main()
