"""``hwsnn data``: download public data sets by name."""

from __future__ import annotations

from pathlib import Path

import click

from hwsnn.data.sets import SETS

from ..errors import InputError
from ..progress import stages
from .common import as_path, emit, json_option, say
from .documented import Command


@click.command(
    "data",
    cls=Command,
    examples=(
        "hwsnn data mnist",
        "hwsnn data cifar10 --to datasets/cifar10",
    ),
)
@click.argument("name", type=click.Choice(list(SETS)))
@click.option(
    "--to",
    "folder",
    type=click.Path(),
    callback=as_path,
    metavar="DIR",
    help="The folder for the files (default: one in the cache folder, where NAME as DATA finds them).",
)
@json_option
def command(name: str, folder: Path | None, as_json: bool) -> None:
    """Download the public data set NAME, so that its name can be given as DATA.

    Files that are already there are not downloaded again, and an interrupted download resumes. docs/data.md lists the
    sets. Two are not downloaded: digits ships with hwsnn, and spoken-digits is a repository to clone.
    """
    from rich.progress import DownloadColumn, TransferSpeedColumn

    from hwsnn.files.cache import private_folder

    from ..data.fetch import fetch

    named = SETS[name]
    if not named.files:
        raise InputError(f"{name}: cannot be fetched; {named.source}, and put it where docs/data.md says")
    target = folder or private_folder("data") / named.folder
    with stages(DownloadColumn(), TransferSpeedColumn()) as show:
        files = fetch(target, named.files, named.mirrors, show.at)

    def human() -> None:
        for file in files:
            say(f"wrote {file}")
        say(f"{name} is in {target}: {'--data ' + (str(folder) if folder else name)}")

    emit(as_json, {"data": name, "folder": str(target), "fetched": [file.name for file in files]}, human)
