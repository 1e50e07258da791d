"""The argument SRC, a trained network, and the options for what its file does not say."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

import click

from hwsnn.errors import InputError
from hwsnn.files.shipped import model_folders
from hwsnn.float_network import Compare
from hwsnn.frontends.nir.conventions import COMPARE_REMARK, DEFAULT_DT, RESET_REMARK, SUBTRACT_REMARK
from hwsnn.frontends.read import is_float_file, read
from hwsnn.quantization.quantize import DEFAULT_ENCODING

from ..spec import MAX_PIXEL_BITS, EncoderKind, Readout, Reset
from .module_source import ModuleOptions, is_module, read_module_source

if TYPE_CHECKING:
    from hwsnn.float_network import FloatNetwork
    from hwsnn.frontends.modules.build import ReadModule

_Command = TypeVar("_Command", bound=Callable[..., Any])

encoding_option = click.option(
    "--encoding",
    type=click.Choice(get_args(EncoderKind)),
    help="How pixels become time steps; direct gives them to the first layer as they are, and steps are values of "
    f"each step.  [default: as SRC says, else {DEFAULT_ENCODING}]",
)
reset_option = click.option(
    "--reset",
    type=click.Choice(get_args(Reset)),
    help="How a spike resets every membrane, in place of what SRC says (foreign NIR cannot say subtract).",
)
readout_option = click.option(
    "--readout",
    type=click.Choice(get_args(Readout)),
    help="The scores: the last layer's spikes, counted or by the first of each; or its membranes: the last, their sum "
    "or the largest.  [default: as SRC says, else count if it fires, membrane if not]",
)
compare_option = click.option(
    "--compare",
    type=click.Choice(get_args(Compare)),
    help="Whether neurons fire above their threshold only, or at it too, in place of what SRC says (foreign NIR "
    "cannot say greater_equal).",
)


def _numbers(ctx: click.Context, param: click.Parameter, text: str | None) -> tuple[float, ...] | None:
    """Finite numbers, as in ``0.49,0.48,0.45``; positive ones for --std."""
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(f"must be numbers such as 0.49,0.48,0.45, not {text!r}") from None
    if not all(map(math.isfinite, numbers)) or (param.name == "std" and min(numbers) <= 0):
        positive = "positive " if param.name == "std" else ""
        raise click.BadParameter(f"must be {positive}finite numbers, not {text!r}")
    return numbers


def positive(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    """Refuse what is no positive, finite number."""
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"must be a positive, finite number, not {value:g}")
    return value


def input_options(command: _Command) -> _Command:
    """``--mean``, ``--std``, ``--input-scale`` and ``--pixel-bits``: what the values of the input count as.

    They come as ``mean``, ``std``, ``input_scale`` and ``pixel_bits``; ``counted_as`` makes one of them.
    """
    for option in (
        click.option(
            "--pixel-bits",
            type=click.IntRange(1, MAX_PIXEL_BITS),
            default=MAX_PIXEL_BITS,
            show_default=True,
            help="Bits of a pixel or value.",
        ),
        click.option(
            "--input-scale",
            type=float,
            callback=positive,
            help="A value counts as (value * scale - mean) / std.  [default: as SRC says, else 1 for --encoding steps, "
            "and 1 / the largest pixel for others]",
        ),
        click.option(
            "--std",
            callback=_numbers,
            metavar="LIST",
            help="By what a value is divided, after --mean: a number, or one per channel with commas.  "
            "[default: as SRC says, else 1]",
        ),
        click.option(
            "--mean",
            callback=_numbers,
            metavar="LIST",
            help="What is taken off a value, after --input-scale: a number, or one per channel with commas.  "
            "[default: as SRC says, else 0]",
        ),
    ):
        command = option(command)
    return command


def counted_as(
    mean: tuple[float, ...] | None, std: tuple[float, ...] | None, input_scale: float | None, pixel_bits: int
) -> dict[str, Any]:
    """The arguments of ``quantize`` for ``input_options``; one number stands for all channels."""
    one_or_all = {
        name: values[0] if values is not None and len(values) == 1 else values
        for name, values in (("mean", mean), ("std", std))
    }
    return {**one_or_all, "input_scale": input_scale, "pixel_bits": pixel_bits}


def trained_path(text: str) -> Path:
    """The file that SRC names: the float file of a shipped model, whose name wins over a file's, or a file."""
    beside = model_folders().get(text)
    if beside is None:
        return Path(text)
    for file in (beside / f"{text}-float.safetensors", beside / f"{text}.nir"):
        if file.is_file():
            return file
    raise InputError(f"{text}: the floats of this model are too large to ship; `hwsnn train {text} -o DIR` makes them")


class Trained(NamedTuple):
    """``origin``: how the network was read, as JSON values. ``read``: the module that it was read from, if any."""

    network: FloatNetwork
    origin: dict[str, Any]
    read: ReadModule | None


def read_trained(
    source: str,
    dt: float | None = None,
    *,
    reset: Reset | None = None,
    compare: Compare | None = None,
    module: ModuleOptions | None = None,
) -> Trained:
    """The trained network of ``source``, a float file, a NIR graph or ``FILE.py:NAME``.

    ``compare`` overrides the comparison of all neurons. ``reset`` is applied later, by the quantizer; either option
    settles a remark of the source, which is then dropped.
    """
    module_read, origin = None, dict[str, Any]()
    if is_module(source):
        module_read, origin = read_module_source(source, module or ModuleOptions(), dt)
        network = module_read.network
    else:
        if module is not None:
            module.require_none()
        path = trained_path(source)
        network = read(path, dt=dt)
        if not is_float_file(path):
            origin = {"dt": dt or DEFAULT_DT}
    answers = {RESET_REMARK: reset, COMPARE_REMARK: compare}
    remarks = [remark for remark in network.remarks if answers.get(remark) is None]
    if reset == "subtract" and RESET_REMARK in network.remarks:
        remarks.append(SUBTRACT_REMARK)
    network = replace(network, remarks=tuple(remarks))
    return Trained(network.firing_where(compare) if compare else network, origin, module_read)
