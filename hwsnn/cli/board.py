"""``hwsnn board``: its bitstream, and frames on it, or on a simulated one, through the same driver."""

from __future__ import annotations

from pathlib import Path

import click

from hwsnn.model_file.by_name import load_model

from ..progress import stages
from . import completers
from .board_bench import bench
from .board_common import SIMULATED, address_options, opened, scheme_of
from .board_doctor import doctor
from .common import (
    as_path,
    count_option,
    data_option,
    emit,
    json_option,
    model_argument,
    say,
    say_remark,
    seed_option,
    verdict,
)
from .documented import Command, Group


@click.group(
    "board",
    cls=Group,
    no_args_is_help=False,
    examples=("hwsnn board run digits --on sim: --data digits -n 10", "hwsnn board selftest digits --on zcu102"),
)
def command() -> None:
    """Load a bitstream, run images on a board that holds MODEL, measure it, self-test it, or report on it.

    ADDRESS is the name of a board with AXI, such as zcu102, for what hwsnn loaded there last, zcu102:FILE.bit to load
    that first, pynq or pynq:FILE.bit for any board with a Zynq, serial:PORT (such as serial:/dev/ttyUSB0), or sim: the
    ZCU102's design in simulation, driven by the same driver.
    """


command.add_command(bench)
command.add_command(doctor)


@command.command(
    "run",
    cls=Command,
    examples=(
        "hwsnn board run digits --on sim: --data digits -n 10",
        "hwsnn board run net.safetensors --on serial:/dev/ttyUSB0 --data images.npz",
        "hwsnn board run mnist --on zcu102:mnist-zcu102.bit --data mnist",
    ),
)
@model_argument
@address_options
@data_option(required=True)
@count_option
@json_option
@click.pass_context
def run(
    ctx: click.Context, model: str, address: str, baud: int | None, data: str, count: int | None, as_json: bool
) -> None:
    """Run images on the board, which holds MODEL, and compare its results with the reference.

    Exit status 1 if a score or a predicted class differs.
    """
    network = load_model(model)

    from ..data import load

    loaded = load(data, network, count)
    images = len(loaded.images)
    with opened(address, network, baud) as (_, runner):
        result = runner.run(loaded.images)
    right = None if loaded.labels is None else int((result.found.predictions == loaded.labels).sum())
    fields = {
        "images": images,
        "accuracy": None if right is None else right / images,
        "images_per_second": images / result.seconds,
        "retries": result.grown.retries,
        "refused": result.grown.malformed,
        "mismatches": result.mismatches,
    }

    def human() -> None:
        accuracy = "no labels to compare with" if right is None else f"{right:,} right, {right / images:.2%}"
        say(
            f"{images:,} images: {accuracy}; {images / result.seconds:,.0f} images/s {_over(address)}\n"
            f"{result.mismatches:,} differ from the reference; {result.grown.retries:,} frames sent again"
        )
        say_remark(loaded)

    emit(as_json, fields, human)
    if result.mismatches:
        ctx.exit(1)


@command.command(
    "selftest",
    cls=Command,
    examples=(
        "hwsnn board selftest digits --on sim:",
        "hwsnn board selftest digits --on serial:/dev/ttyUSB0",
    ),
)
@model_argument
@address_options
@seed_option
@json_option
@click.pass_context
def selftest(ctx: click.Context, model: str, address: str, baud: int | None, seed: int, as_json: bool) -> None:
    """Self-test the board: its identity, frames against the reference, its registers, a reset, a malformed frame.

    Each step prints one line, and ends with a few frames. Exit status 1 if a step failed.
    """
    network = load_model(model)

    from ..host.selftest import selftest as steps_of

    steps = []
    with opened(address, network, baud) as (board, runner):
        runner.show.at("trying the board out")
        for step in steps_of(board, seed):
            steps.append(step)
            if not as_json:
                say(f"{step.name}: {verdict('OK' if step.passed else 'FAILED', step.passed)}: {step.text}")
    passed = all(step.passed for step in steps)
    fields = {
        "passed": passed,
        "steps": [{"name": step.name, "passed": step.passed, "text": step.text} for step in steps],
    }
    emit(as_json, fields, lambda: None)
    if not passed:
        ctx.exit(1)


@command.command(
    "load",
    cls=Command,
    examples=(
        "hwsnn board load out/digits-ulx3s-85f.bit --board ulx3s-85f",
        "hwsnn board load out/digits-ulx3s-85f.bit --board ulx3s-85f --flash",
    ),
)
@click.argument("file", metavar="FILE", callback=as_path)
@click.option(
    "--board",
    "name",
    required=True,
    metavar="BOARD",
    shell_complete=completers.board,
    help="The board that is connected, as in hwsnn build.",
)
@click.option("--flash", is_flag=True, help="Write the memory from which the board starts at power-on.")
def load(file: Path, name: str, flash: bool) -> None:
    """Load the bitstream FILE into a board over USB, by openFPGALoader.

    It is there until power is lost; with --flash it comes back. Board and file are checked first: a bitstream for
    another FPGA, or for another board by the build.json beside it, is refused.
    """
    from ..build.boards import load_board
    from ..build.loading import load as load_into

    board = load_board(name)
    with stages() as show:
        show.at("loading")
        load_into(file, board, flash)
    say(f"{file}: {'in the flash memory of' if flash else 'loaded into'} {board.title}")


def _over(address: str) -> str:
    return "in simulation" if scheme_of(address) == SIMULATED else f"over {address}"
