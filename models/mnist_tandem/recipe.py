"""The mnist-tandem model: spikes forward, rates backward (``hwsnn.train.tandem``), integrate-and-fire, ten steps."""

from torch import nn

from hwsnn.train.augment import Distortion
from hwsnn.train.initialize import initialize
from hwsnn.train.loop import Plan
from hwsnn.train.network import TrainableNetwork
from hwsnn.train.recipe import Recipe, Run, direct
from hwsnn.train.tandem import Tandem

PROSE = """
Tandem learning, in ten time steps: J. Wu, Y. Chua, M. Zhang, G. Li, H. Li, K. C. Tan, "A Tandem Learning Rule for
Effective Training and Rapid Inference of Deep Spiking Neural Networks", IEEE TNNLS 2021 (arXiv 1907.01167; first
arXiv 1902.05705, which gives 98.40 % on MNIST at ten steps).

The spiking network runs forward. Errors come back through a network of rates that shares its weights and takes, layer
by layer, the spike counts in place of the rates it would have come to itself. Integrate-and-fire neurons, reset by
subtraction; pools `or`; pixels reach the first layer as they are (`direct`); the last layer integrates.

Not theirs: the network, which is that of Wu et al., Frontiers in Neuroscience 12:331, 2018 (15c5-2s-40c5-2s-300-10);
rates that are clipped at one spike a step; no batch norm, but first weights at which every layer fires (He et al.'s
idea, with rates in place of variances); images moved, turned, scaled, sheared and bent a little by chance; and the
running average of the weights of the last steps.
"""


def build(run: Run) -> nn.Module:
    """The pair of networks, every layer of which fires 0.2 spikes a neuron and step on 500 training images."""
    network = direct(run)
    initialize(network, run.training.x[:500], rate=0.2)
    return Tandem(network)


def tune(run: Run, tandem: nn.Module) -> TrainableNetwork:
    """The spiking one of the pair."""
    network: TrainableNetwork = tandem.network
    return network


RECIPE = Recipe(
    name="mnist-tandem",
    notation="28x28-15c5-2s-40c5-2s-300-10",
    timesteps=10,
    beta=1.0,
    plan=Plan(epochs=6, batch=64, learning_rate=2e-3, weight_decay=1e-2, average=0.999, half_precision=False),
    distortion=Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5),
    prose=PROSE,
    build=build,
    tune=tune,
)
