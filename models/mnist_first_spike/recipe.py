"""The mnist-first-spike model: one spike a neuron, and the first neuron of the last layer to fire is the class.

The blocks, and the papers, are in ``hwsnn.train.once``.
"""

from torch import nn

from hwsnn.train.augment import Distortion
from hwsnn.train.loop import Plan, train
from hwsnn.train.network import TrainableNetwork
from hwsnn.train.once import FirstSpikeNetwork, Rates, settle
from hwsnn.train.recipe import Recipe, Run

WIDTH, PART, SETTLED = 2.0, 0.4, 500
SPIKES = Plan(epochs=3, learning_rate=2e-3, weight_decay=0, floor=0.05, average=0.999)

PROSE = f"""
One spike a neuron: pixels spike the earlier the brighter they are (`latency`), a spike's potential in the next neurons
grows linearly from then on (no leak in synaptic current and membrane), a neuron fires once, a pool passes the earliest
spike, and the class is that of the last layer's neuron that fires `first`. Code, neurons and readout are those of
Mirsadeghi et al., "STiDi-BP", Neurocomputing 2021, and "Spike time displacement based error backpropagation in
convolutional spiking neural networks", arXiv 2108.13621: 99.2 % on MNIST, and 0.6 less with binary weights.

Only their abstracts are read here, and the rule is our own (`hwsnn.train.once`):

1. The weights are trained as a network of rates, clipped to 0 ... 1, on images moved, turned, scaled, sheared and bent
   a little by chance.
2. Each layer gets a threshold with which {PART:.0%} of the neurons fire whose membranes are ever above 0 on {SETTLED}
   training images.
3. Spikes are trained in {SPIKES.epochs} further epochs, with surrogate gradients through all steps and layers, to win
   the race of the last layer. The model is the running average of the weights of the last steps.
"""


def build(run: Run) -> nn.Module:
    """The network of rates."""
    recipe = run.recipe
    return Rates(FirstSpikeNetwork(recipe.notation, timesteps=recipe.timesteps, width=WIDTH))


def tune(run: Run, rates: nn.Module) -> TrainableNetwork:
    """The network of its weights whose neurons fire once, trained."""
    network: FirstSpikeNetwork = rates.network
    settle(network, run.training.x[:SETTLED], PART)
    checkpoint = run.checkpoint(f"{run.recipe.name}-spikes")
    train(network, run.training, SPIKES, checkpoint, distort=run.recipe.distortion, validation=run.validation)
    return network


RECIPE = Recipe(
    name="mnist-first-spike",
    notation="28x28-32c5-2s-64c5-2s-128-10",
    timesteps=8,
    beta=1.0,
    encoding="latency",
    plan=Plan(epochs=3, learning_rate=2e-3, weight_decay=1e-2, average=0.999),
    distortion=Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5),
    prose=PROSE,
    build=build,
    tune=tune,
)
