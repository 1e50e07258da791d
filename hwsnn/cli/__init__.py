"""The command line.

Exit status: 0 success, 1 a check failed (a mismatch, timing not met), 2 bad input or a tool failed, 3 a Vivado project
was written but there is no Vivado to build it, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import math
import os
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TextIO

import click
from click.shell_completion import CompletionItem

from hwsnn.processes.children import leave_current_folder

from ..errors import InputError, ToolError, reason
from ..terminal import coloured, width
from ..version import __version__
from .completers import COMPLETES
from .documented import Group
from .wrapping import wrapped

INTERRUPTED = 130
BROKEN_PIPE = 141
INTERRUPTIONS = (click.Abort, KeyboardInterrupt)
REPORTED = (*INTERRUPTIONS, click.ClickException, InputError, ToolError, OSError, MemoryError)
"""Errors that end a command with one line; any other exception is a bug, and shows its traceback."""
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
IMPATIENCE_SECONDS = 5
"""A second interruption within this time counts as the first: it must not interrupt the cleanup."""

SUMMARIES = {
    "demo": "Run the whole flow on the shipped digits model: verify, build, measure.",
    "train": "Train a model by its recipe.",
    "data": "Download a public data set, so that its word can be given as DATA.",
    "quantize": "Turn a trained network into an integer model.",
    "check": "Run a module in its own framework beside the model that was made of it.",
    "inspect": "Show a model's layers: shapes, neurons, widths, thresholds.",
    "run": "Run the bit-exact reference on images.",
    "generate": "Write a model's Verilog and its manifest.",
    "verify": "Compare the simulated hardware with the reference, layer by layer.",
    "build": "Build the bitstream for a board.",
    "bench": "Measure cycles per frame and latency, and compare with the CPU.",
    "report": "Write one page that shows a model, its hardware and its results.",
    "explore": "Sweep folding, weight bits and time steps for the best designs.",
    "board": "Load, run, measure, self-test or diagnose a board, or run one in simulation.",
    "doctor": "Examine this machine: tools, packages and data that are found or missing.",
    "completion": "Print the script by which a shell completes hwsnn's commands.",
}
"""All commands. Each is the ``command`` of the module of the same name."""


class _Commands(Group):
    """A group that imports a command's module only when that command runs, and reports errors in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(SUMMARIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in SUMMARIES:
            return None
        command: click.Command = importlib.import_module(f"{__name__}.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(SUMMARIES.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """The names of commands and options, without importing the commands."""
        named = [CompletionItem(name, help=text) for name, text in SUMMARIES.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a missing package is an error of one line."""
        try:
            return super().invoke(ctx)
        except ImportError as error:
            from ..packages import lacking

            if needed := lacking(error, ctx.invoked_subcommand or ""):
                raise InputError(f"hwsnn {ctx.invoked_subcommand} needs {needed}") from None
            raise InputError(
                f"hwsnn {ctx.invoked_subcommand}: a package cannot be used ({reason(error)}); install it again"
            ) from error

    def main(  # type: ignore[override]  # its overloads serve a mode that we do not have
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Run the command that ``args`` name, and exit with what it returns: None for 0, or a status.

        In place of click's own, whose usage errors take several lines and whose interruption exits with 1.
        """
        if asked := os.environ.get(COMPLETES):
            from .completion import answer

            sys.exit(answer(self, asked))
        try:
            if sys.stdout is None:
                raise InputError("stdout is closed, and results go there; open it, if only to /dev/null")
            with self.make_context(prog_name, list(sys.argv[1:] if args is None else args), **extra) as context:
                status = self.invoke(context)
            sys.stdout.flush()
        except click.exceptions.Exit as leaving:
            status = leaving.exit_code
        except REPORTED as error:
            status = _report(error)
        sys.exit(status)


def _report(error: BaseException) -> int:
    """Say why a command ended; the status to exit with."""
    if _is_interruption(error):
        _end_children()
        _complain("hwsnn: interrupted\n")
        try:
            sys.stdout.flush()
        except OSError:  # it was a terminal, whose end was the interruption
            _silence(sys.stdout)
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The reader of our output has gone. Python would complain once more when it flushes at exit.
        _silence(sys.stdout)
        return BROKEN_PIPE
    if isinstance(error, ToolError):
        log = "".join(f"{line}\n" for line in error.log.splitlines())
        _complain(f"{log}hwsnn: {click.style('error:', fg='red', bold=True)} {_one_line(error.summary)}\n")
    else:
        _complain(f"hwsnn: {click.style('error:', fg='red', bold=True)} {_one_line(_describe(error))}\n")
    return 2


def _is_interruption(error: BaseException | None) -> bool:
    """Whether ``error`` is, or was caused by, a write to a terminal that was closed."""
    while error is not None:
        if isinstance(error, INTERRUPTIONS):
            return True
        error = error.__context__
    return False


def _complain(text: str) -> None:
    """Write the last line to stderr, if stderr can still be written to."""
    warnings.simplefilter("ignore")  # Amaranth's of hardware that was described and then not used
    try:
        click.echo(wrapped(text, width(sys.stderr)), err=True, nl=False, color=coloured(sys.stderr))
    except OSError:
        _silence(sys.stderr)


def _end_children() -> None:
    """End programs that libraries started and do not end themselves, such as Amaranth's Yosys."""
    for children in Path("/proc/self/task").glob("*/children"):
        for child in children.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(child), signal.SIGTERM)


def _silence(stream: TextIO) -> None:
    """Discard whatever is still to be written to ``stream``."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _describe(error: BaseException) -> str:
    if isinstance(error, click.UsageError):
        hint = f" (try '{error.ctx.command_path} --help')" if error.ctx else ""
        return error.format_message() + hint
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, MemoryError):
        return "not enough memory; try fewer images (-n) or a smaller model"
    if isinstance(error, OSError):
        text = error.strerror or str(error) or type(error).__name__
        if error.errno == errno.ENOSPC:
            text += "; make room, or name another place to write to"
        return f"{error.filename}: {text}" if error.filename else text
    return str(error)


def _one_line(text: str) -> str:
    """``text`` with every run of white space as one space, and nothing that moves a terminal's cursor."""
    return "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    examples=(
        "hwsnn doctor",
        "hwsnn demo",
        "hwsnn run digits --data digits",
        "hwsnn verify digits --data digits -n 20",
    ),
)
@click.version_option(__version__, prog_name="hwsnn", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Turn a trained spiking neural network into verified, readable FPGA hardware.

    MODEL is a .safetensors model file or the name of a shipped model, such as digits. DATA is a folder of IDX files, an
    .npz with x and y, or a word, such as mnist. With --json a command prints one JSON object, and progress goes to
    stderr.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _be_interruptible() -> None:
    """Make SIGTERM and SIGHUP clean up and end the process in the same way as Ctrl-C."""
    last = -math.inf

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > IMPATIENCE_SECONDS:
            last = now
            raise KeyboardInterrupt

    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, and shells for what runs in the background
            signal.signal(number, interrupt)


def main() -> None:
    """Entry point of the ``hwsnn`` command."""
    leave_current_folder()
    _be_interruptible()
    try:
        cli.main(prog_name="hwsnn")
    except SystemExit as leaving:
        if leaving.code == INTERRUPTED:
            for number in ENDINGS:  # Python gives up handling them before it is gone
                signal.signal(number, signal.SIG_IGN)
            exec("")  # Python kills itself at exit if the last text it ran, as dataclasses do, was interrupted
        raise
