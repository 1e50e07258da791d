"""Discretization of NIR neurons: the parameters of a node's equations as Euler steps of dt.

Exporters differ in time constants and gains, so all of that is here: ``docs/importing.md``, "Neurons".
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hwsnn.errors import InputError
from hwsnn.float_network import FloatArray
from hwsnn.spec import Shape

from . import conventions as said
from .graph_file import Node

ROUNDING = 1e-6
"""Relative tolerance for equal time constants and gains: exporters compute them in single precision."""


@dataclass(frozen=True)
class Place:
    """The input of a node: its shape (channels, height, width), and whether it is flat."""

    shape: Shape
    flat: bool

    def per_element(self, node: Node, key: str, *, finite: bool = True) -> FloatArray:
        """Values for every element: of the whole shape, or (channels or 1, 1, 1) if they are the same over space.

        Leading dimensions of 1, left by a trace, are dropped.
        """
        value, channels = node.numbers(key, finite=finite), self.shape[0]
        if value.size == 1:
            return value.reshape(1, 1, 1)
        for axis in range(value.ndim):
            inner = value.shape[axis:]
            if inner == self.shape or (self.flat and inner == (math.prod(self.shape),)):
                return value.reshape(self.shape)
            if not self.flat and inner in ((channels,), (channels, 1, 1)):
                return value.reshape(channels, 1, 1)
            if inner[0] != 1:
                if (1,) * (3 - len(inner)) + inner == self.shape:  # rows of an image of one channel
                    return value.reshape(self.shape)
                break
        raise node.error(f"{key!r} has shape {value.shape}, but the layer gets {self}; write one value an element")

    def per_channel(self, node: Node, key: str, *, finite: bool = True) -> FloatArray:
        """Values (channels,), each the same over its channel's height and width."""
        value = self.per_element(node, key, finite=finite)
        if (value != value[:, :1, :1]).any():
            raise node.error(f"{key!r} must be the same over a channel's height and width; it differs")
        return np.array(np.broadcast_to(value[:, 0, 0], (self.shape[0],)))

    def __str__(self) -> str:
        return f"{math.prod(self.shape)} values" if self.flat else f"an image of {'x'.join(map(str, self.shape))}"


@dataclass(frozen=True, eq=False)
class Dynamics:
    """A step of a layer of neurons: ``v = beta v + gain I + offset``, with gain and offset of shape (channels,)."""

    beta: float
    gain: FloatArray
    offset: FloatArray
    remarks: tuple[str, ...] = ()


def dynamics(node: Node, place: Place, dt: float) -> Dynamics:
    """The step of ``dt`` seconds of the neurons of an IF, I, LIF, LI, CubaLIF or Threshold node."""
    if node.type == "Threshold":
        return Dynamics(0.0, np.ones(place.shape[0]), np.zeros(place.shape[0]))
    if node.type in ("IF", "I"):
        return _without_leak(node, place, dt)
    if node.type != "CubaLIF":
        return _leaky(node, place, dt, "tau")
    synapse = _synapse_remark(node, dt)
    leaky = _leaky(node, place, dt, "tau_mem")
    gain = leaky.gain * (place.per_channel(node, "w_in") if "w_in" in node.values else 1.0)
    return Dynamics(leaky.beta, gain, leaky.offset, (synapse, *leaky.remarks))


def _without_leak(node: Node, place: Place, dt: float) -> Dynamics:
    """R of a neuron without a time constant; frameworks write it for v += R I or for v += dt R I."""
    gain = place.per_channel(node, "r")
    remarks: tuple[str, ...] = ()
    if (np.abs(gain * dt - 1.0) < ROUNDING).all():
        remarks = (f"{node.name}: r is 1 / dt, read as r I dt a step (SpikingJelly), not as r I",)
        gain = np.ones_like(gain)
    return Dynamics(1.0, gain, np.zeros_like(gain), remarks)


def _leaky(node: Node, place: Place, dt: float, key: str) -> Dynamics:
    """A membrane with the time constant under ``key``, which moves dt / tau of the way to its input per step."""
    tau = _time_constant(node, key)
    r = place.per_channel(node, "r", finite=False)
    v_leak = place.per_channel(node, "v_leak")
    if math.isinf(tau):
        if not np.isposinf(r).all():
            plain = "I" if node.type == "LI" else "IF"
            raise node.error(
                f"{key!r} is infinite and 'r' is not, so no input would reach the membrane; make both infinite "
                f"(v += I a step), or the node an {plain} (v += r I)"
            )
        rate, gain = 0.0, np.ones_like(r)  # exporters write r as tau / dt: it is the quotient that stays
    else:
        if np.isinf(r).any():
            raise node.error(f"'r' is infinite and {key!r} is not; make both infinite (v += I a step) or both finite")
        rate = _rate(node, key, tau, dt)
        gain = r * rate
        gain = np.where(np.abs(gain - 1.0) < ROUNDING, 1.0, gain)
    beta, remarks = _beta(node, key, rate, dt)
    return Dynamics(beta, gain, v_leak * rate, remarks)


def _time_constant(node: Node, key: str) -> float:
    """The one time constant of a layer in seconds, above 0, infinity included."""
    tau = node.numbers(key, finite=False)
    if (tau != tau.flat[0]).any():
        raise node.error(
            f"{key!r} must be one value for the whole layer, not from {tau.min()} to {tau.max()}; train with one time "
            "constant a layer"
        )
    value = float(tau.flat[0])
    if value <= 0:
        raise node.error(f"{key!r} must be positive, not {value!r}")
    return value


def _rate(node: Node, key: str, tau: float, dt: float) -> float:
    """dt / tau, above 0 and at most 1."""
    rate = dt / tau
    if abs(rate - 1.0) < ROUNDING:
        return 1.0
    if rate > 1.0:
        raise _too_long_a_step(node, key, tau, dt)
    return rate


def _too_long_a_step(node: Node, key: str, tau: float, dt: float) -> InputError:
    # No step that just fits is proposed: it would make neurons without memory of any.
    return node.error(
        f"a step of {dt:g} s is longer than {key!r} of {tau:g} s; give the step of training as --dt, a fraction of "
        f"{key!r} (files of Norse 1.1: its dt squared, so --dt 1e-6 for 0.001)"
    )


def _beta(node: Node, key: str, rate: float, dt: float) -> tuple[float, tuple[str, ...]]:
    """The decay per step, from the time constant; if the metadata's beta agrees with it, the metadata's."""
    beta, digits = 1.0 - rate, node.said_number(said.BETA, 0.0, 1.0)
    remarks = []
    if digits is not None and abs(digits - beta) < ROUNDING:
        beta = digits
    elif digits is not None:
        remarks.append(f"{node.name}: beta {beta:g} by its time constant, not {digits:g} as its metadata says")
    if beta == 0.0:
        remarks.append(
            f"{node.name}: no memory (beta 0), as {key!r} is one step of {dt:g} s; if its neurons had some in "
            "training, give the step of training as --dt"
        )
    return beta, tuple(remarks)


def _synapse_remark(node: Node, dt: float) -> str:
    """Check that the synaptic current of a CubaLIF has no memory."""
    tau = node.numbers("tau_syn", finite=False)
    if (tau < 0).any():
        raise node.error(f"'tau_syn' must be 0 or positive, not {float(tau.min())!r}")
    one_step = np.abs(tau - dt) < ROUNDING * dt
    if (tau[~one_step] > dt).any():
        raise node.error(
            "its synaptic current decays over several steps (tau_syn > dt), and the hardware has no state for it; "
            "train with LIF neurons, or with tau_syn 0 or equal to dt"
        )
    between = ~one_step & (tau > 0)
    if between.any():
        raise _too_long_a_step(node, "tau_syn", float(tau[between].min()), dt)
    value = "dt" if one_step.all() else "0" if not one_step.any() else "0 or dt"
    return f"{node.name}: tau_syn is {value}, so the synaptic current has no memory and is left out"
