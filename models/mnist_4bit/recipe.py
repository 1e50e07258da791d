"""The mnist-4bit model: the network of mnist, 28x28-64c5-2s-64c5-2s-128-10, with weights of 4 bits.

Trained as mnist is (``models/mnist/recipe.py``), then fine-tuned with its weights rounded.
"""

from hwsnn.train.augment import Distortion
from hwsnn.train.loop import Plan
from hwsnn.train.recipe import Recipe

PROSE = """
The network of the published accelerator, 28x28-64c5-2s-64c5-2s-128-10, in two time steps, with weights of 4 bits: leaky
integrate-and-fire neurons, beta = 0.5, reset by subtraction; pools `or`; pixels reach the first layer as they are
(`direct`); the last layer integrates.

Trained with surrogate gradients through time (Wu et al., Frontiers in Neuroscience 12:331, 2018) and batch norm, on
images moved, turned, scaled, sheared and bent a little by chance, then fine-tuned with rounded weights. The model is
the running average of the weights of the last steps.
"""

NOTES = """
## Three seeds

This recipe with seeds 0, 1 and 2 (`hwsnn train mnist-4bit --seed S -o DIR`), on the test images: 99.54, 99.36 and
99.52 %, 99.47 % in the mean; rounded without fine-tuning 99.54, 99.49 and 99.49 %, 99.51 % in the mean, so fine-tuning
brings nothing at 4 bits. The model here is that of seed 0, which was not chosen: it is the default.
"""

RECIPE = Recipe(
    name="mnist-4bit",
    notation="28x28-64c5-2s-64c5-2s-128-10",
    timesteps=2,
    beta=0.5,
    plan=Plan(epochs=30, learning_rate=2e-3, weight_decay=0.05, floor=0.3, average=0.9995),
    distortion=Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5),
    prose=PROSE,
    notes=NOTES,
    weight_bits=4,
    fine_tuning={4: Plan(epochs=4, learning_rate=3e-4, weight_decay=0, average=0.9995)},
)
