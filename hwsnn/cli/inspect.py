"""``hwsnn inspect``: the layers of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model

from ..spec.graph import INPUT
from .common import emit, json_option, model_argument, results_console, say
from .documented import Command
from .drawing import LEGEND, drawing, is_chain

if TYPE_CHECKING:
    from ..spec import Layer, Network, SynapticCurrent
    from .tables import FittingTable


@click.command(
    "inspect",
    cls=Command,
    examples=("hwsnn inspect digits",),
)
@model_argument
@json_option
def command(model: str, as_json: bool) -> None:
    """Show the layers of MODEL: shapes, parameters, neurons, widths, synapses and thresholds."""
    network = load_model(model)
    fields = _describe(network)

    def human() -> None:
        console = results_console()
        say(_summary(fields))
        if not is_chain(network):
            say(_graph(network))
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
    """A layer; its projections are a list where there are several, else their fields are among its own."""
    from hwsnn.model_file.integer_file import describe_kind

    from ..spec import MaxPool, Population

    shape = {"output_shape": list(network.shapes[index + 1])}
    if not isinstance(layer, Population):
        fields = describe_kind(layer, network.source_name(index - 1)) | shape | {"parameters": 0, "synapses": 0}
        if isinstance(layer, MaxPool):
            fields["window"] = fields.pop("size")
        return fields
    neuron = layer.neuron
    parts = [_describe_projection(network, index, port) for port in range(len(layer.projections))]
    numbers = layer.bias.size + sum(values.size for values in neuron.constants.values())
    fields = (
        {"name": layer.name} | (parts[0] if len(parts) == 1 else {"type": layer.kind, "projections": parts}) | shape
    )
    if layer.pool is not None:
        fields["pool"] = {"window": list(layer.pool.size), "stride": list(layer.pool.stride)}
    constants = {name: [int(values.min()), int(values.max())] for name, values in neuron.constants.items()}
    return fields | {
        "parameters": sum(projection.synapses for projection in layer.projections) + numbers,
        "synapses": sum(part["synapses"] for part in parts),
        "fraction_bits": layer.fraction_bits,
        "current_bits": network.current_range(index).width,
        "membrane_bits": neuron.membrane_bits,
        "can_saturate": bool(network.saturating(index)),
        "leak": neuron.leak.formula,
        "beta": _one_or_both(neuron.leak.betas),
        "synapse": _describe_synapse(neuron.synapse),
        "spikes": neuron.spikes,
        "reset": None,
        "once": False,
        "threshold": None,
        "sub": None,
        "initial": None,
        "floor": None,
        **neuron.settings,
        **constants,
    }


def _describe_projection(network: Network, index: int, port: int) -> dict[str, Any]:
    from hwsnn.model_file.integer_file import describe_projection

    projection = network.population(index).projections[port]
    fields = describe_projection(projection, network.source_name(index - 1))
    if projection.sliding:
        fields["window"] = list(projection.kernel)
    _, rows, columns = projection.output_shape(network.input_shapes(index)[port])
    return fields | {
        "synapses": projection.synapses * rows * columns,
        "weight_bits": projection.weight_bits,
        "gain": None if projection.gain is None else [int(projection.gain.min()), int(projection.gain.max())],
    }


def _describe_synapse(synapse: SynapticCurrent | None) -> dict[str, Any] | None:
    if synapse is None:
        return None
    return {"leak": synapse.leak.formula, "alpha": _one_or_both(synapse.leak.betas), "bits": synapse.bits}


def _one_or_both(ends: tuple[float, float]) -> float | list[float]:
    """The decay of all channels, or the smallest and the largest."""
    return ends[0] if ends[0] == ends[1] else list(ends)


def _summary(fields: dict[str, Any]) -> str:
    seed = f" (seed {fields['seed']})" if fields["seed"] is not None else ""
    values = "values per step" if fields["encoding"] == "steps" else "pixels"
    return (
        f"{fields['name']}: {_extent(fields['input_shape'])} {values} of {fields['pixel_bits']} bits, "
        f"{fields['encoding']} encoding{seed}, {fields['timesteps']} time steps, {fields['readout']} readout of "
        f"{fields['classes']} classes ({fields['score_bits']}-bit scores)\n"
        f"{fields['parameters']:,} parameters, {fields['synapses']:,} synapses per time step, "
        f"model hash {fields['hash'][:16]}"
    )


def _graph(network: Network) -> str:
    """A line for the input and each layer: branches and joins, name, shape and what it takes."""
    lines = drawing(network)
    longest = max(len(network.source_name(index)) for _, index in lines)
    text = [f"{lines[0][0]}  {INPUT.ljust(longest)}  {_extent([*network.input_shape])}"]
    for line, index in lines[1:]:
        named = ["itself" if edge.delay else network.source_name(edge.source) for edge in network.edges[index]]
        name, shape = network.layers[index].name.ljust(longest), _extent([*network.shapes[index + 1]])
        text.append(f"{line}  {name}  {shape} from {', '.join(named)}")
    return "\n".join([*text, f"({LEGEND})"])


def _shapes(layers: list[dict[str, Any]]) -> FittingTable:
    """Kind, shapes and sizes of each layer."""
    from .tables import FittingTable

    table = FittingTable(("layer", "kind", "output"), ("parameters", "synapses"))
    for layer in layers:
        sizes = (f"{layer[count]:,}" if layer[count] else "" for count in ("parameters", "synapses"))
        table.add_row(layer["name"], _kind(layer), _extent(layer["output_shape"]), *sizes)
    return table


def _neurons(layers: list[dict[str, Any]]) -> FittingTable:
    """Widths and neurons of each layer with weights: a table of its own, to fit a terminal."""
    from .tables import FittingTable

    table = FittingTable(("layer", "leak", "reset"), ("weight\nbits", "current\nbits", "membrane\nbits", "threshold"))
    for layer in layers:
        if "leak" not in layer:
            continue
        saturates = " (saturates)" if layer["can_saturate"] else ""
        table.add_row(
            layer["name"],
            _leaks(layer),
            _firing(layer),
            _ends([part["weight_bits"] for part in layer.get("projections", [layer])]),
            str(layer["current_bits"]),
            f"{layer['membrane_bits']}{saturates}",
            _ends(layer["threshold"] or ()),
        )
    return table


def _leaks(layer: dict[str, Any]) -> str:
    """The leak of the membrane, and that of the synaptic current, as text."""
    return f"{layer['leak']}; current {layer['synapse']['leak']}" if layer["synapse"] else str(layer["leak"])


def _firing(layer: dict[str, Any]) -> str:
    """The reset of a neuron, and what else is not the default, as text."""
    parts = [layer["reset"] or "never fires"]
    if layer["sub"]:
        parts = [f"{layer['reset']} {_ends(layer['sub'])}"]
    if layer["spikes"] > 1:
        parts.append(f"up to {layer['spikes']} spikes")
    if layer["once"]:
        parts.append("once")
    if layer["initial"]:
        parts.append(f"from {_ends(layer['initial'])}")
    if layer["floor"]:
        parts.append(f"at least {_ends(layer['floor'])}")
    return ", ".join(parts)


def _ends(ends: Sequence[int]) -> str:
    """The range of some numbers as text, or their common value."""
    return " to ".join(f"{end:,}" for end in sorted(set(ends)))


def _kind(layer: dict[str, Any]) -> str:
    """The type of a layer, or that of each of its projections, with what is not the default."""
    if "projections" in layer:
        return "\n".join(map(_kind, layer["projections"]))
    if "sources" in layer:
        return f"sum of {', '.join(layer['sources'])}"
    if layer.get("delay"):
        return f"{_window(layer)} of its own spikes"
    return f"{_window(layer)} from {layer['source']}" if "source" in layer else _window(layer)


def _window(layer: dict[str, Any]) -> str:
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
    if "pool" in layer:
        stride = "x".join(map(str, layer["pool"]["stride"]))
        text += f", max-pool {'x'.join(map(str, layer['pool']['window']))} of currents, stride {stride}"
    return f"{text}, {layer['mode']}" if "mode" in layer else text


def _extent(shape: list[int]) -> str:
    """(channels, height, width) as text, such as 1x28x28."""
    return "x".join(map(str, shape))
