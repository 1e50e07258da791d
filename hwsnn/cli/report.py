"""``hwsnn report``: one page that shows a model, its hardware and its results."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from hwsnn.planner.constraints import Constraints

from ..progress import Stages, stages
from .common import (
    as_path,
    command_line,
    count_option,
    data_option,
    emit,
    json_option,
    model_argument,
    not_empty,
    output_option,
    say,
)
from .documented import Command
from .folding import folding_options

if TYPE_CHECKING:
    from hwsnn.report.build_folder import BuildFolder
    from hwsnn.report.measured import Measured
    from hwsnn.report.subject import Subject

    from ..spec import Network


def _folder(name: str, what: str) -> Callable[[Any], Any]:
    return click.option(f"--{name}", type=click.Path(), callback=as_path, metavar="DIR", help=what)


@click.command(
    "report",
    cls=Command,
    examples=(
        "hwsnn report digits --data digits -o report",
        "hwsnn report net.safetensors --data images.npz --build out --compare other.safetensors -o report",
    ),
)
@model_argument
@data_option()
@count_option
@click.option(
    "--sample",
    "samples",
    type=click.IntRange(min=0),
    multiple=True,
    metavar="I",
    help="Show the spikes of image I, from 0; may be repeated (default: the first and the worst).",
)
@click.option(
    "--float",
    "trained",
    type=click.Path(),
    callback=as_path,
    metavar="FILE",
    help="The float network of MODEL (default: NAME-float.safetensors beside it).",
)
@_folder("explore", "Show the sweep that hwsnn explore left in DIR.")
@_folder("build", "Show the build that hwsnn build left in DIR; the device is that of its board.")
@_folder("debug", "Show the first difference that hwsnn verify --debug left in DIR.")
@click.option(
    "--compare", callback=not_empty, metavar="OTHER", help="Put another model, or a folding.json of MODEL, beside it."
)
@folding_options()
@output_option("DIR", "The folder for index.html.", required=True)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    data: str | None,
    count: int | None,
    samples: tuple[int, ...],
    trained: Path | None,
    explore: Path | None,
    build: Path | None,
    debug: Path | None,
    compare: str | None,
    constraints: Constraints,
    output: Path,
    as_json: bool,
) -> None:
    """Write one self-contained page about MODEL: graph, folds, cycles, resources, a frame's time line, weights.

    With --data also firing, answers and spikes. The page needs no network and no other file. Figures are those of the
    planner, the exact cycle model and the bit-exact reference; nothing is built or simulated. The same inputs give the
    same bytes.
    """
    if (count is not None or samples) and data is None:
        raise click.UsageError("-n and --sample need --data")
    import matplotlib.figure  # noqa: F401  # before all other work

    from hwsnn.report.build_folder import read_build
    from hwsnn.report.debug_folder import read_debug
    from hwsnn.report.exploration import read_exploration
    from hwsnn.report.subject import gather, model_and_hash
    from hwsnn.report.write import Contents, write_page

    network, sha256 = model_and_hash(model)
    built = None if build is None else read_build(build, sha256)
    swept = None if explore is None else read_exploration(explore)
    shown = None if debug is None else read_debug(debug)
    if built is not None:
        constraints = _as_built(ctx, constraints, built)
    with stages() as show:
        show.at("planning")
        subject = gather(model, network, constraints, trained)
        other = None if compare is None else _other(compare, model, network, constraints, show)
        measured, other_measured = _measured(network, sha256, other, data, count, samples, show)
        show.at("drawing")
        contents = Contents(
            subject,
            (command_line(ctx), *_further(model, data, subject)),
            measured,
            build=built,
            explored=swept,
            debug=shown,
            other=other,
            other_measured=other_measured,
        )
        page = write_page(contents, output)
    fields = {"page": str(page), "bytes": page.stat().st_size, "model_sha256": sha256}
    emit(as_json, fields, lambda: say(str(page)))


def _as_built(ctx: click.Context, constraints: Constraints, built: BuildFolder) -> Constraints:
    """The clock and the device of a build, where no others were given; the device of a shipped board."""
    from ..build.boards import board_names, load_board

    if ctx.get_parameter_source("device") is not ParameterSource.COMMANDLINE and built.board in board_names():
        constraints = replace(constraints, device=load_board(built.board).device)
    return constraints if constraints.clock_mhz else replace(constraints, clock_mhz=built.target_mhz)


def _other(text: str, model: str, network: Network, constraints: Constraints, show: Stages) -> Subject:
    """The model, or the model with the folds of a file, that is put beside it."""
    from hwsnn.report.subject import gather, model_and_hash

    show.at(f"planning {text}")
    if text.endswith(".json"):
        folded = Constraints(constraints.device, clock_mhz=constraints.clock_mhz, fold=text)
        return replace(gather(model, network, folded, None), called=text)
    # Folds are those of MODEL's layers: another model is planned without them.
    return gather(text, model_and_hash(text)[0], replace(constraints, fold=None), None)


def _measured(
    network: Network,
    sha256: str,
    other: Subject | None,
    data: str | None,
    count: int | None,
    samples: tuple[int, ...],
    show: Stages,
) -> tuple[Measured | None, Measured | None]:
    from hwsnn.report.measured import measure

    if data is None:
        return None, None
    one = measure(network, data, count, samples, show.at)
    if other is None or other.network.frame_shape != network.frame_shape or other.network.classes != network.classes:
        return one, None
    return one, one if other.sha256 == sha256 else measure(other.network, data, count, samples, show.at)


def _further(model: str, data: str | None, subject: Subject) -> tuple[str, ...]:
    """Commands that give single figures of the page again, and those that would add to it."""
    name = shlex.quote(model)
    with_data = f" --data {shlex.quote(data)}" if data else ""
    return (
        f"hwsnn inspect {name}",
        *((f"hwsnn run {name}{with_data} --activity",) if data else ()),
        f"hwsnn generate {name} --device {subject.plan.device.name} -o verilog",
        f"hwsnn verify {name}{with_data} -n 20 --debug debug",
    )
