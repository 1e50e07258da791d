"""sinabs: IAF, LIF and ExpLeak, their Squeeze forms, and recurrent IAF and LIF, as versions 2.0 and 3.1 compute them.

The recurrent ones add ``rec_connect`` of their spikes of the step before to their input, and at the first step nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hwsnn.float_network import FloatArray, FloatIntegrator, FloatNeuron
from hwsnn.spec import MAX_SPIKES, Reset

from ..framework import Framework, Layout, Node, Reading
from ..own_spikes import own_spikes

if TYPE_CHECKING:
    import torch
    from torch import nn

COMPUTES = ("forward", "squeeze_forward", "alpha_mem_calculated", "alpha_syn_calculated", "reset_states")
"""What neurons compute by: a class that has its own is not read."""
FOLDED = ("SqueezeMixin", "UnflattenTime")
"""The classes that take frames and steps in one axis; all other neurons, and ``UNFOLDED``, take two axes."""
UNFOLDED = ("FlattenTime", "Repeat")


class Sinabs(Framework):
    """Each step is i = alpha_syn (i + x), where there is tau_syn; u = alpha_mem v + i; spikes, reset, lower bound."""

    title = "sinabs"

    def is_neuron(self, module: nn.Module) -> bool:
        """As ``Framework``."""
        return _is_one_of(module, "StatefulLayer")

    def read(self, node: Node) -> Reading:
        """As ``Framework``."""
        _require_read(node)
        module, ones = node.module, np.ones(node.shape[0])
        beta, alpha, gain = _decay(node, "alpha_mem", module.alpha_mem_calculated), None, ones
        if module.alpha_syn_calculated is not None:
            alpha = _decay(node, "alpha_syn", module.alpha_syn_calculated)
            gain = gain * alpha  # the new current decays in its own step
        if module.norm_input:
            gain = gain * (1 - beta)
        if not gain.all():
            raise node.error(
                "no current reaches its neurons: norm_input multiplies it by 1 - alpha_mem, and tau_syn by alpha_syn; "
                "use IAF, or norm_input=False, where tau_mem is inf, and tau_syn=None for none"
            )
        floor = None if module.min_v_mem is None else node.per_channel("min_v_mem", module.min_v_mem)
        if floor is not None and (floor > 0).any():
            raise node.error(f"min_v_mem must be at most 0, not {float(floor.max())!r}")
        if module.spike_fn is None:
            return Reading(FloatIntegrator(beta, alpha, floor=floor), gain, 0 * ones)
        threshold = node.per_channel("spike_threshold", module.spike_threshold)
        if (threshold <= 0).any():
            raise node.error(f"spike_threshold must be positive, not {float(threshold.min())!r}")
        reset, (spikes, remarks) = _reset(node, threshold), _spikes(node)
        neuron = FloatNeuron(threshold, beta, "greater_equal", reset, alpha, floor=floor, spikes=spikes)
        return Reading(neuron, gain, 0 * ones, remarks, recurrent=_recurrent(node))

    def reset(self, network: nn.Module, frames: int) -> None:
        """As ``Framework``. Layers that unfold frames and steps are told how many frames."""
        for module in network.modules():
            if self.is_neuron(module):
                module.reset_states()
            if _is_one_of(module, *FOLDED):
                module.batch_size = frames
            if _is_one_of(module, "SqueezeMixin"):
                module.num_timesteps = -1

    def layouts(self, network: nn.Module) -> tuple[Layout, ...]:
        """As ``Framework``. Where layers differ, the first one is likely to be what the input meets first."""
        found = dict[Layout, None]()
        for module in network.modules():
            if _is_one_of(module, *FOLDED):
                found["folded"] = None
            elif self.is_neuron(module) or _is_one_of(module, *UNFOLDED):
                found["batch_first"] = None
        return tuple(found)

    def timesteps(self, network: nn.Module) -> int | None:
        """As in ``Framework``: what the Squeeze forms are told, if they agree."""
        told = {getattr(module, "num_timesteps", None) for module in network.modules() if self.is_neuron(module)}
        told -= {None, -1}
        return told.pop() if len(told) == 1 else None

    def takes_all_steps(self, module: nn.Module) -> bool:
        """As in ``Framework``: always."""
        return True

    def folds_steps(self, module: nn.Module) -> bool:
        """As in ``Framework``: in the Squeeze forms."""
        return _is_one_of(module, "SqueezeMixin")

    def membrane(self, module: nn.Module, output: Any) -> torch.Tensor | None:
        """As ``Framework``: ``v_mem`` of the last step, after its reset and lower bound."""
        membrane: torch.Tensor = module.v_mem
        return membrane

    @contextmanager
    def distances(self, module: nn.Module) -> Iterator[list[torch.Tensor]]:
        """As ``Framework``: one tensor (frames, ...) a step; with several spikes a step, u - threshold of the first."""
        found, spike_fn = list["torch.Tensor"](), module.spike_fn

        def record(module: nn.Module, _: Any, output: torch.Tensor) -> None:
            if _is_one_of(module, "SqueezeMixin"):
                output = output.unflatten(0, (module.batch_size, module.num_timesteps))
            found.extend(output.detach().clone().unbind(1))

        if spike_fn is None:
            undo = module.register_forward_hook(record).remove
        else:
            module.spike_fn = _Recorder(spike_fn, found)
            undo = partial(setattr, module, "spike_fn", spike_fn)
        try:
            yield found
        finally:
            undo()


@dataclass(frozen=True)
class _Recorder:
    """Stands in for a ``spike_fn`` of a membrane, and adds u - threshold to ``found`` at each step."""

    spike_fn: Any
    found: list[torch.Tensor]

    @property
    def required_states(self) -> list[str]:
        states: list[str] = self.spike_fn.required_states
        return states

    def apply(self, membrane: torch.Tensor, threshold: torch.Tensor, surrogate: Any) -> torch.Tensor:
        self.found.append((membrane - threshold).detach())
        spikes: torch.Tensor = self.spike_fn.apply(membrane, threshold, surrogate)
        return spikes


def _is_one_of(module: nn.Module, *names: str) -> bool:
    """Whether ``module`` has one of sinabs' classes of these names; sinabs need not be there to ask."""
    own = [cls.__name__ for cls in type(module).__mro__ if cls.__module__.partition(".")[0] == "sinabs"]
    return any(name in own for name in names)


def _require_read(node: Node) -> None:
    from sinabs import layers

    if isinstance(node.module, layers.ALIF | layers.ALIFRecurrent):
        raise node.error("an adaptive threshold is not built; train with LIF or IAF in its place")
    known = (
        *(layers.IAFSqueeze, layers.LIFSqueeze, layers.ExpLeakSqueeze, layers.IAFRecurrent, layers.LIFRecurrent),
        *(layers.IAF, layers.ExpLeak, layers.LIF),
    )
    own = type(node.module)
    of = next((cls for cls in own.__mro__ if cls in known), None)
    if of is None:
        raise node.error(
            "its neurons are not read; sinabs' IAF, LIF and ExpLeak are, their Squeeze and recurrent forms"
        )
    others = [name for name in COMPUTES if getattr(own, name, None) is not getattr(of, name, None)]
    if others:
        raise node.error(f"it has its own {others[0]}, so that it is not read as sinabs' {of.__name__}; use that one")


def _recurrent(node: Node) -> FloatArray | None:
    """The weights of the neurons' own spikes of the step before."""
    if not _is_one_of(node.module, "LIFRecurrent"):
        return None
    weight, bias = own_spikes(node, "rec_connect", node.module.rec_connect)
    if bias.any():
        raise node.error(
            "the bias of rec_connect must be 0, as sinabs leaves it out at the first step of a frame; use bias=False, "
            "and a bias in the layer before"
        )
    return weight


def _decay(node: Node, what: str, value: Any) -> FloatArray:
    decay = node.per_channel(what, value)
    outside = decay[(decay < 0) | (decay > 1)]
    if outside.size:
        raise node.error(f"{what}, what stays of a step, must be from 0 to 1, not {float(outside[0]):.6g}")
    return decay


def _spikes(node: Node) -> tuple[int, tuple[str, ...]]:
    """The most spikes per step, and a remark where sinabs allows more than are built."""
    from sinabs import activation

    spike_fn = node.module.spike_fn
    if spike_fn is activation.SingleSpike:
        return 1, ()
    limit = None
    if type(spike_fn) is activation.MaxSpike:
        limit = spike_fn.max_num_spikes_per_bin
        if limit is not None and not (isinstance(limit, int) and limit >= 1):
            raise node.error(f"max_num_spikes_per_bin of MaxSpike must be a whole number from 1, not {limit!r}")
    elif spike_fn is not activation.MultiSpike:
        raise node.error(f"spike_fn must be SingleSpike, MultiSpike or MaxSpike(n), not {_name(spike_fn)}")
    if limit is not None and limit <= MAX_SPIKES:
        return limit, ()
    allowed = "any number of spikes" if limit is None else f"{limit} spikes"
    return MAX_SPIKES, (f"{node.name}: fires {allowed} per step in sinabs, and at most {MAX_SPIKES} here",)


def _reset(node: Node, threshold: FloatArray) -> Reset:
    from sinabs import activation

    reset_fn = node.module.reset_fn
    if type(reset_fn) is activation.MembraneReset:
        value = node.number("reset_value of MembraneReset", reset_fn.reset_value)
        if value:
            raise node.error(
                f"reset_value of MembraneReset must be 0, not {value!r}: sinabs adds it in every step, spike or not"
            )
        return "zero"
    if type(reset_fn) is not activation.MembraneSubtract:
        raise node.error(f"reset_fn must be MembraneSubtract() or MembraneReset(), not {_name(reset_fn)}")
    if reset_fn.subtract_value is not None:
        what = "subtract_value of MembraneSubtract"
        taken = node.per_channel(what, reset_fn.subtract_value)
        others = taken.astype(np.float32) != threshold.astype(np.float32)  # the precision of sinabs
        if others.any():
            own, found = float(threshold[others][0]), float(taken[others][0])
            raise node.error(f"{what} must be the threshold, {own:.6g}, or None, not {found:.6g}")
    return "subtract"


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))
