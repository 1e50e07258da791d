"""``hwsnn board``: frames on a board over its serial port."""

from __future__ import annotations

import click

from ..model_names import load_model
from .common import count_option, data_option, emit, json_option, model_argument, progress

BOARD = "ulx3s-85f"
"""Whose speed the serial port has."""


@click.group("board", no_args_is_help=False)
def command() -> None:
    """Work with a board over its serial port."""


@command.command("run")
@model_argument
@click.option("--port", required=True, metavar="P", help="The board's serial port, such as /dev/ttyUSB0.")
@data_option(required=True)
@count_option
@click.option("--baud", type=click.IntRange(min=1), metavar="B", help=f"Bits a second.  [default: those of {BOARD}]")
@json_option
@click.pass_context
def run(
    ctx: click.Context, model: str, port: str, data: str, count: int | None, baud: int | None, as_json: bool
) -> None:
    """Run images on the board at P, which holds MODEL, and compare its answers with the reference.

    Exit status 1 if a score or an answer differs.
    """
    network = load_model(model)

    from .. import reference
    from ..build.boards import SerialBoard, load_board
    from ..data import load
    from ..host.serial_board import run_frames

    loaded = load(data, network, count)
    images = len(loaded.images)
    with progress() as bars:
        task = bars.add_task("running on the board", total=images)
        speed = baud or load_board(BOARD, SerialBoard).baud
        result = run_frames(port, speed, network, loaded.images, progress=lambda done: bars.advance(task, done))
    expected = reference.run(network, loaded.images)
    differs = (result.scores != expected.scores).any(axis=1) | (result.answers != expected.predictions)
    mismatches = int(differs.sum())
    right = None if loaded.labels is None else int((result.answers == loaded.labels).sum())
    fields = {
        "images": images,
        "accuracy": None if right is None else right / images,
        "images_per_second": images / result.seconds,
        "retries": result.retries,
        "mismatches": mismatches,
    }

    def human() -> None:
        accuracy = "no labels to compare with" if right is None else f"{right:,} right, {right / images:.2%}"
        click.echo(
            f"{images:,} images: {accuracy}; {images / result.seconds:,.0f} images/s over {port}\n"
            f"{mismatches:,} differ from the reference; {result.retries:,} frames sent again"
        )

    emit(as_json, fields, human)
    if mismatches:
        ctx.exit(1)
