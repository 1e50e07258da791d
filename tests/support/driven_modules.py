"""A framework's own module, run as its author would run it, beside what was read of it. No code of the product."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from hwsnn.float_network import FloatArray, FloatNetwork, FloatNeuron, FloatPopulation
from tests.support.float_simulation import Simulated
from tests.support.random_modules import RandomModule

NEAR = 1e-4
"""A membrane this near to its threshold may fire or not, by rounding."""


def driven(drawn: RandomModule, inputs: FloatArray) -> tuple[list[FloatArray], FloatArray]:
    """Spikes of every layer of neurons, (N, T, values) each, and the output. ``inputs``: (N, sample)."""
    found: dict[nn.Module, list[torch.Tensor]] = {}
    hooks = []
    for neurons in drawn.neurons:

        def keep(module: nn.Module, _: Any, output: Any) -> None:
            found.setdefault(module, []).append((output[0] if isinstance(output, tuple) else output).detach().clone())

        hooks.append(neurons.register_forward_hook(keep))
    dtype = next(drawn.module.parameters()).dtype
    x = torch.tensor(inputs, dtype=dtype)
    frames, steps = len(x), drawn.timesteps
    with torch.no_grad():
        _reset(drawn, frames)
        output = _called(drawn, x, steps)
        _reset(drawn, frames)
    for hook in hooks:
        hook.remove()
    spikes = []
    for module in drawn.neurons:
        calls = found[module]
        if len(calls) > 1 or (steps == 1 and drawn.drive != "folded"):
            each = torch.stack([one.reshape(frames, -1) for one in calls], 1)
        elif drawn.drive == "folded":
            each = calls[0].reshape(frames, steps, -1)
        else:
            each = calls[0].reshape(steps, frames, -1).transpose(0, 1)
        spikes.append(each.double().numpy())
    return spikes, output


def _called(drawn: RandomModule, x: torch.Tensor, steps: int) -> FloatArray:
    module = drawn.module
    repeated = x.unsqueeze(0).repeat(steps, *(1,) * x.ndim)
    match drawn.drive:
        case "step":
            output: Any = torch.stack([module(values) for values in repeated])
        case "state":
            outputs, state = [], None
            for values in repeated:
                one, state = module(values, state)
                outputs.append(one)
            output = torch.stack(outputs)
        case "frame":
            output = module(x)
        case "sequence":
            output = module(repeated)
        case _:
            output = module(repeated.transpose(0, 1).reshape(len(x) * steps, *x.shape[1:]))
            output = output.reshape(len(x), steps, -1).transpose(0, 1)
    while isinstance(output, tuple | list):
        output = output[0]
    return np.asarray(output.double().numpy())


def _reset(drawn: RandomModule, frames: int) -> None:
    if drawn.framework == "snntorch":
        from snntorch import SpikingNeuron, utils

        # It resets all neurons that were ever made, and fails at those of some kinds that have not run.
        SpikingNeuron.instances[:] = [one for one in drawn.module.modules() if isinstance(one, SpikingNeuron)]
        utils.reset(drawn.module)
    elif drawn.framework == "spikingjelly":
        from spikingjelly.activation_based import functional

        functional.reset_net(drawn.module)
    elif drawn.framework == "sinabs":
        for module in drawn.module.modules():
            if hasattr(module, "batch_size"):
                module.batch_size = frames
            if hasattr(module, "reset_states"):
                module.reset_states()


def differences(network: FloatNetwork, simulated: Simulated, spikes: list[FloatArray]) -> list[str]:
    """What differs by more than rounding: of every frame the first difference, a line each."""
    layers = [one for one in network.layers if isinstance(one, FloatPopulation) and isinstance(one.neuron, FloatNeuron)]
    if len(layers) != len(spikes):
        return [f"{len(layers)} layers of neurons, not {len(spikes)}"]
    found = []
    for frame in range(len(spikes[0])):
        first = None
        for depth, (layer, own) in enumerate(zip(layers, spikes, strict=True)):
            mine = simulated.spikes[layer.name][frame].reshape(own.shape[1:])
            if (mine != own[frame]).any():
                step, value = np.argwhere(mine != own[frame])[0]
                first = min(first or (own.shape[1], 0, 0), (int(step), depth, int(value)))
        if first is None:
            continue
        step, depth, value = first
        layer = layers[depth]
        assert isinstance(layer.neuron, FloatNeuron)
        u = simulated.membranes[layer.name][frame]
        theta = np.broadcast_to(layer.neuron.threshold[:, None, None], u.shape[1:]).reshape(-1)[value]
        level = u.reshape(len(u), -1)[step, value]
        multiples = theta * np.arange(1, layer.neuron.spikes + 1)
        if np.abs(level - multiples).min() > NEAR:
            found.append(f"frame {frame}, step {step}, {layer.name} {value}: u {level:.6g}, threshold {theta:.6g}")
    return found


def scores_differ(output: FloatArray, scores: FloatArray, readout: str, steps: int) -> bool:
    """Whether the output, over time, is no positive multiple of the scores, but for what all classes share."""
    if output.ndim == 3:
        over = {"membrane": output[-1], "max": output.max(axis=0)}
        output = over.get(readout, output.sum(axis=0))
    output, scores = (one - one.mean(axis=1, keepdims=True) for one in (output, scores))
    size = (scores**2).sum()
    factor = (output * scores).sum() / size if size else 0.0
    largest = np.abs(output).max()
    return bool(largest > 1e-4 and (factor <= 0 or np.abs(output - factor * scores).max() > 1e-3 * largest))
