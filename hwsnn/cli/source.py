"""The argument SRC, a trained network, and the options for what its file does not say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from hwsnn.files.shipped import model_folders
from hwsnn.float_network import Compare
from hwsnn.frontends.nir.conventions import COMPARE_REMARK, DEFAULT_DT, RESET_REMARK, SUBTRACT_REMARK
from hwsnn.frontends.read import is_float_file, read
from hwsnn.quantization.quantize import DEFAULT_ENCODING

from ..spec import EncoderKind, Reset

if TYPE_CHECKING:
    from hwsnn.float_network import FloatNetwork

encoding_option = click.option(
    "--encoding",
    type=click.Choice(get_args(EncoderKind)),
    help="How pixels become time steps; direct gives them to the first layer as they are.  "
    f"[default: as SRC says, else {DEFAULT_ENCODING}]",
)
reset_option = click.option(
    "--reset",
    type=click.Choice(get_args(Reset)),
    help="How a spike resets every membrane, in place of what SRC says (foreign NIR cannot say subtract).",
)
compare_option = click.option(
    "--compare",
    type=click.Choice(get_args(Compare)),
    help="Whether neurons fire above their threshold only, or at it too, in place of what SRC says (foreign NIR "
    "cannot say greater_equal).",
)


def trained_path(text: str) -> Path:
    """The file that SRC names: the float file of a shipped model, whose name wins over a file's, or a file."""
    beside = model_folders().get(text)
    shipped = (beside / f"{text}-float.safetensors", beside / f"{text}.nir") if beside else ()
    return next((file for file in shipped if file.is_file()), Path(text))


def read_trained(
    source: Path, dt: float | None = None, *, reset: Reset | None = None, compare: Compare | None = None
) -> tuple[FloatNetwork, dict[str, Any]]:
    """The trained network in ``source``, a float file or a NIR graph, and how it was read.

    ``compare`` overrides the comparison of all neurons. ``reset`` is applied later, by the quantizer; either option
    settles a remark of the source, which is then dropped.
    """
    network = read(source, dt=dt)
    origin = {} if is_float_file(source) else {"dt": dt or DEFAULT_DT}
    answers = {RESET_REMARK: reset, COMPARE_REMARK: compare}
    remarks = [remark for remark in network.remarks if answers.get(remark) is None]
    if reset == "subtract" and RESET_REMARK in network.remarks:
        remarks.append(SUBTRACT_REMARK)
    network = replace(network, remarks=tuple(remarks))
    return (network.firing_where(compare) if compare else network), origin
