"""The depths of a layer's pipeline stages, in cycles, as plain numbers.

The hardware is built from these numbers, the planner chooses folds by them, and the timing model adds them up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from hwsnn.spec import AnyNeuron, Integrator, Network

from .folding import LayerFold
from .interleaving import interleave
from .step_stages import StepStages, step_stages
from .synaptic_sums import synaptic_sums, tree_levels

Output: TypeAlias = Literal["spikes", "membranes", "last membranes"]
"""What leaves a layer: the spikes of every step, u of every step, or u of a frame's last step."""


def layer_output(network: Network, index: int) -> Output:
    """What leaves layer ``index``, which must have neurons."""
    if network.gives_spikes(index):
        return "spikes"
    return "last membranes" if network.readout == "membrane" else "membranes"


@dataclass(frozen=True)
class NeuronPipeline:
    """The consecutive steps of a pass, in cycles after the currents of a group arrived.

    ``steps``: of the membranes. ``synapse``: of the synaptic currents, which the membranes' steps read; without them
    empty. ``latency``: to the group's result. ``spikes``: to the spikes of its last step. ``min_interval``: minimum
    from a group to the same group in the next pass of the same output pixel, 0 if there is only one pass.
    """

    steps: tuple[StepStages, ...]
    synapse: tuple[StepStages, ...]
    latency: int
    spikes: int
    min_interval: int


def synaptic_step(neuron: AnyNeuron) -> Integrator | None:
    """The steps of the synaptic current as those of a membrane that never fires."""
    return None if neuron.synapse is None else Integrator(neuron.synapse.leak, neuron.synapse.bits)


def neuron_pipeline(
    neuron: AnyNeuron, *, groups: int, timesteps: int, t_par: int, saturating: frozenset[str], output: Output
) -> NeuronPipeline:
    """The pipeline for ``groups`` groups per pass, and passes of ``t_par`` of the ``timesteps`` steps.

    ``saturating``: the state variables that are clipped. Where leaks are per channel, ``neuron`` has the same number of
    channels in each group.
    """
    several_passes = t_par < timesteps

    def chain(neuron: AnyNeuron, ready: Sequence[int], *, saturates: bool) -> tuple[StepStages, ...]:
        """The steps of one variable, whose currents are there in the cycles ``ready``."""
        # One cycle to read the state from its memory; constants that change from group to group need it too.
        start, steps = int(several_passes or groups > 1), list[StepStages]()
        for step, there in enumerate(ready):
            begins = step == 0 and not several_passes
            now = step_stages(neuron, saturates=saturates, groups=groups, begins=begins)
            tables = [int(groups > 1) - stage for stage in now.constants.values()]
            start = max(start, there - now.current, *tables)
            steps.append(step_stages(neuron, saturates=saturates, groups=groups, begins=begins, start=start))
            start = steps[-1].next
        return tuple(steps)

    synaptic = synaptic_step(neuron)
    synapse = () if synaptic is None else chain(synaptic, [0] * t_par, saturates="s" in saturating)
    ready = [stages.end for stages in synapse] or [0] * t_par
    steps = chain(neuron, ready, saturates="v" in saturating)
    # Spikes and all membranes leave with those of the pass's last step, the last membranes as soon as they are done.
    match output:
        case "spikes":
            latency = steps[-1].spikes
        case "membranes":
            latency = steps[-1].u
        case "last membranes":
            latency = steps[(timesteps - 1) % t_par].u
    loops = [stages[-1].end + 2 - stages[0].state for stages in (steps, synapse) if stages]
    return NeuronPipeline(steps, synapse, latency, steps[-1].spikes, max(loops) if several_passes else 0)


@dataclass(frozen=True)
class EngineDepths:
    """The depths of a layer's engine, in cycles.

    ``passes``: per output pixel, each of ``pass_clocks`` cycles; at least ``min_interval`` from one to the next,
    0 where the passes of ``interleave`` pixels take turns.
    ``positions``: of each projection, whose sums make up an output pixel. The last one goes through all passes, which
    begin together in all projections; each earlier one through ``early_passes``: all of them, or one where its inputs
    are held, as its sums are the same in each. ``current_clocks``: from the last slice of a pass, as it leaves its
    register, to the currents. ``pipeline_clocks``: from that slice to the resulting beat at the queue.
    """

    passes: int
    pass_clocks: int
    min_interval: int
    positions: tuple[int, ...]
    early_passes: tuple[int, ...]
    current_clocks: int
    pipeline_clocks: int
    interleave: int = 1


def engine_depths(network: Network, index: int, fold: LayerFold) -> EngineDepths:
    """The depths of layer ``index``, which must have weights.

    Raises ``ValueError`` where ``fold.interleave`` is no number that the layer can have, or too few.
    """
    layer, projections = network.population(index), synaptic_sums(network, index, fold)
    shapes = [sums[0].weights.shape for sums in projections]
    _, groups, _, lanes, _ = shapes[0]
    timesteps, t_par = network.timesteps, min(fold.t_par, network.timesteps)
    passes, pass_clocks = -(-timesteps // t_par), layer.windows * groups * max(folds for _, _, folds, *_ in shapes)
    neurons = neuron_pipeline(
        layer.neuron.padded(groups * lanes),
        groups=groups,
        timesteps=timesteps,
        t_par=t_par,
        saturating=network.saturating(index),
        output=layer_output(network, index),
    )
    current_clocks = max(copy.latency for sums in projections for copy in sums) + tree_levels(len(projections))
    # A register takes the spikes that come back; the next pass reads it as it begins.
    loop = pass_clocks + current_clocks + neurons.spikes + 1 if layer.recurrent and passes > 1 else 0
    # A register joins the groups of a pass.
    clocks = current_clocks + neurons.latency + int(groups > 1)
    positions = tuple(positions for positions, *_ in shapes)
    early = tuple(1 if inputs.held else passes for inputs in network.inputs(index))
    interval, turns = max(neurons.min_interval, loop), interleave(network, index, fold)
    if turns > 1:
        if turns * pass_clocks < interval:
            raise ValueError(
                f"interleave of layer {layer.name!r} must be at least {-(-interval // pass_clocks)}, as its membranes "
                f"take {interval} cycles and a pass {pass_clocks}, not {turns}"
            )
        interval = 0
    return EngineDepths(passes, pass_clocks, interval, positions, early, current_clocks, clocks, turns)
