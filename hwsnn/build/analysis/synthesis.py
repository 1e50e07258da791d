"""Synthesis of units by Yosys for a Xilinx family: each distinct one once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hwsnn.errors import ToolError
from hwsnn.files.atomic import needs_room, written_whole
from hwsnn.files.cache import private_folder
from hwsnn.files.scratch import Scratch

from ..process import run_side_by_side
from ..tools import Tool
from .units import ROOT, Unit

AT_ONCE = 2
"""Yosys processes at a time."""
BATCH = 16
"""Units a process: what Yosys does before it comes to the first takes it as long as a dozen of small ones."""
BATCH_LINES = 8_000
"""RTLIL a process, unless one unit has more: parts of the work on one unit take longer the more there is of others."""
FIRST_NUMBER = 1_000_000_000
"""Where Yosys starts to number what it makes. It sorts by name: where all numbers have the same length, the order
within a unit is the same in whatever company, and hence its result."""
SCRIPT = """read_rtlil {name}.il
synth_xilinx -family {family} -top {name} -flatten -noiopad -noclkbuf
tee -q -o {name}.json stat -json -tech xilinx
"""

Progress = Callable[[int, int], None]
"""Called with how many distinct units are done, and how many there are."""


@dataclass(frozen=True)
class Netlist:
    """What became of a unit, without the units below it: cells by type, and Yosys's own estimate of logic cells."""

    cells: Mapping[str, int]
    estimated_lcs: int

    def __post_init__(self) -> None:
        if not all(type(number) is int and number >= 0 for number in (*self.cells.values(), self.estimated_lcs)):
            raise ValueError("cells must be counted in integers from 0")


@dataclass(frozen=True)
class Synthesized:
    """``made``: how many units were not in the cache. ``peak_bytes``: the most that a process held, if any ran."""

    netlists: dict[Unit, Netlist]
    made: int
    peak_bytes: int | None


def cache_folder() -> Path:
    """Where netlists are kept, a file a unit: ``hwsnn/synthesis`` in the user's cache folder. Made if need be."""
    return private_folder("synthesis")


def synthesize(tool: Tool, units: Sequence[Unit], family: str, progress: Progress) -> Synthesized:
    """The netlists of ``units``, which are distinct. What is done when an exception comes, Ctrl-C too, is in the cache.

    Raises ``InputError`` where there can be no cache, and ``ToolError`` where Yosys fails.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    files = {unit: cache / f"{_digest(unit.text(''), tool.version, SCRIPT, family)}.json" for unit in units}
    netlists = {unit: netlist for unit in units if (netlist := _kept(files[unit])) is not None}
    batches = _batches([unit for unit in units if unit not in netlists])
    made, peaks = len(units) - len(netlists), []
    progress(len(netlists), len(units))
    with Scratch("synthesis") as folder:
        with needs_room(folder):
            for number, batch in enumerate(batches):
                name = _batch_name(number)
                (folder / f"{name}.il").write_text(_batch_text(batch, name))
                (folder / f"{name}.ys").write_text(SCRIPT.format(name=name, family=family))

        def on_end(number: int, peak_bytes: int) -> None:
            peaks.append(peak_bytes)
            for unit, netlist in _results(folder / f"{_batch_name(number)}.json", batches[number]).items():
                _keep(files[unit], netlist)
                netlists[unit] = netlist
            progress(len(netlists), len(units))

        scripts = [[f"{_batch_name(number)}.ys"] for number in range(len(batches))]
        run_side_by_side(tool, scripts, folder, AT_ONCE, on_end)
    return Synthesized(netlists, made, max(peaks, default=None))


def _batches(units: Sequence[Unit]) -> list[list[Unit]]:
    """The largest units first, so that what comes last is short."""
    lines = {unit: unit.template.count("\n") for unit in units}
    batches: list[list[Unit]] = []
    room = 0
    for unit in sorted(units, key=lambda unit: -lines[unit]):
        room -= lines[unit]
        if room < 0 or len(batches[-1]) == BATCH:
            batches.append([])
            room = BATCH_LINES - lines[unit]
        batches[-1].append(unit)
    return batches


def _batch_name(number: int) -> str:
    return f"batch_{number}"


def _prefix(number: int) -> str:
    """Of all names of a unit in its batch."""
    return f"{number:02d}_"


def _batch_text(units: Sequence[Unit], name: str) -> str:
    """RTLIL of a module ``name`` that holds all ``units`` and keeps them."""
    roots = [f"\\{_prefix(number)}{ROOT}" for number in range(len(units))]
    cells = "".join(f"  attribute \\keep 1\n  cell {root} {root}\n  end\n" for root in roots)
    texts = "".join(unit.text(_prefix(number)) for number, unit in enumerate(units))
    return f"autoidx {FIRST_NUMBER}\n{texts}module \\{name}\n{cells}end\n"


def _results(statistics: Path, units: Sequence[Unit]) -> dict[Unit, Netlist]:
    """What Yosys counted in each unit of a batch."""
    netlists = {}
    try:
        modules = json.loads(statistics.read_text())["modules"]
        for number, unit in enumerate(units):
            module = modules[f"\\{_prefix(number)}{ROOT}"]
            # Yosys drops the backslash of the device's cells, but not where a digit follows, as in our black boxes.
            cells = {kind: count for kind, count in module["num_cells_by_type"].items() if not kind.startswith("\\")}
            netlists[unit] = Netlist(cells, module["estimated_num_lc"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ToolError(f"Yosys left no statistics as expected ({type(error).__name__}: {error})") from None
    return netlists


def _kept(file: Path) -> Netlist | None:
    """What is in the cache; None where it is not, or is damaged."""
    try:
        return Netlist(**json.loads(file.read_text()))
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def _keep(file: Path, netlist: Netlist) -> None:
    with written_whole(file) as partial:
        partial.write_text(json.dumps(asdict(netlist)))


def _digest(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:32]
