"""``hwsnn quantize``: a trained network as an integer model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hwsnn.data.resolve import path_of
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
from . import completers
from .common import data_option, emit, json_option, output_option, require_another, say
from .conversion import Calibration
from .documented import Command
from .firing import measured, sample_count_option, show_sample, with_sample
from .module_source import ModuleOptions, module_options, source_file
from .self_check import SelfCheck
from .source import (
    compare_option,
    counted_as,
    encoding_option,
    input_options,
    positive,
    read_trained,
    readout_option,
    reset_option,
)


@click.command(
    "quantize",
    cls=Command,
    examples=(
        "hwsnn quantize net.py:make_net --weights net.pt --sample 1x28x28 --timesteps 4 -o net.safetensors",
        "hwsnn quantize net.nir --bits 4 --data mnist -o net.safetensors",
        "hwsnn quantize relu.py:make_net --sample 1x28x28 --timesteps 16 --convert --data mnist -o net.safetensors",
    ),
)
@click.argument("source", metavar="SRC", shell_complete=completers.source)
@output_option("MODEL", "The model file to write, for example net.safetensors.", required=True)
@click.option(
    "--timesteps",
    type=click.IntRange(1, MAX_TIMESTEPS),
    help=f"Time steps per frame: as many as in training.  [default: as SRC says, else {DEFAULT_TIMESTEPS}]",
)
@encoding_option
@readout_option
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
    help="Maximum bits of membranes and synaptic currents; they may then saturate.  [default: enough never to]",
)
@reset_option
@compare_option
@input_options
@module_options
@click.option(
    "--convert",
    is_flag=True,
    help="SRC is a module of ReLUs, without spiking neurons: make such of them, by their activations on the images of "
    "--data.",
)
@click.option(
    "--dt",
    type=float,
    callback=positive,
    help=f"Seconds per time step, by which the time constants of NIR are read.  [default: {DEFAULT_DT:g}]",
)
@data_option(split="its training images, else its test images")
@sample_count_option
@json_option
def command(
    source: str,
    output: Path,
    timesteps: int | None,
    encoding: EncoderKind | None,
    readout: Readout | None,
    bits: int,
    membrane_bits: int | None,
    reset: Reset | None,
    compare: Compare | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    input_scale: float | None,
    pixel_bits: int,
    weights: Path | None,
    sample: tuple[int, ...] | None,
    forward: Any,
    convert: bool,
    dt: float | None,
    data: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Turn the trained network SRC into an integer model, and report the changes.

    SRC is a module of PyTorch made of snnTorch's, SpikingJelly's, sinabs' or Norse's neurons, as FILE.py:NAME (NAME is
    the module, or returns it), a NIR graph, or a float .safetensors. FILE is run: it is your own program.

    With --convert, SRC is a plain module of ReLUs, trained without time, and its activations become rates of spikes.

    With --data, the model runs on sample data, and the report says how many neurons of each layer fire. It is kept in
    the model file, too. docs/importing.md says how modules are read, docs/nir.md how NIR graphs are.
    """
    from hwsnn.model_file.integer_file import model_hash, save

    if count is not None and data is None:
        raise click.UsageError("-n counts images of --data: give that too", click.get_current_context())
    require_another(output, source=source_file(source), **({"weights": weights} if weights else {}))
    if data is not None:
        require_another(output, data=path_of(data))
    counted = counted_as(mean, std, input_scale, pixel_bits)
    calibration = Calibration.of(data, count, counted, encoding, forward) if convert else None
    module = ModuleOptions(weights, sample, forward, timesteps, encoding, calibration)
    trained, origin, read = read_trained(source, dt, reset=reset, compare=compare, module=module)
    try:
        network, report = quantize(
            trained,
            bits=bits,
            timesteps=timesteps,
            encoding=encoding,
            membrane_bits=membrane_bits,
            readout=readout,
            reset=reset,
            **counted,
        )
    except InputError as error:
        raise InputError(f"{source}: {error}") from None
    fired = None if data is None else measured(network, data, count)
    reported = with_sample(report.to_json(), fired)
    checked = None if read is None else SelfCheck.of(read, network, counted)
    save(network, output, {"source": Path(source).name} | origin | {"quantization": reported})
    fields = {"model": str(output), "model_hash": model_hash(network), "source": source} | origin

    def human() -> None:
        say(str(report))
        show_sample(fired)
        if checked is not None:
            say(str(checked))
        say(f"wrote {output}")

    emit(as_json, fields | reported | ({} if checked is None else checked.to_json()), human)
