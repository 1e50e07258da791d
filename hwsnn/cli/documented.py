"""Commands and groups whose help ends with examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from .wrapping import broken_command


class _Examples:
    """``examples``: command lines, each of which the command takes as it is."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, each broken so that it can be copied from a narrow terminal too."""
        if not self.examples:
            return
        with formatter.section("Examples"):
            margin = " " * formatter.current_indent
            for example in self.examples:
                for line in broken_command(example, formatter.width - len(margin)):
                    formatter.write(f"{margin}{line}\n")


class Command(_Examples, click.Command):
    """A command with examples."""


class Group(_Examples, click.Group):
    """A group with examples, of its commands, which have their own."""

    command_class = Command
