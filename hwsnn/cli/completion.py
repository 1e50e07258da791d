"""``hwsnn completion``: scripts by which shells complete hwsnn's commands, and the answers that these ask for."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from .completers import COMPLETES
from .documented import Command

PROGRAM = "hwsnn"


def _with_files(template: str, after: str, files: str) -> str:
    """click's script ``template`` with a branch for items of the type ``FILES`` after the text ``after``."""
    before, found, rest = template.partition(after)
    assert found, "click's script is another one"
    return before + found + files + rest


class _Bash(BashComplete):
    source_template = _with_files(
        BashComplete.source_template,
        """            COMPREPLY+=($value)
""",
        """        elif [[ $type == 'files' ]]; then
            local ending typed="${COMP_WORDS[COMP_CWORD]}"
            compopt -o filenames
            COMPREPLY+=($(compgen -d -- "$typed"))
            for ending in ${value//|/$'\\n'}; do
                COMPREPLY+=($(compgen -f -X "!*.$ending" -- "$typed"))
            done
""",
    )


class _Zsh(ZshComplete):
    source_template = _with_files(
        ZshComplete.source_template,
        """            _path_files -f
""",
        """        elif [[ "$type" == "files" ]]; then
            _files -g "*.($key)(-.)"
""",
    )


class _Fish(FishComplete):
    source_template = _with_files(
        FishComplete.source_template,
        """            echo $metadata[2];
""",
        """        else if test $metadata[1] = "files";
            __fish_complete_path (commandline -ct) | string match -r '^.*(?:/|\\.(?:'$metadata[2]'))(?:\\t.*)?$';
""",
    )


SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


def answer(cli: click.Command, asked: str) -> int:
    """Print the completions that the script of a shell asks for, as ``zsh_complete``; the exit status."""
    shell, _, what = asked.partition("_")
    if shell not in SHELLS or what != "complete":
        return 1
    click.echo(SHELLS[shell](cli, {}, PROGRAM, COMPLETES).complete())
    return 0


@click.command(
    "completion",
    cls=Command,
    examples=(
        "hwsnn completion bash",
        "hwsnn completion zsh",
        "hwsnn completion fish",
    ),
)
@click.argument("shell", type=click.Choice(tuple(SHELLS)))
def command(shell: str) -> None:
    """Print the script by which SHELL completes commands, options, models, data sets and boards.

    \b
    bash: eval "$(hwsnn completion bash)" in ~/.bashrc
    zsh:  eval "$(hwsnn completion zsh)" in ~/.zshrc, after compinit
    fish: hwsnn completion fish > ~/.config/fish/completions/hwsnn.fish
    """
    root = click.get_current_context().find_root().command
    click.echo(SHELLS[shell](root, {}, PROGRAM, COMPLETES).source(), nl=False)
