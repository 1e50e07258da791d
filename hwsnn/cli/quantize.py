"""``hwsnn quantize``: a NIR graph as an integer model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import get_args

import click

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
from .common import emit, json_option, output_option

DEFAULT_TIMESTEPS = 4
"""NIR does not say how many; networks trained with surrogate gradients on still images mostly run 2 to 10."""


def _positive(ctx: click.Context, param: click.Parameter, value: float) -> float:
    if not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"must be a positive number of seconds, not {value:g}")
    return value


@click.command("quantize")
@click.argument("source", metavar="SRC.nir", type=click.Path(path_type=Path))
@output_option("MODEL", "The model file to write, for example net.safetensors.", required=True)
@click.option(
    "--timesteps",
    type=click.IntRange(1, MAX_TIMESTEPS),
    help=f"Time steps a frame: as many as in training; NIR does not say.  [default: {DEFAULT_TIMESTEPS}]",
)
@click.option(
    "--encoding",
    type=click.Choice(get_args(EncoderKind)),
    default="direct",
    show_default=True,
    help="How pixels become time steps; direct gives them to the first layer as they are.",
)
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
@click.option(
    "--reset",
    type=click.Choice(get_args(Reset)),
    help="What a spike does to every membrane, in place of what the file says (NIR cannot say subtract).",
)
@click.option(
    "--dt",
    type=float,
    default=1e-4,
    show_default=True,
    callback=_positive,
    help="Seconds a time step, by which the time constants in the file are read.",
)
@json_option
def command(
    source: Path,
    output: Path,
    timesteps: int | None,
    encoding: EncoderKind,
    readout: Readout | None,
    bits: int,
    membrane_bits: int | None,
    reset: Reset | None,
    dt: float,
    as_json: bool,
) -> None:
    """Turn the NIR graph SRC.nir into an integer model, and report what that changed.

    The report is kept in the model file, too. docs/importing.md says which nodes there are and what becomes of them.
    """
    from ..frontends import nir
    from ..model import model_hash, save
    from ..quantize import quantize

    if output.exists() and source.exists() and output.samefile(source):
        raise InputError(f"{output}: is the NIR file itself; name another file to write the model to")
    trained = nir.read(source, dt)
    try:
        network, report = quantize(
            trained,
            timesteps=timesteps or DEFAULT_TIMESTEPS,
            encoder=Encoder(encoding),
            weight_bits=bits,
            membrane_bits=membrane_bits,
            readout=readout,
            reset=reset,
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    if timesteps is None:
        remark = f"time steps: NIR does not say how many; {DEFAULT_TIMESTEPS} is the default"
        report = report.with_remark(f"{remark}, give --timesteps as in training")
    save(network, output, {"source": source.name, "dt": dt, "quantization": report.to_json()})
    fields = {"model": str(output), "model_hash": model_hash(network), "source": str(source), "dt": dt}
    emit(as_json, fields | report.to_json(), lambda: click.echo(f"{report}\nwrote {output}"))
