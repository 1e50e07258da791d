"""From what was gathered to the file ``index.html``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwsnn.explore.table import Row
from hwsnn.files.atomic import folder_written_whole
from hwsnn.version import __version__

from .benchmarked import Benchmarked
from .build_folder import BuildFolder
from .debug_folder import DebugFolder
from .measured import Measured
from .page import Page, Section, extent, render
from .sections import (
    answers,
    building,
    comparison,
    explored,
    firing,
    graph,
    measurements,
    mismatch,
    overview,
    rasters,
    resources,
    roofline,
    timeline,
    weights,
)
from .subject import Subject

NAME = "index.html"


@dataclass(frozen=True, eq=False)
class Contents:
    """All that the page shows; None where there is none of it. ``commands``: that make it again."""

    subject: Subject
    commands: tuple[str, ...]
    measured: Measured | None = None
    benchmarked: Benchmarked | None = None
    build: BuildFolder | None = None
    explored: list[Row] | None = None
    debug: DebugFolder | None = None
    other: Subject | None = None
    other_measured: Measured | None = None


def page_of(contents: Contents) -> Page:
    """The page, section by section."""
    subject, measured = contents.subject, contents.measured
    network = subject.network
    bench, build = contents.benchmarked, contents.build
    sections: list[Section] = [overview.section(subject, measured, contents.commands)]
    if contents.debug is not None:
        sections.append(mismatch.section(contents.debug))
    if contents.other is not None:
        both = None if measured is None or contents.other_measured is None else (measured, contents.other_measured)
        sections.append(comparison.section(subject, contents.other, both))
    cpu = None if bench is None else (bench.fastest.name, bench.fastest.fps)
    roof = roofline.plot(subject, None if build is None else build.fmax_mhz, cpu)
    hardware = (graph.plot(subject), *resources.plots(subject), roof)
    sections += [Section("hardware", "Network and hardware", hardware), timeline.section(subject)]
    if bench is not None:
        sections.append(measurements.section(subject, bench))
    if build is not None:
        sections.append(building.section(subject, build))
    if contents.explored is not None:
        sections.append(explored.section(contents.explored))
    sections.append(weights.section(subject, measured))
    if measured is not None:
        sections += [
            firing.section(subject, measured),
            answers.section(subject, measured),
            rasters.section(subject, measured),
        ]
    subtitle = (
        f"{extent(network.input_shape)} input, {network.timesteps} time step{'s' if network.timesteps > 1 else ''}, "
        f"{network.classes} classes, on {subject.plan.device.title}"
    )
    foot = f"Made by hwsnn {__version__}. Model {subject.sha256}."
    return Page(network.name, subtitle, tuple(sections), foot)


def html_of(contents: Contents) -> str:
    """The text of ``index.html``; the same contents give the same bytes."""
    return render(page_of(contents))


def write_page(contents: Contents, folder: Path) -> Path:
    """Write ``index.html`` into ``folder``, whole or not at all. Returns the file."""
    text = html_of(contents)
    with folder_written_whole(folder) as partial:
        (partial / NAME).write_text(text, encoding="utf-8")
    return folder / NAME
