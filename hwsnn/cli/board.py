"""``hwsnn board``: its bitstream, and frames on it, or on a simulated one, through the same driver."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwsnn.model_file.by_name import load_model

from ..progress import Stages, stages
from .common import as_path, count_option, data_option, emit, json_option, model_argument, seed_option

if TYPE_CHECKING:
    from ..host import Accelerator, Inference, Stats
    from ..spec import Network
    from ..spec.integers import Images

SIMULATED = "sim"
BENCH_FRAMES = {SIMULATED: 64, "serial": 500}
"""How many frames ``bench`` runs where nobody says, by the kind of address."""
MOST_BENCH_FRAMES = 20_000
BENCH_IMAGES = 1000
"""Different images that ``bench`` takes at most: the reference, which they are compared with, may be slow."""


@click.group("board", no_args_is_help=False)
def command() -> None:
    """Load a bitstream, run images on a board that holds MODEL, measure it, or self-test it.

    ADDRESS is the name of a board with AXI, such as zcu102, for what hwsnn loaded there last, zcu102:FILE.bit to load
    that first, pynq or pynq:FILE.bit for any board with a Zynq, serial:PORT (such as serial:/dev/ttyUSB0), or sim: the
    ZCU102's design in simulation, driven by the same driver.
    """


def _board_options(run: Any) -> Any:
    """``--on ADDRESS`` and ``--baud``."""
    on = click.option("--on", "address", required=True, metavar="ADDRESS", help="The board: see hwsnn board --help.")
    baud = click.option(
        "--baud",
        type=click.IntRange(min=1),
        metavar="B",
        help="Baud rate of a serial port.  [default: 2000000]",
    )
    return on(baud(run))


@dataclass(frozen=True)
class _Run:
    """The board's results for some images, the increments of its counters, and the time it took."""

    found: Inference
    grown: Stats
    seconds: float
    mismatches: int


class _Runner:
    """Runs images on a board with a progress bar, and compares the results with the reference."""

    def __init__(self, board: Accelerator, show: Stages) -> None:
        self._board, self.show = board, show

    def run(self, images: Images, frames: int | None = None) -> _Run:
        """Run ``frames`` frames, cycling through the images; each image once where ``frames`` is None."""
        import numpy as np

        from .. import reference

        order = np.arange(len(images) if frames is None else frames) % len(images)
        self.show.at("running on the board", 0, len(order))
        sent = images[order]
        before, start = self._board.stats(), time.perf_counter()
        found = self._board.infer(sent, self.show.advance)
        seconds, after = time.perf_counter() - start, self._board.stats()
        self.show.at("running the reference", 0, len(images))
        expected = reference.run(self._board.network, images, progress=self.show.advance)
        differs = (found.scores != expected.scores[order]).any(axis=1)
        differs |= found.predictions != expected.predictions[order]
        return _Run(found, after - before, seconds, int(differs.sum()))


@contextmanager
def _opened(address: str, network: Network, baud: int | None) -> Iterator[tuple[Accelerator, _Runner]]:
    """The open board, and the runner of images on it."""
    from ..board import open_board

    with stages() as show:
        show.at("opening")
        with open_board(address, network, baud=baud, stage=show.at) as board:
            yield board, _Runner(board, show)


@command.command("run")
@model_argument
@_board_options
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
    with _opened(address, network, baud) as (_, runner):
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
        click.echo(
            f"{images:,} images: {accuracy}; {images / result.seconds:,.0f} images/s {_over(address)}\n"
            f"{result.mismatches:,} differ from the reference; {result.grown.retries:,} frames sent again"
        )

    emit(as_json, fields, human)
    if result.mismatches:
        ctx.exit(1)


@command.command("bench")
@model_argument
@_board_options
@data_option()
@click.option("-n", "count", type=click.IntRange(min=1), metavar="N", help="Frames to run.  [default: by the board]")
@seed_option
@json_option
@click.pass_context
def bench(
    ctx: click.Context,
    model: str,
    address: str,
    baud: int | None,
    data: str | None,
    count: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure frames/s through the driver, and cycles per frame by the board's counters.

    N frames are run, cycling through the images; without --data they are random. A board is compared with this CPU, by
    the fastest implementation that is installed here, measured in the same run. A simulated one is not: its wall time
    is the simulator's, and only its cycle counts are meaningful. Exit status 1 if a score or a predicted class differs.
    """
    network = load_model(model)

    from ..bench import cpu_figures, fastest, this_cpu
    from ..data import load, random_images

    kind = address.partition(":")[0]
    frames = count or BENCH_FRAMES.get(kind, MOST_BENCH_FRAMES)
    distinct = min(frames, BENCH_IMAGES)
    images = load(data, network).images[:distinct] if data else random_images(network, distinct, seed)
    with _opened(address, network, baud) as (board, runner):
        board.infer(images[:1])  # so that the first frame's way through an empty board is not measured
        result = runner.run(images, frames)
    simulated = kind == SIMULATED
    cpu = None if simulated else fastest(cpu_figures(network, images))
    grown = result.grown

    def a_frame(total: int | None) -> float | None:
        return None if total is None else total / frames

    fields = {
        "images": frames,
        "seconds": result.seconds,
        "images_per_second": frames / result.seconds,
        "simulated": simulated,
        "cycles_per_frame": a_frame(grown.clocks),
        "input_stalls_per_frame": a_frame(grown.input_stalls),
        "output_stalls_per_frame": a_frame(grown.output_stalls),
        "cpu_images_per_second": cpu and cpu.fps,
        "cpu_implementation": cpu and f"{cpu.name}; {cpu.use}",
        "cpu": cpu and str(this_cpu()),
        "retries": grown.retries,
        "refused": grown.malformed,
        "mismatches": result.mismatches,
    }

    def human() -> None:
        click.echo(f"{frames:,} images in {result.seconds:,.3g} s, {fields['images_per_second']:,.0f} images/s")
        if simulated:
            click.echo("this is the simulator's time, not a board's; the cycles are the design's")
        if grown.clocks is not None:
            click.echo(
                f"{fields['cycles_per_frame']:,.1f} pipeline cycles per frame; bus cycles stalled per frame: "
                f"{fields['input_stalls_per_frame']:,.1f} at the input, "
                f"{fields['output_stalls_per_frame']:,.1f} at the output"
            )
        if cpu is not None:
            ratio = frames / result.seconds / cpu.fps
            click.echo(f"this CPU ({fields['cpu']}; {fields['cpu_implementation']}): {cpu.fps:,.0f} images/s")
            click.echo(f"the board over this CPU: {ratio:.3g}")
        click.echo(f"{result.mismatches:,} differ from the reference; {grown.retries:,} frames sent again")

    emit(as_json, fields, human)
    if result.mismatches:
        ctx.exit(1)


@command.command("selftest")
@model_argument
@_board_options
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
    with _opened(address, network, baud) as (board, runner):
        runner.show.at("trying the board out")
        for step in steps_of(board, seed):
            steps.append(step)
            if not as_json:
                click.echo(f"{step.name}: {'OK' if step.passed else 'FAILED'}: {step.text}")
    passed = all(step.passed for step in steps)
    fields = {
        "passed": passed,
        "steps": [{"name": step.name, "passed": step.passed, "text": step.text} for step in steps],
    }
    emit(as_json, fields, lambda: None)
    if not passed:
        ctx.exit(1)


@command.command("load")
@click.argument("file", metavar="FILE", callback=as_path)
@click.option("--board", "name", required=True, metavar="BOARD", help="The board that is connected, as in hwsnn build.")
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
    click.echo(f"{file}: {'in the flash memory of' if flash else 'loaded into'} {board.title}")


def _over(address: str) -> str:
    return "in simulation" if address.partition(":")[0] == SIMULATED else f"over {address}"
