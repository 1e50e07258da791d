"""The depths of a layer's pipeline stages, in cycles, as plain numbers.

The hardware is built from these numbers, the planner chooses folds by them, and the timing model adds them up.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwsnn.spec import AnyNeuron, Integrator, Leak, MultiplyLeak, Network, Neuron, NoLeak, ShiftLeak
from hwsnn.spec.checks import assert_never
from hwsnn.spec.integers import signed_digits

from .folding import LayerFold
from .synaptic_sums import synaptic_sums


def leak_adders(leak: Leak) -> int:
    """Adders and subtracters that ``leak(v)`` takes."""
    match leak:
        case NoLeak():
            return 0
        case ShiftLeak():
            return 1
        case MultiplyLeak():
            return max(len(signed_digits(leak.multiplier)) - 1, 0)
        case _:
            raise assert_never(leak)


def leak_clocks(leak: Leak) -> int:
    """Cycles from v to ``leak(v)``: the levels of a balanced adder tree, with a register behind each."""
    return leak_adders(leak).bit_length()


@dataclass(frozen=True)
class StepStages:
    """The schedule of one step of a neuron, in cycles after a common start.

    ``state``: it reads the state of the step before. ``current``: it reads its input current. ``constants``: u is
    there, and it reads the threshold and the other constants of its channel. ``end``: spike and new state are there.
    ``next``: the next step can read that state.
    """

    state: int
    current: int
    constants: int
    end: int
    next: int


def step_stages(neuron: AnyNeuron, *, saturates: bool, begins: bool = False, start: int = 0) -> StepStages:
    """The schedule of a step that reads its state at ``start``.

    One cycle each to add, to saturate and to fire; ``begins``: the very first step has no state to leak or add to. The
    state after a spike is selected behind the registers, which takes one more cycle to the next step.
    """
    current = start if begins else start + leak_clocks(neuron.leak)
    u = current + (not begins) + saturates
    match neuron:
        case Neuron():
            return StepStages(start, current, u, u + 1, u + 2)
        case Integrator():
            return StepStages(start, current, u, u, u)
        case _:
            raise assert_never(neuron)


@dataclass(frozen=True)
class NeuronPipeline:
    """The consecutive steps of a pass, in cycles after the currents of a group arrived.

    ``latency``: to the group's result. ``min_interval``: minimum from a group to the same group in the next pass of the
    same output pixel, 0 if there is only one pass.
    """

    steps: tuple[StepStages, ...]
    latency: int
    min_interval: int


def neuron_pipeline(neuron: AnyNeuron, *, groups: int, timesteps: int, t_par: int, saturates: bool) -> NeuronPipeline:
    """The pipeline for ``groups`` groups per pass, and passes of ``t_par`` of the ``timesteps`` steps."""
    several_passes = t_par < timesteps
    # One cycle to read the state from its memory; constants that change from group to group need it too.
    start, steps = int(several_passes or groups > 1), list[StepStages]()
    for step in range(t_par):
        begins = step == 0 and not several_passes
        steps.append(step_stages(neuron, saturates=saturates, begins=begins, start=start))
        start = steps[-1].next
    # Spikes leave with those of the pass's last step, membranes as soon as the pixel's last step is done.
    last = t_par - 1 if neuron.fires else (timesteps - 1) % t_par
    return NeuronPipeline(tuple(steps), steps[last].end, steps[-1].end + 1 if several_passes else 0)


@dataclass(frozen=True)
class EngineDepths:
    """The depths of a layer's engine, in cycles.

    ``passes``: per output pixel, each of ``pass_clocks`` cycles; at least ``min_interval`` from one to the next.
    ``pipeline_clocks``: from the last slice of a pass, as it leaves its register, to the resulting beat at the queue.
    """

    passes: int
    pass_clocks: int
    min_interval: int
    pipeline_clocks: int


def engine_depths(network: Network, index: int, fold: LayerFold) -> EngineDepths:
    """The depths of layer ``index``, which must have weights."""
    sums = synaptic_sums(network, index, fold)
    _, groups, folds, _, _ = sums[0].weights.shape
    timesteps, t_par = network.timesteps, min(fold.t_par, network.timesteps)
    neurons = neuron_pipeline(
        network.population(index).neuron,
        groups=groups,
        timesteps=timesteps,
        t_par=t_par,
        saturates=bool(network.saturating(index)),
    )
    # A register joins the groups of a pass.
    clocks = max(copy.latency for copy in sums) + neurons.latency + int(groups > 1)
    return EngineDepths(-(-timesteps // t_par), groups * folds, neurons.min_interval, clocks)
