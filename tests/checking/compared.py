"""Modules with weights that 8 bits keep exactly, and what the tests of checks do with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from hwsnn.checking.check import check, sample_of
from hwsnn.checking.counterparts import CountedAs
from hwsnn.checking.result import CheckResult
from hwsnn.frontends.modules.build import ReadModule
from hwsnn.frontends.modules.read import read_module
from hwsnn.quantization.quantize import quantize
from hwsnn.spec import EncoderKind, Network
from hwsnn.spec.integers import Images, Int64Array

torch = pytest.importorskip("torch")
nn = torch.nn

STEPS, CLASSES = 6, 4
IMAGE = (1, 6, 5)


def exact(net: Any, seed: int = 0) -> Any:
    """``net`` with weights of k / 128, a 127 in every channel, and so large that some of its neurons fire."""
    random = np.random.default_rng(seed)
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            weight = random.integers(-60, 90, module.weight.shape)
            weight.reshape(len(weight), -1)[:, 0] = 127
            module.weight.data = torch.tensor(weight / 128, dtype=torch.float32)
            if module.bias is not None:
                module.bias.data = torch.tensor(random.integers(-9, 20, len(weight)) / 128, dtype=torch.float32)
    return net.eval()


def read(net: Any, encoding: EncoderKind = "direct", sample: tuple[int, ...] = IMAGE, steps: int = STEPS) -> ReadModule:
    """``net`` as it runs in a check."""
    return read_module(net, sample, timesteps=steps, encoding=encoding)


def made(net: Any, encoding: EncoderKind = "direct", sample: tuple[int, ...] = IMAGE, **how: Any) -> Network:
    """The model that the quantizer makes of ``net``."""
    return quantize(read(net, encoding, sample).network, **how)[0]


def checked(
    net: Any,
    network: Network,
    images: Images,
    labels: Int64Array | None = None,
    *,
    sample: tuple[int, ...] | None = None,
    **counted: Any,
) -> CheckResult:
    """``net`` beside ``network``."""
    shape = sample or sample_of(network)
    found = read_module(net, shape, timesteps=network.timesteps, encoding=network.encoder.kind)
    return check(found, network, images, labels, counted=CountedAs(**counted))


def images(count: int, shape: Sequence[int] = IMAGE, *, ones: int = 255, seed: int = 0) -> Images:
    """Images of black and white, whose pixels count as 0 and 1."""
    return ((np.random.default_rng(seed).random((count, *shape)) < 0.3) * ones).astype(np.uint8)
