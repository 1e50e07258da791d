"""The README's table of shipped models says what their cards say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hwsnn.files.shipped import model_folders

README = Path(__file__).parent.parent / "README.md"
MODELS = model_folders()


def table() -> dict[str, dict[str, str]]:
    """By model, its row: cells by their headings."""
    section = README.read_text(encoding="utf-8").split("\n## Shipped models\n")[1].split("\n## ")[0]
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    headings, _, *rows = lines
    named = {re.findall(r"`([\w-]+)`", row[0])[0]: row for row in rows}
    return {name: dict(zip(headings, row, strict=True)) for name, row in named.items()}


def card_rows(name: str) -> dict[str, str]:
    """The card's first table."""
    card = (MODELS[name] / "card.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| (\w[^|]*) \| ([^|]+) \|$", card, re.MULTILINE))


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, f"{pattern} in {text}"
    return match[1]


def test_every_model_has_a_row() -> None:
    assert set(table()) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_row(name: str) -> None:
    row, card = table()[name], card_rows(name)
    accuracy = next(key for key in card if key.startswith("accuracy,") and key.endswith("-bit integers"))
    figure, _, lossy = card[accuracy].partition("%")
    assert row["accuracy"] == f"{figure} %{' (lossy JPEG copies)' if lossy else ''}"
    assert row["bits"] == found(r"(\d+)-bit integers", accuracy)
    assert row["T"] == found(r"T = (\d+)", card["time steps, encoding, readout"])
    measured = "cycles" in card
    assert row["cycles"] == (found(r"^([\d,]+) a frame", card["cycles"]) if measured else "")
    assert row["frames/s"] == (found(r"([\d,]+) frames/s", card["cycles"]) if measured else "")
    sizes = [value for key, value in card.items() if key.endswith(", by Yosys")]
    assert row["LUT"] == (found(r"^([\d,]+) LUT", sizes[0]) if measured else "")
