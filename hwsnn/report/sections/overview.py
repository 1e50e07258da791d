"""The figures that say most, and how to get them again."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from hwsnn.version import __version__

from ..measured import Measured
from ..page import Block, Code, Data, Facts, Section, Table, extent, shown
from ..subject import Subject

PACKAGES = ("numpy", "amaranth", "matplotlib", "jinja2")
"""Of which the page's contents depend."""


def section(subject: Subject, measured: Measured | None, commands: tuple[str, ...]) -> Section:
    """``commands``: that made the page, and that make its figures."""
    network, plan = subject.network, subject.plan
    parameters = sum(projection.weight.size for _, layer in network.populations() for projection in layer.projections)
    shares = plan.cost.shares(plan.device)
    facts = [
        ("cycles per frame", shown(subject.cycles_per_frame), f"exact, limited by {plan.limiting}"),
        ("frames/s", f"{subject.fps:,.0f}", f"at an assumed {subject.clock_mhz:g} MHz"),
        ("latency", f"{subject.latency_us:,.4g} us", f"{plan.cycles.latency_cycles:,} cycles, from an empty pipeline"),
        ("look-up tables", f"{plan.cost.lut:,}", f"{shares['lut']:.1f} % of {plan.device.name}, estimated"),
        ("flip-flops", f"{plan.cost.ff:,}", f"{shares['ff']:.1f} %, estimated"),
        ("block RAM", f"{plan.cost.bram18 / 2:g}", f"of 36 kbit, {shares['bram36']:.1f} %, estimated"),
        ("DSP slices", "0", "products are made of adders"),
        ("parameters", f"{parameters:,}", f"{len(network.layers)} layers"),
        ("time steps", str(network.timesteps), f"{network.encoder.kind} encoding, {network.readout} readout"),
    ]
    if measured is not None:
        facts.insert(0, _accuracy(measured))
    blocks: list[Block] = [
        Facts(tuple(facts)),
        Code("How to make this again", commands),
        Data("Exactly what it is made of", Table(("what", "which"), tuple(_versions(subject))), narrow=True),
    ]
    return Section("overview", "Overview", tuple(blocks))


def _accuracy(measured: Measured) -> tuple[str, str, str]:
    count = f"{len(measured.predictions):,} images of {measured.called}, in integers"
    if measured.accuracy is None:
        return "images", f"{len(measured.predictions):,}", f"of {measured.called}, without labels"
    return "accuracy", f"{measured.accuracy:.2%}", count


def _versions(subject: Subject) -> list[tuple[str, str]]:
    network = subject.network
    rows = [
        ("model", f"{network.name}, {extent(network.input_shape)} of {network.pixel_bits} bits"),
        ("SHA-256 of the model", subject.sha256),
        ("device", subject.plan.device.title),
        ("hwsnn", __version__),
        ("Python", platform.python_version()),
    ]
    for package in PACKAGES:
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            rows.append((package, "not installed as a package"))
    return rows
