"""What of the neurons the user settles: their resets, and what of the last ones is read."""

from __future__ import annotations

from dataclasses import replace

from hwsnn import spec
from hwsnn.errors import InputError
from hwsnn.float_network import FloatNetwork, FloatNeuron, FloatPopulation
from hwsnn.spec import SPIKE_READOUTS


def with_reset(layer: FloatPopulation, reset: spec.Reset | None) -> FloatPopulation:
    """The layer with ``reset`` in place of its own. Raises ``InputError`` where its neurons cannot have it.

    Without a synaptic current ``late-zero`` is ``zero``: what a late reset leaves is the current of the next step.
    """
    if reset is None or not isinstance(layer.neuron, FloatNeuron):
        return layer
    if reset == "late-zero" and layer.neuron.alpha is None:
        reset = "zero"
    try:
        return replace(layer, neuron=replace(layer.neuron, reset=reset))
    except ValueError as error:
        raise InputError(f"layer {layer.name!r}: {error}") from None


def settled_readout(network: FloatNetwork, readout: spec.Readout | None) -> tuple[spec.Readout, tuple[str, ...]]:
    """The readout: as asked, as the source says, or by what the last layer is; and a remark where it needs one."""
    if not network.layers:
        raise InputError(f"network {network.name!r} has no layers")
    last = network.layers[-1]
    if not isinstance(last, FloatPopulation):
        what = "max-pool" if isinstance(last, spec.MaxPool) else "sum"
        raise InputError(f"layer {last.name!r}: the last layer must have weights, not be a {what}")
    readout = readout or network.readout or ("count" if last.neuron.fires else "membrane")
    if readout in SPIKE_READOUTS:
        if not last.neuron.fires:
            raise InputError(
                f"layer {last.name!r}: readout {readout!r} needs a last layer that fires, and this one only "
                "integrates; use readout 'membrane'"
            )
        return readout, ()
    remark = f"{last.name}: fires and resets as in the source; its membranes are read before the reset of their step"
    return readout, (remark,) if last.neuron.fires else ()
