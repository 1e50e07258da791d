"""Checks the clock rule (``docs/clock.md``) on a design in Verilog: its longest paths by component, as a table.

    hwsnn generate digits -o generated
    python benchmarks/clock_rule.py generated/digits.v

Exit status 1 where a path breaks the rule.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hwsnn.build.analysis.clock_rule import LIMIT, longest_paths, synthesize
from hwsnn.verilog.emit import TOP


def main(file: str, top: str = TOP) -> int:
    """Print the table; the exit status."""
    verilog = Path(file).read_text()
    paths = longest_paths(synthesize(verilog, top), verilog)
    table = Table("component", "inputs", "too long", "length", "from", "passes", "to")
    for component, group in groupby(sorted(paths, key=lambda path: path.component), lambda path: path.component):
        members = list(group)
        worst = max(members, key=lambda path: path.length)
        too_long = sum(path.length > LIMIT for path in members)
        counts = (str(len(members)), str(too_long), str(worst.length))
        table.add_row(component or top, *counts, worst.start, ", ".join(worst.passes), worst.end)
    Console(width=None if sys.stdout.isatty() else 200).print(table)
    broken = sum(path.length > LIMIT for path in paths)
    print(f"{broken} of {len(paths)} paths are longer than {LIMIT}")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
