"""Arguments and output helpers that the commands share."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..errors import InputError
from ..terminal import coloured, console_settings, width
from . import completers
from .wrapping import wrapped

if TYPE_CHECKING:
    from rich.console import Console

    from ..data import Data

PIPE_WIDTH = 10_000
"""Width of what does not go to a terminal: a row stays a line there, for other programs, whatever is in it."""

model_argument = click.argument("model", metavar="MODEL", shell_complete=completers.model)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
count_option = click.option(
    "-n", "count", type=click.IntRange(min=1), metavar="N", help="Only the first N images (default: all there are)."
)
seed_option = click.option(
    "--seed", type=click.IntRange(0, (1 << 32) - 1), default=0, show_default=True, help="Seed of the random choices."
)


def data_option(*, required: bool = False, split: str = "the test split") -> Callable[[Any], Any]:
    """``--data DATA``, given to the command as ``data: str``; ``HWSNN_DATA`` is its default if it is ``required``.

    If it is not ``required``, its default is None. ``split``: which images of a folder are used.
    """
    return click.option(
        "--data",
        required=required,
        callback=not_empty,
        envvar="HWSNN_DATA" if required else None,
        show_envvar=required,
        metavar="DATA",
        shell_complete=completers.data,
        help=f"A folder of IDX files ({split}), an .npz with x and optional y, or a word: {completers.DATA_WORDS}.",
    )


def output_option(metavar: str, what: str, *, required: bool = False) -> Callable[[Any], Any]:
    """``-o PATH``, given to the command as ``output: Path`` (or None where not given)."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(),
        required=required,
        callback=as_path,
        metavar=metavar,
        help=what,
    )


def say_remark(data: Data) -> None:
    """Print what must be said beside any figure that is measured with ``data``, if there is such a thing."""
    if data.remark:
        say(f"note: these are {data.remark}")


def require_another(output: Path | None, **inputs: Path) -> None:
    """Raise ``InputError`` if the file to write is one of the files that are read, under any name.

    ``inputs``: the files that are read, by their role.
    """
    for what, file in inputs.items():
        if output is not None and output.exists() and file.exists() and output.samefile(file):
            raise InputError(f"{output}: is the {what} itself; name another file to write to")


def not_empty(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse empty text: it comes from an unset shell variable, and as a path it would mean the current folder."""
    if value == "":
        raise click.BadParameter("must name something, not be empty")
    return value


def as_path(ctx: click.Context, param: click.Parameter, value: str | None) -> Path | None:
    """An option's text as a path; empty is refused."""
    text = not_empty(ctx, param, value)
    return None if text is None else Path(text)


def command_line(ctx: click.Context) -> str:
    """The command as it was given, but for where its output goes: the same inputs give the same line."""
    words = ctx.command_path.split()
    for parameter in ctx.command.params:
        name = parameter.name or ""
        if ctx.get_parameter_source(name) is not ParameterSource.COMMANDLINE or name in ("output", "as_json"):
            continue
        value = ctx.params[name]
        for each in value if isinstance(value, tuple) else (value,):
            flag = isinstance(parameter, click.Option) and parameter.is_flag
            words += [] if isinstance(parameter, click.Argument) else [parameter.opts[0]]
            words += [] if flag else [str(each)]
    return f"{shlex.join(words)} -o DIR"


def say(text: str) -> None:
    """Print lines of a result: on a terminal wrapped between words, and with colours where they are wanted."""
    click.echo(wrapped(text, width(sys.stdout)), color=coloured(sys.stdout))


def verdict(text: str, good: bool) -> str:
    """``text`` as ``say`` prints it: green if what it tells is as it must be, else red."""
    return click.style(text, fg="green" if good else "red", bold=not good)


def results_console() -> Console:
    """The console for a command's tables: stdout."""
    from rich.console import Console

    class Results(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # in place of rich's own exit: like everything else that we print

    return Results(width=width(sys.stdout) or PIPE_WIDTH, **console_settings(sys.stdout))


def emit(as_json: bool, fields: dict[str, Any], human: Callable[[], None]) -> None:
    """Print a command's result: ``fields`` as one JSON object, or whatever ``human`` prints."""
    if as_json:
        click.echo(json.dumps(fields, allow_nan=False))
    else:
        human()
