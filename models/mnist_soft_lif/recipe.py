"""The mnist-soft-lif model: trained as soft, noisy rates without time, run with the neurons that have those rates.

The neurons and their rates are in ``hwsnn.train.soft_lif``.
"""

from __future__ import annotations

from torch import nn

from hwsnn.train.augment import Distortion
from hwsnn.train.card import Training, finish
from hwsnn.train.loop import Plan, accuracy
from hwsnn.train.loop import train as fit
from hwsnn.train.network import export
from hwsnn.train.recipe import Run, tensors
from hwsnn.train.soft_lif import soft_network, with_spikes

NOTATION = "28x28-15c5-2s-40c5-2s-300-10"
BETA, SOFTNESS = 0.875, 0.02  # a leak that hardware has exactly: 1 - 2^-3
SPREAD = 0.3  # of the first currents, whose range from no spikes to one a step is 1 - beta to 1
TIMESTEPS = 16
PLAN = Plan(epochs=15, batch=64, learning_rate=2e-3, weight_decay=1e-2, average=0.999, half_precision=False)
DISTORTION = Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5)

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


def train(run: Run) -> None:
    """Train the model, and write it, its floats and its card."""
    network = soft_network(NOTATION, beta=BETA, softness=SOFTNESS).to(run.device)
    for layer in network.weighted()[:-1]:
        nn.init.constant_(layer.norm.weight, SPREAD)
    seconds = fit(
        network,
        run.training(),
        PLAN,
        run.checkpoint("mnist-soft-lif"),
        distort=DISTORTION,
        validation=run.validation(),
        identity=f"seed {run.seed}, {DISTORTION}, {BETA}, {SOFTNESS}, {SPREAD}",
    )
    spiking = with_spikes(network, TIMESTEPS)
    finish(
        run,
        export(spiking, "mnist-soft-lif"),
        Training(
            title="mnist-soft-lif",
            prose=PROSE,
            epochs=PLAN.epochs,
            seconds=seconds,
            float_accuracy=accuracy(spiking, tensors(run.measured())),
        ),
    )
