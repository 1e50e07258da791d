"""SpikingJelly 2: what its neurons compute, in ``activation_based/neuron`` and ``functional/neuron.py``.

A step is ``v = rest + beta (v - rest) + gain x``, a spike where v reaches ``v_threshold``, then a reset to ``v_reset``,
or, where that is None, by ``v_threshold``. ``v_reset`` is the rest of a leak and the first v as well. The input of a
CUBALIFNode goes through a current with memory, whose new value counts in the same step; its leak rests at 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from hwsnn.float_network import Compare, Decay, FloatArray, FloatIntegrator, FloatNeuron
from hwsnn.frontends.modules.framework import Framework, Layout, Node, Reading

if TYPE_CHECKING:
    import torch
    from torch import nn

READ = "IFNode, LIFNode, ParametricLIFNode or CUBALIFNode"
NEVER_FIRE = ("NonSpikingIFNode", "NonSpikingLIFNode")
ALL_STEPS = "NonSpikingBaseNode"
"""The base of these, whose forward takes (T, N, ...) alone."""
NOT_READ = {
    "SimpleIFNode": "IFNode computes the same",
    "SimpleLIFNode": "LIFNode computes the same",
    "OTTTLIFNode": "LIFNode computes the same outside training",
    "SLTTLIFNode": "LIFNode computes the same outside training",
}
"""What to use in place of a class; ``READ`` for all others."""
STEP = (
    *("forward", "functional_forward", "materialize_states", "reset"),
    *("single_step_forward", "multi_step_forward"),
    *("single_step_functional_forward", "multi_step_functional_forward"),
    *("neuronal_charge", "neuronal_fire", "neuronal_reset"),
)
"""Methods that make a step or the state before it. Version 2 ignores some of them, which no author of one expects."""


class SpikingJelly(Framework):
    """Reads IFNode, LIFNode, ParametricLIFNode, CUBALIFNode, and integrators; in both step modes, on a CPU."""

    title: ClassVar[str] = "SpikingJelly"

    def is_neuron(self, module: nn.Module) -> bool:
        return any(_is_of_neurons(kind) for kind in type(module).__mro__)

    def read(self, node: Node) -> Reading:
        name = _known_kind(node)
        step = _step(node, name)
        if name in NEVER_FIRE:
            if node.module.decode != "last_mem":
                raise node.error(
                    f"decode must be 'last_mem', the membrane of the last step, not {node.module.decode!r}; set it, "
                    "and ask for the sum or the largest with --readout"
                )
            return _integrator(node, step, rest=0.0, initial=0.0)
        reset = node.module.v_reset
        v_reset = 0.0 if reset is None else node.number("v_reset", reset)
        rest = 0.0 if name == "CUBALIFNode" else v_reset
        initial = _reset_value(node, "v")
        if _never_fires(node.module):
            if reset is None:
                raise node.error("v_reset must be a number where v_threshold is inf: the reset by inf gives NaN")
            return _integrator(node, step, rest, initial)
        threshold = node.per_channel("v_threshold", node.module.v_threshold) - v_reset
        if (threshold <= 0).any():
            least = "0" if reset is None else f"v_reset, {v_reset:g}"
            raise node.error(f"v_threshold must be above {least}, not {float(threshold.min()) + v_reset:g}")
        neuron = FloatNeuron(
            threshold,
            _decay(step.beta),
            _compare(node),
            "subtract" if reset is None else "zero",
            step.alpha,
            _initial(step, initial - v_reset),
        )
        remarks = (f"{node.name}: membranes are counted from v_reset, {v_reset:g}",) if v_reset else ()
        return Reading(neuron, step.gain, _offset(node, step, rest - v_reset), remarks)

    def reset(self, network: nn.Module, frames: int) -> None:
        """As ``functional.reset_net``, but for what is not SpikingJelly's."""
        for module in network.modules():
            if _is_a(module, "MemoryModule"):
                module.reset()
            elif _is_a(module, ALL_STEPS):
                vars(module).pop("v", None)  # of the call before; each begins at zeros

    def layouts(self, network: nn.Module) -> tuple[Layout, ...]:
        """By the step mode of all its modules: layers and containers may take a sequence for neurons that do not."""
        modules = list(network.modules())
        if not any(self.is_neuron(module) for module in modules):
            return ()
        if any(
            _is_a(module, "MultiStepModule")
            or (_is_a(module, "StepModule") and getattr(module, "step_mode", "s") == "m")
            for module in modules
        ):
            return ("sequence", "frame")
        return ("step", "frame", "sequence")

    def takes_all_steps(self, module: nn.Module) -> bool:
        """As in ``Framework``: in step mode m. NonSpiking nodes do so whatever their mode, which nothing sets."""
        return _is_a(module, ALL_STEPS) or getattr(module, "step_mode", "s") == "m"

    def membrane(self, module: nn.Module, output: Any) -> torch.Tensor | None:
        """v after the reset of the last step."""
        found: Any = getattr(module, "v", None)
        if found is None or hasattr(found, "detach"):
            return found
        # A number before the first call: none has been computed, unless it is set by hand.
        from torch import tensor

        return None if found == module.get_reset_value("v") else tensor(float(found))

    @contextmanager
    def distances(self, module: nn.Module) -> Iterator[list[torch.Tensor]]:
        """One tensor a step.

        With the surrogate functions that SpikingJelly has operators for, a step never calls them. One that it does not
        know takes the path of plain torch, which computes the same, step by step.
        """
        found: list[torch.Tensor] = []
        if _neuron_class(module).__name__ in NEVER_FIRE:
            charge = module.neuronal_charge

            def charge_and_record(x: torch.Tensor) -> None:
                charge(x)
                found.append(module.v.detach())

            instead: dict[str, Any] = {"neuronal_charge": charge_and_record}
        else:
            decide = module.surrogate_function

            def record(distance: torch.Tensor) -> Any:
                found.append(distance.detach())
                return decide(distance)

            def record_integrator(membrane: torch.Tensor) -> Any:
                found.append(membrane.detach())
                return membrane.new_zeros(membrane.shape)

            instead = {"surrogate_function": record}
            if _never_fires(module):
                instead = {"surrogate_function": record_integrator, "v_threshold": 0.0}
        # Past ``nn.Module``, which keeps modules elsewhere and puts nothing else in their place.
        own = vars(module)
        before = {name: own[name] for name in instead if name in own}
        own.update(instead)
        try:
            yield found
        finally:
            for name in instead:
                del own[name]
            own.update(before)


@dataclass(frozen=True, eq=False)
class _Step:
    """``s = alpha s + gain x``, ``v = rest + beta (v - rest) + s``; ``beta`` and ``gain``: (channels,)."""

    beta: FloatArray
    gain: FloatArray
    alpha: float | None = None


def _is_spikingjelly(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "spikingjelly"


def _is_of_neurons(kind: type) -> bool:
    """Whether a class is one of SpikingJelly's neurons, or of what a user derives his own from."""
    place = kind.__module__.split(".")
    return _is_spikingjelly(kind) and (kind.__name__ == "BaseNode" or "neuron" in place or place[-1] == "rnn")


def _is_a(module: nn.Module, name: str) -> bool:
    """Whether SpikingJelly's class ``name`` is among those of ``module``."""
    return any(kind.__name__ == name and _is_spikingjelly(kind) for kind in type(module).__mro__)


def _neuron_class(module: nn.Module) -> type:
    """SpikingJelly's own class of a module of neurons: itself, or what a user's class is derived from."""
    return next(kind for kind in type(module).__mro__ if _is_spikingjelly(kind))


def _never_fires(module: nn.Module) -> bool:
    return isinstance(module.v_threshold, float) and module.v_threshold == math.inf


def _known_kind(node: Node) -> str:
    """The name of SpikingJelly's class of neurons, if that says what they compute."""
    classes = type(node.module).__mro__
    kind = _neuron_class(node.module)
    written = {*vars(node.module)}.union(*(vars(user) for user in classes[: classes.index(kind)]))
    own = [method for method in STEP if method in written]
    if own:
        raise node.error(
            f"has its own {', '.join(own)}, so its step cannot be read; derive it from {READ} with other "
            "parameters alone (set_reset_value for where v starts)"
        )
    name = "IFNode" if kind.__name__ == "HalfThresholdIFNode" else kind.__name__
    if name not in ("IFNode", "LIFNode", "ParametricLIFNode", "CUBALIFNode", *NEVER_FIRE) or (
        "neuron" not in kind.__module__.split(".")
    ):
        raise node.error(f"SpikingJelly's {kind.__name__} is not built; {NOT_READ.get(name, f'use {READ}')}")
    return name


def _step(node: Node, name: str) -> _Step:
    module, ones = node.module, np.ones(node.shape[0])
    if name in ("IFNode", "NonSpikingIFNode"):
        return _Step(ones, ones)
    if name == "CUBALIFNode":
        if _reset_value(node, "c"):
            raise node.error(f"the reset value of c must be 0.0, no current, not {_reset_value(node, 'c'):g}")
        alpha, beta = (_fraction(node, key) for key in ("c_decay", "v_decay"))
        return _Step(beta * ones, ones, alpha or None)  # a current without memory is its input
    if name == "ParametricLIFNode":
        rate = node.per_channel("sigmoid(w)", module.w.detach().sigmoid())
    else:
        tau = node.per_channel("tau", module.tau)
        if (tau < 1).any():
            raise node.error(f"tau must be at least 1, not {float(tau.min()):g}")
        rate = 1 / tau
    decay_input = name == "NonSpikingLIFNode" or module.decay_input
    return _Step(1 - rate, rate if decay_input else ones)


def _fraction(node: Node, key: str) -> float:
    found = node.number(key, getattr(node.module, key))
    if not 0 <= found <= 1:
        raise node.error(f"{key} must be from 0 to 1, not {found:g}")
    return found


def _reset_value(node: Node, name: str) -> float:
    """What the state ``name`` begins a frame with. Of a tensor SpikingJelly forgets all where the batch is another."""
    found = node.module.get_reset_value(name)
    if not isinstance(found, float):
        what = f"{found!r}" if isinstance(found, int) else type(found).__name__
        raise node.error(f"the reset value of {name} must be a float (set_reset_value({name!r}, 0.5)), not {what}")
    return node.number(f"the reset value of {name}", found)


def _integrator(node: Node, step: _Step, rest: float, initial: float) -> Reading:
    neuron = FloatIntegrator(_decay(step.beta), step.alpha, _initial(step, initial))
    return Reading(neuron, step.gain, _offset(node, step, rest))


def _decay(beta: FloatArray) -> Decay:
    return float(beta[0]) if (beta == beta[0]).all() else beta


def _initial(step: _Step, value: float) -> FloatArray | None:
    return np.full_like(step.beta, value) if value else None


def _offset(node: Node, step: _Step, rest: float) -> FloatArray:
    """What moves membranes towards ``rest``, as a bias of the current."""
    offset = (1 - step.beta) * rest
    if step.alpha is not None and offset.any():
        raise node.error(
            "v_reset must be 0.0 or None behind a current with memory: the leak does not rest there, and no bias of "
            "the current can stand for the difference; train so"
        )
    return np.asarray(offset)


def _compare(node: Node) -> Compare:
    """By trial: surrogate functions of a user's own may fire at the threshold or above it."""
    import torch

    decide = node.module.surrogate_function
    signs = torch.tensor([-2.0, -0.25, 0.0, 0.25, 2.0])
    wrong = (
        "surrogate_function must give 1 for positive and 0 for negative values; use one of SpikingJelly's, in the "
        "spiking mode (set_spiking_mode(True))"
    )
    try:
        with torch.no_grad():
            below, little, at, above, far = (float(spike) for spike in decide(signs))
    except Exception as error:  # whatever a user's own function may raise
        raise node.error(f"{wrong}; it raised {type(error).__name__}") from None
    if (below, little, above, far) != (0, 0, 1, 1) or at not in (0, 1):
        raise node.error(wrong)
    return "greater_equal" if at else "greater"
