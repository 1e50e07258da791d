"""snnTorch: ``Leaky``, ``Synaptic`` and ``Lapicque``, and the recurrent ``RLeaky`` and ``RSynaptic``.

As ``snntorch._neurons`` computes them. The recurrent ones add ``recurrent(spk)``, of the step before, to their current;
at the first step that is the bias of ``recurrent``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsnn.float_network import Compare, FloatArray, FloatNeuron
from hwsnn.spec import Reset

from ..framework import Framework, Layout, Node, Reading
from ..own_spikes import own_spikes

if TYPE_CHECKING:
    import torch
    from torch import nn

RECURRENT = ("RLeaky", "RSynaptic")
READ = ("Leaky", "Synaptic", "Lapicque", *RECURRENT)
ROOTS = ("SpikingNeuron", "LeakyParallel")
"""snnTorch's classes from which all of its neurons derive."""
NOT_BUILT: Mapping[str, str] = {
    "Alpha": "two synaptic currents are not built",
    "LeakyParallel": "membranes that never go below 0 and are never reset are not built",
    "SLSTM": "LSTM cells are not built",
    "SConv2dLSTM": "LSTM cells are not built",
}
RESET_FUNCTIONS = {"subtract": "_base_sub", "zero": "_base_zero", "none": "_base_int"}
RESETS_AFTER_SPIKES = {0: "subtract", 1: "zero"}
"""What ``forward`` does behind the spikes without reset_delay, by ``reset_mechanism_val``; nothing for others."""
RESETS: Mapping[tuple[str, str], Reset] = {
    ("subtract", "none"): "late-subtract",
    ("zero", "none"): "late-zero",
    ("none", "none"): "none",
    ("subtract", "subtract"): "undelayed-subtract",
    # A membrane that was reset is never above the threshold when the next step begins, so nothing is reset twice.
    ("zero", "zero"): "zero",
    ("none", "zero"): "zero",
}
"""By what is done before the spikes, for those of the step before, and behind them."""


class SnnTorch(Framework):
    """Neurons of snnTorch. Its modules keep their membrane from call to call, whether or not it is handed to them."""

    title = "snnTorch"

    def is_neuron(self, module: nn.Module) -> bool:
        return _kind(module) is not None

    def read(self, node: Node) -> Reading:
        module: Any = node.module
        kind = _require_built(node)
        threshold = node.per_channel("threshold", module.threshold)
        if (threshold <= 0).any():
            raise node.error(f"threshold must be positive, not {threshold.min():g}; keep it positive in training")
        reset, remarks = _reset(node, kind)
        gain, alpha = np.ones(node.shape[0]), None
        if kind == "Lapicque":
            decay, gain, remark = _resistor_and_capacitor(node)
            remarks += remark
        else:
            decay = node.per_channel("beta", module.beta.clamp(0, 1))
            if kind in ("Synaptic", "RSynaptic"):
                alpha = _one_if_equal(node.per_channel("alpha", module.alpha.clamp(0, 1)))
        if kind in ("Lapicque", "RLeaky") and reset == "late-zero":
            alpha = 0.0  # it drops the current that comes with the reset, as only neurons with a synaptic current do
        neuron = FloatNeuron(threshold, _one_if_equal(decay), _compare(node), reset, alpha)
        weight, bias = _recurrent(node) if kind in RECURRENT else (None, np.zeros(node.shape[0]))
        return Reading(neuron, gain, bias, remarks, recurrent=weight)

    def reset(self, network: nn.Module, frames: int) -> None:
        for module in network.modules():
            kind = _kind(module)
            if kind is not None and kind.__name__ in READ:
                neuron: Any = module
                neuron.reset_mem()

    def layouts(self, network: nn.Module) -> tuple[Layout, ...]:
        hidden = [getattr(module, "init_hidden", False) for module in network.modules() if self.is_neuron(module)]
        if not hidden:
            return ()
        return ("step", "frame", "sequence") if any(hidden) else ("frame", "step", "sequence")

    def takes_all_steps(self, module: nn.Module) -> bool:
        """As in ``Framework``: never."""
        return False

    def takes_its_spikes(self, module: nn.Module) -> bool:
        """As in ``Framework``: in the recurrent forms."""
        return getattr(_kind(module), "__name__", "") in RECURRENT

    def keeps_membrane_before_reset(self, module: nn.Module) -> bool:
        """As in ``Framework``: with the delay, the reset of a spike is in the next step."""
        return _delays_reset(module) or module.reset_mechanism == "none"

    def membrane(self, module: nn.Module, output: Any) -> torch.Tensor | None:
        """As ``Framework.membrane``: u, but what the reset has left of it with ``reset_delay=False``."""
        found: Any = output[-1] if isinstance(output, tuple) else module.mem
        return found

    @contextmanager
    def distances(self, module: nn.Module) -> Iterator[list[torch.Tensor]]:
        found: list[torch.Tensor] = []
        neuron: Any = module
        fire = neuron.fire

        # spike_grad is called for the reset too; fire is called for the spikes alone.
        def recording(membrane: torch.Tensor) -> Any:
            found.append((membrane - neuron.threshold).detach())
            return fire(membrane)

        neuron.fire = recording
        try:
            yield found
        finally:
            del neuron.fire


def _kind(module: nn.Module) -> type | None:
    """snnTorch's own class that ``module`` is of; None if it is none of its neurons."""
    own = [kind for kind in type(module).__mro__ if kind.__module__.partition(".")[0] == "snntorch"]
    return own[0] if any(kind.__name__ in ROOTS for kind in own) else None


def _require_built(node: Node) -> str:
    """The name of the class; ``InputError`` unless its own code alone decides what it computes, and can be built."""
    module: Any = node.module
    kind = _kind(module)
    if kind is None or kind.__name__ not in READ:
        why = NOT_BUILT.get(kind.__name__ if kind else "", "this neuron is not built")
        raise node.error(f"{why}; use Leaky, Synaptic or Lapicque")
    family = type(module).__mro__
    below = family[: family.index(kind)]
    own = {name for each in family if each.__module__.startswith("snntorch.") for name in vars(each)}
    computing = {"__call__", *(name for name in own if not name.startswith("__"))}
    changed = sorted(computing & {name for each in (*map(vars, below), vars(module)) for name in each})
    if changed:
        name = kind.__name__
        raise node.error(f"it has a {changed[0]} of its own, which is not read; use {name}, set up by its parameters")
    if module.inhibition:
        raise node.error("inhibition must be False: neurons that silence each other are not built")
    if module.state_quant:
        raise node.error("state_quant must be False: give the trained network without it, it is quantized here")
    if (module.graded_spikes_factor != 1).any():
        raise node.error("graded_spikes_factor must be 1; multiply the weights of the layer behind by it")
    return kind.__name__


def _reset(node: Node, kind: str) -> tuple[Reset, tuple[str, ...]]:
    module: Any = node.module
    chosen = [reset for reset, name in RESET_FUNCTIONS.items() if module.state_function == getattr(module, name)]
    if not chosen:
        raise node.error("it has a state_function of its own, which is not read; give it a reset_mechanism")
    before, now = chosen[0], RESETS_AFTER_SPIKES.get(int(module.reset_mechanism_val), "none")
    delay = _delays_reset(module)
    after = "none" if delay else now
    if (before, after) not in RESETS:
        raise node.error(
            f"reset_mechanism {before!r} in the constructor and {after!r} since then make a mixture, "
            "which is not built; use one of them throughout"
        )
    reset = RESETS[before, after]
    if kind == "Leaky" and reset == "late-zero":
        reset = "zero"  # the membrane is cleared before the current is added
    if before == now:
        return reset, ()
    since = f"{node.name}: reset_mechanism is {now!r} now, but {before!r} in the constructor"
    return reset, (f"{since}: snnTorch computes {'the latter' if delay else 'a mixture'}, read as {reset}",)


def _delays_reset(module: nn.Module) -> bool:
    """Whether a spike's reset is in the next step: so it is in Lapicque, and in RSynaptic whatever its argument."""
    return bool(getattr(module, "reset_delay", True)) or getattr(_kind(module), "__name__", "") == "RSynaptic"


def _recurrent(node: Node) -> tuple[FloatArray, FloatArray]:
    """The weights of a neuron's own spikes of the step before, one to one or all to all, and their bias."""
    module: Any = node.module
    if module.all_to_all:
        return own_spikes(node, "recurrent", module.recurrent)
    return node.per_channel("V", module.recurrent.V), np.zeros(node.shape[0])


def _resistor_and_capacitor(node: Node) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Decay and gain of a ``Lapicque``, and a remark if its ``beta`` says otherwise."""
    module: Any = node.module
    conductance = 1 / (module.R * module.C)
    decay = node.per_channel("1 - time_step / (R C)", 1 - module.time_step / (module.R * module.C))
    gain = node.per_channel("time_step / C", module.R * conductance * module.time_step)
    if not ((decay >= 0) & (decay <= 1)).all():
        wrong = decay[(decay < 0) | (decay > 1)][0]
        raise node.error(
            f"its decay 1 - time_step / (R C) must be from 0 to 1, not {wrong:.4g}; "
            "make R C at least time_step, which a beta from 0.368 does"
        )
    beta = node.per_channel("beta", module.beta)
    if np.abs(beta - decay).max() <= 1e-6:
        return decay, gain, ()
    each = f"beta is {beta[0]:.4g}, but snnTorch decays by 1 - time_step / (R C) = {decay[0]:.4g}"
    return decay, gain, (f"{node.name}: {each}, as is built",)


def _compare(node: Node) -> Compare:
    """What ``spike_grad`` makes of values about 0."""
    import torch

    module: Any = node.module
    probes = (-1.0, -(2.0**-20), 0.0, 2.0**-20, 1.0)
    with torch.no_grad():
        one = torch.ones((1,) * (node.axes + 1), device=module.threshold.device)
        found = [torch.unique(module.spike_grad(probe * one)).tolist() for probe in probes]
    if found[:2] != [[0], [0]] or found[3:] != [[1], [1]] or found[2] not in ([0], [1]):
        raise node.error(
            "spike_grad must be 0 below the threshold and 1 above, as those of snntorch.surrogate are; use one of them"
        )
    return "greater" if found[2] == [0] else "greater_equal"


def _one_if_equal(decay: FloatArray) -> float | FloatArray:
    return float(decay[0]) if (decay == decay[0]).all() else decay
