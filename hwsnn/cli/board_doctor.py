"""``hwsnn board doctor``: one text file with what is needed to find out why a board does not work."""

from __future__ import annotations

from pathlib import Path

import click

from ..progress import stages
from . import completers
from .board_common import address_options
from .common import output_option, require_another, say
from .documented import Command


@click.command(
    "doctor",
    cls=Command,
    examples=(
        "hwsnn board doctor digits --on serial:/dev/ttyUSB0 -o report.txt",
        "hwsnn board doctor --on zcu102 -o report.txt",
    ),
)
@click.argument("model", metavar="[MODEL]", required=False, shell_complete=completers.model)
@address_options
@output_option("FILE", "The text file to write.", required=True)
def doctor(model: str | None, address: str, baud: int | None, output: Path) -> None:
    """Write what is needed to find out why a board does not work into one text file, to read and to send.

    Versions, memory, clocks, the bitstream's hash, all registers of the design, the state of its DMA, the kernel's log;
    of a serial port its driver, and whether the board answers. MODEL, if it is given, is compared with what the board
    holds. Nothing is loaded or reset. What cannot be read is a line in the file, and the rest is there.
    """
    from ..board_doctor.report import report
    from ..board_doctor.sections import sections_of
    from ..files.atomic import written_whole

    sections = sections_of(address, model, baud)
    named = {"MODEL": model or "", "file at ADDRESS": address.partition(":")[2]}
    require_another(output, **{what: Path(name) for what, name in named.items() if name})
    with written_whole(output) as partial, stages() as show:
        found = report(address, sections, show.at)
        partial.write_text(found.text, encoding="utf-8")
    failed = f"; could not be read: {', '.join(found.failed)}" if found.failed else ""
    say(f"{output}: {len(sections)} sections{failed}")
