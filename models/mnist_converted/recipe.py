"""The mnist-converted model: trained as a network of rates, converted to integrate-and-fire neurons.

The blocks, and the papers they are from, are in ``hwsnn.train.convert``; ``benchmarks/encodings.py`` converts the same
network for other numbers of time steps and other encodings.

Settings were chosen on the last 10,000 training images, with rates trained for three epochs on the other 50,000, and
one pass in place of three at the end: in integers 98.95 % of those were right.
"""

import torch
from torch import nn

from hwsnn.spec import EncoderKind
from hwsnn.train.augment import Distortion
from hwsnn.train.convert import calibrate, calibrate_together, convert, normalize, rate_network
from hwsnn.train.loop import Images, Plan, accuracy
from hwsnn.train.network import TrainableNetwork
from hwsnn.train.recipe import Recipe, Run, tensors

NORMALIZED, PERCENTILE = 300, 99.9
CALIBRATED = 3_200

PROSE = f"""
The network of the published accelerator, 28x28-64c5-2s-64c5-2s-128-10, as integrate-and-fire neurons (beta = 1, reset
by subtraction) with pixels as evenly spaced spikes (`uniform`), pools `winner`, a last layer that integrates; converted
from a network of rates.

1. A network of rectified linear units and max-pools, with batch norm, is trained without time, on images moved,
   turned, scaled, sheared and bent a little by chance; its weights are the running average over the last steps.
2. Each layer is scaled so that {PERCENTILE} % of its activations on {NORMALIZED} training images are at most one spike
   a step (Diehl et al., IJCNN 2015; Rueckauer et al., Frontiers in Neuroscience 11:682, 2017).
3. Integrate-and-fire neurons take the place of the units, and half a threshold, spread over the steps, is added (Deng
   and Gu, ICLR 2021). Each channel has a bias for each of the two steps (the idea of Wu et al., ECCV 2024): the first
   one's is the bias and the membrane's initial value, the second one's the bias alone.
4. Layer by layer, weights and biases are adjusted until the spikes of {CALIBRATED:,} training images have nearly the
   rates of the units (Li et al., ICML 2021). Weights are rounded to 8 bits meanwhile, so that each layer makes up for
   the rounding of those before it.
5. All layers are adjusted together, in three passes over the training images, distorted as before, until the scores
   are nearly those of the units.

Labels play no part in 2 to 5.
"""


def build(run: Run) -> nn.Module:
    """The network of rates."""
    return rate_network(run.recipe.notation)


def tune(run: Run, network: nn.Module) -> TrainableNetwork:
    """The network of rates, scaled, converted and calibrated."""
    scale(run, network)
    return model(run, network)


def scale(run: Run, network: nn.Module) -> None:
    """Normalize the network of rates, in place."""
    normalize(network, run.training.x[:NORMALIZED], PERCENTILE)


def model(run: Run, network: nn.Module) -> TrainableNetwork:
    """The scaled network converted and calibrated: layer by layer, and then together."""
    recipe = run.recipe
    converted = spikes(run, network, recipe.timesteps, recipe.encoding, CALIBRATED)
    calibrate_together(converted, network, run.training, recipe.distortion, run.checkpoint("together"))
    return converted


def spikes(run: Run, network: nn.Module, timesteps: int, encoding: EncoderKind, count: int) -> TrainableNetwork:
    """The scaled network converted and calibrated layer by layer on ``count`` images: the same whatever was before."""
    torch.manual_seed(run.seed)
    converted = convert(network, timesteps=timesteps, encoding=encoding)
    few = Images(run.training.x[:count], run.training.y[:count])
    calibrate(converted, network, few, lambda layer: run.checkpoint(f"{encoding}-{timesteps}-{count}-{layer}"))
    return converted


def remark(run: Run, network: nn.Module) -> str:
    """What conversion and each calibration cost."""
    recipe, measured = run.recipe, tensors(run.measured)
    plain = convert(network, timesteps=recipe.timesteps, encoding=recipe.encoding)
    by_layer = spikes(run, network, recipe.timesteps, recipe.encoding, CALIBRATED)
    return (
        f"Of the same images the network of rates answers {accuracy(network, measured):.2%} rightly, and the spiking "
        f"one, in floats, {accuracy(plain, measured):.2%} as converted and {accuracy(by_layer, measured):.2%} when it "
        "is calibrated layer by layer."
    )


RECIPE = Recipe(
    name="mnist-converted",
    notation="28x28-64c5-2s-64c5-2s-128-10",
    timesteps=2,
    beta=1.0,
    encoding="uniform",
    plan=Plan(epochs=12, learning_rate=2e-3, weight_decay=0.05, floor=0.3, average=0.9995),
    distortion=Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5),
    prose=PROSE,
    build=build,
    tune=tune,
    remark=remark,
)
