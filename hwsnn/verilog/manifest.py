"""The manifest beside generated Verilog: ports, streams, widths, folds, model hash and versions, as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from hwsnn.cycles import Cycles
from hwsnn.folding.column_pairs import as_built
from hwsnn.folding.folding import Folding, port_name
from hwsnn.model_file.integer_file import describe_kind, describe_projection, model_hash
from hwsnn.spec import Leak, Network, Population
from hwsnn.version import __version__

from .emit import TOP


def manifest(network: Network, folding: Folding, cycles: Cycles) -> dict[str, Any]:
    """Everything needed to use the generated module without reading it.

    ``cycles``: by the timing model, for this folding.
    """
    channels, pixels, built = network.input_shape[0], folding.pixels_per_cycle, as_built(network, folding)
    odd = "; 0 in place of the right pixel behind a row's end" if network.input_shape[2] % pixels else ""
    score = "signed" if network.reads_membranes else "unsigned"
    return {
        "hwsnn": __version__,
        "amaranth": version("amaranth"),
        "model": {"name": network.name, "sha256": model_hash(network)},
        "top": TOP,
        "clock": {"port": "clk", "edge": "rising"},
        "reset": {"port": "rst", "active": "high", "synchronous": True},
        "timesteps": network.timesteps,
        "encoder": {"kind": network.encoder.kind, "seed": network.encoder.seed},
        "readout": network.readout,
        "streams": {
            "pixels": {
                "direction": "in",
                "ports": _ports("pixels", pixels * channels * network.pixel_bits),
                "payload": [
                    _field(f"{left}channel {c}", place * channels + c, network.pixel_bits, "unsigned")
                    for place, left in enumerate([""] if pixels == 1 else ["left pixel, ", "right pixel, "])
                    for c in range(channels)
                ],
                "beats_per_frame": built.frame_beats,
                "order": "raster: rows from the top, each from the left"
                + ("; the time steps of a pixel next to each other" if network.encoder.timed else "")
                + odd,
            },
            "result": {
                "direction": "out",
                "ports": _ports("result", network.answer_bits + network.classes * network.score_bits),
                "payload": [
                    {"field": "answer", "lsb": 0, "width": network.answer_bits, "type": "unsigned"},
                    *(
                        _field(f"score {c}", c, network.score_bits, score, network.answer_bits)
                        for c in range(network.classes)
                    ),
                ],
                "beats_per_frame": 1,
                "order": "the order of the frames",
            },
        },
        "pixels_per_cycle": pixels,
        "cycles_per_frame": float(cycles.cycles_per_frame),
        "latency_cycles": cycles.latency_cycles,
        "layers": [
            _layer(network, folding, cycles, index) | {"pixels_per_beat": pixels}
            for index, pixels in enumerate(_pixels_per_beat(network, folding))
        ],
    }


def header_notes(network: Network, folding: Folding, cycles: Cycles) -> list[str]:
    """What stands at the head of the Verilog: latency and cycles per frame, and where a pixel is a pair of columns."""
    rate = f"{float(cycles.cycles_per_frame):g} cycles per frame back to back, if results are always taken."
    notes = [f"{cycles.latency_cycles} cycles from a frame's first pixel to its result, both as they move, and {rate}"]
    if folding.pixels_per_cycle > 1:
        every = zip(network.layers, _pixels_per_beat(network, folding), strict=True)
        paired = " and of the spikes of ".join(["the input", *(layer.name for layer, pixels in every if pixels > 1)])
        notes.append(
            f"A pixel of {paired} is a pair of neighbouring columns, of twice as many channels: first those of the "
            "left column, then those of the right one."
        )
    return notes


def _ports(stream: str, width: int) -> dict[str, dict[str, Any]]:
    into = stream == "pixels"
    return {
        f"{stream}__valid": {"direction": "in" if into else "out", "width": 1},
        f"{stream}__ready": {"direction": "out" if into else "in", "width": 1},
        f"{stream}__payload": {"direction": "in" if into else "out", "width": width},
    }


def _field(name: str, index: int, width: int, kind: str, offset: int = 0) -> dict[str, Any]:
    return {"field": name, "lsb": offset + index * width, "width": width, "type": kind}


def _layer(network: Network, folding: Folding, cycles: Cycles, index: int) -> dict[str, Any]:
    """A layer; its inputs are a list where there are several, else their fields are among its own."""
    layer, before = network.layers[index], network.source_name(index - 1)
    inputs = [_input(network, folding, index, port) for port in range(len(network.edges[index]))]
    entry = describe_kind(layer, before) | (inputs[0] if len(inputs) == 1 else {"inputs": inputs})
    entry |= {
        "output_shape": list(network.shapes[index + 1]),
        "queue_depth": folding.fifo_depths[layer.name],
        "time_steps_per_beat": folding.beat_steps(network, index),
        "busy_cycles_per_frame": cycles.busy[layer.name],
    }
    if not isinstance(layer, Population):
        return entry
    neuron = layer.neuron
    synapse = neuron.synapse and {"bits": neuron.synapse.bits, "leak": _leak(neuron.synapse.leak)}
    return entry | {
        **neuron.settings,
        **asdict(folding.layers[layer.name]),
        "current_bits": network.current_range(index).width,
        "membrane_bits": neuron.membrane_bits,
        "leak": _leak(neuron.leak),
        "synapse": synapse,
    }


def _pixels_per_beat(network: Network, folding: Folding) -> list[int]:
    """Neighbouring columns in a beat of what each layer puts out."""
    built = as_built(network, folding)
    return [there[0] // here[0] for there, here in zip(built.shapes[1:], network.shapes[1:], strict=True)]


def _input(network: Network, folding: Folding, index: int, port: int) -> dict[str, Any]:
    """What enters a layer at a port: its source, its shape, its queues, and the weights there if it has any."""
    layer, source = network.layers[index], network.source_name(network.edges[index][port].source)
    entry: dict[str, Any] = {"input_shape": list(network.input_shapes(index)[port])}
    if isinstance(layer, Population):
        projection = layer.projections[port]
        entry |= describe_projection(projection, source) | {"weight_bits": projection.weight_bits}
        if projection.sliding:
            entry["kernel"] = list(projection.kernel)
    named = port_name(network, index, port)
    depths = {"edge_depth": folding.edge_depths, "column_depth": folding.column_depths}
    return entry | {"source": source} | {queue: of[named] for queue, of in depths.items() if named in of}


def _leak(leak: Leak) -> dict[str, Any]:
    """``beta``: of all channels, the smallest decay and the largest."""
    return {"type": type(leak).__name__, "beta": list(leak.betas)}
