"""Synthesis of units by Yosys for a Xilinx family: each distinct one once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hwsnn.errors import ToolError
from hwsnn.files.atomic import needs_room, written_whole
from hwsnn.files.cache import private_folder
from hwsnn.files.scratch import Scratch
from hwsnn.progress import CountProgress

from ..process import run_side_by_side
from ..tools import Tool
from .units import MARK, ROOT

AT_ONCE = 2
"""Yosys processes at a time."""
BATCH = 16
"""Maximum units per process: Yosys's start-up takes as long as a dozen small ones."""
BATCH_LINES = 8_000
"""Maximum RTLIL per process, unless one unit has more: some passes take longer per unit the more units there are."""
FIRST_NUMBER = 1_000_000_000
"""The first number that Yosys gives to generated names. It sorts by name: if all numbers have the same length, the
order within a unit does not depend on the other units, and neither does its result."""
SCRIPT = """read_rtlil {name}.il
synth_xilinx -family {family} -top {name} -flatten -noiopad -noclkbuf
tee -q -o {name}.json stat -json -tech xilinx
"""


@dataclass(frozen=True)
class Netlist:
    """The netlist of a unit, without the units below it: cells by type, and Yosys's own estimate of logic cells."""

    cells: Mapping[str, int]
    estimated_lcs: int

    def __post_init__(self) -> None:
        if not all(type(number) is int and number >= 0 for number in (*self.cells.values(), self.estimated_lcs)):
            raise ValueError("cells must be counted in integers from 0")


@dataclass(frozen=True)
class Synthesized:
    """``made``: number of units that were not in the cache. ``peak_bytes``: peak memory of a process, if any ran."""

    netlists: dict[str, Netlist]
    made: int
    peak_bytes: int | None


def cache_folder() -> Path:
    """The folder of netlists, one file per unit: ``hwsnn/synthesis`` in the user's cache folder. Made if missing."""
    return private_folder("synthesis")


def synthesize(tool: Tool, units: Sequence[str], family: str, progress: CountProgress) -> Synthesized:
    """The netlists of ``units``, which are distinct. At an exception, Ctrl-C too, the finished ones are in the cache.

    Raises ``InputError`` if there can be no cache, and ``ToolError`` if Yosys fails.
    """
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    files = {unit: cache / f"{_digest(unit, tool.version, SCRIPT, family)}.json" for unit in units}
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


def _batches(units: Sequence[str]) -> list[list[str]]:
    """Batches with the largest units first, so that the last batches are short."""
    lines = {unit: unit.count("\n") for unit in units}
    batches: list[list[str]] = []
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


def _batch_text(units: Sequence[str], name: str) -> str:
    """RTLIL of a module ``name`` that holds all ``units`` and keeps them."""
    roots = [f"\\{_prefix(number)}{ROOT}" for number in range(len(units))]
    cells = "".join(f"  attribute \\keep 1\n  cell {root} {root}\n  end\n" for root in roots)
    texts = "".join(unit.replace(MARK, _prefix(number)) for number, unit in enumerate(units))
    return f"autoidx {FIRST_NUMBER}\n{texts}module \\{name}\n{cells}end\n"


def _results(statistics: Path, units: Sequence[str]) -> dict[str, Netlist]:
    """Yosys's counts for each unit of a batch."""
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
    """The entry in the cache; None if it is missing or damaged."""
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
