"""``hwsnn quantize``: a trained network as an integer model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import click

from hwsnn.float_network import Compare
from hwsnn.frontends.nir.conventions import DEFAULT_DT
from hwsnn.quantization.quantize import DEFAULT_TIMESTEPS, quantize

from ..errors import InputError
from ..spec import (
    MAX_MEMBRANE_BITS,
    MAX_TIMESTEPS,
    MAX_WEIGHT_BITS,
    MIN_MEMBRANE_BITS,
    MIN_WEIGHT_BITS,
    EncoderKind,
    Readout,
    Reset,
)
from .common import emit, json_option, output_option, require_another
from .source import compare_option, encoding_option, read_trained, reset_option


def _positive(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"must be a positive number of seconds, not {value:g}")
    return value


@click.command("quantize")
@click.argument("source", metavar="SRC", type=click.Path(path_type=Path))
@output_option("MODEL", "The model file to write, for example net.safetensors.", required=True)
@click.option(
    "--timesteps",
    type=click.IntRange(1, MAX_TIMESTEPS),
    help=f"Time steps per frame: as many as in training.  [default: as SRC says, else {DEFAULT_TIMESTEPS}]",
)
@encoding_option
@click.option(
    "--readout",
    type=click.Choice(get_args(Readout)),
    help="Count the last layer's spikes, or read its membranes.  [default: count if it fires]",
)
@click.option(
    "--bits",
    type=click.IntRange(MIN_WEIGHT_BITS, MAX_WEIGHT_BITS),
    default=MAX_WEIGHT_BITS,
    show_default=True,
    help="Bits of a weight.",
)
@click.option(
    "--membrane-bits",
    type=click.IntRange(MIN_MEMBRANE_BITS, MAX_MEMBRANE_BITS),
    help="Maximum membrane width in bits; membranes may then saturate.  [default: enough never to]",
)
@reset_option
@compare_option
@click.option(
    "--dt",
    type=float,
    callback=_positive,
    help=f"Seconds per time step, by which the time constants of NIR are read.  [default: {DEFAULT_DT:g}]",
)
@json_option
def command(
    source: Path,
    output: Path,
    timesteps: int | None,
    encoding: EncoderKind | None,
    readout: Readout | None,
    bits: int,
    membrane_bits: int | None,
    reset: Reset | None,
    compare: Compare | None,
    dt: float | None,
    as_json: bool,
) -> None:
    """Turn the trained network SRC, a NIR graph or a float .safetensors, into an integer model, and report the changes.

    The report is kept in the model file, too. docs/importing.md lists the supported nodes of NIR and what they become.
    """
    from hwsnn.model_file.integer_file import model_hash, save

    require_another(output, source=source)
    trained, origin = read_trained(source, dt, reset=reset, compare=compare)
    try:
        network, report = quantize(
            trained,
            bits=bits,
            timesteps=timesteps,
            encoding=encoding,
            membrane_bits=membrane_bits,
            readout=readout,
            reset=reset,
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    save(network, output, {"source": source.name} | origin | {"quantization": report.to_json()})
    fields = {"model": str(output), "model_hash": model_hash(network), "source": str(source)} | origin
    emit(as_json, fields | report.to_json(), lambda: click.echo(f"{report}\nwrote {output}"))
