"""How many clocks the stages of a layer's pipeline take: in numbers alone, for all who count them.

The hardware is built by these numbers, folds are chosen by them, and the cycle model adds them up.
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
    """Clocks from v to ``leak(v)``: levels of a balanced tree of adders, a register behind each."""
    return leak_adders(leak).bit_length()


@dataclass(frozen=True)
class StepStages:
    """When a step of a neuron takes and has what, in clocks after some beginning.

    ``state``: it takes the state that the step before left. ``current``: its input current. ``constants``: the
    threshold and whatever else its channel has, as u is there. ``end``: it has its spike and the state it leaves.
    ``next``: the next step can take that state.
    """

    state: int
    current: int
    constants: int
    end: int
    next: int


def step_stages(neuron: AnyNeuron, *, saturates: bool, begins: bool = False, start: int = 0) -> StepStages:
    """Of a step that takes its state at ``start``.

    A clock each to add, to saturate and to fire; ``begins``: the very first step has nothing to leak or to add to.
    What a spike leaves is chosen behind the registers, so that it takes one more to the next step.
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
    """The steps of a pass behind each other, in clocks after the currents of a group came in.

    ``latency``: to the group's result. ``rest``: at least from a group to the same group in the position's next pass, 0
    where there is none.
    """

    steps: tuple[StepStages, ...]
    latency: int
    rest: int


def neuron_pipeline(neuron: AnyNeuron, *, groups: int, timesteps: int, t_par: int, saturates: bool) -> NeuronPipeline:
    """Of ``groups`` groups a pass, and passes of ``t_par`` of the ``timesteps`` steps."""
    several_passes = t_par < timesteps
    # A clock to read the state from its memory; constants that change from group to group take it as well.
    start, steps = int(several_passes or groups > 1), list[StepStages]()
    for step in range(t_par):
        begins = step == 0 and not several_passes
        steps.append(step_stages(neuron, saturates=saturates, begins=begins, start=start))
        start = steps[-1].next
    # Spikes leave with those of the pass's last step, membranes as soon as the position's last step is done.
    last = t_par - 1 if neuron.fires else (timesteps - 1) % t_par
    return NeuronPipeline(tuple(steps), steps[last].end, steps[-1].end + 1 if several_passes else 0)


@dataclass(frozen=True)
class EngineDepths:
    """The part of a layer with weights that computes.

    ``passes`` of a position, each of ``pass_clocks``; from one to the next at least ``rest``. ``pipeline_clocks``: from
    the last slice of a pass, as it leaves its register, to the beat that it makes, as that comes to the queue.
    """

    passes: int
    pass_clocks: int
    rest: int
    pipeline_clocks: int


def engine_depths(network: Network, index: int, fold: LayerFold) -> EngineDepths:
    """Of layer ``index``, which must have weights."""
    sums = synaptic_sums(network, index, fold)
    _, groups, folds, _, _ = sums[0].weights.shape
    timesteps, t_par = network.timesteps, min(fold.t_par, network.timesteps)
    neurons = neuron_pipeline(
        network.weighted(index).neuron,
        groups=groups,
        timesteps=timesteps,
        t_par=t_par,
        saturates=network.can_saturate(index),
    )
    # The groups of a pass are put side by side in a register.
    clocks = max(copy.latency for copy in sums) + neurons.latency + int(groups > 1)
    return EngineDepths(-(-timesteps // t_par), groups * folds, neurons.rest, clocks)
