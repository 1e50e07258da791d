"""Distillation: a spiking network learns the scores of a larger network of rates beside the labels.

G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", arXiv:1503.02531, 2015: scores say which
wrong classes are nearly right, which a label does not. Both networks see the same distorted images.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .network import TrainableNetwork

TEMPERATURE = 2.0
"""Scores are divided by it before they become probabilities, so that those of wrong classes count."""
SHARE = 0.5
"""How much of the loss is the distance from the teacher; the rest is the cross-entropy of the labels."""


class Taught(nn.Module):  # type: ignore[misc]  # PyTorch is untyped here
    """``student`` and the trained ``teacher``: images to scores (N, classes) of the student.

    While it is trained those of the teacher follow, (N, 2 * classes), as ``taught`` takes them.
    """

    def __init__(self, student: TrainableNetwork, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student  # all that this learns: the other network is hidden in a tuple
        self._teacher = (teacher.eval(),)

    @property
    def teacher(self) -> nn.Module:
        """The network that the student learns from."""
        return self._teacher[0]

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.student(images)
        if not self.training:
            return scores
        with torch.no_grad():
            wanted = self.teacher(images)
        return torch.cat([scores, wanted.to(scores.dtype)], 1)


def taught(scores: Tensor, classes: Tensor) -> Tensor:
    """The loss of ``Taught``: scores (N, 2 * classes) and classes (N,) to a number to make small.

    The distance is the Kullback-Leibler divergence of the probabilities at ``TEMPERATURE``, times its square, which
    keeps the size of its gradients.
    """
    own, wanted = scores.chunk(2, 1)
    found, right = functional.log_softmax(own / TEMPERATURE, 1), functional.softmax(wanted / TEMPERATURE, 1)
    distance = functional.kl_div(found, right, reduction="batchmean") * TEMPERATURE**2
    return SHARE * distance + (1 - SHARE) * functional.cross_entropy(own, classes)
