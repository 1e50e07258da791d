"""What is read from Vivado's reports: texts in the documented form (recorder/texts.py); no Vivado wrote them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hwsnn.build.vivado.reports import fmax_mhz, parse_instance, parse_power, parse_timing, parse_utilization
from hwsnn.errors import ToolError
from tests.build.vivado.recorder import texts

PIPELINE = "clk_out1_"
READERS: dict[str, Callable[[str], dict[str, Any]]] = {
    "utilization": parse_utilization,
    "hierarchy": lambda text: parse_instance(text, "accelerator"),
    "timing": parse_timing,
    "power": lambda text: parse_power(text, "accelerator"),
}


def test_utilization() -> None:
    assert parse_utilization(texts.UTILIZATION) == {
        "lut": {"used": 21480, "available": 274080},
        "ff": {"used": 30562, "available": 548160},
        "bram": {"used": 10.5, "available": 912},
        "dsp": {"used": 4, "available": 2520},
    }


def test_utilization_before_there_was_a_column_for_what_is_prohibited() -> None:
    older = "\n".join(
        "|".join(cell for number, cell in enumerate(line.split("|")) if number != 4) if line.startswith("|") else line
        for line in texts.UTILIZATION.splitlines()
    )
    assert "Prohibited" not in older
    assert parse_utilization(older) == parse_utilization(texts.UTILIZATION)


def test_an_instance() -> None:
    used = {"lut": 12345, "ff": 15000, "bram36": 2, "bram18": 1, "dsp": 4}
    assert parse_instance(texts.hierarchy(4), "accelerator") == used
    assert parse_instance(texts.hierarchy(4).replace("DSP Blocks", "DSP48 Bl.."), "accelerator") == used
    with pytest.raises(ToolError, match=r"^Vivado's report of utilization has no instance accelerator$"):
        parse_instance(texts.hierarchy(1), "accelerator")


@pytest.mark.parametrize("late", [False, True])
def test_timing(late: bool) -> None:
    timing = parse_timing(texts.timing(late))
    slack = -0.333 if late else 0.667
    assert timing == {
        "met": not late,
        "slacks": {
            "setup": {"worst_ns": slack, "total_ns": -12.5 if late else 0},
            "hold": {"worst_ns": 0.01, "total_ns": 0},
            "pulse_width": {"worst_ns": 2.5, "total_ns": 0},
        },
        "clocks": {
            "clk_pl_0": {"period_ns": 10, "setup_ns": 4.321},
            "clk_out1_hwsnn_pipeline_clock_0": {"period_ns": 6.667, "setup_ns": slack},
        },
    }
    assert fmax_mhz(timing, PIPELINE) == (142.857 if late else 166.667)


@pytest.mark.parametrize(("check", "right", "late"), [("hold", "0.010", "-0.020"), ("pulse_width", "2.500", "-0.500")])
def test_timing_is_missed_by_hold_and_pulse_width_too(check: str, right: str, late: str) -> None:
    lines = texts.timing(late=False).splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if "WNS(ns)" in line) + 2
    lines[number] = lines[number].replace(right.rjust(len(late)), late)
    timing = parse_timing("".join(lines))
    assert timing["slacks"][check]["worst_ns"] == float(late)
    assert timing["met"] is False


def test_a_clock_without_paths() -> None:
    """Its row has blanks in the columns of setup and hold; the design as a whole says NA."""
    lines = texts.timing(late=False).splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith("  clk_out1_") and "{" not in line:
            lines[number] = line[:33] + " " * (line.index("2.500") - 33) + line[line.index("2.500") :]
    timing = parse_timing("".join(lines))
    assert timing["clocks"]["clk_out1_hwsnn_pipeline_clock_0"] == {"period_ns": 6.667, "setup_ns": None}
    with pytest.raises(ToolError, match=r"^Vivado's report of timing has no slack of clk_out1_hwsnn_pipeline_clock_0"):
        fmax_mhz(timing, PIPELINE)


def test_power() -> None:
    values = parse_power(texts.power(matched=True), "accelerator")
    assert values == {
        "total_w": 4.251,
        "dynamic_w": 3.55,
        "static_w": 0.701,
        "junction_c": 29.2,
        "accelerator_w": 0.48,
        "components_w": {
            "Clocks": 0.12,
            "CLB Logic": 0.21,
            "Signals": 0.25,
            "Block RAM": 0.05,
            "DSPs": 0.001,
            "PS8": 2.92,
            "Static Power": 0.701,
        },
        "confidence": "Medium",
        "nets_matched": 18000,
        "nets": 25352,
    }
    assert parse_power(texts.power(matched=False), "accelerator") == values | {"nets_matched": None, "nets": None}
    assert parse_power(texts.power(matched=True), "elsewhere") == values | {"accelerator_w": None}


@pytest.mark.parametrize(
    ("read", "text", "wrong", "complaint"),
    [
        ("utilization", texts.UTILIZATION, ("| CLB LUTs ", "| LUTs "), "utilization has no CLB LUTs"),
        ("utilization", texts.UTILIZATION, ("| 10.5 |", "| none |"), "utilization has 'none' where a number belongs"),
        ("timing", texts.timing(late=False), ("WHS(ns)", "WXS(ns)"), "timing has no summary of the design, or not WNS"),
        (
            "timing",
            texts.timing(late=False),
            ("Period(ns)", "Pxriod(ns)"),
            "timing has no summary of its clocks, or not",
        ),
        ("timing", texts.timing(late=False), (" 0.667", " x.667"), "timing has 'x.667' where a slack belongs"),
        ("power", texts.power(matched=True), ("| Dynamic (W) ", "| Dynxmic (W) "), "power has no Dynamic"),
        ("power", texts.power(matched=True), ("| 4.251  ", "| much   "), "power has 'much' where a number belongs"),
    ],
)
def test_what_is_not_as_expected(read: str, text: str, wrong: tuple[str, str], complaint: str) -> None:
    changed = text.replace(*wrong)
    assert changed != text
    with pytest.raises(ToolError) as caught:
        READERS[read](changed)
    assert caught.value.summary.startswith(f"Vivado's report of {complaint}")


@pytest.mark.parametrize("text", ["", "\n", "| a |\n", "---\n", "a\n-\n"])
def test_no_report_at_all(text: str) -> None:
    for read in READERS.values():
        with pytest.raises(ToolError):
            read(text)


def test_several_clocks_of_the_name() -> None:
    timing = parse_timing(texts.timing(late=False))
    with pytest.raises(
        ToolError, match=r"has 2 clocks clk_\.\.\. \(clocks: clk_pl_0, clk_out1_hwsnn_pipeline_clock_0\)$"
    ):
        fmax_mhz(timing, "clk_")
