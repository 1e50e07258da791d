"""The schedule of one time step of a neuron, in cycles.

One cycle each for an adder, a comparison and a saturation. The state is selected behind the last comparison, in the
cycle in which the next step or a memory takes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwsnn.spec import AnyNeuron, Neuron
from hwsnn.spec.checks import assert_never

from .leak_products import any_gated, leak_clocks


@dataclass(frozen=True)
class StepStages:
    """The schedule of a step, in cycles after a common start.

    ``state``: it reads the state of the step before. ``current``: it reads its input current. ``constants``: it reads
    each constant, by name. ``u``: the membrane before the reset is there. ``spikes``: their number is there.
    ``end``: the new state is there. ``next``: the next step can read that state.
    """

    state: int
    current: int
    constants: Mapping[str, int]
    u: int
    spikes: int
    end: int
    next: int


def step_stages(
    neuron: AnyNeuron, *, saturates: bool, groups: int = 1, begins: bool = False, start: int = 0
) -> StepStages:
    """The schedule of a step of the membrane that reads its state at ``start``.

    ``groups``: channels per PE. ``begins``: the very first step has no state to leak, and adds only to an initial
    membrane, a constant. A synaptic current has steps of its own: here it is the current.
    """
    reset = neuron.reset if isinstance(neuron, Neuron) else None
    constants = dict[str, int]()
    current = start if begins else start + leak_clocks(neuron.leak, groups)
    u = current + (not begins) + saturates
    if begins and (neuron.initial is not None or reset == "undelayed-subtract"):
        constants["leaked_initial"] = start
        u += 1
    if not begins and any_gated(neuron.leak, groups):
        constants["multiplier"] = start
    if not begins and reset in ("late-subtract", "undelayed-subtract"):
        current -= 1  # to take the reset amount off it while the membrane leaks
        constants["sub"] = current
    constants |= {name: u for name in neuron.constants if name.startswith("threshold")}
    # v before the floor, the reset and the end of the comparisons; whether v is selected behind them.
    compared, spikes, end, selects = u, u + 1, u + 1, True
    match reset:
        case None:
            spikes, end, selects = u, u, False
        case "none" | "zero":
            spikes += neuron.spikes > 1
        case "subtract" if neuron.spikes == 1:
            constants |= {"sub": u} | ({} if neuron.floor is None else {"floor_reduced": u})
        case "subtract":
            spikes += 1
            constants["sub"] = spikes
            compared = end = spikes + neuron.spikes.bit_length().bit_length()
            selects = False
        case "late-subtract" | "late-zero":
            selects = False
        case "undelayed-subtract":
            constants |= {"leaked_initial_reduced": start, "again": end} if begins else {"threshold_before": start}
            u = end
        case _:
            raise assert_never(reset)
    if neuron.floor is not None:
        constants |= {"floor": compared, "bound": compared + 1}
        end, selects = compared + 1, True
    return StepStages(start, current, constants, u, spikes, end, end + selects)
