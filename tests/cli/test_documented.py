"""Every command's help ends with examples, which the command takes as they are; cheap ones are run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from hwsnn.cli import cli
from hwsnn.cli.documented import Command, Group
from hwsnn.cli.wrapping import broken_command
from tests.support.shell_lines import context_of

CHEAP = ("hwsnn inspect digits", "hwsnn run digits --data digits", "hwsnn completion bash")


def walk(command: click.Command, path: str, parent: click.Context | None = None) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = context_of(command, parent)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from walk(inner, f"{path} {name}", context)


COMMANDS = dict(walk(cli, "hwsnn"))
EXAMPLES = [(path, line) for path, found in COMMANDS.items() for line in getattr(found, "examples", ())]


def parsed(words: list[str]) -> str:
    """The path of the command that takes these words; raises ``click.UsageError`` if it does not."""
    command: click.Command = cli
    context, words = None, words[1:]
    path = ["hwsnn"]
    while True:
        context = command.make_context(path[-1], words, parent=context)
        if not isinstance(command, click.Group):
            return " ".join(path)
        name, inner, words = command.resolve_command(context, [*context._protected_args, *context.args])
        assert name is not None
        assert inner is not None
        path.append(name)
        command = inner


def test_the_walk_finds_commands_and_their_own() -> None:
    assert {"hwsnn", "hwsnn run", "hwsnn board", "hwsnn board doctor", "hwsnn doctor"} <= COMMANDS.keys()


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_has_examples(path: str) -> None:
    command = COMMANDS[path]
    assert isinstance(command, (Command, Group))
    assert command.examples
    shown = CliRunner().invoke(cli, [*path.split()[1:], "--help"], prog_name="hwsnn").stdout
    for example in command.examples:
        assert example in " ".join(shown.replace("\\\n", "").split())


@pytest.mark.parametrize(("path", "line"), EXAMPLES)
def test_an_example_is_taken(path: str, line: str) -> None:
    """By the command that shows it, or by one of its group."""
    assert parsed(shlex.split(line)).startswith(path)


def test_what_a_command_does_not_take_is_no_example() -> None:
    with pytest.raises(click.UsageError, match="No such option"):
        parsed(["hwsnn", "board", "run", "digits", "--nope"])


@pytest.mark.parametrize("line", CHEAP)
def test_a_cheap_example_runs(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert line in [example for _, example in EXAMPLES]
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli, shlex.split(line)[1:], prog_name="hwsnn")
    assert result.exit_code == 0
    assert result.stdout


def test_a_long_command_is_broken_for_a_shell() -> None:
    assert broken_command("hwsnn run digits --data digits", 80) == ["hwsnn run digits --data digits"]
    lines = broken_command("hwsnn run digits --data digits", 24)
    assert lines == ["hwsnn run digits \\", "    --data digits"]
    assert shlex.split("\n".join(lines).replace("\\\n", "")) == ["hwsnn", "run", "digits", "--data", "digits"]
