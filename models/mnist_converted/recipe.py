"""The mnist-converted model: trained as a network of rates, converted to integrate-and-fire neurons.

The blocks, and the papers they are from, are in ``hwsnn.train.convert``; ``benchmarks/encodings.py`` converts the same
network for other numbers of time steps and other encodings.
"""

from __future__ import annotations

import torch

from hwsnn.spec import EncoderKind
from hwsnn.train.augment import Distortion
from hwsnn.train.card import Training, finish
from hwsnn.train.convert import calibrate, convert, normalize, rate_network
from hwsnn.train.loop import Images, Plan, accuracy
from hwsnn.train.loop import train as fit
from hwsnn.train.network import TrainableNetwork, export
from hwsnn.train.recipe import Run, tensors

NOTATION = "28x28-64c5-2s-64c5-2s-128-10"
TIMESTEPS = 3  # after ten epochs, in integers, right for 99.0 % of 10,000 held-out training images; two steps: 95.8 %
ENCODING: EncoderKind = "uniform"
PLAN = Plan(epochs=20, learning_rate=2e-3, weight_decay=0.05, floor=0.3, average=0.9995)
DISTORTION = Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5)
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


def train(run: Run) -> None:
    """Train the model, and write it, its floats and its card."""
    network, seconds = rates(run)
    converted = spikes(run, network, TIMESTEPS, ENCODING, CALIBRATED)
    measured = tensors(run.measured())
    plain = accuracy(convert(network, timesteps=TIMESTEPS, encoding=ENCODING), measured)
    finish(
        run,
        export(converted, "mnist-converted"),
        Training(
            title="mnist-converted",
            prose=PROSE,
            epochs=PLAN.epochs,
            seconds=seconds,
            float_accuracy=accuracy(converted, measured),
            notes=(
                f"Of the same images the network of rates answers {accuracy(network, measured):.2%} rightly, and the "
                f"spiking one before its calibration, in floats, {plain:.2%}."
            ),
        ),
    )


def rates(run: Run) -> tuple[TrainableNetwork, float]:
    """The network of rates, trained and normalized, and the seconds that the training took."""
    images = run.training()
    network = rate_network(NOTATION).to(run.device)
    seconds = fit(
        network,
        images,
        PLAN,
        run.checkpoint("mnist-converted"),
        distort=DISTORTION,
        validation=run.validation(),
        identity=f"seed {run.seed}, {DISTORTION}",
    )
    normalize(network, images.x[:NORMALIZED], PERCENTILE)
    return network, seconds


def spikes(run: Run, network: TrainableNetwork, timesteps: int, encoding: EncoderKind, count: int) -> TrainableNetwork:
    """The network of rates converted and calibrated on ``count`` images: the same whatever was converted before."""
    images = run.training()
    torch.manual_seed(run.seed)
    converted = convert(network, timesteps=timesteps, encoding=encoding)
    calibrate(
        converted,
        network,
        Images(images.x[:count], images.y[:count]),
        lambda layer: run.checkpoint(f"{encoding}-{timesteps}-{count}-{layer}"),
        identity=f"seed {run.seed}, {len(images.x)} images, {PLAN}, {DISTORTION}, {NORMALIZED}, {PERCENTILE}",
    )
    return converted
