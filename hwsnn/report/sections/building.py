"""The build: size, timing and power of the routed design."""

from __future__ import annotations

from functools import partial

import numpy as np
from matplotlib.figure import Figure

from ..build_folder import BuildFolder
from ..page import Block, Cell, Data, Facts, Plot, Section, Table, Text
from ..subject import Subject
from ..svg import INK, MUTED, SERIES, draw, number_at

NAMES = {"lut": "look-up tables", "ff": "flip-flops", "bram": "block RAM of 18 kbit", "dsp": "multipliers"}


def section(subject: Subject, build: BuildFolder) -> Section:
    fps = build.fmax_mhz * 1e6 / float(subject.plan.cycles.cycles_per_frame)
    met = "met" if build.timing_met else "NOT met"
    facts = [
        ("post-route clock", f"{build.fmax_mhz:.1f} MHz", f"built for {build.target_mhz:g} MHz: {met}"),
        ("slack", f"{build.slack_ns:+.2f} ns", "of the pipeline's clock, on its slowest path"),
        ("frames/s", f"{fps:,.0f}", "exact cycles at the post-route clock"),
        ("board", build.board, "with the link to the host"),
    ]
    if "total_w" in build.power:
        energy = 1e3 * build.power["total_w"] / (build.target_mhz * 1e6 / float(subject.plan.cycles.cycles_per_frame))
        facts.append(("power", f"{build.power['total_w']:g} W", f"estimated from {build.activity}"))
        facts.append(("energy of a frame", f"{energy:.3g} mJ", "that power at the rate of the clock it was built for"))
    if "accelerator_w" in build.power:
        facts.append(("power of the network", f"{build.power['accelerator_w']:g} W", "its part of the estimate"))
    blocks: list[Block] = [Facts(tuple(facts))]
    if not build.timing_met:
        blocks.append(Text("The routed design misses its clock.", warning=True))
    blocks.append(
        Plot(
            "What the routed design takes",
            draw("build-size", "Resources of the routed design", 1.9, partial(_paint, build)),
            f"Of the {build.board}, by the report of the tools, link and all. The table has the planner's estimate "
            "of the network alone beside it.",
            _size(subject, build),
        )
    )
    if build.paths:
        blocks.append(
            Plot(
                "The slowest paths",
                draw("build-paths", "Delay of the slowest paths", 0.8 + 0.3 * len(build.paths), partial(_paths, build)),
                "Of each pair of clocks the slowest path: how long logic and wires take.",
                Table(
                    ("from", "to", "logic, ns", "wires, ns", "all, ns"),
                    tuple((p.begin, p.end, p.logic_ns, p.routing_ns, p.logic_ns + p.routing_ns) for p in build.paths),
                ),
            )
        )
    if build.slacks:
        rows = tuple((slack.check, slack.worst_ns, slack.total_ns) for slack in build.slacks)
        blocks.append(Data("Slacks", Table(("check", "worst, ns", "sum of the negative, ns"), rows)))
    if build.power:
        blocks.append(Data("Power, estimated", Table(("of", "W or degrees C"), tuple(build.power.items()))))
    made = [(f"time of {stage}", f"{seconds:,.1f} s") for stage, seconds in build.seconds.items()]
    blocks.append(Data("How it was built", Table(("what", "which"), (*build.versions.items(), *made))))
    return Section("build", "Build", tuple(blocks))


def _paint(build: BuildFolder, figure: Figure) -> None:
    axes = figure.subplots()
    shares = [100 * build.used[name] / build.available[name] if build.available[name] else 0.0 for name in NAMES]
    places = np.arange(len(NAMES))[::-1]
    axes.barh(places, shares, color=SERIES[0], height=0.7)
    for place, name, share in zip(places, NAMES, shares, strict=True):
        number_at(axes, f"{build.used[name]:,.10g} ({share:.0f} %)", share, place)
    axes.set_yticks(places, list(NAMES.values()))
    axes.set_xlim(0, 118)
    axes.set_xlabel("% of the chip")
    axes.axvline(100, color=MUTED, linewidth=0.8)


def _paths(build: BuildFolder, figure: Figure) -> None:
    axes = figure.subplots()
    places = -np.arange(len(build.paths))
    logic = np.array([path.logic_ns for path in build.paths])
    axes.barh(places, logic, color=SERIES[0], height=0.7, label="logic")
    axes.barh(places, [path.routing_ns for path in build.paths], left=logic, color=SERIES[1], height=0.7, label="wires")
    axes.set_yticks(places, [str(number) for number in range(1, len(build.paths) + 1)])
    axes.axvline(1000 / build.target_mhz, color=INK, linewidth=0.8, linestyle=":")
    axes.set_xlabel("ns (dotted: the period that was asked for)")
    axes.legend(ncols=2, loc="lower right")


def _size(subject: Subject, build: BuildFolder) -> Table:
    cost = subject.plan.cost
    estimates: dict[str, int] = {"lut": cost.lut, "ff": cost.ff, "bram": cost.bram18, "dsp": 0}
    rows: list[tuple[Cell, ...]] = [
        (
            words,
            build.used[name],
            build.available[name],
            100 * build.used[name] / build.available[name] if build.available[name] else None,
            estimates[name],
        )
        for name, words in NAMES.items()
    ]
    return Table(
        ("resource", "used", "there are", "%", f"estimate, network alone, {subject.plan.device.name}"), tuple(rows)
    )
