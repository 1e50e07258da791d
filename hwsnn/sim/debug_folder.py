"""What shows a difference between hardware and reference: the design, the beats, and waveforms of a time round it.

``docs/debugging.md`` says what is in its files.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from vcd.gtkw import GTKWSave
from vcd.reader import TokenKind, tokenize

from hwsnn.files.scratch import Scratch
from hwsnn.rtl.network import layer_instance
from hwsnn.verilog.emit import TOP

from .boundaries import RESULT, Boundary, Bytes
from .differences import Difference
from .recording import CLOCK_PS, Job, Pass, record
from .runner import Waveforms, build_simulator

BEFORE, AFTER = 256, 64
"""Cycles of the window before and after the difference: from a window of a layer to its spikes it takes fewer."""


def write_debug_folder(
    folder: Path,
    verilog: str,
    compared: list[Boundary],
    passes: list[Pass],
    first: Difference | None,
    job: Job,
    pixels: Bytes,
) -> None:
    """Write the files into ``folder``, and simulate ``job`` once more up to the end of the window.

    Without a difference, the window is round the first frame's last beat. The waveforms are those of the top module's
    streams, and of everything in the layer that differs first.
    """
    one = passes[first.stalls if first else 0]
    layer = first.layer if first else compared[-1].name
    boundary = next(boundary for boundary in compared if boundary.name == layer)
    begin, at, end = _window(boundary, one, first)
    (folder / "design.v").write_text(verilog)
    _write_beats(folder / "beats.npz", compared, one)
    shown = None if first is None else asdict(first) | {"time_ps": at, "window_ps": [begin, end]}
    (folder / "first.json").write_text(json.dumps(shown, indent=2) + "\n")
    inside = {"encoder": "encoder", RESULT: "readout"}.get(layer, layer_instance(layer))
    simulator = build_simulator(verilog, TOP, traced=inside)
    dump = folder / "dump.vcd"
    with Scratch("waveforms") as scratch:  # Verilator's files are for nobody else
        recorded = scratch / dump.name
        record(simulator, replace(job, end_ps=end), pixels, waveforms=Waveforms(recorded, begin, end))
        shutil.copyfile(recorded, dump)
    _write_view(folder / "streams.gtkw", dump, compared, at)


def _window(boundary: Boundary, one: Pass, first: Difference | None) -> tuple[int, int, int]:
    """Begin of the window, the middle of the cycle in which the beat moved, and end of the window, in ps.

    Signals change with the edge that ends a cycle. Where no beat came, it is the cycle of the last one that did.
    """
    cycles = one.cycles[boundary.name]
    if first is not None and first.cycle is not None:
        cycle = first.cycle
    elif len(cycles):
        cycle = int(cycles[-1 if first else boundary.beats - 1])
    else:
        cycle = 0
    at = one.time_ps(cycle) - CLOCK_PS // 2
    return max(at - BEFORE * CLOCK_PS, 0), at, at + AFTER * CLOCK_PS


def _write_beats(path: Path, compared: list[Boundary], one: Pass) -> None:
    arrays = {}
    for boundary in compared:
        found = boundary.numbers(one.found[boundary.name])
        entries = (boundary.steps, -1) if boundary.name != RESULT else (-1,)
        arrays[f"expected_{boundary.name}"] = boundary.expected.reshape(len(boundary.expected), *entries)
        arrays[f"found_{boundary.name}"] = found.reshape(len(found), *entries)
        arrays[f"cycle_{boundary.name}"] = one.cycles[boundary.name]
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _write_view(path: Path, dump: Path, compared: list[Boundary], at: int) -> None:
    """A view for GTKWave: clock, reset, and every stream, with a marker at the difference."""
    named = _names(dump)
    with path.open("w") as file:
        view = GTKWSave(file)
        view.dumpfile(dump.name, abspath=False)
        view.timestart(max(at - BEFORE * CLOCK_PS // 4, 0))
        view.zoom_markers(-18.0, at)
        view.trace(named["clk"])
        view.trace(named["rst"])
        for name, stream in [("pixels", "pixels"), *((boundary.name, boundary.stream) for boundary in compared)]:
            with view.group(name):
                for signal in ("valid", "ready", "payload"):
                    view.trace(named[f"{stream}__{signal}"])


def _names(dump: Path) -> dict[str, str]:
    """The top module's signals, and what GTKWave calls them: with their scope, and the bits of a bus."""
    named, scopes = {}, list[str]()
    with dump.open("rb") as file:
        for token in tokenize(file):
            if token.kind is TokenKind.SCOPE:
                scopes.append(token.scope.ident)
            elif token.kind is TokenKind.UPSCOPE:
                scopes.pop()
            elif token.kind is TokenKind.VAR and scopes == [TOP]:
                bits = token.var.bit_index
                width = "" if bits is None else f"[{bits[0]}:{bits[1]}]" if isinstance(bits, tuple) else f"[{bits}]"
                named[token.var.reference] = f"{TOP}.{token.var.reference}{width}"
            elif token.kind is TokenKind.ENDDEFINITIONS:
                break
    return named
