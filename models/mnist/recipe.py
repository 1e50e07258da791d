"""The mnist model: 28x28-64c5-2s-64c5-2s-128-10 of leaky integrate-and-fire neurons, two steps, trained directly.

Surrogate gradients through time (``hwsnn.train.fire``), batch norm, distorted images, and the average of the weights of
the last steps. For narrow weights the network is fine-tuned with its weights rounded.
"""

from __future__ import annotations

from copy import deepcopy

from hwsnn.train.augment import Distortion
from hwsnn.train.card import Training, finish
from hwsnn.train.loop import Plan, accuracy
from hwsnn.train.loop import train as fit
from hwsnn.train.network import export, spiking
from hwsnn.train.quantized import fold_norms, round_weights
from hwsnn.train.recipe import Run, tensors

NOTATION = "28x28-64c5-2s-64c5-2s-128-10"
TIMESTEPS, BETA = 2, 0.5
PLAN = Plan(epochs=30, learning_rate=2e-3, weight_decay=0.05, floor=0.3, average=0.9995)
DISTORTION = Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5)
FINE_PLAN = Plan(epochs=2, learning_rate=3e-4, weight_decay=0, average=0.999)
FINE_BITS = (4, 3, 2)

PROSE = """
The network of the published accelerator, 28x28-64c5-2s-64c5-2s-128-10, in two time steps: leaky integrate-and-fire
neurons, beta = 0.5, reset by subtraction; pools `or`; pixels reach the first layer as they are (`direct`); the last
layer integrates.

Trained with surrogate gradients through time (Wu et al., Frontiers in Neuroscience 12:331, 2018) and batch norm, on
images moved, turned, scaled, sheared and bent a little by chance. The model is the running average of the weights of
the last steps.
"""


def train(run: Run) -> None:
    """Train the model, and write it, its floats and its card."""
    images, validation = run.training(), run.validation()
    identity = f"seed {run.seed}, {DISTORTION}"
    network = spiking(NOTATION, timesteps=TIMESTEPS, beta=BETA).to(run.device)
    seconds = fit(
        network, images, PLAN, run.checkpoint("mnist"), distort=DISTORTION, validation=validation, identity=identity
    )
    tuned = {}
    for bits in FINE_BITS:
        narrow = deepcopy(network)
        fold_norms(narrow)
        round_weights(narrow, bits)
        checkpoint = run.checkpoint(f"mnist-{bits}-bits")
        fit(narrow, images, FINE_PLAN, checkpoint, distort=DISTORTION, validation=validation, identity=identity)
        tuned[bits] = export(narrow, f"mnist-{bits}-bits")
    finish(
        run,
        export(network, "mnist"),
        Training(
            title="mnist",
            prose=PROSE,
            epochs=PLAN.epochs,
            seconds=seconds,
            float_accuracy=accuracy(network, tensors(run.measured())),
        ),
        tuned,
    )
