"""``hwsnn build``: a bitstream, with utilization and timing from the tools."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model
from hwsnn.planner.constraints import Constraints

from ..errors import InputError
from ..progress import Stages, stages
from . import completers
from .common import as_path, data_option, emit, json_option, model_argument, output_option, say, verdict
from .documented import Command
from .folding import clock_option_meaning, folding_options, planned, remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from hwsnn.planner.plan import Plan

    from ..build.boards import Board, NextpnrBoard
    from ..build.deployment.folder import Deployment
    from ..build.report import BuildReport
    from ..build.vivado.build import VivadoReport
    from ..build.vivado.project import Project
    from ..build.vivado.saif import Stimulus
    from ..spec import Network

UNFINISHED = 3
"""Exit status if there is no Vivado to build the project."""
POWER_IMAGES = 4
"""Default number of images whose switching activity is recorded."""


@click.command(
    "build",
    cls=Command,
    examples=(
        "hwsnn build digits --board ulx3s-85f -o out",
        "hwsnn build net.safetensors --board zcu102 --project-only -o project",
    ),
)
@model_argument
@click.option(
    "--board",
    required=True,
    metavar="BOARD",
    shell_complete=completers.board,
    help="The board to build for: a shipped one, such as ulx3s-85f or zcu102, or a .py file of your own, which is run.",
)
@output_option("DIR", "The folder for the bitstream, reports and logs.", required=True)
@click.option(
    "--deploy",
    callback=as_path,
    metavar="FOLDER",
    help="Fill this folder too, with what goes to the board: bitstream, model, driver script, notebook.",
)
@folding_options(
    own_device=True, clock=clock_option_meaning("The clock of the network on a Zynq board (default: the board's own).")
)
@click.option("--project-only", is_flag=True, help="Write the Vivado project, and do not run Vivado.")
@data_option()
@click.option(
    "-n",
    "count",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"On a Zynq board: power is from the activity of N images (default: {POWER_IMAGES}; 0: Vivado's guess).",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: str,
    board: str,
    output: Path,
    deploy: Path | None,
    constraints: Constraints,
    project_only: bool,
    data: str | None,
    count: int | None,
    as_json: bool,
) -> None:
    """Build the bitstream of MODEL for a board: synthesize, place and route it with its link to the host.

    A design that misses its clock is still written and reported, with exit status 1. Boards with an AMD FPGA are built
    by Vivado. If there is none on the PATH, the complete project is written for another machine, with exit status 3;
    with --deploy it has a folder `deploy`, to which the bitstream is added there.
    For a Zynq board the images of --data, or random ones, are simulated for their switching activity, from which Vivado
    estimates the power.
    """
    network = load_model(model)

    from ..build.boards import AxiBoard, NextpnrBoard, load_board
    from ..build.tools import find_vivado
    from ..build.vivado.build import build as run_vivado
    from ..build.vivado.build import write

    target = load_board(board)
    refused = {}
    if not isinstance(target, AxiBoard):
        refused = {"--clock-mhz": constraints.clock_mhz, "--data": data, "-n": count}
    if isinstance(target, NextpnrBoard):
        refused["--project-only"] = project_only or None
    for option, value in refused.items():
        if value is not None:
            raise InputError(f"{option}: not an option for {board}")
    deployment = None if deploy is None else _deployment(network, target, board, deploy)
    report: BuildReport | None = None
    with stages() as show:
        show.at("planning")
        if isinstance(target, NextpnrBoard):
            plan = planned(replace(constraints, device=target.device, clock_mhz=target.clock_mhz), network)
            report = _built(partial(_by_nextpnr, network, plan, target, output, show), deployment)
        else:
            vivado = None if project_only else find_vivado()
            project = _project(network, target, constraints, data, count, None if vivado else deployment)
            plan = project.plan
            if vivado is None:
                write(project, output, show.at)
            else:
                report = _built(partial(run_vivado, project, output, vivado, show.at), deployment)
    if report is None:
        _tell_what_to_do(project, output, as_json)
        ctx.exit(0 if project_only else UNFINISHED)
    _show(report, plan, deployment, as_json)
    if not report.timing_met:
        ctx.exit(1)


def _deployment(network: Network, board: Board, board_text: str, folder: Path) -> Deployment:
    from ..build.deployment.folder import Deployment

    return Deployment(network, board, board_text, folder)


def _built(build: Callable[[], BuildReport], deployment: Deployment | None) -> BuildReport:
    return build() if deployment is None else deployment.filled_by(build)


def _by_nextpnr(network: Network, plan: Plan, board: NextpnrBoard, output: Path, show: Stages) -> BuildReport:
    from ..build.open_flow import build

    return build(network, plan.folding, board, output, progress=show.at)


def _project(
    network: Network,
    board: Board,
    constraints: Constraints,
    data: str | None,
    count: int | None,
    deployment: Deployment | None,
) -> Project:
    """The Vivado project for ``board``. ``deployment``: what the project itself is to fill."""
    from ..build.boards import AxiBoard, VivadoSerialBoard
    from ..build.vivado.axi_project import AxiProject
    from ..build.vivado.serial_project import SerialProject

    if isinstance(board, VivadoSerialBoard):
        plan = planned(replace(constraints, device=board.device, clock_mhz=board.clock_mhz), network)
        return SerialProject(network, plan, board, deployment)
    if not isinstance(board, AxiBoard):
        raise InputError(f"{board.name}: is no board that hwsnn build knows how to build for")
    clock_mhz = constraints.clock_mhz or board.clock_mhz
    stimulus = None if count == 0 else _stimulus(network, data, count)
    plan = planned(replace(constraints, device=board.device, clock_mhz=clock_mhz), network)
    return AxiProject(network, plan, board, clock_mhz, stimulus, deployment)


def _stimulus(network: Network, data: str | None, count: int | None) -> Stimulus:
    from ..build.vivado.saif import Stimulus
    from ..data import load, random_images

    if data is None:
        return Stimulus(random_images(network, count or POWER_IMAGES, seed=0), "random images")
    return Stimulus(load(data, network, count).images[: count or POWER_IMAGES], f"images of {data}")


def _tell_what_to_do(project: Project, output: Path, as_json: bool) -> None:
    from ..build.tools import oldest
    from ..build.vivado.build import COMMAND
    from ..build.vivado.project import DEPLOY

    fields: dict[str, Any] = {"project": str(output), "bitstream": None, "run": COMMAND, **remark(project.plan)}
    instead = ""
    if project.deployment is not None:
        fields |= {"deploy": str(output / DEPLOY)}
        instead = f"; {project.deployment.folder} is not made"
    text = (
        f"{output}: no bitstream yet; run `{COMMAND}` in this folder on a machine with Vivado "
        f"{oldest('vivado')} or newer, then {project.next_step}{instead}"
    )
    emit(as_json, fields, lambda: say(text))


def _show(report: BuildReport, plan: Plan, deployment: Deployment | None, as_json: bool) -> None:
    from ..build.vivado.build import VivadoReport

    fields = {
        "bitstream": str(report.bitstream),
        "fmax_mhz": report.fmax_mhz,
        "lut": report.lut,
        "ff": report.ff,
        "bram": report.bram,
        "dsp": report.dsp,
        **remark(plan),
    }
    if deployment is not None:
        fields |= {"deploy": str(deployment.folder)}
    if isinstance(report, VivadoReport):
        fields |= {"power_w": report.power_w, "accelerator_power_w": report.accelerator_power_w}

    def human() -> None:
        used = ", ".join(
            f"{getattr(report, name):,} {name.upper()} ({getattr(report, name) / report.available[name]:.0%})"
            for name in ("lut", "ff", "bram", "dsp")
        )
        met = verdict("met" if report.timing_met else "NOT MET", report.timing_met)
        say(f"{report.bitstream}\n{report.fmax_mhz:.1f} MHz post-route; {report.target_mhz:g} MHz: {met}\n{used}")
        if isinstance(report, VivadoReport):
            say(_power(report))
        if deployment is not None:
            say(f"{deployment.folder}: for the board; README.txt there says how to use it")

    emit(as_json, fields, human)


def _power(report: VivadoReport) -> str:
    part = "" if report.accelerator_power_w is None else f", the network's part {report.accelerator_power_w:g} W"
    of = "Vivado's guess of the activity"
    if report.activity is not None:
        of = f"the activity of {report.activity.frames} {report.activity.source}"
    return f"{report.power_w:g} W{part}; estimated from {of}"
