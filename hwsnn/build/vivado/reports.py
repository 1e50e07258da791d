"""Reads the texts that Vivado's report commands write (AMD UG835, UG906, UG907) into values for JSON.

Raises ``ToolError`` if a text lacks something that the commands in ``implement.tcl`` request.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

from hwsnn.errors import ToolError

SITES = {"lut": "CLB LUTs", "ff": "CLB Registers", "bram": "Block RAM Tile", "dsp": "DSPs"}
"""Our names of resources, and Vivado's: a block RAM tile has 36 kbit, half of one may be used."""
INSTANCE_COLUMNS = {"lut": "Total LUTs", "ff": "FFs", "bram36": "RAMB36", "bram18": "RAMB18", "dsp": "DSP"}
"""The first headings of the table by instance."""
SLACKS = {"setup": ("WNS(ns)", "TNS(ns)"), "hold": ("WHS(ns)", "THS(ns)"), "pulse_width": ("WPWS(ns)", "TPWS(ns)")}
"""What timing analysis checks, and the columns of its worst and its total negative slack."""
POWER = {
    "total_w": "Total On-Chip Power (W)",
    "dynamic_w": "Dynamic (W)",
    "static_w": "Device Static (W)",
    "junction_c": "Junction Temperature (C)",
}

_CELL = re.compile(r"\{[^}]*\}|\S+")
"""A cell of a table without a frame; a clock's waveform is two numbers in braces."""

Table = list[list[str]]
Values = dict[str, Any]


def parse_utilization(text: str) -> Values:
    """Of ``report_utilization``: for each resource how much of it is used, and how much there is."""
    rows: dict[str, dict[str, str]] = {}
    for table in _tables(text):
        if table[0][0].strip() == "Site Type":
            headings = [heading.strip() for heading in table[0]]
            rows |= {row[0].strip().rstrip("*"): dict(zip(headings, row, strict=True)) for row in table[1:]}
    found = {}
    for name, site in SITES.items():
        if not {"Used", "Available"} <= rows.get(site, {}).keys():
            raise ToolError(f"Vivado's report of utilization has no {site}")
        found[name] = {"used": _number(rows[site]["Used"]), "available": _number(rows[site]["Available"])}
    return found


def parse_instance(text: str, instance: str) -> Values:
    """Of ``report_utilization -hierarchical``: what the first instance of this name uses, all below it included."""
    for table in _tables(text):
        headings = [heading.strip() for heading in table[0]]
        for row in table[1:] if headings[0] == "Instance" else ():
            if row[0].strip() == instance:
                return {name: _number(_under(headings, row, start)) for name, start in INSTANCE_COLUMNS.items()}
    raise ToolError(f"Vivado's report of utilization has no instance {instance}")


def parse_timing(text: str) -> Values:
    """Of ``report_timing_summary``: whether all constraints are met, slacks, and every clock with its setup slack.

    A slack is None if there is no constraint.
    """
    summary = _columns(text, lambda headings: headings[:2] == ["WNS(ns)", "TNS(ns)"])
    clocks = _columns(text, lambda headings: headings[:3] == ["Clock", "Waveform(ns)", "Period(ns)"])
    within = _columns(text, lambda headings: headings[:2] == ["Clock", "WNS(ns)"])
    for name, table, columns in (
        ("of the design", summary, [column for pair in SLACKS.values() for column in pair]),
        ("of its clocks", clocks, ["Clock", "Period(ns)"]),
    ):
        if not table or not all(set(columns) <= row.keys() for row in table):
            raise ToolError(f"Vivado's report of timing has no summary {name}, or not {', '.join(columns)} in it")
    slacks = {}
    for name, (worst, total) in SLACKS.items():
        slacks[name] = {"worst_ns": _slack(summary[0][worst]), "total_ns": _slack(summary[0][total])}
    setup = {row["Clock"]: _slack(row.get("WNS(ns)", "")) for row in within}
    return {
        "met": all((slack["worst_ns"] or 0) >= 0 for slack in slacks.values()),
        "slacks": slacks,
        "clocks": {
            row["Clock"]: {"period_ns": _slack(row["Period(ns)"]), "setup_ns": setup.get(row["Clock"])}
            for row in clocks
        },
    }


def fmax_mhz(timing: Values, clock: str) -> float:
    """The maximum frequency of the one clock of ``parse_timing`` whose name starts with ``clock``."""
    names = [name for name in timing["clocks"] if name.startswith(clock)]
    if len(names) != 1:
        known = ", ".join(timing["clocks"])
        raise ToolError(f"Vivado's report of timing has {len(names)} clocks {clock}... (clocks: {known})")
    period, slack = (timing["clocks"][names[0]][key] for key in ("period_ns", "setup_ns"))
    if period is None or slack is None or slack >= period:
        raise ToolError(f"Vivado's report of timing has no slack of {names[0]}, or none that can be")
    return round(float(1000 / (period - slack)), 3)


def parse_power(text: str, instance: str) -> Values:
    """Of ``report_power``: watts of the chip, of its parts by kind, and of an instance; Vivado's confidence.

    ``nets_matched`` and ``nets``: how many nets of the design got their activity from simulation; None without. A value
    that Vivado prints as "<0.001" is 0.001 here.
    """
    summary: dict[str, str] = {}
    components: Values = {}
    watts = None
    for table in _tables(text):
        headings = [heading.strip() for heading in table[0]]
        if headings[0] == POWER["total_w"]:
            summary = {row[0].strip(): row[1].strip() for row in table if len(row) == 2}
        elif headings[0] == "On-Chip":
            # The indented rows are parts of the row above them.
            components = {row[0].strip(): _watts(row[1]) for row in table[1:] if not row[0].startswith("  ")}
        elif headings == ["Name", "Power (W)"]:
            watts = next((_watts(row[1]) for row in table[1:] if row[0].strip() == instance), None)
    missing = [label for label in (*POWER.values(), "Confidence Level") if label not in summary]
    if missing:
        raise ToolError(f"Vivado's report of power has no {missing[0]}")
    matched = re.search(r"\((\d+)/(\d+)\)", summary.get("Design Nets Matched", ""))
    return {
        **{name: _watts(summary[label]) for name, label in POWER.items()},
        "accelerator_w": watts,
        "components_w": {name: power for name, power in components.items() if name != "Total"},
        "confidence": summary["Confidence Level"],
        "nets_matched": int(matched[1]) if matched else None,
        "nets": int(matched[2]) if matched else None,
    }


def _tables(text: str) -> list[Table]:
    """Tables with frames of + and |: rows of cells, each as it stands but for one blank at its left and those right."""
    tables: list[Table] = []
    open_table = False
    for line in text.splitlines():
        if line.startswith("|") and line.rstrip().endswith("|"):
            if not open_table:
                tables.append([])
                open_table = True
            cells = [cell[1:].rstrip() for cell in line.rstrip()[1:-1].split("|")]
            if not tables[-1] or len(cells) == len(tables[-1][0]):
                tables[-1].append(cells)
        elif not line.startswith("+"):
            open_table = False
    return tables


def _columns(text: str, wanted: Callable[[list[str]], bool]) -> list[dict[str, str]]:
    """The rows of the first table whose headings, over dashes, are ``wanted``: cells by heading, empty ones left out.

    Numbers end where their heading ends, texts start where it starts; the names of clocks may be indented.
    """
    lines = text.splitlines()
    for number, rule in enumerate(lines[1:], 1):
        spans = [match.span() for match in re.finditer(r"-+", rule)] if set(rule) == {" ", "-"} else []
        headings = [lines[number - 1][slice(*span)] for span in spans]
        if headings and wanted(headings):
            rows = itertools.takewhile(str.strip, lines[number + 1 :])
            return [_cells(row, headings, spans) for row in rows]
    return []


def _cells(row: str, headings: Sequence[str], spans: Sequence[tuple[int, int]]) -> dict[str, str]:
    starts, ends = ({span[side]: heading for span, heading in zip(spans, headings, strict=True)} for side in (0, 1))
    cells: dict[str, str] = {}
    for match in _CELL.finditer(row):
        heading = headings[0] if not cells and headings[0] == "Clock" else ends.get(match.end())
        cells[heading or starts.get(match.start(), "")] = match.group()
    return cells


def _under(headings: Sequence[str], row: Sequence[str], start: str) -> str:
    return next((cell for heading, cell in zip(headings, row, strict=True) if heading.startswith(start)), "")


def _number(text: str) -> int | float:
    try:
        value = float(text)
    except ValueError:
        raise ToolError(f"Vivado's report of utilization has {text.strip()!r} where a number belongs") from None
    return int(value) if value == int(value) else value


def _slack(text: str) -> float | None:
    try:
        return None if text in ("", "NA") else float(text)
    except ValueError:
        raise ToolError(f"Vivado's report of timing has {text!r} where a slack belongs") from None


def _watts(text: str) -> float:
    try:
        return float(text.strip().lstrip("<"))
    except ValueError:
        raise ToolError(f"Vivado's report of power has {text.strip()!r} where a number belongs") from None
