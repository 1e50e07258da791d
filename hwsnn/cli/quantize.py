"""``hwsnn quantize``: a trained network as an integer model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import click

from hwsnn.float_network import Compare
from hwsnn.frontends.nir.conventions import DEFAULT_DT

from ..errors import InputError
from ..spec import (
    MAX_MEMBRANE_BITS,
    MAX_TIMESTEPS,
    MAX_WEIGHT_BITS,
    MIN_MEMBRANE_BITS,
    MIN_WEIGHT_BITS,
    Encoder,
    EncoderKind,
    Readout,
    Reset,
)
from .common import emit, json_option, output_option, require_another
from .source import DEFAULT_ENCODING, compare_option, encoding_option, read_trained, reset_option

DEFAULT_TIMESTEPS = 4
"""Where the source does not say; networks trained with surrogate gradients on still images mostly run 2 to 10."""


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
    help=f"Time steps a frame: as many as in training.  [default: as SRC says, else {DEFAULT_TIMESTEPS}]",
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
    help="At most so many bits a membrane, which may then saturate.  [default: enough never to]",
)
@reset_option
@compare_option
@click.option(
    "--dt",
    type=float,
    callback=_positive,
    help=f"Seconds a time step, by which the time constants of NIR are read.  [default: {DEFAULT_DT:g}]",
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

    The report is kept in the model file, too. docs/importing.md says which nodes of NIR there are and what becomes of
    them.
    """
    from hwsnn.model_file.integer_file import model_hash, save
    from hwsnn.quantization.quantize import quantize

    require_another(output, source=source)
    trained, origin = read_trained(source, dt, reset=reset, compare=compare)
    try:
        network, report = quantize(
            trained,
            timesteps=timesteps or trained.timesteps or DEFAULT_TIMESTEPS,
            encoder=Encoder(encoding or trained.encoding or DEFAULT_ENCODING),
            weight_bits=bits,
            membrane_bits=membrane_bits,
            readout=readout,
            reset=reset,
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    if timesteps is None and trained.timesteps is None:
        remark = f"time steps: the source does not say how many; {DEFAULT_TIMESTEPS} is the default"
        report = report.with_remark(f"{remark}, give --timesteps as in training")
    save(network, output, {"source": source.name} | origin | {"quantization": report.to_json()})
    fields = {"model": str(output), "model_hash": model_hash(network), "source": str(source)} | origin
    emit(as_json, fields | report.to_json(), lambda: click.echo(f"{report}\nwrote {output}"))
