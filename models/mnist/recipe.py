"""The mnist model: 28x28-64c5-2s-64c5-2s-128-10 of leaky integrate-and-fire neurons, two steps, trained directly.

Surrogate gradients through time (``hwsnn.train.fire``), batch norm, distorted images, and the average of the weights of
the last steps. For narrow weights the network is fine-tuned with its weights rounded.
"""

from hwsnn.train.augment import Distortion
from hwsnn.train.loop import Plan
from hwsnn.train.recipe import Recipe

PROSE = """
The network of the published accelerator, 28x28-64c5-2s-64c5-2s-128-10, in two time steps: leaky integrate-and-fire
neurons, beta = 0.5, reset by subtraction; pools `or`; pixels reach the first layer as they are (`direct`); the last
layer integrates.

Trained with surrogate gradients through time (Wu et al., Frontiers in Neuroscience 12:331, 2018) and batch norm, on
images moved, turned, scaled, sheared and bent a little by chance. The model is the running average of the weights of
the last steps.
"""

NOTES = """
## Three seeds

This recipe with seeds 0, 1 and 2 (`hwsnn train mnist --seed S -o DIR`), in integers of 8 bits on the test images:
99.54, 99.51 and 99.53 %, 99.53 % in the mean. The model here is of seed 0 by an earlier version of the training loop,
which drew and rounded otherwise.
"""

RECIPE = Recipe(
    name="mnist",
    notation="28x28-64c5-2s-64c5-2s-128-10",
    timesteps=2,
    beta=0.5,
    plan=Plan(epochs=30, learning_rate=2e-3, weight_decay=0.05, floor=0.3, average=0.9995),
    distortion=Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5),
    prose=PROSE,
    notes=NOTES,
    fine_tuning=dict.fromkeys((4, 3, 2), Plan(epochs=2, learning_rate=3e-4, weight_decay=0, average=0.999)),
)
