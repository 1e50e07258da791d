"""The forms that random modules have in each framework: their neurons, loops over time and readouts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from tests.support.dice import Dice


class Reshape(nn.Module):  # type: ignore[misc]
    """One way to write a flatten of a step."""

    def __init__(self, way: int) -> None:
        super().__init__()
        self.way = way

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        match self.way:
            case 0:
                return x.flatten(1)
            case 1:
                return x.view(x.size(0), -1)
            case 2:
                return x.reshape((len(x), -1))
            case 3:
                return torch.flatten(x, start_dim=1)
        batch, *rest = x.shape
        return x.contiguous().view(batch, math.prod(rest))


@dataclass
class Plan:
    """What is drawn: layers, and what the neurons of each framework make of the shape.

    ``several``: whether the last neurons may fire several times per step. ``joined``: whether several layers' spikes
    make the next currents.
    """

    dice: Dice
    framework: str
    exact: bool
    shape: tuple[int, ...]
    layers: list[nn.Module] = field(default_factory=list)
    neurons: list[nn.Module] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    several: bool = False
    joined: bool = False

    def add(self, layer: nn.Module, shape: tuple[int, ...] | None = None) -> None:
        self.layers.append(layer)
        self.story.append(str(layer).splitlines()[0])
        self.shape = shape or self.shape

    def fire(self, neuron: nn.Module, text: str) -> None:
        self.layers.append(neuron)
        self.neurons.append(neuron)
        self.joined = False
        self.story.append(text)


class _Settings:
    """The choices of a module as a whole: its neurons, its form and its readout."""

    may_be_one = False
    form = ""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice

    def flatten(self) -> nn.Module:
        return nn.Flatten() if self.dice.happens(0.5) else Reshape(self.dice.integer(0, 4))

    def by_channel(self, plan: Plan, low: float, high: float) -> torch.Tensor:
        values = torch.tensor(plan.dice.random.uniform(low, high, plan.shape[0]), dtype=torch.float32)
        return values.reshape(-1, *(1,) * (len(plan.shape) - 1))


class _SnnTorch(_Settings):
    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self.form = dice.choice(["sequential", "loop", "loop over input", "loop, hidden"])
        self.hidden = self.form in ("sequential", "loop, hidden")

    def fire(self, plan: Plan) -> None:
        import snntorch

        dice, exact = self.dice, plan.exact
        kind = "Leaky" if exact else dice.choice(["Leaky", "Leaky", "Synaptic", "Lapicque"])
        given: dict[str, Any] = {
            "init_hidden": self.hidden,
            "reset_mechanism": dice.choice(["subtract", "zero", "none"]),
        }
        decay: Any = 1.0 if exact else round(float(dice.random.uniform(0.4, 1.0)), 3)
        if kind == "Leaky" and not exact and dice.happens(0.4):
            decay = self.by_channel(plan, -0.1, 1.1)
        given["beta"] = decay
        given["threshold"] = (
            dice.choice([0.5, 1.0, 1.5]) if exact or dice.happens(0.6) else self.by_channel(plan, 0.5, 1.5)
        )
        if kind == "Leaky":
            given["reset_delay"] = dice.happens(0.7)
            given["learn_beta"], given["learn_threshold"] = dice.happens(0.2), dice.happens(0.2)
        if kind == "Synaptic":
            given["alpha"] = round(float(dice.random.uniform(0.1, 0.9)), 3)
        plan.fire(getattr(snntorch, kind)(**given), f"{kind} {given}")

    def whole(self, plan: Plan, timesteps: int) -> tuple[nn.Module, str]:
        if self.form == "sequential":
            return nn.Sequential(*plan.layers), "step"
        readout = self.dice.choice(["stack", "sum", "mean", "buffer", "tuple"])
        last: Any = plan.neurons[-1]
        fires = plan.layers[-1] is last
        if not fires or getattr(last, "reset_delay", True):
            readout = self.dice.choice([readout, "last", "largest", "all"])
        self.form += f", {readout}"
        given = self.form.startswith("loop over input")
        return TimeLoop(plan.layers, plan.neurons, timesteps, readout, given), "sequence" if given else "frame"


class TimeLoop(nn.Module):  # type: ignore[misc]
    """A loop over time, with the states of snnTorch's neurons handed on where they do not keep them."""

    def __init__(
        self, layers: Sequence[nn.Module], neurons: Sequence[nn.Module], timesteps: int, readout: str, given: bool
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.firing = set(map(id, neurons))
        self.timesteps, self.readout, self.given = timesteps, readout, given

    def forward(self, x: torch.Tensor) -> Any:
        states: dict[int, Any] = {}
        outputs, membranes = [], []
        for step in range(self.timesteps):
            y, membrane = x[step] if self.given else x, None
            for at, layer in enumerate(self.layers):
                if id(layer) not in self.firing:
                    y = layer(y)
                elif layer.init_hidden:
                    y, membrane = layer(y), layer.mem
                else:
                    found = layer(y, *states.get(at, ()))
                    y, membrane = found[0], found[-1]
                    states[at] = found if hasattr(layer, "recurrent") else found[1:]
            ends = id(self.layers[-1]) in self.firing
            outputs.append(y)
            membranes.append(membrane if ends else y)
        return _read_out(self.readout, outputs, membranes)


def _read_out(how: str, outputs: list[Any], membranes: list[Any]) -> Any:
    match how:
        case "stack":
            return torch.stack(outputs)
        case "sum":
            return sum(outputs)
        case "mean":
            return torch.stack(outputs, dim=0).mean(dim=0)
        case "tuple":
            return torch.stack(outputs), torch.stack(membranes)
        case "buffer":
            record = torch.zeros(len(outputs), *outputs[0].shape, dtype=outputs[0].dtype)
            for step, values in enumerate(outputs):
                record[step] = values
            return record
        case "last":
            return membranes[-1]
        case "largest":
            return torch.stack(membranes).max(0)[0]
    return torch.stack(membranes).sum(0)


class _SpikingJelly(_Settings):
    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self.form = dice.choice(["step", "sequence", "repeated", "loop", "multi_step_forward"])
        self.several_steps = self.form in ("sequence", "repeated")

    def flatten(self) -> nn.Module:
        from spikingjelly.activation_based import layer

        return layer.Flatten() if self.several_steps or self.dice.happens(0.5) else super().flatten()

    def fire(self, plan: Plan) -> None:
        from spikingjelly.activation_based import neuron

        dice = self.dice
        kind = "IFNode" if plan.exact else dice.choice(["IFNode", "LIFNode", "ParametricLIFNode", "CUBALIFNode"])
        reset = dice.choice([None, 0.0] if plan.exact or kind == "CUBALIFNode" else [None, 0.0, -0.25, 0.3])
        given: dict[str, Any] = {"v_reset": reset, "v_threshold": dice.choice([0.5, 1.0, 1.5])}
        tau = round(float(dice.random.uniform(1.1, 6.0)), 3)
        if kind == "LIFNode":
            given |= {"tau": tau, "decay_input": dice.happens(0.5)}
        elif kind == "ParametricLIFNode":
            given |= {"init_tau": tau, "decay_input": dice.happens(0.5)}
        elif kind == "CUBALIFNode":
            given |= {"c_decay": 0.3, "v_decay": round(1 / tau, 3)}
        node = getattr(neuron, kind)(**given)
        if dice.happens(0.2):
            node.set_reset_value("v", 0.25)
            node.v = 0.25
        plan.fire(node, f"{kind} {given}")

    def whole(self, plan: Plan, timesteps: int) -> tuple[nn.Module, str]:
        from spikingjelly.activation_based import functional

        module = nn.Sequential(*plan.layers)
        if self.several_steps:
            functional.set_step_mode(module, "m")
        if self.form in ("step", "sequence"):
            return module, self.form
        wrapper = {"repeated": Repeated, "loop": Summed, "multi_step_forward": OverSteps}[self.form]
        return wrapper(module, timesteps), "sequence" if self.form == "multi_step_forward" else "frame"


class Repeated(nn.Module):  # type: ignore[misc]
    """The same image in all steps, as SpikingJelly's tutorials have it."""

    def __init__(self, inner: nn.Module, timesteps: int) -> None:
        super().__init__()
        self.inner, self.timesteps = inner, timesteps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.unsqueeze(0).repeat(self.timesteps, *(1,) * x.ndim)
        y: torch.Tensor = self.inner(x).mean(0)
        return y


class Summed(Repeated):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        total: Any = 0.0
        for _ in range(self.timesteps):
            total += self.inner(x)
        y: torch.Tensor = total / self.timesteps
        return y


class OverSteps(Repeated):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        from spikingjelly.activation_based import functional

        y: torch.Tensor = functional.multi_step_forward(x, self.inner)
        return y


class _Sinabs(_Settings):
    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self.form = dice.choice(["squeeze", "unflattened"])
        self.may_be_one = self.form == "squeeze"

    def fire(self, plan: Plan) -> None:
        import sinabs.layers as sl
        from sinabs import activation

        dice = self.dice
        kind = "IAF" if plan.exact else dice.choice(["IAF", "LIF"])
        plan.several = dice.happens(0.3)
        spikes = activation.MaxSpike(3) if plan.several else activation.SingleSpike
        given: dict[str, Any] = {"spike_threshold": dice.choice([0.5, 1.0, 1.5]), "spike_fn": spikes}
        if dice.happens(0.3):
            given["min_v_mem"] = -dice.choice([0.25, 1.0])
        if dice.happens(0.3) and not plan.several:
            given["reset_fn"] = activation.MembraneReset()
        if kind == "LIF":
            given["tau_mem"] = round(float(dice.random.uniform(1.5, 20.0)), 2)
            given["norm_input"] = dice.happens(0.3)
            if dice.happens(0.3):
                given["tau_syn"] = round(float(dice.random.uniform(1.5, 5.0)), 2)
        text = f"{kind} {given}"
        if self.form == "squeeze":
            plan.fire(getattr(sl, f"{kind}Squeeze")(batch_size=1, **given), text)
            return
        plan.layers.append(sl.UnflattenTime(batch_size=1))
        plan.fire(getattr(sl, kind)(**given), text)
        plan.layers.append(sl.FlattenTime())

    def whole(self, plan: Plan, timesteps: int) -> tuple[nn.Module, str]:
        return nn.Sequential(*plan.layers), "folded"


class _Norse(_Settings):
    def __init__(self, dice: Dice) -> None:
        super().__init__(dice)
        self.form = dice.choice(["sequential", "loop", "lifted"])

    def fire(self, plan: Plan) -> None:
        import norse.torch as norse
        from norse.torch.functional.reset import reset_subtract

        dice = self.dice
        kind = "IAF" if plan.exact else dice.choice(["IAF", "LIFBox", "LIF"])
        given: dict[str, Any] = {"v_th": torch.tensor(dice.choice([0.5, 1.0, 1.5]))}
        if kind != "IAF":
            given["tau_mem_inv"] = torch.tensor(float(dice.random.uniform(100, 900)))
        if kind == "LIF":
            given["tau_syn_inv"] = torch.tensor(float(dice.random.uniform(100, 900)))
        if kind == "LIFBox":
            given["v_leak"] = torch.tensor(float(dice.choice([0.0, 0.1, -0.2])))
            if dice.happens(0.5):
                given["reset_method"] = reset_subtract
        parameters = {
            "IAF": norse.IAFParameters,
            "LIF": norse.LIFParameters,
            "LIFBox": norse.functional.lif_box.LIFBoxParameters,
        }
        plan.fire(getattr(norse, f"{kind}Cell")(p=parameters[kind](**given)), f"{kind} {given}")

    def whole(self, plan: Plan, timesteps: int) -> tuple[nn.Module, str]:
        import norse.torch as norse

        if self.form == "loop":
            return NorseLoop(plan.layers, plan.neurons, timesteps), "frame"
        module = norse.SequentialState(*plan.layers)
        return (norse.Lift(module), "sequence") if self.form == "lifted" else (module, "state")


class NorseLoop(nn.Module):  # type: ignore[misc]
    def __init__(self, layers: Sequence[nn.Module], neurons: Sequence[nn.Module], timesteps: int) -> None:
        super().__init__()
        self.layers, self.timesteps = nn.ModuleList(layers), timesteps
        self.firing = set(map(id, neurons))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states: list[Any] = [None] * len(self.layers)
        outputs = []
        for _ in range(self.timesteps):
            y = x
            for at, layer in enumerate(self.layers):
                if id(layer) in self.firing:
                    y, states[at] = layer(y, states[at])
                else:
                    y = functional.dropout(layer(y), 0.2, self.training)
            outputs.append(y)
        return torch.stack(outputs, 1).mean(1)


SETTINGS: dict[str, Callable[[Dice], Any]] = {
    "snntorch": _SnnTorch,
    "spikingjelly": _SpikingJelly,
    "sinabs": _Sinabs,
    "norse": _Norse,
}
