"""Branches, joins and recurrent neurons of random modules, each a module in a row of others."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from tests.support.random_module_forms import Plan


class Branch(nn.Module):  # type: ignore[misc]
    """Passes on what it gets, and keeps it for a join further on."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.kept = x
        return x


class Join(nn.Module):  # type: ignore[misc]
    """What it gets and what ``branch`` kept: added, in one of several ways, or concatenated along ``axis``."""

    def __init__(self, branch: Branch, way: str, axis: int) -> None:
        super().__init__()
        self.branches, self.way, self.axis = (branch,), way, axis  # in a tuple, so that it is no child of two modules

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = self.branches[0].kept
        match self.way:
            case "+":
                return kept + x
            case "+=":
                x += kept
                return x
            case "add":
                return torch.add(x, kept)
            case "sum":
                total: torch.Tensor = sum([x, kept])  # type: ignore[assignment]
                return total
        return torch.cat([x, kept], dim=self.axis)


def join(plan: Plan, settings: Any) -> None:
    """A layer beside a skip of its input, the two joined: spikes with spikes, or currents before other neurons."""
    dice, shape = plan.dice, plan.shape
    branch = Branch()
    plan.add(branch)
    plan.add(_layer(plan))
    of_spikes = dice.happens(0.6)
    if of_spikes:
        settings.fire(plan)
    way = dice.choice(["+", "+=", "add", "sum", "cat"])
    joined = (2 * shape[0], *shape[1:]) if way == "cat" else shape
    plan.add(Join(branch, way, -len(shape)), joined)
    plan.story[-1] = f"Join {way}"
    plan.joined = way == "cat"
    if not of_spikes:
        settings.fire(plan)
    plan.several = plan.several or (of_spikes and way != "cat")


def _layer(plan: Plan) -> nn.Module:
    """One that keeps the shape."""
    size, axes = plan.shape[0], len(plan.shape)
    kinds: Any = nn
    if plan.framework == "spikingjelly":
        from spikingjelly.activation_based import layer

        kinds = layer
    if axes == 1:
        return kinds.Linear(size, size)
    kernel = plan.dice.choice([1, 3])
    return (kinds.Conv2d if axes == 3 else kinds.Conv1d)(size, size, kernel, padding=kernel // 2, bias=False)


def fire_again(plan: Plan, settings: Any) -> bool:
    """Flat neurons that are recurrent, if the framework has some that fit: whether it has."""
    size, dice, exact = plan.shape[0], plan.dice, plan.exact
    match plan.framework:
        case "snntorch":
            import snntorch

            given: dict[str, Any] = {"beta": 1.0 if exact else 0.75, "init_hidden": settings.hidden}
            given |= {"reset_mechanism": dice.choice(["subtract", "zero"]), "reset_delay": dice.happens(0.7)}
            given |= {"linear_features": size} if dice.happens(0.6) else {"all_to_all": False, "V": 0.5}
            plan.fire(snntorch.RLeaky(**given), f"RLeaky {given}")
        case "spikingjelly":
            from spikingjelly.activation_based import layer, neuron

            node: Any = neuron.IFNode(v_reset=None) if exact else neuron.LIFNode(2.5)
            plan.fire(node, f"{type(node).__name__}, recurrent")
            container = layer.ElementWiseRecurrentContainer(node, _sum)
            if not exact and dice.happens(0.5):
                container = layer.LinearRecurrentContainer(node, size, size)
            plan.layers[-1] = container
        case "sinabs" if settings.form == "unflattened":
            import sinabs.layers as sl
            from sinabs.activation import MaxSpike

            rec = nn.Linear(size, size, bias=False)
            kind = sl.IAFRecurrent if exact else partial(sl.LIFRecurrent, 8.0)
            neurons: Any = kind(rec_connect=rec, spike_fn=MaxSpike(3))
            plan.layers.append(sl.UnflattenTime(batch_size=1))
            plan.fire(neurons, type(neurons).__name__)
            plan.layers.append(sl.FlattenTime())
            plan.several = True
        case "norse" if not exact:
            import norse.torch as norse

            p = norse.LIFParameters(v_th=torch.tensor(0.25), tau_mem_inv=torch.tensor(500.0))
            outputs = dice.integer(4, 10)
            plan.fire(norse.LIFRecurrentCell(size, outputs, p=p), "LIFRecurrentCell")
            plan.shape = (outputs,)
        case _:
            return False
    return True


def _sum(y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return x + y
