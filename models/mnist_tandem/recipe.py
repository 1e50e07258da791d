"""The mnist-tandem model: spikes forward, rates backward (``hwsnn.train.tandem``), integrate-and-fire, ten steps."""

from __future__ import annotations

from hwsnn.train.augment import Distortion
from hwsnn.train.card import Training, finish
from hwsnn.train.initialize import initialize
from hwsnn.train.loop import Plan, accuracy
from hwsnn.train.loop import train as fit
from hwsnn.train.network import export, spiking
from hwsnn.train.recipe import Run, tensors
from hwsnn.train.tandem import Tandem

NOTATION = "28x28-15c5-2s-40c5-2s-300-10"
TIMESTEPS = 10
RATE, MEASURED = 0.2, 500
PLAN = Plan(epochs=6, batch=64, learning_rate=2e-3, weight_decay=1e-2, average=0.999, half_precision=False)
DISTORTION = Distortion(shift=2, turn=12, scale=0.12, shear=0.1, bend=0.5)

PROSE = """
Tandem learning, in ten time steps: J. Wu, Y. Chua, M. Zhang, G. Li, H. Li, K. C. Tan, "A Tandem Learning Rule for
Effective Training and Rapid Inference of Deep Spiking Neural Networks", IEEE TNNLS 2021 (arXiv 1907.01167; first
arXiv 1902.05705, which gives 98.40 % on MNIST at ten steps).

The spiking network runs forward. Errors come back through a network of rates that shares its weights and takes, layer
by layer, the spike counts in place of the rates it would have come to itself. Integrate-and-fire neurons, reset by
subtraction; pools `or`; pixels reach the first layer as they are (`direct`); the last layer integrates.

Not theirs: the network, which is that of Wu et al., Frontiers in Neuroscience 12:331, 2018 (15c5-2s-40c5-2s-300-10);
rates that are clipped at one spike a step; no batch norm, but first weights at which every layer fires (He et al.'s
idea, with rates in place of variances); images moved, turned, scaled, sheared and bent a little by chance; and the
running average of the weights of the last steps.
"""


def train(run: Run) -> None:
    """Train the model, and write it, its floats and its card."""
    images = run.training()
    network = spiking(NOTATION, timesteps=TIMESTEPS, beta=1.0).to(run.device)
    initialize(network, images.x[:MEASURED], RATE)
    seconds = fit(
        Tandem(network),
        images,
        PLAN,
        run.checkpoint("mnist-tandem"),
        distort=DISTORTION,
        validation=run.validation(),
        identity=f"seed {run.seed}, {DISTORTION}, {RATE}",
    )
    finish(
        run,
        export(network, "mnist-tandem"),
        Training(
            title="mnist-tandem",
            prose=PROSE,
            epochs=PLAN.epochs,
            seconds=seconds,
            float_accuracy=accuracy(network, tensors(run.measured())),
        ),
    )
