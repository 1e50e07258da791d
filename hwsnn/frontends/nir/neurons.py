"""Discretization of NIR neurons: the parameters of a node's equations as Euler steps of dt.

Exporters differ in time constants and gains, so all of that is here: ``docs/nir.md``, "Neurons".
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hwsnn.float_network import Decay, FloatArray

from . import conventions as said
from .graph_file import Node
from .place import Place

ROUNDING = 1e-6
"""Relative tolerance for equal time constants and gains: exporters compute them in single precision."""


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A step of a layer of neurons: ``s = alpha s + gain I + offset``, ``v = beta v + s``.

    Without ``alpha`` s has no memory. ``gain``, ``offset`` and ``rest`` are (channels,). v counts from ``rest``, where
    it starts, and to which a spike resets it.
    """

    beta: Decay
    gain: FloatArray
    offset: FloatArray
    rest: FloatArray
    alpha: Decay | None = None
    remarks: tuple[str, ...] = ()


def dynamics(node: Node, place: Place, dt: float) -> Dynamics:
    """The step of ``dt`` seconds of the neurons of an IF, I, LIF, LI, CubaLIF, CubaLI or Threshold node."""
    if node.type == "Threshold":
        zero = np.zeros(place.shape[0])
        return Dynamics(0.0, np.ones_like(zero), zero, zero)
    if node.type in ("IF", "I"):
        return _without_leak(node, place, dt)
    if node.type in ("LIF", "LI"):
        return _leaky(node, place, dt, "tau")
    return _with_synapse(node, place, dt)


def _without_leak(node: Node, place: Place, dt: float) -> Dynamics:
    """R of a neuron without a time constant; frameworks write it for v += R I or for v += dt R I."""
    gain = place.per_channel(node, "r")
    remarks: tuple[str, ...] = ()
    if (np.abs(gain * dt - 1.0) < ROUNDING).all():
        remarks = (f"{node.name}: r is 1 / dt, read as r I dt a step (SpikingJelly), not as r I",)
        gain = np.ones_like(gain)
    rest, its_remarks = _rest(node, place, np.ones_like(gain))
    return Dynamics(1.0, gain, np.zeros_like(gain), rest, remarks=(*remarks, *its_remarks))


def _leaky(node: Node, place: Place, dt: float, key: str) -> Dynamics:
    """A membrane with the time constants under ``key``, which moves dt / tau of the way to its input per step."""
    rate, gain = _rates(node, place, dt, key, "r")
    beta, remarks = _decay(node, key, rate, dt, said.BETA)
    rest, its_remarks = _rest(node, place, np.broadcast_to(np.asarray(beta), rate.shape))
    offset = (place.per_channel(node, "v_leak") - rest) * rate
    return Dynamics(beta, gain, offset, rest, remarks=(*remarks, *its_remarks))


def _with_synapse(node: Node, place: Place, dt: float) -> Dynamics:
    """A membrane behind a synaptic current, whose new value counts in the same step."""
    membrane = _leaky(node, place, dt, "tau_mem")
    tau = place.per_channel(node, "tau_syn", finite=False)
    if (tau < 0).any():
        raise node.error(f"'tau_syn' must be 0 or positive, not {float(tau.min())!r}")
    at_once = np.where(tau == 0, dt, tau)  # either way, a step of the current is its input
    rate, gain = _rates(node, place, dt, "tau_syn", "w_in", at_once)
    alpha, remarks = _decay(node, "tau_syn", rate, dt, said.ALPHA)
    gain = membrane.gain * gain
    if said.ALPHA not in node.metadata:
        if (rate == 1).all():
            value = "0" if (tau == 0).all() else "0 or dt" if (tau == 0).any() else "dt"
            remarks = (f"{node.name}: tau_syn is {value}, so the synaptic current has no memory and is left out",)
            return replace(membrane, gain=gain, remarks=(*remarks, *membrane.remarks))
        remarks += (f"{node.name}: a synaptic current, whose new value reaches the membrane in the same step",)
    if membrane.offset.any():
        raise node.error(
            "'v_leak' must be 'v_reset' (0 where there is none) behind a synaptic current: no bias of a current that "
            "has memory can stand for the difference; train so"
        )
    return replace(membrane, gain=gain, alpha=alpha, remarks=(*remarks, *membrane.remarks))


def _rates(
    node: Node, place: Place, dt: float, key: str, factor_key: str, tau: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """dt / tau, from 0 to 1, and the input's gain by it, (channels,) each; ``tau``: in place of those under ``key``."""
    if tau is None:
        tau = place.per_channel(node, key, finite=False)
    ones = np.ones_like(tau)
    factor = place.per_channel(node, factor_key, finite=False) if factor_key in node.values else ones
    if (tau <= 0).any():
        raise node.error(f"{key!r} must be positive, not {float(tau.min())!r}")
    endless = np.isinf(tau)
    if (endless & ~np.isposinf(factor)).any():
        plain = {"LI": "I", "LIF": "IF"}.get(node.type)
        instead = "" if plain is None else f", or the node an {plain} (v += r I)"
        raise node.error(
            f"{key!r} is infinite and {factor_key!r} is not, so no input would reach it; make both infinite (all of "
            f"the input a step){instead}"
        )
    if (np.isinf(factor) & ~endless).any():
        raise node.error(
            f"{factor_key!r} is infinite and {key!r} is not; make both infinite (all of the input a step) or both "
            "finite"
        )
    rate = np.where(endless, 0.0, dt / tau)
    rate = np.where(np.abs(rate - 1.0) < ROUNDING, 1.0, rate)
    if (rate > 1.0).any():
        # No step that just fits is proposed: it would make neurons without memory of any.
        raise node.error(
            f"a step of {dt:g} s is longer than {key!r} of {float(tau.min()):g} s; give the step of training as --dt, "
            f"a fraction of {key!r} (files of Norse 1.1: its dt squared, so --dt 1e-6 for 0.001)"
        )
    gain = np.where(endless, 1.0, np.where(endless, 1.0, factor) * rate)  # exporters write r as tau / dt: 1 stays
    return rate, np.where(np.abs(gain - 1.0) < ROUNDING, 1.0, gain)


def _decay(node: Node, key: str, rate: FloatArray, dt: float, its: str) -> tuple[Decay, tuple[str, ...]]:
    """The decay per step, from the time constants; if the metadata's agrees with it, the metadata's."""
    what = its.removeprefix(said.PREFIX)
    decay: Decay = 1.0 - rate
    if (rate == rate[0]).all():
        decay = 1.0 - float(rate[0])
    digits = _said_decay(node, its, len(rate))
    remarks = []
    if digits is not None and (np.abs(np.asarray(digits) - decay) < ROUNDING).all():
        decay = digits
    elif digits is not None:
        found, told = (_text(value) for value in (decay, digits))
        by = "its time constant" if isinstance(decay, float) else "its time constants"
        remarks.append(f"{node.name}: {what} {found} by {by}, not {told} as its metadata says")
    none = int((np.broadcast_to(np.asarray(decay), rate.shape) == 0).sum())
    if none and its == said.BETA:
        some = "" if none == len(rate) else f" in {none} of {len(rate)} channels"
        remarks.append(
            f"{node.name}: no memory ({what} 0){some}, as {key!r} is one step of {dt:g} s; if its neurons had some in "
            "training, give the step of training as --dt"
        )
    return decay, tuple(remarks)


def _said_decay(node: Node, its: str, channels: int) -> Decay | None:
    value = node.metadata.get(its)
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.size > 0:
        return node.said_numbers(its, channels, 0.0, 1.0)
    return node.said_number(its, 0.0, 1.0)


def _rest(node: Node, place: Place, beta: FloatArray) -> tuple[FloatArray, tuple[str, ...]]:
    """The value that a spike resets to, from which membranes are counted; 0 where they have no memory of it."""
    if "v_reset" not in node.values:
        return np.zeros_like(beta), ()
    rest = np.where(beta > 0, place.per_channel(node, "v_reset"), 0.0)
    if not rest.any():
        return rest, ()
    if node.said_text(said.RESET) not in (None, "zero"):
        raise node.error(f"'v_reset' must be 0 for the reset {node.said_text(said.RESET)!r} of its metadata")
    return rest, (f"{node.name}: 'v_reset' is not 0: membranes start there, and are counted from there",)


def _text(decay: Decay) -> str:
    return f"{decay:g}" if isinstance(decay, float) else f"{decay.min():g} to {decay.max():g}"
