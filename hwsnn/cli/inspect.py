"""``hwsnn inspect``: what a model is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model

from .common import emit, json_option, model_argument, results_console

if TYPE_CHECKING:
    from rich.table import Table

    from ..spec import Layer, Leak, Network


@click.command("inspect")
@model_argument
@json_option
def command(model: str, as_json: bool) -> None:
    """Show the layers of MODEL: shapes, parameters, neurons, widths, synapses and thresholds."""
    network = load_model(model)
    fields = _describe(network)

    def human() -> None:
        console = results_console()
        console.print(_summary(fields))
        console.print(_shapes(fields["layers"]))
        console.print(_neurons(fields["layers"]))

    emit(as_json, fields, human)


def _describe(network: Network) -> dict[str, Any]:
    from hwsnn.model_file.integer_file import model_hash

    layers = [_describe_layer(network, index, layer) for index, layer in enumerate(network.layers)]
    return {
        "name": network.name,
        "hash": model_hash(network),
        "input_shape": list(network.input_shape),
        "pixel_bits": network.pixel_bits,
        "encoding": network.encoder.kind,
        "seed": network.encoder.seed if network.encoder.kind == "poisson" else None,
        "timesteps": network.timesteps,
        "readout": network.readout,
        "classes": network.classes,
        "score_bits": network.score_bits,
        "parameters": sum(layer["parameters"] for layer in layers),
        "synapses": sum(layer["synapses"] for layer in layers),
        "layers": layers,
    }


def _describe_layer(network: Network, index: int, layer: Layer) -> dict[str, Any]:
    from ..spec import Conv, MaxPool, Neuron

    shape = network.shapes[index + 1]
    fields: dict[str, Any] = {"name": layer.name, "output_shape": list(shape), "parameters": 0, "synapses": 0}
    if isinstance(layer, MaxPool):
        return fields | {
            "type": "maxpool",
            "window": list(layer.size),
            "stride": list(layer.stride),
            "mode": layer.mode,
        }
    neuron = layer.neuron
    thresholds, subs = (neuron.threshold, neuron.sub) if isinstance(neuron, Neuron) else (None, None)
    if isinstance(layer, Conv):
        fields |= {"window": list(layer.kernel), "stride": list(layer.stride), "padding": list(layer.padding)}
    return fields | {
        "type": "conv" if isinstance(layer, Conv) else "dense",
        "parameters": sum(part.size for part in (layer.weight, layer.bias, thresholds, subs) if part is not None),
        "synapses": layer.weight.size * shape[1] * shape[2],
        "weight_bits": layer.weight_bits,
        "current_bits": network.current_range(index).width,
        "membrane_bits": neuron.membrane_bits,
        "can_saturate": network.can_saturate(index),
        "leak": _leak(neuron.leak),
        "beta": neuron.leak.beta,
        "reset": neuron.reset if isinstance(neuron, Neuron) else None,
        "threshold": None if thresholds is None else [int(thresholds.min()), int(thresholds.max())],
        "sub": None if subs is None else [int(subs.min()), int(subs.max())],
    }


def _leak(leak: Leak) -> str:
    from ..spec import MultiplyLeak, ShiftLeak

    if isinstance(leak, ShiftLeak):
        return f"v - (v >> {leak.shift})"
    if isinstance(leak, MultiplyLeak):
        return f"(v * {leak.multiplier}) >> {leak.shift}"
    return "none"


def _summary(fields: dict[str, Any]) -> str:
    seed = f" (seed {fields['seed']})" if fields["seed"] is not None else ""
    return (
        f"{fields['name']}: {_extent(fields['input_shape'])} pixels of {fields['pixel_bits']} bits, "
        f"{fields['encoding']} encoding{seed}, {fields['timesteps']} time steps, {fields['readout']} readout of "
        f"{fields['classes']} classes ({fields['score_bits']}-bit scores)\n"
        f"{fields['parameters']:,} parameters, {fields['synapses']:,} synapses a time step, "
        f"model hash {fields['hash'][:16]}"
    )


def _shapes(layers: list[dict[str, Any]]) -> Table:
    """What each layer is, and how large."""
    table = _empty_table(("layer", "kind", "output"), ("parameters", "synapses"))
    for layer in layers:
        sizes = (f"{layer[count]:,}" if layer[count] else "" for count in ("parameters", "synapses"))
        table.add_row(layer["name"], _kind(layer), _extent(layer["output_shape"]), *sizes)
    return table


def _neurons(layers: list[dict[str, Any]]) -> Table:
    """The numbers of each layer with weights, and its neurons: beside the shapes it would not fit a terminal."""
    table = _empty_table(("layer", "leak", "reset"), ("weight\nbits", "current\nbits", "membrane\nbits", "threshold"))
    for layer in layers:
        if layer["type"] == "maxpool":
            continue
        saturates = " (saturates)" if layer["can_saturate"] else ""
        table.add_row(
            layer["name"],
            layer["leak"],
            _reset(layer),
            str(layer["weight_bits"]),
            str(layer["current_bits"]),
            f"{layer['membrane_bits']}{saturates}",
            _ends(layer["threshold"] or ()),
        )
    return table


def _reset(layer: dict[str, Any]) -> str:
    """What a spike does to the membrane."""
    return f"subtract {_ends(layer['sub'])}" if layer["sub"] else layer["reset"] or "never fires"


def _ends(ends: Sequence[int]) -> str:
    """The smallest and the largest of some numbers, or the one that they all are."""
    return " to ".join(f"{end:,}" for end in sorted(set(ends)))


def _empty_table(texts: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    from rich.table import Table

    table = Table()
    for heading in texts:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def _kind(layer: dict[str, Any]) -> str:
    """The type, and whatever of window, stride, padding and mode says something."""
    if layer["type"] == "dense":
        return "dense"
    text = f"{layer['type']} {'x'.join(map(str, layer['window']))}"
    if layer["stride"] != [1, 1]:
        text += f", stride {'x'.join(map(str, layer['stride']))}"
    if any(layer.get("padding", ())):
        text += f", padding {'x'.join(map(str, layer['padding']))}"
    return f"{text}, {layer['mode']}" if layer["type"] == "maxpool" else text


def _extent(shape: list[int]) -> str:
    """(channels, height, width) as people write it."""
    return "x".join(map(str, shape))
