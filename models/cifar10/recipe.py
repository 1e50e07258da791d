"""The cifar10 model: a residual network of spiking neurons in one time step, with weights of 4 bits, for CIFAR-10."""

from hwsnn.train.augment import Shifted
from hwsnn.train.loop import Plan
from hwsnn.train.recipe import Recipe, data_set

PROSE = """
A residual network for photographs of ten kinds of things, in one time step, with weights of 4 bits:
3x32x32-48c3p-64c3p-2s-96c3p-r3-160c3p-2s-r3-88c3p-2s-10, where r3 is a block of two convolutions whose spikes are added
to those that came in (SEW-ResNet, ADD: W. Fang, Z. Yu, Y. Chen, T. Huang, T. Masquelier, Y. Tian, "Deep Residual
Learning in Spiking Neural Networks", NeurIPS 2021). Spiking neurons with reset by subtraction; pools `or`; pixels reach
the first layer as they are (`direct`); the last layer integrates. In one step a neuron's leak and reset play no part.

Trained with surrogate gradients and batch norm on images moved by up to four pixels and mirrored by chance, then
fine-tuned with rounded weights. The model is the running average of the weights of the last steps. No setting was
chosen by the test images.
"""

RECIPE = Recipe(
    name="cifar10",
    notation="3x32x32-48c3p-64c3p-2s-96c3p-r3-160c3p-2s-r3-88c3p-2s-10",
    timesteps=1,
    beta=0.5,
    plan=Plan(epochs=34, batch=100, learning_rate=2e-3, weight_decay=0.05, average=0.999),
    distortion=Shifted(4),
    prose=PROSE,
    data=data_set("cifar10"),
    weight_bits=4,
    fine_tuning={4: Plan(epochs=4, batch=100, learning_rate=4e-4, weight_decay=0, average=0.999)},
)
