"""Random modules as users of the frameworks write them, and how their author would run them, by no code of ours.

Weights are multiples of a power of two with a 127 in every channel, as 8 bits keep exactly. A module is ``exact`` where
all else is a power of two as well and no leak has to round, so that integers compute the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.support.dice import Dice
from tests.support.random_module_forms import SETTINGS, Plan
from tests.support.random_module_joins import fire_again, join

FRAMEWORKS = ("snntorch", "spikingjelly", "sinabs", "norse")


@dataclass(eq=False)
class RandomModule:
    """``drive``: how it is called, as the layouts of the product are named: step, state, frame, sequence or folded.

    ``neurons``: its modules of neurons in their order. ``exact``: see above. ``story``: what was drawn.
    """

    module: nn.Module
    framework: str
    sample: tuple[int, ...]
    timesteps: int
    drive: str
    neurons: list[nn.Module]
    exact: bool
    story: str


def draw(seed: int, *, framework: str | None = None) -> RandomModule:
    """A random module; the same for the same seed."""
    dice = Dice(seed)
    torch.manual_seed(seed)
    framework = dice.choice(FRAMEWORKS, framework)
    exact = dice.happens(0.5)
    sample = dice.choice([(1, 6, 6), (2, 6, 8), (1, 8, 8), (2, 12), (1, 16), (10,), (24,)])
    plan = Plan(dice, framework, exact, sample)
    settings = SETTINGS[framework](dice)
    for _ in range(dice.integer(1, 2) if len(sample) > 1 else 0):
        _convolve(plan)
        settings.fire(plan)
        if dice.happens(0.3):
            join(plan, settings)
        _pool_spikes(plan)
    if len(plan.shape) > 1:
        plan.add(settings.flatten(), (math.prod(plan.shape),))
    for _ in range(dice.integer(0, 1)):
        _connect(plan, dice.integer(4, 12))
        if not (dice.happens(0.5) and fire_again(plan, settings)):
            settings.fire(plan)
        if dice.happens(0.3):
            join(plan, settings)
    _connect(plan, dice.integer(3, 6))
    if not plan.neurons or dice.happens(0.75):
        settings.fire(plan)
    timesteps = dice.integer(1 if settings.may_be_one else 2, 5)
    _set_numbers(plan)
    module, drive = settings.whole(plan, timesteps)
    module = (module if framework in ("snntorch", "sinabs") else module.double()).eval()
    story = f"{framework} {sample} T={timesteps} {drive} {settings.form}: " + " | ".join(plan.story)
    return RandomModule(module, framework, sample, timesteps, drive, plan.neurons, exact, story)


# Layers without neurons


def _convolve(plan: Plan) -> None:
    dice, (channels, *extents) = plan.dice, plan.shape
    outputs = channels * dice.integer(1, 2) if dice.happens(0.3) else dice.integer(2, 5)
    groups = channels if outputs % channels == 0 and dice.happens(0.5) else 1
    rows = len(extents) == 1
    kernel = dice.choice([1, 2, 3])
    kernel = min(kernel, *extents)
    padding: Any = dice.choice([0, 0, 1]) if kernel > 1 else 0
    stride = dice.choice([1, 1, 2])
    if kernel == 3 and stride == 1 and dice.happens(0.2):
        padding = "same"
    kind = nn.Conv1d if rows else nn.Conv2d
    if plan.framework == "spikingjelly":
        from spikingjelly.activation_based import layer

        kind = layer.Conv1d if rows else layer.Conv2d
    conv = kind(channels, outputs, kernel, stride, padding, groups=groups, bias=dice.happens(0.5))
    around = 1 if padding == "same" else padding
    shape = (outputs, *((n + 2 * around - kernel) // stride + 1 for n in extents))
    plan.add(conv, shape)
    if not plan.exact and dice.happens(0.4):
        plan.add(_normalization(plan, rows))
    of_one = not plan.joined and min(plan.shape[1:]) >= 4
    if of_one and all(n % 2 == 0 for n in plan.shape[1:]) and dice.happens(0.25):
        plan.add(_pool(plan, "MaxPool"), (outputs, *(n // 2 for n in plan.shape[1:])))


def _normalization(plan: Plan, rows: bool) -> nn.Module:
    if plan.framework == "spikingjelly":
        from spikingjelly.activation_based import layer

        return (layer.BatchNorm1d if rows else layer.BatchNorm2d)(plan.shape[0])
    return (nn.BatchNorm1d if rows else nn.BatchNorm2d)(plan.shape[0])


def _pool(plan: Plan, kind: str) -> nn.Module:
    name = f"{kind}{len(plan.shape) - 1}d"
    if plan.framework == "spikingjelly":
        from spikingjelly.activation_based import layer

        return getattr(layer, name)(2)
    return getattr(nn, name)(2)


def _pool_spikes(plan: Plan) -> None:
    dice = plan.dice
    if min(plan.shape[1:]) >= 2 and all(n % 2 == 0 for n in plan.shape[1:]) and dice.happens(0.4):
        kind = "AvgPool" if plan.several or dice.happens(0.5) else "MaxPool"
        plan.add(_pool(plan, kind), (plan.shape[0], *(n // 2 for n in plan.shape[1:])))
    if dice.happens(0.2):
        plan.add(nn.Dropout(0.5))


def _connect(plan: Plan, outputs: int) -> None:
    kind: Any = nn.Linear
    if plan.framework == "spikingjelly":
        from spikingjelly.activation_based import layer

        kind = layer.Linear
    plan.add(kind(plan.shape[0], outputs, bias=plan.dice.happens(0.5)), (outputs,))
    if not plan.exact and plan.dice.happens(0.3):
        plan.add(_normalization(plan, True))


def _set_numbers(plan: Plan) -> None:
    random = plan.dice.random
    for one in (part for layer in plan.layers for part in layer.modules()):
        if isinstance(one, nn.Linear | nn.Conv1d | nn.Conv2d):
            shape = tuple(one.weight.shape)
            fan = math.prod(shape[1:])
            weight = np.clip(np.rint(random.normal(10, 50, shape)), -127, 127).reshape(shape[0], -1)
            weight[np.arange(shape[0]), random.integers(0, fan, shape[0])] = 127
            unit = 2.0 ** -round(math.log2(55 * math.sqrt(fan * 0.5)))
            one.weight.data = torch.tensor(weight.reshape(shape) * unit, dtype=torch.float32)
            if one.bias is not None:
                one.bias.data = torch.tensor(random.integers(-20, 41, shape[0]) * unit, dtype=torch.float32)
        elif isinstance(one, nn.BatchNorm1d | nn.BatchNorm2d):
            n = one.num_features

            def new(low: float, high: float, n: int = n) -> torch.Tensor:
                return torch.tensor(random.uniform(low, high, n), dtype=torch.float32)

            one.running_mean, one.running_var = new(-0.1, 0.3), new(0.3, 0.8)
            one.weight.data, one.bias.data = new(0.6, 1.3), new(-0.1, 0.4)
