"""``hwsnn inspect``: the layers of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model

from .common import emit, json_option, model_argument, results_console

if TYPE_CHECKING:
    from rich.table import Table

    from ..spec import Layer, Network


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
        "seed": network.encoder.seed if network.encoder.random else None,
        "timesteps": network.timesteps,
        "readout": network.readout,
        "classes": network.classes,
        "score_bits": network.score_bits,
        "parameters": sum(layer["parameters"] for layer in layers),
        "synapses": sum(layer["synapses"] for layer in layers),
        "layers": layers,
    }


def _describe_layer(network: Network, index: int, layer: Layer) -> dict[str, Any]:
    from hwsnn.model_file.integer_file import describe_kind

    from ..spec import Population

    shape = network.shapes[index + 1]
    fields = describe_kind(layer) | {"output_shape": list(shape), "parameters": 0, "synapses": 0}
    if layer.sliding:
        fields["window"] = list(layer.window.size)
        fields.pop("size", None)
    if not isinstance(layer, Population):
        return fields
    neuron = layer.neuron
    constants = {name: [int(values.min()), int(values.max())] for name, values in neuron.constants.items()}
    return fields | {
        "parameters": sum(part.size for part in (layer.projection.weight, layer.bias, *neuron.constants.values())),
        "synapses": layer.projection.synapses * shape[1] * shape[2],
        "weight_bits": layer.projection.weight_bits,
        "current_bits": network.current_range(index).width,
        "membrane_bits": neuron.membrane_bits,
        "can_saturate": bool(network.saturating(index)),
        "leak": neuron.leak.formula,
        "beta": neuron.leak.betas,
        "reset": None,
        "threshold": None,
        "sub": None,
        **neuron.settings,
        **constants,
    }


def _summary(fields: dict[str, Any]) -> str:
    seed = f" (seed {fields['seed']})" if fields["seed"] is not None else ""
    return (
        f"{fields['name']}: {_extent(fields['input_shape'])} pixels of {fields['pixel_bits']} bits, "
        f"{fields['encoding']} encoding{seed}, {fields['timesteps']} time steps, {fields['readout']} readout of "
        f"{fields['classes']} classes ({fields['score_bits']}-bit scores)\n"
        f"{fields['parameters']:,} parameters, {fields['synapses']:,} synapses per time step, "
        f"model hash {fields['hash'][:16]}"
    )


def _shapes(layers: list[dict[str, Any]]) -> Table:
    """Kind, shapes and sizes of each layer."""
    table = _empty_table(("layer", "kind", "output"), ("parameters", "synapses"))
    for layer in layers:
        sizes = (f"{layer[count]:,}" if layer[count] else "" for count in ("parameters", "synapses"))
        table.add_row(layer["name"], _kind(layer), _extent(layer["output_shape"]), *sizes)
    return table


def _neurons(layers: list[dict[str, Any]]) -> Table:
    """Widths and neurons of each layer with weights: a table of its own, to fit a terminal."""
    table = _empty_table(("layer", "leak", "reset"), ("weight\nbits", "current\nbits", "membrane\nbits", "threshold"))
    for layer in layers:
        if "weight_bits" not in layer:
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
    """The reset of a neuron, as text."""
    return f"subtract {_ends(layer['sub'])}" if layer["sub"] else layer["reset"] or "never fires"


def _ends(ends: Sequence[int]) -> str:
    """The range of some numbers as text, or their common value."""
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
    """The type of a layer, with its window, stride, padding, groups and mode where they are not the default."""
    if "window" not in layer:
        return str(layer["type"])
    text = f"{layer['type']} {'x'.join(map(str, layer['window']))}"
    if layer["stride"] != [1, 1]:
        text += f", stride {'x'.join(map(str, layer['stride']))}"
    if any(layer.get("padding", ())):
        text += f", padding {'x'.join(map(str, layer['padding']))}"
    if "groups" in layer:
        text += f", {layer['groups']} groups"
    return f"{text}, {layer['mode']}" if "mode" in layer else text


def _extent(shape: list[int]) -> str:
    """(channels, height, width) as text, such as 1x28x28."""
    return "x".join(map(str, shape))
