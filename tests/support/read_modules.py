"""Modules of torch beside the float networks that they are read as, both run step by step on random inputs.

Needs torch: tests import it after ``pytest.importorskip("torch")``.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import torch
from torch import nn

from hwsnn.float_network import FloatArray, FloatPopulation
from hwsnn.frontends.modules.build import ReadModule
from hwsnn.frontends.modules.calling import by_step, run
from hwsnn.frontends.modules.read import read_module
from tests.support.float_simulation import simulate

FRAMES = 4


def randomized(module: nn.Module, seed: int = 0) -> nn.Module:
    """With random weights, biases and statistics of batch norms, in double precision."""
    rng = np.random.default_rng(seed)

    def draw(low: float, high: float, like: Any) -> torch.Tensor:
        return torch.tensor(rng.uniform(low, high, tuple(like.shape)))

    for one in module.modules():
        if isinstance(one, nn.Linear | nn.Conv1d | nn.Conv2d):
            one.weight.data = torch.tensor(rng.normal(0.1, 0.5, tuple(one.weight.shape)))
            if one.bias is not None:
                one.bias.data = draw(-0.5, 0.5, one.bias)
        elif isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d):
            one.running_mean, one.running_var = draw(-0.3, 0.3, one.running_mean), draw(0.3, 2, one.running_var)
            if one.affine:
                one.weight.data, one.bias.data = draw(0.5, 1.5, one.weight), draw(-0.4, 0.4, one.bias)
    return module.double()


def read_alike(
    module: nn.Module,
    sample: tuple[int, ...],
    *,
    steps: int | None = 5,
    timed: bool = True,
    factor: float = 1.0,
    compare_currents: bool = True,
    tolerance: float = 1e-9,
    seed: int = 0,
    **options: Any,
) -> ReadModule:
    """``module`` as it is read; fails unless both compute the same spikes, and currents and scores to a ``tolerance``.

    ``steps``: None if the module's own loop says how many. ``timed``: whether the input changes with time. ``factor``:
    of the module's scores to those of the network, which adds where the module may average. ``compare_currents``: not
    where neurons scale their input, which then is in the network's weights.
    """
    read = read_module(module, sample, timesteps=steps, encoding="steps" if timed else None, **options)
    steps = read.network.timesteps
    assert steps is not None
    values = np.random.default_rng(seed).normal(0.5, 1, (steps if timed else 1, FRAMES, *sample))
    inputs = np.broadcast_to(values, (steps, FRAMES, *sample))
    given, fired, outputs = _run(read, module, torch.tensor(inputs))
    frames = inputs.swapaxes(0, 1).reshape(FRAMES, steps, *read.network.input_shape)
    found = simulate(read.network, frames)
    for name in read.neurons:
        layer = next(layer for layer in read.network.layers if layer.name == name)
        assert isinstance(layer, FloatPopulation)
        shape = found.currents[name].shape
        if compare_currents:
            np.testing.assert_allclose(found.currents[name], given[name].reshape(shape), rtol=0, atol=tolerance)
        if layer.neuron.fires:
            np.testing.assert_array_equal(found.spikes[name], fired[name].reshape(shape))
            assert found.spikes[name].any(), "nothing fires, so nothing is compared"
    _assert_scores(read, found.scores, outputs, factor, tolerance)
    return read


def _run(
    read: ReadModule, module: nn.Module, inputs: torch.Tensor
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], list[torch.Tensor]]:
    """Currents into and spikes out of the neurons by layer, (N, T, values) each, and what ``run`` gives."""
    steps = len(inputs)
    seen: dict[str, list[tuple[torch.Tensor, torch.Tensor]]] = defaultdict(list)
    hooks = []
    for name, neurons in read.neurons.items():

        def keep(_: Any, args: Any, kwargs: Any, output: Any, name: str = name) -> None:
            spikes = output[0] if isinstance(output, tuple) else output
            seen[name].append((next(iter((*args, kwargs.get("input_")))).clone(), spikes.clone()))

        hooks.append(neurons.register_forward_hook(keep, with_kwargs=True))
    outputs = run(module, read.layout, inputs)
    for hook in hooks:
        hook.remove()

    def in_frames(parts: list[torch.Tensor]) -> FloatArray:
        if len(parts) == steps:
            whole = torch.stack(parts).reshape(steps, FRAMES, -1)
        else:
            (whole,) = parts
            whole = by_step(whole, read.layout, steps, FRAMES)
        return np.asarray(whole.transpose(0, 1).numpy())

    fires = {layer.name for layer in read.network.layers if isinstance(layer, FloatPopulation) and layer.neuron.fires}
    given = {name: in_frames([one[0] for one in calls]) for name, calls in seen.items()}
    fired = {name: in_frames([one[1] for one in calls]) for name, calls in seen.items() if name in fires}
    return given, fired, outputs


def _assert_scores(read: ReadModule, scores: Any, outputs: list[torch.Tensor], factor: float, tolerance: float) -> None:
    """A module's output per step, or of all steps, counts added up."""
    network = read.network
    classes, height, width = network.shapes[-1]
    if (height, width) != (1, 1):
        return
    assert network.readout is not None
    assert network.timesteps is not None
    steps = network.timesteps
    if len(outputs) == 1 and outputs[0].numel() == steps * FRAMES * classes:
        whole = by_step(outputs[0], read.layout, steps, FRAMES)
    else:
        whole = torch.stack(outputs).reshape(-1, FRAMES, classes)
    expected = whole.double().sum(dim=0).numpy()
    found = scores(network.layers[-1].name, network.readout) * factor
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
