"""The time steps of a layer's input beats, and how many beats an input pixel takes."""

from __future__ import annotations

from math import prod

from hwsnn.spec import INPUT_INDEX, Network, Population

from .folding import LayerFold


def joined_steps(network: Network, index: int, port: int, fold: LayerFold, steps: int) -> int:
    """Time steps per beat behind an entry of layer ``index``, for input beats of ``steps`` steps.

    They stay as they are where each beat makes whole passes, and no step is missing in the last beat of a pixel. Else
    beats are joined to those of a pass, where that comes out even, or to a whole pixel. Inputs that are held have one.
    """
    timesteps, t_par = network.timesteps, min(fold.t_par, network.timesteps)
    if network.inputs(index)[port].held:
        return 1
    if steps == t_par or (steps % t_par == 0 and timesteps % steps == 0):
        return steps
    return t_par if t_par % steps == 0 and timesteps % t_par == 0 else timesteps


def pixel_beats(network: Network, index: int, port: int, steps: int) -> int:
    """Beats of ``steps`` steps for a pixel on an input of layer ``index``; one where it is the same at every step."""
    return 1 if network.inputs(index)[port].held else -(-network.timesteps // steps)


def arriving_beats(network: Network) -> int:
    """Beats per frame that arrive at the first layers, one per cycle: no design takes fewer cycles.

    Each pixel of the padding is a beat. A layer may join the steps of a pixel before it pads them.
    """
    extent = network.input_shape[1:]
    fed = [(network.layers[index], port) for index, port in network.consumers(INPUT_INDEX)]
    padded = [prod(x.projections[port].window.padded(extent)) for x, port in fed if isinstance(x, Population)]
    return max([prod(extent) * network.encoded_steps, *padded])
