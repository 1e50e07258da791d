"""The mnist-first-spike-binary model: mnist-first-spike, fine-tuned for weights of 1 bit."""

from dataclasses import replace
from pathlib import Path

from hwsnn.train.loop import Plan
from hwsnn.train.recipe_file import load

PROSE = """
The network of [mnist-first-spike](../mnist_first_spike/card.md) with weights of 1 bit: signs. It is trained as that
one is, and then on, with the sign times the mean magnitude of its channel in place of each weight, whose gradient
passes the sign as if it were not there. "Spike time displacement based error backpropagation in convolutional spiking
neural networks" (Mirsadeghi et al., arXiv 2108.13621) keeps real weights and computes with their signs likewise.
"""

RECIPE = replace(
    load(Path(__file__).resolve().parents[1] / "mnist_first_spike" / "recipe.py"),
    name="mnist-first-spike-binary",
    fine_tuning={1: Plan(epochs=2, learning_rate=2e-3, weight_decay=0, floor=0.05, average=0.999)},
    weight_bits=1,
    prose=PROSE,
)
