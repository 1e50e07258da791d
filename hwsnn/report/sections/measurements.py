"""The simulated hardware beside the cycle model and the CPU."""

from __future__ import annotations

from functools import partial

from matplotlib.figure import Figure

from hwsnn.bench.rates import clocks, rate

from ..benchmarked import Benchmarked
from ..page import Block, Cell, Facts, Plot, Section, Table, Text
from ..subject import Subject
from ..svg import SERIES, bars, draw


def section(subject: Subject, bench: Benchmarked) -> Section:
    simulated, cpu = bench.simulated, bench.fastest
    assumed = rate(
        simulated.cycles_per_frame, simulated.latency_cycles, clocks(subject.plan.device, subject.clock_mhz)[0]
    )
    facts = (
        (
            "mismatches",
            f"{simulated.mismatches:,}",
            f"of {simulated.spikes_compared:,} bits compared with the reference",
        ),
        ("cycles per frame", f"{simulated.cycles_per_frame:,.10g}", "simulated, frames back to back"),
        ("latency", f"{simulated.latency_cycles:,} cycles", "simulated, from an empty pipeline"),
        ("this CPU", f"{cpu.fps:,.0f} frames/s", f"{cpu.name}; {bench.cpu}"),
        ("FPGA / CPU", f"{assumed.fps / cpu.fps:.1f}", f"at {assumed.clock}"),
    )
    blocks: list[Block] = [Facts(facts)]
    if cpu.busy:
        blocks.append(Text("Others used the CPU meanwhile: the ratio is not to be trusted.", warning=True))
    blocks.append(
        Plot(
            "The CPU, by each implementation",
            draw("cpu", "Frames per second of the CPU", 0.8 + 0.24 * len(bench.figures), partial(_paint, bench)),
            f"On all cores of {bench.cpu}, measured in the same run.",
            _table(bench),
        )
    )
    if bench.sizes and bench.resources is not None:
        blocks.append(
            Plot(
                "Synthesized size of each part",
                draw(
                    "synthesized", "Look-up tables by synthesis", 0.75 + 0.2 * len(bench.sizes), partial(_sizes, bench)
                ),
                f"Look-up tables by {bench.resources.tool} for {bench.resources.device.title}: synthesized, not "
                "placed.",
                _synthesized(bench),
            )
        )
    return Section("measured", "Measured", tuple(blocks))


def _paint(bench: Benchmarked, figure: Figure) -> None:
    names = [each.name for each in bench.figures]
    bars(
        figure.subplots(),
        names,
        [float(round(each.fps)) for each in bench.figures],
        [SERIES[0]] * len(names),
        "frames/s",
    )


def _table(bench: Benchmarked) -> Table:
    rows = tuple((each.name, each.fps, each.use) for each in bench.figures)
    return Table(("implementation", "frames/s", "load"), rows)


def _sizes(bench: Benchmarked, figure: Figure) -> None:
    sizes = bench.sizes or {}
    bars(
        figure.subplots(),
        list(sizes),
        [float(size.use.lut) for size in sizes.values()],
        [SERIES[0]] * len(sizes),
        "look-up tables",
    )


def _synthesized(bench: Benchmarked) -> Table:
    headings = ("part", "LUT", "FF", "BRAM36", "DSP", "synapses per cycle", "LUT of the layer a synapse")
    rows: list[tuple[Cell, ...]] = [
        (name, size.use.lut, size.use.ff, size.use.bram36, size.use.dsp, size.synapses_per_cycle, size.lut_per_synapse)
        for name, size in (bench.sizes or {}).items()
    ]
    assert bench.resources is not None
    total = bench.resources.total
    return Table(headings, tuple(rows), (("all", total.lut, total.ff, total.bram36, total.dsp, None, None),))
