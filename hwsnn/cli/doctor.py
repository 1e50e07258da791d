"""``hwsnn doctor``: what this machine has and lacks. A board is examined by ``hwsnn board doctor``."""

from __future__ import annotations

import platform
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING

import click

from ..progress import stages
from ..version import __version__
from .common import emit, json_option, results_console, say, verdict
from .documented import Command

if TYPE_CHECKING:
    from ..doctor.item import Item


@click.command("doctor", cls=Command, examples=("hwsnn doctor", "hwsnn doctor --json"))
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Examine this machine: the programs, packages and data sets that hwsnn finds, and how to get the others.

    Exit status 1 if something is missing that hwsnn needs for its main work: to simulate, verify and build by open
    tools. What only some commands need may be absent. A board that does not work is examined by hwsnn board doctor.
    """
    from ..doctor.installed import installed
    from ..doctor.places import cache, data_sets
    from ..doctor.programs import programs

    with stages() as show:
        show.at("asking programs for their versions")
        items = [*programs()]
        show.at("looking for packages and data")
        items += [*installed(), *data_sets()]
        show.at("measuring the cache")
        place, size = cache()
        items.append(place)
    missing = [item.name for item in items if item.state == "MISSING"]
    machine = f"hwsnn {__version__}, Python {platform.python_version()}, {platform.platform()}"
    fields = {
        "hwsnn": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "missing": missing,
        "cache_bytes": size,
        "items": [asdict(item) | {"state": item.state} for item in items],
    }

    def human() -> None:
        say(machine)
        for group, of_group in groupby(items, key=lambda item: item.group):
            _show(group, [*of_group])
        if missing:
            say(verdict(f"missing, and needed: {', '.join(missing)}", good=False))
        else:
            say(verdict("nothing is missing that simulating, verifying and building by open tools needs", good=True))

    emit(as_json, fields, human)
    if missing:
        ctx.exit(1)


def _show(group: str, items: list[Item]) -> None:
    """A table of what was found, and below it a line for each that was not."""
    from .tables import FittingTable

    found = [item for item in items if item.found is not None]
    if found:
        table = FittingTable((group, "found", "for"))
        for item in found:
            table.add_row(item.name, item.found or "", item.purpose)
        results_console().print(table)
    for item in items:
        if item.found is None:
            state = verdict(item.state, good=not item.needed)
            say(f"{item.name} ({item.purpose}): {state}; {item.remedy}")
