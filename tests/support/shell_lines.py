"""Whether lines of a shell in the documentation are what hwsnn, make and Python take, without running any."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click

from hwsnn.cli import cli

PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_]*")
"""A word that stands for a value."""


def commands(text: str) -> list[list[str]]:
    """The words of each command in ``text``: comments left out, lines that end within quotes or in ``\\`` joined."""
    found, pending = [], ""
    for line in text.splitlines():
        pending += line
        if pending.endswith("\\"):
            pending = pending[:-1]
            continue
        try:
            words = shlex.split(pending, comments=True)
        except ValueError:  # a quote is still open
            pending += "\n"
            continue
        pending = ""
        if words:
            found.append(words)
    if pending:
        raise ValueError(f"a quote must be closed: {pending!r}")
    return found


def program(words: list[str]) -> list[str]:
    """``words`` from the program on: without ``sudo``, ``env`` and what belongs to these."""
    if words[0] == "sudo":
        words = words[1:]
        while words[0].startswith("-"):
            words = words[1:]
    if words[0] == "env":
        words = words[1:]
        while "=" in words[0]:
            words = words[1:]
    return words


def context_of(command: click.Command, parent: click.Context | None = None) -> click.Context:
    """A context as that of hwsnn: a command keeps the names of its help from the first context that asks."""
    return click.Context(command, parent, command.name, **cli.context_settings)


def _command(words: list[str]) -> tuple[click.Command, click.Context, list[str]]:
    """The command of hwsnn that ``words`` name, and what is left of them. Raises ``click.UsageError`` for another."""
    command: click.Command = cli
    context = context_of(cli)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            raise click.UsageError(f"no command {words[0]!r}")
        command, words = found, words[1:]
        context = context_of(command, context)
    return command, context, words


def options(command: click.Command) -> set[str]:
    """The options of ``command``, ``--help`` among them."""
    made = context_of(command)
    return {name for parameter in command.get_params(made) for name in (*parameter.opts, *parameter.secondary_opts)}


def all_options() -> set[str]:
    """The options of all commands."""
    found, left = set(), [cli]
    while left:
        command: click.Command = left.pop()
        found |= options(command)
        if isinstance(command, click.Group):
            context = context_of(command)
            left += [part for name in command.list_commands(context) if (part := command.get_command(context, name))]  # type: ignore[misc]
    return found


def mentioned_problem(text: str) -> str | None:
    """What is wrong with ``hwsnn ...`` in a sentence or a synopsis, where values may lack: a command, an option."""
    words = re.sub(r"[\[\](),]|\.\.\.", " ", text).split()[1:]
    try:
        command, _, rest = _command(words)
    except click.UsageError as error:
        return error.format_message()
    unknown = [
        word for word in rest if re.match(r"--?[a-zA-Z]", word) and word.partition("=")[0] not in options(command)
    ]
    return f"no option {unknown[0]}" if unknown else None


def whole_problem(words: list[str]) -> str | None:
    """What is wrong with a command of hwsnn: an option, a value that must be one of a list, something that lacks."""
    try:
        command, context, rest = _command(words[1:])
        values, left, _ = command.make_parser(context).parse_args(rest)
        if left:
            return f"more than it takes: {left}"
        for parameter in command.get_params(context):
            value = values.get(parameter.name or "")
            given = value is not None and value != ()
            if parameter.required and not given and not isinstance(command, click.Group):
                return f"{parameter.opts[-1]} is required"
            limited = isinstance(parameter.type, click.Choice)
            if limited and isinstance(value, str) and not PLACEHOLDER.fullmatch(value):
                parameter.type.convert(value, parameter, context)
    except click.UsageError as error:
        return error.format_message()
    return None


def problem(words: list[str], root: Path) -> str | None:
    """What is wrong with a command, or None; ``root``: the checkout, from which paths go."""
    words = program(words)
    name = words[0].rpartition("/")[2]
    if name == "hwsnn":
        return mentioned_problem(" ".join(words)) if set(" ".join(words)) & set("[]") else whole_problem(words)
    if name == "make":
        (goals,) = re.findall(r"^\.PHONY: (.*)$", (root / "Makefile").read_text(), re.MULTILINE)
        unknown = [word for word in words[1:] if "=" not in word and word not in goals.split()]
        return f"no goal {unknown[0]}" if unknown else None
    if name in ("python", "python3") and words[1] == "-c":
        compile(words[2], "-c", "exec")
        return None
    if name in ("python", "python3", "pytest"):
        missing = [word for word in words[1:] if re.match(r"(benchmarks|examples|tests|rtl_tests)/.*\.py$", word)]
        missing = [word for word in missing if not (root / word).is_file()]
        return f"no file {missing[0]}" if missing else None
    return None
