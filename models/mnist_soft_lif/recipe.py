"""The mnist-soft-lif model: trained as soft, noisy rates without time, run with the neurons that have those rates.

The neurons and their rates are in ``hwsnn.train.soft_lif``.
"""

from torch import nn

from hwsnn.train.augment import Distortion
from hwsnn.train.loop import Plan
from hwsnn.train.network import TrainableNetwork
from hwsnn.train.recipe import Recipe, Run
from hwsnn.train.soft_lif import soft_network, with_spikes

BETA = 0.875  # a leak that hardware has exactly: 1 - 2^-3
TIMESTEPS = 16

PROSE = f"""
Trained as rates, run with spikes: E. Hunsberger, C. Eliasmith, "Training Spiking Deep Networks for Neuromorphic
Hardware", arXiv 1611.05141, 2016, which gives 99.12 % on MNIST.

In training a neuron is its rate at a constant current, softened so that the derivative is bounded, with noise of the
variance that spikes have. Afterwards leaky integrate-and-fire neurons stand in the rates' place: beta = {BETA}, reset
by subtraction, {TIMESTEPS} time steps; pools `winner`; pixels reach the first layer as they are (`direct`); the last
layer integrates. The number of steps was chosen on training images held out.

Not theirs: the equation, which is that of this discrete neuron (`hwsnn.train.soft_lif`), without refractory time and
synaptic filter, and the noise derived from it; the network, which is that of Wu et al., Frontiers in Neuroscience
12:331, 2018 (15c5-2s-40c5-2s-300-10); pools that take the largest rate; batch norm; images moved, turned, scaled,
sheared and bent a little by chance; and the running average of the weights of the last steps.
"""


def build(run: Run) -> nn.Module:
    """The network of soft rates, its first currents between those of no spikes, 1 - beta, and of one a step, 1."""
    network = soft_network(run.recipe.notation, beta=BETA, softness=0.02)
    for layer in network.weighted():
        if layer.norm is not None:
            nn.init.constant_(layer.norm.weight, 0.3)
    return network


def tune(run: Run, network: nn.Module) -> TrainableNetwork:
    """The neurons in place of their rates."""
    return with_spikes(network, TIMESTEPS)


RECIPE = Recipe(
    name="mnist-soft-lif",
    notation="28x28-15c5-2s-40c5-2s-300-10",
    timesteps=TIMESTEPS,
    beta=BETA,
    plan=Plan(epochs=15, batch=64, learning_rate=2e-3, weight_decay=1e-2, average=0.999, half_precision=False),
    distortion=Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5),
    prose=PROSE,
    build=build,
    tune=tune,
)
