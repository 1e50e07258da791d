"""Trained networks as an argument, and the options that say what their files leave open."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from hwsnn.files.shipped import model_folders
from hwsnn.float_network import Compare
from hwsnn.frontends.nir.conventions import COMPARE_REMARK, DEFAULT_DT, RESET_REMARK, SUBTRACT_REMARK

from ..errors import InputError
from ..spec import EncoderKind, Reset

if TYPE_CHECKING:
    from hwsnn.float_network import FloatNetwork

DEFAULT_ENCODING: EncoderKind = "direct"

encoding_option = click.option(
    "--encoding",
    type=click.Choice(get_args(EncoderKind)),
    help="How pixels become time steps; direct gives them to the first layer as they are.  "
    f"[default: as SRC says, else {DEFAULT_ENCODING}]",
)
reset_option = click.option(
    "--reset",
    type=click.Choice(get_args(Reset)),
    help="What a spike does to every membrane, in place of what SRC says (foreign NIR cannot say subtract).",
)
compare_option = click.option(
    "--compare",
    type=click.Choice(get_args(Compare)),
    help="Whether neurons fire above their threshold only, or at it too, in place of what SRC says (foreign NIR "
    "cannot say greater_equal).",
)


def trained_path(text: str) -> Path:
    """The file that SRC names: the trained network of a shipped model, whose name wins over a file's; or a file."""
    beside = model_folders().get(text)
    shipped = (beside / f"{text}-float.safetensors", beside / f"{text}.nir") if beside else ()
    return next((file for file in shipped if file.is_file()), Path(text))


def read_trained(
    source: Path, dt: float | None = None, *, reset: Reset | None = None, compare: Compare | None = None
) -> tuple[FloatNetwork, dict[str, Any]]:
    """The trained network in ``source``, a float file or a NIR graph, and how it was read.

    ``compare``: of all neurons, in place of the source's. ``reset`` is the quantizer's to apply; like ``compare`` it
    answers a remark of the source.
    """
    network, origin = _read(source, dt)
    answers = {RESET_REMARK: reset, COMPARE_REMARK: compare}
    remarks = [remark for remark in network.remarks if answers.get(remark) is None]
    if reset == "subtract" and RESET_REMARK in network.remarks:
        remarks.append(SUBTRACT_REMARK)
    network = replace(network, remarks=tuple(remarks))
    return (network.firing_where(compare) if compare else network), origin


def _read(source: Path, dt: float | None) -> tuple[FloatNetwork, dict[str, Any]]:
    if source.suffix.lower() == ".safetensors":
        from hwsnn.model_file import float_file

        if dt is not None:
            raise InputError(f"{source}: has no time constants; --dt is for NIR files only")
        return float_file.load(source), {}
    from hwsnn.frontends.nir import reader

    dt = dt or DEFAULT_DT
    return reader.read(source, dt), {"dt": dt}
