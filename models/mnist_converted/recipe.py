"""The mnist-converted model: trained as a network of rates, converted to integrate-and-fire neurons.

The blocks, and the papers they are from, are in ``hwsnn.train.convert``; ``benchmarks/encodings.py`` converts the same
network for other numbers of time steps and other encodings.
"""

import torch
from torch import nn

from hwsnn.spec import EncoderKind
from hwsnn.train.augment import Distortion
from hwsnn.train.convert import calibrate, convert, normalize, rate_network
from hwsnn.train.loop import Images, Plan, accuracy
from hwsnn.train.network import TrainableNetwork
from hwsnn.train.recipe import Recipe, Run, tensors

NORMALIZED, PERCENTILE = 300, 98
CALIBRATED = 25_600

PROSE = f"""
The network of the published accelerator, 28x28-64c5-2s-64c5-2s-128-10, as integrate-and-fire neurons (beta = 1, reset
by subtraction) with pixels as evenly spaced spikes (`uniform`), pools `winner`, a last layer that integrates; converted
from a network of rates.

1. A network of rectified linear units and max-pools, with batch norm, is trained without time, on images moved,
   turned, scaled, sheared and bent a little by chance; its weights are the running average over the last steps.
2. Each layer is scaled so that {PERCENTILE} % of its activations on {NORMALIZED} training images are at most one spike
   a step (Diehl et al., IJCNN 2015; Rueckauer et al., Frontiers in Neuroscience 11:682, 2017).
3. Integrate-and-fire neurons take the place of the units, and half a threshold, spread over the steps, is added (Deng
   and Gu, ICLR 2021).
4. Layer by layer, weights and biases are adjusted until the spikes of {CALIBRATED:,} training images have nearly the
   rates of the units; labels play no part (Li et al., ICML 2021).

The number of time steps was chosen on training images held out.
"""


def build(run: Run) -> nn.Module:
    """The network of rates."""
    return rate_network(run.recipe.notation)


def tune(run: Run, network: nn.Module) -> TrainableNetwork:
    """The network of rates, scaled, converted and calibrated."""
    scale(run, network)
    return spikes(run, network, run.recipe.timesteps, run.recipe.encoding, CALIBRATED)


def scale(run: Run, network: nn.Module) -> None:
    """Normalize the network of rates, in place."""
    normalize(network, run.training.x[:NORMALIZED], PERCENTILE)


def spikes(run: Run, network: nn.Module, timesteps: int, encoding: EncoderKind, count: int) -> TrainableNetwork:
    """The scaled network converted and calibrated on ``count`` images: the same whatever was converted before."""
    torch.manual_seed(run.seed)
    converted = convert(network, timesteps=timesteps, encoding=encoding)
    few = Images(run.training.x[:count], run.training.y[:count])
    calibrate(converted, network, few, lambda layer: run.checkpoint(f"{encoding}-{timesteps}-{count}-{layer}"))
    return converted


def remark(run: Run, network: nn.Module) -> str:
    """What conversion and calibration each cost."""
    measured = tensors(run.measured)
    plain = convert(network, timesteps=run.recipe.timesteps, encoding=run.recipe.encoding)
    return (
        f"Of the same images the network of rates answers {accuracy(network, measured):.2%} rightly, and the "
        f"spiking one before its calibration, in floats, {accuracy(plain, measured):.2%}."
    )


RECIPE = Recipe(
    name="mnist-converted",
    notation="28x28-64c5-2s-64c5-2s-128-10",
    timesteps=3,  # after ten epochs, in integers, right for 99.0 % of 10,000 held-out training images; two: 95.8 %
    beta=1.0,
    encoding="uniform",
    plan=Plan(epochs=12, learning_rate=2e-3, weight_decay=0.05, floor=0.3, average=0.9995),
    distortion=Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5),
    prose=PROSE,
    build=build,
    tune=tune,
    remark=remark,
)
