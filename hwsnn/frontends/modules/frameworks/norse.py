"""Norse: explicit Euler steps of a module's own dt, and states that the caller carries from step to step.

Read from the source of Norse 1.1.0. A step is ``s = alpha s + I`` and ``u = v + r (v_leak - v + s)``, with alpha = 1 -
dt tau_syn_inv and r = dt tau_mem_inv: Norse lets the current decay after the membrane has seen it, new input included.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsnn.float_network import Decay, FloatArray, FloatIntegrator, FloatNeuron
from hwsnn.spec import Reset

from ..framework import Framework, Layout, Node, Reading

if TYPE_CHECKING:
    import torch
    from torch import nn

CELLS = ("IAFCell", "LIFCell", "LIFBoxCell", "LICell", "LIBoxCell", "LILinearCell", "LIFRecurrentCell")
OVER_TIME = ("IAF", "LIF", "LI", "LIFRecurrent")
INTEGRATORS = ("LI", "LIBox", "LILinear")
SYNAPTIC = ("LIF", "LI", "LILinear", "LIFRecurrent")
WEIGHTED = ("LILinear", "LIFRecurrent")
"""As ``INTEGRATORS`` the names of cells without ``Cell``, and of the same neurons over time."""

FORMS_OVER_TIME = ("SNN", "SNNRecurrent")
NEURONS = (
    *("SNNCell", "SNN", "LILinearCell", "SNNRecurrentCell", "SNNRecurrent"),
    *("CobaLIFCell", "LIFCorrelation", "RecurrentSequential"),
)
"""The bases of most neurons, and the modules that have neurons or feedback without them."""

BEHIND_MEMORY = (
    ": no bias can stand for the difference behind a synaptic current, which has memory; train so, or without one, with"
)
ROUNDING = 1e-6
"""A step that misses all of the way by less is all of it: dt and the inverse time constants are in single precision."""


class Norse(Framework):
    """Norse 1.1: IAF, LIF, LIFBox, LI and LIBox, as cells and, where Norse has them, over time; LIF recurrent, too."""

    title = "Norse"
    keeps_states = False

    def is_neuron(self, module: nn.Module) -> bool:
        """As in ``Framework``; ``RecurrentSequential`` counts, as no walk through its children shows its feedback."""
        return _derives(module, NEURONS)

    def read(self, node: Node) -> Reading:
        """As in ``Framework``. A membrane counts from ``v_reset`` where spikes reset it to that, so here to 0."""
        kind, weight, own = _kind(node), None, None
        if (
            kind == "LIFRecurrent"
        ):  # added to the jumps of the current, as the input is; autapses are weights like others
            own = node.numbers("recurrent_weights", node.module.recurrent_weights)
        if kind in WEIGHTED:
            weight = node.numbers("input_weights", node.module.input_weights)
            node = replace(node, shape=(len(weight), 1, 1), axes=1)
        p, ones = node.module.p, np.ones(node.shape[0])
        alpha = 1.0 - _rate(node, "tau_syn_inv") if kind in SYNAPTIC else 0.0 * ones
        if kind == "IAF":
            rate, gain, leak = 0.0 * ones, ones, node.per_channel("v_reset", p.v_reset)
        else:
            rate = gain = _rate(node, "tau_mem_inv")
            leak = node.per_channel("v_leak", p.v_leak)
        beta, synapse = _decay(1.0 - rate), _decay(alpha) if alpha.any() else None
        if kind in INTEGRATORS:
            if synapse is not None and leak.any():
                raise node.error(f"v_leak must be 0, not {_first(leak, leak != 0)}{BEHIND_MEMORY} LIBoxCell")
            return Reading(FloatIntegrator(beta, synapse, _unless_zero(leak)), gain, rate * leak, weight=weight)
        subtract = kind == "LIFBox" and _subtracts(node)
        rest = 0.0 * ones if subtract else np.where(rate < 1.0, node.per_channel("v_reset", p.v_reset), leak)
        offset = rate * (leak - rest)
        if synapse is not None and offset.any():
            where = offset != 0
            raise node.error(
                f"v_reset must be v_leak, {_first(leak, where)}, not {_first(rest, where)}{BEHIND_MEMORY} LIFBoxCell"
            )
        v_th = node.per_channel("v_th", p.v_th)
        low = v_th <= rest
        if low.any():
            raise node.error(
                f"v_th must be above {_first(rest, low)}, from which its membrane counts, not {_first(v_th, low)}"
            )
        reset: Reset = "subtract" if subtract else "zero"
        neuron = FloatNeuron(v_th - rest, beta, "greater", reset, synapse, _unless_zero(leak - rest))
        remark = f"{node.name}: a spike resets its membrane to another value than 0: it counts from there"
        return Reading(neuron, gain, offset, (remark,) if rest.any() else (), weight, own)

    def reset(self, network: nn.Module, frames: int) -> None:
        """Nothing: states are handed in and out, and a call without one begins anew."""

    def layouts(self, network: nn.Module) -> tuple[Layout, ...]:
        """As in ``Framework``. Norse's own models without a state of their own loop over a sequence."""
        if not any(self.is_neuron(module) for module in network.modules()):
            return ()
        over_time = any(_derives(module, (*FORMS_OVER_TIME, "Lift")) for module in network.modules())
        return ("state", "frame") if _takes_state(network) and not over_time else ("sequence", "frame")

    def takes_all_steps(self, module: nn.Module) -> bool:
        """As in ``Framework``."""
        return _derives(module, FORMS_OVER_TIME)

    def takes_its_spikes(self, module: nn.Module) -> bool:
        """As in ``Framework``."""
        return _derives(module, ("SNNRecurrentCell",))

    def membrane(self, module: nn.Module, output: Any) -> torch.Tensor | None:
        """As in ``Framework``: v after the reset; of integrators the output, over time that of all steps."""
        if not isinstance(output, tuple):
            return None
        return output[0] if _integrates(module) else getattr(output[1], "v", None)  # refractory cells have it deeper

    def _steps(self, module: nn.Module, output: torch.Tensor) -> list[torch.Tensor]:
        return list(output.detach()) if self.takes_all_steps(module) else [output.detach()]

    @contextmanager
    def distances(self, module: nn.Module) -> Iterator[list[torch.Tensor]]:
        """As in ``Framework``, one tensor a step: a copy of the module's step function hands on what it compares."""
        found: list[torch.Tensor] = []
        if _integrates(module):
            hook = module.register_forward_hook(lambda _, __, output: found.extend(self._steps(module, output[0])))
            try:
                yield found
            finally:
                hook.remove()
            return
        step: Any = module.activation

        def threshold(distance: torch.Tensor, *args: Any) -> Any:
            found.append(distance.detach())
            return step.__globals__["threshold"](distance, *args)

        names = {**step.__globals__, "threshold": threshold}
        module.activation = FunctionType(step.__code__, names)
        try:
            yield found
        finally:
            module.activation = step


def _classes(module: nn.Module) -> list[type]:
    """Norse's own classes of ``module``, which a user's may be derived from; the base comes last."""
    return [kind for kind in type(module).__mro__ if kind.__module__.split(".")[0] == "norse"]


def _derives(module: nn.Module, names: tuple[str, ...]) -> bool:
    return any(kind.__name__ in names for kind in _classes(module))


def _integrates(module: nn.Module) -> bool:
    return _classes(module)[0].__name__.removesuffix("Cell") in INTEGRATORS


def _kind(node: Node) -> str:
    """What computes the neurons of ``node``: a supported class, without ``Cell``, and nothing beside it."""
    kind = _classes(node.module)[0]
    if kind.__name__ not in (*CELLS, *OVER_TIME):
        raise node.error(f"not built; use {', '.join(CELLS)}, or over time {', '.join(OVER_TIME)}")
    for method in ("forward", "initial_state"):
        if not hasattr(kind, method):
            continue
        if getattr(getattr(node.module, method), "__func__", None) is not getattr(kind, method):
            raise node.error(f"overrides {method} of {kind.__name__}, so what it computes is not known; use that")
    return kind.__name__.removesuffix("Cell")


def _subtracts(node: Node) -> bool:
    """Whether a spike takes ``v_th`` off, rather than resets to ``v_reset``."""
    from norse.torch.functional.reset import reset_subtract, reset_value

    method = node.module.p.reset_method
    if method not in (reset_value, reset_subtract):
        name = getattr(method, "__name__", repr(method))
        raise node.error(f"reset_method must be reset_value or reset_subtract of Norse, not {name}")
    return bool(method is reset_subtract)


def _rate(node: Node, key: str) -> FloatArray:
    """How much of the way a step goes, (channels,): dt times ``key``, as Norse itself rounds the product."""
    rate = node.per_channel(f"dt * {key}", node.module.dt * getattr(node.module.p, key))
    rate = np.where(np.abs(rate - 1.0) < ROUNDING, 1.0, rate)
    wrong = (rate < 0.0) | (rate > 1.0)
    if wrong.any():
        raise node.error(f"dt * {key} must be from 0 to 1, not {_first(rate, wrong)}; make dt or {key} smaller")
    return rate


def _decay(values: FloatArray) -> Decay:
    return float(values[0]) if (values == values[0]).all() else values


def _unless_zero(values: FloatArray) -> FloatArray | None:
    return values if values.any() else None


def _first(values: FloatArray, where: np.ndarray[Any, Any]) -> str:
    return f"{values[where][0]:g}"


def _takes_state(network: nn.Module) -> bool:
    """Whether None, for no state yet, may be the second argument of ``network``."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [one for one in inspect.signature(network.forward).parameters.values() if one.kind in positional]
    return len(taken) > 1 and taken[1].default in (None, inspect.Parameter.empty)
